"""Pings in a batch. They are as other packets, but at links that broadcast them: see `Located.pings_all`.

Fast path.
"""

from collections.abc import Iterable
from typing import Final

from nwip.dataplane.arena import STRIDE
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
)

ECHO_LOW: Final = Socket.ECHO & 0xFF  # of the socket of pings; what is in any other with it is looked at, too

_ECHO: Final = Socket.ECHO.to_bytes(2, "big")


def pings_of(buffer: bytearray, count: int) -> list[int]:
    """Return the slots of the packets that may be pings."""
    column = buffer[DESTINATION_SOCKET_OFFSET + 1 : count * STRIDE : STRIDE]
    return [slot for slot in range(count) if column[slot] == ECHO_LOW] if ECHO_LOW in column else []


def address_to_all(buffer: bytearray, slots: Iterable[int]) -> None:
    """Make broadcasts of those of some packets that are pings, and not from the socket of pings itself."""
    for at in (slot * STRIDE for slot in slots):
        to = buffer[at + DESTINATION_SOCKET_OFFSET : at + SOURCE_OFFSET]
        if to == _ECHO and buffer[at + SOURCE_SOCKET_OFFSET : at + HEADER_SIZE] != _ECHO:
            buffer[at + DESTINATION_NODE_OFFSET : at + DESTINATION_SOCKET_OFFSET] = BROADCAST_NODE
