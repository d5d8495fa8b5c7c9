"""Who has sent and got how much at one port, by the peer's address as the kernel writes it."""


class Tally:
    """Packets of each peer, counted; octets of each peer, sampled: one packet of a batch stands for all.

    The totals of a link are exact and kept elsewhere (`links.base.Counters`).
    """

    __slots__ = ("octets_in", "octets_out", "packets_in", "packets_out")

    def __init__(self) -> None:
        self.packets_in: dict[bytes, int] = {}
        self.octets_in: dict[bytes, int] = {}
        self.packets_out: dict[bytes, int] = {}
        self.octets_out: dict[bytes, int] = {}

    def forget(self, name: bytes) -> None:
        """Forget a peer."""
        for counts in (self.packets_in, self.octets_in, self.packets_out, self.octets_out):
            counts.pop(name, None)


def add(counts: dict[bytes, int], name: bytes, count: int) -> None:
    """Count something of a peer."""
    counts[name] = counts.get(name, 0) + count
