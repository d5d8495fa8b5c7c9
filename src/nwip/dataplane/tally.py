"""Who has sent and got how much at one port, by the peer's address as the kernel writes it."""


class Tally:
    """Packets of each peer, counted; octets of each peer, sampled: one packet of a batch stands for all.

    The totals of a link are exact and kept elsewhere (`links.base.Counters`). `copies` are packets that went
    to everybody, and `copied_octets` theirs: what one peer got of them is told by `out`.
    """

    __slots__ = ("copied_octets", "copies", "octets_in", "octets_out", "packets_in", "packets_out")

    def __init__(self) -> None:
        self.packets_in: dict[bytes, int] = {}
        self.octets_in: dict[bytes, int] = {}
        self.packets_out: dict[bytes, int] = {}
        self.octets_out: dict[bytes, int] = {}
        self.copies = 0
        self.copied_octets = 0

    def join(self, name: bytes) -> None:
        """Begin to count for a peer what goes to everybody."""
        if self.copies:
            add(self.packets_out, name, -self.copies)
            add(self.octets_out, name, -self.copied_octets)

    def copy(self, octets: int, besides: bytes | None) -> None:
        """Count a packet that went to everybody but one who has joined."""
        self.copies += 1
        self.copied_octets += octets
        if besides is not None:
            add(self.packets_out, besides, -1)
            add(self.octets_out, besides, -octets)

    def part(self, name: bytes) -> None:
        """Count no longer for a peer what goes to everybody."""
        if self.copies:
            add(self.packets_out, name, self.copies)
            add(self.octets_out, name, self.copied_octets)

    def out(self, name: bytes, *, joined: bool) -> tuple[int, int]:
        """Return packets and octets that a peer has got; `joined` says whether it has not parted."""
        packets, octets = self.packets_out.get(name, 0), self.octets_out.get(name, 0)
        return (packets + self.copies, octets + self.copied_octets) if joined else (packets, octets)

    def forget(self, name: bytes) -> None:
        """Forget a peer."""
        for counts in (self.packets_in, self.octets_in, self.packets_out, self.octets_out):
            counts.pop(name, None)


def add(counts: dict[bytes, int], name: bytes, count: int) -> None:
    """Count something of a peer."""
    counts[name] = counts.get(name, 0) + count
