"""Sends on a burst of equal packets as it came, in one piece, if all of it goes one known way.

Fast path. The kernel walks its stack once to bring a burst and once to take it on; nothing is copied here.
The headers of such packets are equal in every octet but the last one's length, so one is judged for all.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final

from nwip.dataplane.arena import SLOTS
from nwip.dataplane.bursts import Burst, BurstArena
from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Flows
from nwip.dataplane.groups import LARGEST_PACKET
from nwip.dataplane.headers import are_sound, filled
from nwip.ipx.packet import (
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    SOURCE_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

SHAPES: Final = 64  # sizes and counts whose layout is kept; a layout has some kilobytes

_DESTINATION: Final = slice(DESTINATION_OFFSET, DESTINATION_SOCKET_OFFSET)
_SOURCE: Final = slice(SOURCE_OFFSET, SOURCE_OFFSET + 10)


class Sorter:
    """Sends bursts on in one piece where that can be, and lets the packets of the others go as ever.

    These are laid into the slots of `flows.arena`; when there are enough, and before a burst overtakes them,
    `forward` is told how many they are, and says how many it had to look at. `packets` counts all, `runs` the
    bursts that went in one piece, and `left` what was looked at.
    """

    def __init__(self, flows: Flows, forward: Callable[[int], int]) -> None:
        self.packets = self.runs = self.left = 0
        self._flows = flows
        self._forward = forward
        self._filled = 0

    def take(self, arena: BurstArena, count: int) -> int:
        """Take what an arena has received; return how many bursts went on in one piece."""
        packets, names = arena.singles(count)
        if packets:
            self.lay(packets, names)
            return 0
        before = self.runs
        for burst in arena.taken(count):
            if burst.count > 1:
                self.flush()
                if forward_run(self._flows, burst):
                    self.runs += 1
                    self.packets += burst.count
                    continue
            self.lay(burst.packets(), burst.name * burst.count)
        return self.runs - before

    def room(self, count: int) -> int:
        """Have so many slots free, if need be by letting what lies in others go; return the first of them."""
        if self._filled + count > SLOTS:
            self.flush()
        return self._filled

    def take_slots(self, count: int) -> None:
        """Take what has come into so many slots from the first free one on."""
        self.packets += count
        self._filled += count

    def lay(self, packets: list[bytearray], names: bytes) -> None:
        """Lay packets into slots, from these addresses."""
        arena, size, done = self._flows.arena, self._flows.arena.name_size, 0
        self.packets += len(packets)
        while done < len(packets):
            end = min(done + SLOTS - self._filled, len(packets))
            arena.lay(self._filled, packets[done:end], names[done * size : end * size])
            self._filled += end - done
            done = end
            if self._filled == SLOTS:
                self.flush()

    def flush(self) -> None:
        """Let what lies in slots go."""
        if self._filled:
            count, self._filled = self._filled, 0
            self.left += self._forward(count)


def forward_run(flows: Flows, burst: Burst) -> bool:
    """Send a burst on in one piece, if all of it may go to one place; else leave it as it is."""
    size, octets, name = burst.size, burst.octets, burst.name
    if not (HEADER_SIZE <= size <= min(flows.maximum, LARGEST_PACKET)) or not _are_alike(burst):
        return False
    buffer = burst.buffer
    head = bytes(buffer[:HEADER_SIZE])
    destination, source = (filled(head[part], flows.network) for part in (_DESTINATION, _SOURCE))
    high, low = bytearray([size >> 8]), bytearray([size & 255])
    for way in flows.exits:
        place, groups = way.names.get(destination), way.groups_of_some
        if (
            place is None
            or groups is None
            or way.sources.get(source) != name
            or size > way.maximum
            or not are_sound(buffer, high, low, flows.hop_limit - way.raises)
        ):
            continue
        sent = bytearray(head)
        sent[_DESTINATION], sent[_SOURCE] = destination, source
        if way.raises:
            sent[TRANSPORT_CONTROL_OFFSET] = min(head[TRANSPORT_CONTROL_OFFSET] + 1, 255)
        _rewrite(burst, head, sent)
        refused = groups.send_in_one_piece(way.target.fileno(), place, burst.address, octets, size)
        count_in(flows, [name], burst.count, octets)
        count_out(way, [place], burst.count, octets, refused)
        return True
    return False


def _are_alike(burst: Burst) -> bool:
    """Say whether the headers are equal, but for the length of a last packet that has fewer octets."""
    buffer, size = burst.buffer, burst.size
    count, rest = divmod(burst.octets, size)
    heads: tuple[bytes, ...] = _heads(size, count).unpack_from(buffer)
    if b"".join(heads) != heads[0] * count:
        return False
    if not rest:
        return True
    last = buffer[count * size : count * size + HEADER_SIZE]
    if rest < HEADER_SIZE or int.from_bytes(last[LENGTH_OFFSET : LENGTH_OFFSET + 2], "big") != rest:
        return False
    last[LENGTH_OFFSET : LENGTH_OFFSET + 2] = heads[0][LENGTH_OFFSET : LENGTH_OFFSET + 2]
    return bytes(last) == heads[0]


@lru_cache(SHAPES)
def _heads(size: int, count: int) -> Struct:
    """Return what takes the headers out of so many packets of a size."""
    return Struct("=" + f"{HEADER_SIZE}s{size - HEADER_SIZE}x" * count)


def _rewrite(burst: Burst, head: bytes, sent: bytearray) -> None:
    """Write what is another octet in the header to be sent into all packets."""
    buffer, octets, size, count = burst.buffer, burst.octets, burst.size, burst.count
    for offset, octet in enumerate(sent):
        if octet != head[offset]:
            buffer[offset:octets:size] = sent[offset : offset + 1] * count
