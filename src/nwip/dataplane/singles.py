"""Sends on the only packet of a batch, as most are where little is going on: less is asked than of many.

Fast path. What counts here is how long the packet stays, so nothing is done by column.
"""

from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Flows
from nwip.dataplane.pings import ECHO_LOW
from nwip.ipx.packet import (
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

_NO_CHECKSUM = b"\xff\xff"


def forward_one(flows: Flows, destination: bytes, source: bytes) -> bool:
    """Send the packet in the first slot, if it is known where it goes and nothing about it is unusual."""
    arena = flows.arena
    buffer, name = arena.buffer, arena.name(0)
    for way in flows.exits:
        place = way.names.get(destination)
        if place is not None and way.sources.get(source) == name:
            break
    else:
        return False
    high, low = arena.lengths(1)
    length = high[0] << 8 | low[0]
    if (
        not HEADER_SIZE <= length <= min(flows.maximum, way.maximum)
        or buffer[:LENGTH_OFFSET] != _NO_CHECKSUM
        or buffer[LENGTH_OFFSET:TRANSPORT_CONTROL_OFFSET] != high + low
        or buffer[TRANSPORT_CONTROL_OFFSET] >= flows.hop_limit - way.raises
        or buffer[DESTINATION_SOCKET_OFFSET + 1] == ECHO_LOW
    ):
        return False
    if way.raises:
        buffer[TRANSPORT_CONTROL_OFFSET] += 1
    way.all.set_lengths(high, low)
    refused = way.all.send(way.target.fileno(), place, 1)
    count_in(flows, (name,), 1, length)
    count_out(way, (place,), 1, length, refused)
    return True
