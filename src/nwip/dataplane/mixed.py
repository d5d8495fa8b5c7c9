"""A batch of which not all is usual, by packet: read out of its slots once, for all exits.

Fast path, of the second kind: see `picking.py`.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.flows import Flows
from nwip.dataplane.headers import filled, have_this_network, unsound
from nwip.dataplane.pings import pings_of
from nwip.dataplane.sockaddr import SIZES
from nwip.ipx.frames import MAC_SIZE
from nwip.ipx.packet import LENGTH_OFFSET

_NAMES: Final = {
    size: [Struct(f"{size}s" * count) for count in range(SLOTS + 1)] for size in (*SIZES.values(), MAC_SIZE)
}


class Mixed(NamedTuple):
    """A batch by packet: where it goes, where from, the addresses it came by, its length in two octets.

    `came` has one address if it is the same for all. `odd` are the slots of packets that may not pass,
    `pings` those of packets that may be pings. `short`: some networks are not written out in the slots.
    """

    destinations: Sequence[bytes]
    sources: Sequence[bytes]
    came: Sequence[bytes]
    high: bytearray
    low: bytearray
    odd: set[int]
    pings: list[int]
    short: bool

    def octets_of(self, slots: Iterable[int]) -> int:
        """Return how many octets the packets in some slots have."""
        high, low = self.high, self.low
        octets = 0
        for slot in slots:
            octets += high[slot] << 8 | low[slot]
        return octets

    def came_by(self, slot: int) -> bytes:
        """Return the address that a packet came by."""
        return self.came[slot if len(self.came) > 1 else 0]


def mixed(flows: Flows, keys: tuple[bytes, ...], count: int) -> Mixed:
    """Look at a batch whose addresses, as they are written, are `keys`: destination and source in turn."""
    arena = flows.arena
    high, low = arena.lengths(count)
    destinations: Sequence[bytes] = keys[::2]
    sources: Sequence[bytes] = keys[1::2]
    short = have_this_network(arena.buffer, count)
    if short:
        destinations = [filled(key, flows.network) for key in destinations]
        sources = [filled(key, flows.network) for key in sources]
    odd = unsound(arena.buffer, high, low, flows.hop_limit - 1, flows.maximum)
    came: Sequence[bytes] = (arena.name(0),)
    if arena.names[: count * arena.name_size] != came[0] * count:
        came = _NAMES[arena.name_size][count].unpack_from(arena.names)
    pings = pings_of(arena.buffer, count)
    batch = Mixed(destinations, sources, came, high, low, odd, pings, short)
    late = {(destinations[slot], sources[slot]) for slot in odd if _passes(arena.buffer, batch, slot)}
    if late:
        pairs = enumerate(zip(destinations, sources, strict=True))
        odd.update(slot for slot, pair in pairs if pair in late)
    return batch


def _passes(buffer: bytearray, batch: Mixed, slot: int) -> bool:
    """Say whether an odd packet passes singly, so that others of its flow must not overtake it."""
    at = slot * STRIDE
    said = buffer[at + LENGTH_OFFSET] << 8 | buffer[at + LENGTH_OFFSET + 1]
    return said <= batch.octets_of((slot,)) and buffer[at : at + LENGTH_OFFSET] == b"\xff\xff"
