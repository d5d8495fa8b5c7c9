"""Who has sent and got how much at one port, by the peer's address as the kernel writes it."""

from collections.abc import Sequence
from typing import Final

SAMPLED: Final = 4096  # peers


class Tally:
    """Packets of each peer, counted; octets of each peer, sampled: one packet of a batch stands for all.

    A peer for which none has stood yet, or for which there is no room, is told packets of `mean` octets each.
    The totals of a link are exact and kept elsewhere (`links.base.Counters`). `copies` are packets that went
    to everybody, and `copied_octets` theirs: what one peer got of them is told by `out`.
    """

    __slots__ = ("_turn", "copied_octets", "copies", "octets_in", "octets_out", "packets_in", "packets_out")

    def __init__(self) -> None:
        self.packets_in: dict[bytes, int] = {}
        self.octets_in: dict[bytes, int] = {}
        self.packets_out: dict[bytes, int] = {}
        self.octets_out: dict[bytes, int] = {}
        self.copies = 0
        self.copied_octets = 0
        self._turn = 0

    def join(self, name: bytes) -> None:
        """Begin to count for a peer what goes to everybody.

        `name` is kept, and not the equal octets that come with a packet: of many peers that is worth while.
        """
        for counts in (self.packets_in, self.packets_out):
            counts.setdefault(name, 0)
        if self.copies:
            add(self.packets_out, name, -self.copies)
            add(self.octets_out, name, -self.copied_octets)

    def copy(self, octets: int, besides: bytes | None, count: int = 1) -> None:
        """Count so many packets that went to everybody but one who has joined."""
        self.copies += count
        self.copied_octets += count * octets
        if besides is not None:
            add(self.packets_out, besides, -count)
            add(self.octets_out, besides, -count * octets)

    def part(self, name: bytes) -> None:
        """Count no longer for a peer what goes to everybody."""
        if self.copies:
            add(self.packets_out, name, self.copies)
            add(self.octets_out, name, self.copied_octets)

    def came(self, name: bytes, mean: float) -> tuple[int, int]:
        """Return packets and octets that came from a peer."""
        packets = self.packets_in.get(name, 0)
        return packets, self.octets_in.get(name, round(packets * mean))

    def out(self, name: bytes, mean: float, *, joined: bool) -> tuple[int, int]:
        """Return packets and octets that a peer has got; `joined` says whether it has not parted."""
        packets = self.packets_out.get(name, 0)
        octets = self.octets_out.get(name, round(packets * mean))
        return (packets + self.copies, octets + self.copied_octets) if joined else (packets, octets)

    def sample(self, octets: dict[bytes, int], names: Sequence[bytes], count: int) -> None:
        """Count the octets of a batch for one of its peers, if there is room for it."""
        self._turn = (self._turn * 25173 + 13849) & 0xFFFF  # any order without a rhythm will do
        name = names[(self._turn >> 3) % len(names)]
        if name in octets or len(octets) < SAMPLED:
            octets[name] = octets.get(name, 0) + count

    def forget(self, name: bytes) -> None:
        """Forget a peer."""
        for counts in (self.packets_in, self.octets_in, self.packets_out, self.octets_out):
            counts.pop(name, None)


def add(counts: dict[bytes, int], name: bytes, count: int) -> None:
    """Count something of a peer."""
    counts[name] = counts.get(name, 0) + count
