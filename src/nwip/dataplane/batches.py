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
from nwip.dataplane.groups import LARGEST_PACKET
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
from nwip.dataplane.sockaddr import SIZES
from nwip.dataplane.tally import add
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.frames import MAC_SIZE
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import DESTINATION_OFFSET, DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET, TYPE_OFFSET

REFUSED: Final = "refused by the kernel"
NEARBY: Final = 9  # packets: if among so many an address is there twice, others are likely to be

_ADDRESS: Final = 10  # octets: network and node
_GAP: Final = SOURCE_OFFSET - DESTINATION_OFFSET - _ADDRESS
_REST: Final = STRIDE - SOURCE_OFFSET - _ADDRESS
_FIELDS: Final = f"{DESTINATION_OFFSET}x{_ADDRESS}s{_GAP}x{_ADDRESS}s{_REST}x"
_ADDRESSES: Final = [Struct("=" + _FIELDS * count) for count in range(SLOTS + 1)]
_NAMES: Final = {
    size: [Struct(f"{size}s" * count) for count in range(SLOTS + 1)] for size in (*SIZES.values(), MAC_SIZE)
}
_THIS_NETWORK: Final = bytes(NETWORK_SIZE)
_EVERYBODY: Final = BROADCAST_NODE
_FOR_ROUTERS: Final = tuple(each.to_bytes(2, "big") for each in (Socket.RIP, Socket.SAP, Socket.HELLO))


def forward(flows: Flows, count: int) -> Sequence[int]:
    """Send on what is known of a batch; return the slots of the packets that are left."""
    if not flows.exits and not flows.speakers:
        return range(count)
    buffer = flows.arena.buffer
    keys = _ADDRESSES[count].unpack_from(buffer)
    filled = keys[1].startswith(_THIS_NETWORK) and are_of_this_network(buffer, count)
    if filled:
        fill_networks(buffer, count, flows.network)
        keys = _ADDRESSES[count].unpack_from(buffer)
    if not keys[0].endswith(_EVERYBODY):
        for way in flows.exits:
            if _forward_all(flows, way, keys, count):
                return ()
    if filled:
        fill_networks(buffer, count, _THIS_NETWORK)
    return _forward_some(flows, keys, count)


def _forward_all(flows: Flows, way: Exit, keys: tuple[bytes, ...], count: int) -> bool:
    """Send a batch by one way, if all of it may go there."""
    arena = flows.arena
    believed = _believed(way, keys[1::2], arena.names[: count * arena.name_size], arena.name_size)
    places = _places(way, keys[::2]) if believed else None
    if not believed or not places:
        return False
    high, low = arena.lengths(count)
    octets = octets_of(high, low, min(flows.maximum, way.maximum))
    if not octets or not are_sound(arena.buffer, high, low, flows.hop_limit - way.raises):
        return False
    if way.raises:
        raise_hops(arena.buffer, count)
    way.all.set_lengths(high, low)
    length = octets // count
    groups = None
    if length <= LARGEST_PACKET and _repeat(places, count) and _are_equal(high, low):
        groups = way.groups_of_all if len(places) == 1 else way.groups_of_some
    if groups is None or not groups.refused.isdisjoint(places):
        to = b"".join(places) if len(places) == count else places[0] * count
        refused = way.all.send(way.target.fileno(), to, count)
    elif len(places) == 1:
        refused = groups.send_to_one(way.target.fileno(), places[0], count, length)
    else:
        refused = groups.send_by_place(way.target.fileno(), places, length)
    _write_books(flows, way, count, octets, refused)
    _write_tally(flows.tally.packets_in, flows.tally.octets_in, believed, count, octets)
    _write_tally(way.target.tally.packets_out, way.target.tally.octets_out, places, count, octets)
    return True


def _believed(way: Exit, sources: tuple[bytes, ...], came: bytearray, size: int) -> list[bytes]:
    """Return where the packets came from, one if it is the same for all, none if one is not believed."""
    count, first = len(sources), bytes(came[:size])
    if came == first * count:
        source = sources[0]
        is_true = way.sources.get(source) == first and b"".join(sources) == source * count
        return [first] if is_true else []
    try:
        names = [*map(way.sources.__getitem__, sources)]
    except KeyError:
        return []
    return names if b"".join(names) == came else []


def _places(way: Exit, destinations: tuple[bytes, ...]) -> list[bytes]:
    """Return where the packets go to, one if it is the same for all, none if one is not known."""
    first = destinations[0]
    try:
        if first == destinations[-1] and b"".join(destinations) == first * len(destinations):
            return [way.names[first]]
        return [*map(way.names.__getitem__, destinations)]
    except KeyError:
        return []


def _forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way, each packet by its own; return the slots of the others."""
    arena = flows.arena
    high, low = arena.lengths(count)
    lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
    sound = sound_ones(arena.buffer, high, low, flows.hop_limit - 1, flows.maximum)
    destinations = [_filled(key, flows.network) for key in keys[::2]]
    sources = [_filled(key, flows.network) for key in keys[1::2]]
    flow = list(zip(destinations, sources, strict=True))
    late = _late(arena.buffer, flow, sound, lengths)
    came = _NAMES[arena.name_size][count].unpack_from(arena.names)
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
    if flows.repeat is not None and flows.everyone in destinations:
        spoken: list[int] = []
        silent: set[bytes] = set()  # whose broadcasts are looked at singly from here on, to keep their order
        for slot in left:
            if destinations[slot] != flows.everyone or sources[slot] in silent:
                continue
            if (
                sound[slot]
                and flows.speakers.get(sources[slot]) == came[slot]
                and _is_plain(arena.buffer, slot * STRIDE)
            ):
                spoken.append(slot)
            else:
                silent.add(sources[slot])
        for slot in spoken:
            left.remove(slot)
            fill_networks_of(arena.buffer, [slot], flows.network)
            flows.books.packets_in += 1
            flows.books.octets_in += lengths[slot]
            add(flows.tally.packets_in, came[slot], 1)
            add(flows.tally.octets_in, came[slot], lengths[slot])
            flows.repeat(arena, slot, lengths[slot], sources[slot], came[slot])
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


def _is_plain(buffer: bytearray, at: int) -> bool:
    """Say whether a broadcast is neither RIP nor SAP nor a hello, nor of the type that crosses networks."""
    return (
        buffer[at + TYPE_OFFSET] != PacketType.PROPAGATED
        and buffer[at + DESTINATION_SOCKET_OFFSET : at + SOURCE_OFFSET] not in _FOR_ROUTERS
    )


def _repeat(places: list[bytes], count: int) -> bool:
    """Say whether packets to one address are likely to be many: the first ones are looked at."""
    return places[0] in places[1:NEARBY] if len(places) > 1 else count > 1


def _are_equal(high: bytearray, low: bytearray) -> bool:
    return high.count(high[0]) == len(high) == low.count(low[0])


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
