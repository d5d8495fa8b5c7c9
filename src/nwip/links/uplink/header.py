"""What an uplink reads and writes of a packet's header, on raw octets. Pure."""

from typing import Final

from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
)

_ECHO: Final = Socket.ECHO.to_bytes(2, "big")
_HELLO: Final = Socket.HELLO.to_bytes(2, "big")


def destination(packet: bytes) -> bytes:
    """Return the ten octets of network and node that a packet goes to."""
    return packet[DESTINATION_OFFSET:DESTINATION_SOCKET_OFFSET]


def source(packet: bytes) -> bytes:
    """Return the ten octets of network and node that a packet comes from."""
    return packet[SOURCE_OFFSET:SOURCE_SOCKET_OFFSET]


def readdressed(packet: bytes, to: bytes, come_from: bytes) -> bytes:
    """Return a packet with another destination and source, ten octets each; the sockets stay."""
    sockets = packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET], packet[SOURCE_SOCKET_OFFSET:]
    return b"".join((packet[:DESTINATION_OFFSET], to, sockets[0], come_from, sockets[1]))


def is_ping(data: bytes) -> bool:
    """Say whether a DOSBox would answer a datagram of 30 octets or more, whatever else its header says.

    ipxbox leaves length and checksum of its pings 0.
    """
    return data[DESTINATION_OFFSET + 4 : SOURCE_OFFSET] == BROADCAST_NODE + _ECHO


def is_ping_answer(packet: bytes) -> bool:
    """Say whether a packet goes from socket 2 to socket 2: as answers to pings do, and our probes."""
    return (
        packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _ECHO
        and packet[SOURCE_SOCKET_OFFSET:HEADER_SIZE] == _ECHO
    )


def is_hello(packet: bytes) -> bool:
    """Say whether a packet goes to the socket by which gateways hear each other."""
    return packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _HELLO


def comes_from_hello(data: bytes) -> bool:
    """Say whether a packet comes from that socket: a ping that does is a gateway's own, no player's."""
    return data[SOURCE_SOCKET_OFFSET:HEADER_SIZE] == _HELLO
