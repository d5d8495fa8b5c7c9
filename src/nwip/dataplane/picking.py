"""Sends what is known to go on of a batch, because not all of it is: the odd ones stay.

Fast path, of the second kind: what is odd is found by column, and left out of columns and lists. It then goes
the way of single packets; the packets of one flow, a source and a destination, keep their order.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import repeat
from struct import Struct
from typing import Final, NamedTuple

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.headers import (
    ECHO_LOW,
    fill_networks_of,
    filled,
    have_this_network,
    raise_hops_besides,
    unsound,
)
from nwip.dataplane.repeating import is_plain
from nwip.dataplane.sockaddr import SIZES
from nwip.ipx.frames import MAC_SIZE
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET

_NAMES: Final = {
    size: [Struct(f"{size}s" * count) for count in range(SLOTS + 1)] for size in (*SIZES.values(), MAC_SIZE)
}


class Mixed(NamedTuple):
    """A batch by packet: where it goes, where from, the addresses it came by, its length in two octets.

    `came` has one address if it is the same for all. `odd` are the slots of packets that may not pass.
    `short`: some networks are not written out in the slots.
    """

    destinations: Sequence[bytes]
    sources: Sequence[bytes]
    came: Sequence[bytes]
    high: bytearray
    low: bytearray
    odd: set[int]
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


def forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way; return the slots of the others."""
    batch = _mixed(flows, keys, count)
    left = set(range(count))
    for way in flows.exits:
        left = _send_some(flows, way, batch, left)
    if flows.repeat is not None and flows.everyone in batch.destinations:
        for slot in _spoken(flows, batch):
            left.discard(slot)
            if batch.short:
                fill_networks_of(flows.arena.buffer, [slot], flows.network)
            length, name = batch.octets_of((slot,)), batch.came_by(slot)
            count_in(flows, [name], 1, length)
            flows.repeat(flows.arena, (slot,), length, batch.sources[slot], name)
    return sorted(left)


def _mixed(flows: Flows, keys: tuple[bytes, ...], count: int) -> Mixed:
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
    batch = Mixed(destinations, sources, came, high, low, odd, short)
    late = {(destinations[slot], sources[slot]) for slot in odd if _passes(arena.buffer, batch, slot)}
    if late:
        pairs = enumerate(zip(destinations, sources, strict=True))
        odd.update(slot for slot, pair in pairs if pair in late)
    return batch


def _send_some(flows: Flows, way: Exit, batch: Mixed, left: set[int]) -> set[int]:
    """Send what may go by one way; return the slots that are left then."""
    buffer, count = flows.arena.buffer, len(batch.high)
    places = [*map(way.names.get, batch.destinations, repeat(b""))]
    stay = set(range(count)) - left
    stay.update(batch.odd, _nowhere(places), _not_believed(way, batch))
    if way.maximum < flows.maximum:
        stay.update(slot for slot in range(count) if batch.octets_of((slot,)) > way.maximum)
    if len(stay) == count:
        return left
    apart = sorted(stay)
    slots = left - stay
    if batch.short:
        fill_networks_of(buffer, sorted(slots), flows.network)
    if way.raises:
        raise_hops_besides(buffer, count, stay)
    high, low, came = batch.high.copy(), batch.low.copy(), list(batch.came)
    for slot in reversed(apart):
        del places[slot], high[slot], low[slot]
        if len(batch.came) > 1:
            del came[slot]
    way.some.leave_out(apart, count)
    way.some.set_lengths(high, low)
    refused = way.some.send(way.target.fileno(), b"".join(places), len(places))
    octets = (sum(high) << 8) + sum(low)
    count_in(flows, came, len(places), octets)
    count_out(way, places, len(places), octets, refused)
    return left - slots


def _nowhere(places: list[bytes]) -> list[int]:
    """Return the slots of packets whose place is not known."""
    found: list[int] = []
    with suppress(ValueError):
        while True:
            found.append(places.index(b"", found[-1] + 1 if found else 0))
    return found


def _not_believed(way: Exit, batch: Mixed) -> Sequence[int]:
    """Return the slots of packets whose source is not known to be where they came from."""
    sources, came = batch.sources, batch.came
    if len(came) == 1:
        source = sources[0]
        if b"".join(sources) == source * len(sources):
            return () if way.sources.get(source) == came[0] else range(len(sources))
        came = (came[0],) * len(sources)
    names = (*map(way.sources.get, sources),)
    if names == (*came,):
        return ()
    pairs = enumerate(zip(names, came, strict=True))
    return [slot for slot, (name, address) in pairs if name != address]


def _spoken(flows: Flows, batch: Mixed) -> list[int]:
    """Return the broadcasts that may be repeated; behind one that may not, none of the same source may."""
    spoken: list[int] = []
    silent: set[bytes] = set()
    for slot, destination in enumerate(batch.destinations):
        source = batch.sources[slot]
        if destination != flows.everyone or source in silent:
            continue
        is_known = slot not in batch.odd and flows.speakers.get(source) == batch.came_by(slot)
        if is_known and is_plain(flows.arena.buffer, slot * STRIDE):
            spoken.append(slot)
        else:
            silent.add(source)
    return spoken


def _passes(buffer: bytearray, batch: Mixed, slot: int) -> bool:
    """Say whether an odd packet passes singly, so that others of its flow must not overtake it."""
    at = slot * STRIDE
    return (
        buffer[at : at + 2] == b"\xff\xff"
        and buffer[at + 2] << 8 | buffer[at + 3] <= batch.octets_of((slot,))
        and buffer[at + DESTINATION_SOCKET_OFFSET + 1] != ECHO_LOW
    )
