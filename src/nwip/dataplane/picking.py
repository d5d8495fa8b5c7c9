"""Sends what is known to go on of a batch, because not all of it is: the odd ones stay.

Fast path, of the second kind: what is odd is found by column, and the runs between are sent as they lie. What
is left goes the way of single packets; the packets of one flow, a source and a destination, keep their order.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.headers import (
    ECHO_LOW,
    NETWORK_SIZE,
    fill_networks_of,
    have_this_network,
    raise_hops_besides,
    unsound,
)
from nwip.dataplane.repeating import is_plain
from nwip.dataplane.sockaddr import SIZES
from nwip.ipx.frames import MAC_SIZE
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET

MOST_RUNS: Final = 12  # calls; beyond it messages are picked for one call

_NAMES: Final = {
    size: [Struct(f"{size}s" * count) for count in range(SLOTS + 1)] for size in (*SIZES.values(), MAC_SIZE)
}
_THIS_NETWORK: Final = bytes(NETWORK_SIZE)


class Mixed(NamedTuple):
    """A batch by packet: where it goes, where from, the address it came by, and its length in two octets.

    `odd` are the slots of packets that may not pass. `short`: some networks are not written out in the slots.
    """

    destinations: Sequence[bytes]
    sources: Sequence[bytes]
    came: Sequence[bytes]
    high: bytearray
    low: bytearray
    odd: set[int]
    short: bool

    def octets_of(self, slots: Sequence[int] | set[int]) -> int:
        """Return how many octets the packets in some slots have."""
        return sum(self.high[slot] << 8 | self.low[slot] for slot in slots)


def forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way; return the slots of the others."""
    batch = _mixed(flows, keys, count)
    gone: set[int] = set()
    for way in flows.exits:
        gone |= _send_some(flows, way, batch, gone)
    if flows.repeat is not None and flows.everyone in batch.destinations:
        for slot in _spoken(flows, batch):
            gone.add(slot)
            if batch.short:
                fill_networks_of(flows.arena.buffer, [slot], flows.network)
            length, name = batch.octets_of([slot]), batch.came[slot]
            count_in(flows, [name], 1, length)
            flows.repeat(flows.arena, slot, length, batch.sources[slot], name)
    return [slot for slot in range(count) if slot not in gone]


def _mixed(flows: Flows, keys: tuple[bytes, ...], count: int) -> Mixed:
    arena = flows.arena
    high, low = arena.lengths(count)
    destinations: Sequence[bytes] = keys[::2]
    sources: Sequence[bytes] = keys[1::2]
    short = have_this_network(arena.buffer, count)
    if short:
        destinations = [_filled(key, flows.network) for key in destinations]
        sources = [_filled(key, flows.network) for key in sources]
    odd = unsound(arena.buffer, high, low, flows.hop_limit - 1, flows.maximum)
    came = _NAMES[arena.name_size][count].unpack_from(arena.names)
    batch = Mixed(destinations, sources, came, high, low, odd, short)
    late = {(destinations[slot], sources[slot]) for slot in odd if _passes(arena.buffer, batch, slot)}
    if late:
        pairs = enumerate(zip(destinations, sources, strict=True))
        odd.update(slot for slot, pair in pairs if pair in late)
    return batch


def _send_some(flows: Flows, way: Exit, batch: Mixed, gone: set[int]) -> set[int]:
    """Send what may go by one way; return its slots."""
    buffer, count = flows.arena.buffer, len(batch.high)
    places = [*map(way.names.get, batch.destinations)]
    stay = batch.odd | gone
    stay.update(_positions(places, None))
    names = [*map(way.sources.get, batch.sources)]
    if names != list(batch.came):
        stay.update(slot for slot in range(count) if names[slot] != batch.came[slot])
    if way.maximum < flows.maximum:
        stay.update(slot for slot in range(count) if batch.octets_of([slot]) > way.maximum)
    slots = [slot for slot in range(count) if slot not in stay]
    if not slots:
        return set()
    if batch.short:
        fill_networks_of(buffer, slots, flows.network)
    if way.raises:
        raise_hops_besides(buffer, count, stay)
    to = [places[slot] or b"" for slot in slots]
    runs = _runs(slots)
    if len(runs) <= MOST_RUNS:
        filler = bytes(way.target.name_size)
        way.all.set_lengths(batch.high, batch.low)
        refused = way.all.send_runs(
            way.target.fileno(), b"".join([place or filler for place in places]), runs
        )
    else:
        way.some.pick(slots, [batch.octets_of([slot]) for slot in slots])
        refused = way.some.send(way.target.fileno(), b"".join(to), len(slots))
    octets = batch.octets_of(slots)
    count_in(flows, [batch.came[slot] for slot in slots], len(slots), octets)
    count_out(way, to, len(slots), octets, refused)
    return set(slots)


def _positions(values: list[bytes | None], wanted: None) -> list[int]:
    found = []
    at = -1
    try:
        while True:
            at = values.index(wanted, at + 1)
            found.append(at)
    except ValueError:
        return found


def _runs(slots: list[int]) -> list[tuple[int, int]]:
    """Return the first slot and the size of every run in ascending slots."""
    runs: list[tuple[int, int]] = []
    first = last = slots[0]
    for slot in slots:
        if slot > last + 1:
            runs.append((first, last + 1 - first))
            first = slot
        last = slot
    runs.append((first, last + 1 - first))
    return runs


def _spoken(flows: Flows, batch: Mixed) -> list[int]:
    """Return the broadcasts that may be repeated; behind one that may not, none of the same source may."""
    spoken: list[int] = []
    silent: set[bytes] = set()
    for slot, destination in enumerate(batch.destinations):
        source = batch.sources[slot]
        if destination != flows.everyone or source in silent:
            continue
        is_known = slot not in batch.odd and flows.speakers.get(source) == batch.came[slot]
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
        and buffer[at + 2] << 8 | buffer[at + 3] <= batch.octets_of([slot])
        and buffer[at + DESTINATION_SOCKET_OFFSET + 1] != ECHO_LOW
    )


def _filled(address: bytes, network: bytes) -> bytes:
    return network + address[NETWORK_SIZE:] if address.startswith(_THIS_NETWORK) else address
