"""Picks from a batch what is known to go on, packet by packet, because not all of it does.

Fast path, of the second kind: some steps of Python's for each packet, none of them a call. What is left goes
the way of single packets; the packets of one flow, a source and a destination, keep their order.
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
    raise_hops_of,
    sound_ones,
)
from nwip.dataplane.repeating import is_plain
from nwip.dataplane.sockaddr import SIZES
from nwip.ipx.frames import MAC_SIZE
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET

_NAMES: Final = {
    size: [Struct(f"{size}s" * count) for count in range(SLOTS + 1)] for size in (*SIZES.values(), MAC_SIZE)
}
_THIS_NETWORK: Final = bytes(NETWORK_SIZE)


class Picked(NamedTuple):
    """A batch by packet: where it goes, where from, the address it came by, its length, if it may pass."""

    destinations: Sequence[bytes]
    sources: Sequence[bytes]
    came: Sequence[bytes]
    lengths: list[int]
    fit: list[bool]


def forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way, each packet by its own; return the slots of the others."""
    batch = _batch(flows, keys, count)
    left = list(range(count))
    for way in flows.exits:
        slots = [
            slot
            for slot in left
            if batch.fit[slot]
            and batch.destinations[slot] in way.names
            and way.sources.get(batch.sources[slot]) == batch.came[slot]
            and batch.lengths[slot] <= way.maximum
        ]
        if slots:
            _send(flows, way, batch, slots)
            gone = set(slots)
            left = [slot for slot in left if slot not in gone]
    if flows.repeat is not None and flows.everyone in batch.destinations:
        for slot in _spoken(flows, batch, left):
            left.remove(slot)
            fill_networks_of(flows.arena.buffer, [slot], flows.network)
            length, name = batch.lengths[slot], batch.came[slot]
            count_in(flows, [name], 1, length)
            flows.repeat(flows.arena, slot, length, batch.sources[slot], name)
    return left


def _batch(flows: Flows, keys: tuple[bytes, ...], count: int) -> Picked:
    arena = flows.arena
    high, low = arena.lengths(count)
    lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
    fit = sound_ones(arena.buffer, high, low, flows.hop_limit - 1, flows.maximum)
    destinations: Sequence[bytes] = keys[::2]
    sources: Sequence[bytes] = keys[1::2]
    if have_this_network(arena.buffer, count):
        destinations = [_filled(key, flows.network) for key in destinations]
        sources = [_filled(key, flows.network) for key in sources]
    if False in fit:
        late = _late(arena.buffer, destinations, sources, fit, lengths)
        if late:
            pairs = zip(fit, destinations, sources, strict=True)
            fit = [so and (to, source) not in late for so, to, source in pairs]
    came = _NAMES[arena.name_size][count].unpack_from(arena.names)
    return Picked(destinations, sources, came, lengths, fit)


def _send(flows: Flows, way: Exit, batch: Picked, slots: list[int]) -> None:
    buffer = flows.arena.buffer
    places = [way.names[batch.destinations[slot]] for slot in slots]
    sizes = [batch.lengths[slot] for slot in slots]
    if batch.destinations.__class__ is list:  # some networks were not written out
        fill_networks_of(buffer, slots, flows.network)
    if way.raises:
        raise_hops_of(buffer, slots)
    way.some.pick(slots, sizes)
    refused = way.some.send(way.target.fileno(), b"".join(places), len(slots))
    octets = sum(sizes)
    count_in(flows, [batch.came[slot] for slot in slots], len(slots), octets)
    count_out(way, places, len(slots), octets, refused)


def _spoken(flows: Flows, batch: Picked, left: list[int]) -> list[int]:
    """Return the broadcasts that may be repeated; behind one that may not, none of the same source may."""
    spoken: list[int] = []
    silent: set[bytes] = set()
    for slot in left:
        source = batch.sources[slot]
        if batch.destinations[slot] != flows.everyone or source in silent:
            continue
        is_known = batch.fit[slot] and flows.speakers.get(source) == batch.came[slot]
        if is_known and is_plain(flows.arena.buffer, slot * STRIDE):
            spoken.append(slot)
        else:
            silent.add(source)
    return spoken


def _late(
    buffer: bytearray,
    destinations: Sequence[bytes],
    sources: Sequence[bytes],
    fit: list[bool],
    lengths: list[int],
) -> set[tuple[bytes, bytes]]:
    """Return the flows of packets that are not sound but pass: others of these must not overtake them."""
    late = set()
    for slot, so in enumerate(fit):
        at = slot * STRIDE
        if (
            not so
            and buffer[at : at + 2] == b"\xff\xff"
            and buffer[at + 2] << 8 | buffer[at + 3] <= lengths[slot]
            and buffer[at + DESTINATION_SOCKET_OFFSET + 1] != ECHO_LOW
        ):
            late.add((destinations[slot], sources[slot]))
    return late


def _filled(address: bytes, network: bytes) -> bytes:
    return network + address[NETWORK_SIZE:] if address.startswith(_THIS_NETWORK) else address
