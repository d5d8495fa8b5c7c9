"""Repeats broadcasts of a star from their slots, by whoever passed the first one on: see `flows.Repeat`.

Fast path. What is judged is judged of the whole batch; what one source says on end is repeated at once.
"""

from collections.abc import Sequence
from itertools import groupby
from struct import Struct
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.counting import count_in
from nwip.dataplane.flows import Flows, Repeat
from nwip.dataplane.headers import are_equal, are_sound, octets_of
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import (
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    SOURCE_OFFSET,
    TYPE_OFFSET,
)

_FOR_ROUTERS: Final = tuple(each.to_bytes(2, "big") for each in (Socket.RIP, Socket.SAP, Socket.HELLO))
_SOURCE_END: Final = SOURCE_OFFSET + 10
_HEADER: Final = f"{HEADER_SIZE}s{STRIDE - HEADER_SIZE}x"
_HEADERS: Final = [Struct("=" + _HEADER * count) for count in range(SLOTS + 1)]
_LOW_OCTETS: Final = tuple(each[1] for each in _FOR_ROUTERS)


def repeat_all(flows: Flows, keys: tuple[bytes, ...], count: int) -> bool:
    """Repeat a batch of broadcasts, if all of it are such and none needs another look."""
    repeat, arena, everyone = flows.repeat, flows.arena, flows.everyone
    if repeat is not None and flows.said and _repeat_again(flows, repeat, count):
        return True
    if repeat is None or keys[0] != everyone or (count > 1 and b"".join(keys[::2]) != everyone * count):
        return False
    sources = keys[1::2]
    try:
        names = [*map(flows.speakers.__getitem__, sources)]
    except KeyError:
        return False
    high, low = arena.lengths(count)
    octets = octets_of(high, low, flows.maximum)
    if (
        b"".join(names) != arena.names[: count * arena.name_size]
        or not octets
        or not are_sound(arena.buffer, high, low, flows.hop_limit - 1)
        or not _are_plain(arena.buffer, count)
    ):
        return False
    count_in(flows, names, count, octets)
    for slots in _runs(sources, high, low):
        first = slots[0]
        repeat(arena, slots, high[first] << 8 | low[first], sources[first], names[first])
    flows.said = bytes(arena.buffer[:HEADER_SIZE])
    return True


def _repeat_again(flows: Flows, repeat: Repeat, count: int) -> bool:
    """Repeat broadcasts whose headers are all the one that was judged last: a program's seldom differ."""
    arena, said = flows.arena, flows.said
    if _HEADERS[count].unpack_from(arena.buffer).count(said) != count:
        return False
    high, low = arena.lengths(count)
    source = said[SOURCE_OFFSET:_SOURCE_END]
    name = flows.speakers.get(source)
    if (
        name is None
        or arena.names[: count * arena.name_size] != name * count
        or not high.count(said[LENGTH_OFFSET]) == count == low.count(said[LENGTH_OFFSET + 1])
    ):
        return False
    length = said[LENGTH_OFFSET] << 8 | said[LENGTH_OFFSET + 1]
    count_in(flows, (name,), count, length * count)
    repeat(arena, range(count), length, source, name)
    return True


def is_plain(buffer: bytearray, at: int) -> bool:
    """Say whether a broadcast is neither RIP nor SAP nor a hello, nor of the type that crosses networks."""
    return (
        buffer[at + TYPE_OFFSET] != PacketType.PROPAGATED
        and buffer[at + DESTINATION_SOCKET_OFFSET : at + SOURCE_OFFSET] not in _FOR_ROUTERS
    )


def _runs(sources: tuple[bytes, ...], high: bytearray, low: bytearray) -> list[Sequence[int]]:
    """Return the slots of broadcasts of one source and one length that follow on one another."""
    every = range(len(sources))
    if sources.count(sources[0]) == len(sources) and are_equal(high, low):
        return [every]
    return [[*run] for _, run in groupby(every, lambda slot: (sources[slot], high[slot], low[slot]))]


def _are_plain(buffer: bytearray, count: int) -> bool:
    """Say whether all are; of some it is not said although they are."""
    end = count * STRIDE
    if PacketType.PROPAGATED in buffer[TYPE_OFFSET:end:STRIDE]:
        return False
    column = buffer[DESTINATION_SOCKET_OFFSET + 1 : end : STRIDE]
    return not any(low in column for low in _LOW_OCTETS)
