"""Sends on a whole batch of datagrams at once, as far as it is known where they go: see `flows.py`.

Fast path. No step of Python's is taken for a packet while all fit: addresses are unpacked, looked up, joined
and compared by functions of C that take the whole batch. If one does not fit, the others are picked.
"""

from collections import _count_elements  # type: ignore[attr-defined] # what `Counter` counts with, in C
from collections.abc import Sequence
from struct import Struct
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.headers import (
    ECHO_LOW,
    NETWORK_SIZE,
    are_of_this_network,
    are_sound,
    fill_networks,
    fill_networks_of,
    octets_of,
    raise_hops,
    raise_hops_of,
    sound_ones,
)
from nwip.dataplane.tally import add
from nwip.ipx.packet import DESTINATION_OFFSET, DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET

REFUSED: Final = "refused by the kernel"

_ADDRESS: Final = 10  # octets: network and node
_GAP: Final = SOURCE_OFFSET - DESTINATION_OFFSET - _ADDRESS
_REST: Final = STRIDE - SOURCE_OFFSET - _ADDRESS
_FIELDS: Final = f"{DESTINATION_OFFSET}x{_ADDRESS}s{_GAP}x{_ADDRESS}s{_REST}x"
_ADDRESSES: Final = [Struct("=" + _FIELDS * count) for count in range(SLOTS + 1)]
_THIS_NETWORK: Final = bytes(NETWORK_SIZE)


def forward(flows: Flows, count: int) -> Sequence[int]:
    """Send on what is known of a batch; return the slots of the packets that are left."""
    if not flows.exits:
        return range(count)
    buffer = flows.arena.buffer
    keys = _ADDRESSES[count].unpack_from(buffer)
    filled = keys[1].startswith(_THIS_NETWORK) and are_of_this_network(buffer, count)
    if filled:
        fill_networks(buffer, count, flows.network)
        keys = _ADDRESSES[count].unpack_from(buffer)
    for way in flows.exits:
        if _forward_all(flows, way, keys, count):
            return ()
    if filled:
        fill_networks(buffer, count, _THIS_NETWORK)
    return _forward_some(flows, keys, count)


def _forward_all(flows: Flows, way: Exit, keys: tuple[bytes, ...], count: int) -> bool:
    """Send a batch by one way, if all of it may go there."""
    arena = flows.arena
    destinations, sources = keys[::2], keys[1::2]
    came = arena.names[: count * arena.name_size]
    first = bytes(came[: arena.name_size])
    from_one = came == first * count
    to_one = destinations[0] == destinations[-1] and b"".join(destinations) == destinations[0] * count
    try:
        if from_one:
            source = sources[0]
            if way.sources[source] != first or b"".join(sources) != source * count:
                return False
            believed = [first]
        else:
            believed = [*map(way.sources.__getitem__, sources)]
            if b"".join(believed) != came:
                return False
        if to_one:
            places = [way.names[destinations[0]]]
            to = places[0] * count
        else:
            places = [*map(way.names.__getitem__, destinations)]
            to = b"".join(places)
    except KeyError:
        return False
    high, low = arena.lengths(count)
    octets = octets_of(high, low, min(flows.maximum, way.maximum))
    if not octets or not are_sound(arena.buffer, high, low, flows.hop_limit - way.raises):
        return False
    if way.raises:
        raise_hops(arena.buffer, count)
    way.all.set_lengths(high, low)
    _write_books(flows, way, count, octets, way.all.send(way.target.fileno(), to, count))
    _write_tally(flows.tally.packets_in, flows.tally.octets_in, believed, count, octets)
    _write_tally(way.target.tally.packets_out, way.target.tally.octets_out, places, count, octets)
    return True


def _forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way, each packet by its own; return the slots of the others."""
    arena = flows.arena
    high, low = arena.lengths(count)
    lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
    sound = sound_ones(arena.buffer, high, low, flows.hop_limit - 1, flows.maximum)
    destinations = [_filled(key, flows.network) for key in keys[::2]]
    sources = [_filled(key, flows.network) for key in keys[1::2]]
    came = Struct(f"{arena.name_size}s" * count).unpack_from(arena.names)
    flow = list(zip(destinations, sources, strict=True))
    late = _late(arena.buffer, flow, sound, lengths)
    left = list(range(count))
    for way in flows.exits:
        slots = [
            slot
            for slot in left
            if sound[slot]
            and flow[slot] not in late
            and destinations[slot] in way.names
            and way.sources.get(sources[slot]) == came[slot]
            and lengths[slot] <= way.maximum
        ]
        if not slots:
            continue
        places = [way.names[destinations[slot]] for slot in slots]
        sizes = [lengths[slot] for slot in slots]
        fill_networks_of(arena.buffer, slots, flows.network)
        if way.raises:
            raise_hops_of(arena.buffer, slots)
        way.some.pick(slots, sizes)
        refused = way.some.send(way.target.fileno(), b"".join(places), len(slots))
        octets = sum(sizes)
        _write_books(flows, way, len(slots), octets, refused)
        believed = [came[slot] for slot in slots]
        _write_tally(flows.tally.packets_in, flows.tally.octets_in, believed, len(slots), octets)
        _write_tally(way.target.tally.packets_out, way.target.tally.octets_out, places, len(slots), octets)
        gone = set(slots)
        left = [slot for slot in left if slot not in gone]
    return left


def _late(
    buffer: bytearray, flow: list[tuple[bytes, bytes]], sound: list[bool], lengths: list[int]
) -> set[tuple[bytes, bytes]]:
    """Return the flows of packets that are not sound but pass: others of these must not overtake them."""
    late = set()
    for slot, so in enumerate(sound):
        at = slot * STRIDE
        if (
            not so
            and buffer[at : at + 2] == b"\xff\xff"
            and buffer[at + 2] << 8 | buffer[at + 3] <= lengths[slot]
            and buffer[at + DESTINATION_SOCKET_OFFSET + 1] != ECHO_LOW
        ):
            late.add(flow[slot])
    return late


def _filled(address: bytes, network: bytes) -> bytes:
    return network + address[NETWORK_SIZE:] if address.startswith(_THIS_NETWORK) else address


def _write_books(flows: Flows, way: Exit, count: int, octets: int, refused: int) -> None:
    books = flows.books
    books.packets_in += count
    books.octets_in += octets
    books = way.books
    if refused:
        books.drop(REFUSED, refused)
        octets -= octets * refused // count  # which were refused is not known
    books.packets_out += count - refused
    books.octets_out += octets


def _write_tally(
    packets: dict[bytes, int], octets: dict[bytes, int], names: Sequence[bytes], count: int, total: int
) -> None:
    """Count `count` packets of `names`, or of the only one; see `Tally` for the octets."""
    if len(names) == 1:
        add(packets, names[0], count)
    else:
        _count_elements(packets, names)
    add(octets, names[0], total)
