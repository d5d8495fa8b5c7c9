"""Sends on a whole batch of datagrams at once, as far as it is known where they go: see `flows.py`.

Fast path. No step of Python's is taken for a packet while all fit: addresses are unpacked, looked up, joined
and compared by functions of C that take the whole batch. If one does not fit, the others are picked.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.groups import LARGEST_PACKET
from nwip.dataplane.headers import (
    THIS_NETWORK,
    are_equal,
    are_of_this_network,
    are_sound,
    fill_networks,
    octets_of,
    raise_hops,
)
from nwip.dataplane.picking import forward_some
from nwip.dataplane.repeating import repeat_all
from nwip.dataplane.singles import forward_one
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import DESTINATION_OFFSET, SOURCE_OFFSET

NEARBY: Final = 9  # packets: if among so many an address is there twice, others are likely to be

_ADDRESS: Final = 10  # octets: network and node
_GAP: Final = SOURCE_OFFSET - DESTINATION_OFFSET - _ADDRESS
_REST: Final = STRIDE - SOURCE_OFFSET - _ADDRESS
_FIELDS: Final = f"{DESTINATION_OFFSET}x{_ADDRESS}s{_GAP}x{_ADDRESS}s{_REST}x"
_ADDRESSES: Final = [Struct("=" + _FIELDS * count) for count in range(SLOTS + 1)]


def forward(flows: Flows, count: int) -> Sequence[int]:
    """Send on what is known of a batch; return the slots of the packets that are left."""
    if not flows.exits and not flows.speakers:
        return range(count)
    buffer = flows.arena.buffer
    keys = _ADDRESSES[count].unpack_from(buffer)
    if count == 1 and forward_one(flows, *keys):
        return ()
    filled = keys[1].startswith(THIS_NETWORK) and are_of_this_network(buffer, count)
    if filled:
        fill_networks(buffer, count, flows.network)
        keys = _ADDRESSES[count].unpack_from(buffer)
    if keys[0].endswith(BROADCAST_NODE):
        if repeat_all(flows, keys, count):
            return ()
    elif filled or not flows.was_mixed:  # after a batch that was not, hardly any is all of one way
        exits = flows.exits
        for index, way in enumerate(exits):
            if _forward_all(flows, way, keys, count):
                exits[0], exits[index] = way, exits[0]  # the next batch will go there, too
                return ()
    if filled:
        fill_networks(buffer, count, THIS_NETWORK)
    left = forward_some(flows, keys, count)
    flows.was_mixed = bool(left)
    return left


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
    if length <= LARGEST_PACKET and _repeat(places, count) and are_equal(high, low):
        groups = way.groups_of_all if len(places) == 1 else way.groups_of_some
    if groups is None or not groups.refused.isdisjoint(places):
        to = b"".join(places) if len(places) == count else places[0] * count
        refused = way.all.send(way.target.fileno(), to, count)
    elif len(places) == 1:
        refused = groups.send_to_one(way.target.fileno(), places[0], count, length)
    else:
        refused = groups.send_by_place(way.target.fileno(), places, length)
    count_in(flows, believed, count, octets)
    count_out(way, places, count, octets, refused)
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
        places = [*map(way.names.__getitem__, destinations)]
    except KeyError:
        return []
    is_one = places[0] == places[-1] and places.count(places[0]) == len(places)  # all behind one node
    return places[:1] if is_one else places


def _repeat(places: list[bytes], count: int) -> bool:
    """Say whether packets to one address are likely to be many: the first ones are looked at."""
    return places[0] in places[1:NEARBY] if len(places) > 1 else count > 1
