"""What a DOSBox client's datagram must look like, judged on raw octets. Pure."""

from collections.abc import Callable
from typing import Final

from nwip.ipx.address import NULL_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
    TYPE_OFFSET,
)

MAXIMUM_SIZE: Final = 1424  # DOSBox's IPXBUFFERSIZE: what it receives of a larger one is cut

OVERSIZE: Final = "larger than DOSBox's 1424 octets"
TOO_MANY: Final = "over the packet rate"
NOT_ADMITTED: Final = "source not admitted"

_NO_CHECKSUM: Final = b"\xff\xff"
_ECHO: Final = Socket.ECHO.to_bytes(2, "big")
_ANY_NETWORK: Final = bytes(4)
_NODE_PREFIXES: Final = (b"\x7e\x01", b"\x7e\x06")  # of nodes: see the design of the virtual network


def header_flaw(data: bytes) -> str | None:
    """Return why a datagram is no IPX packet of a DOSBox, or None."""
    if len(data) < HEADER_SIZE:
        return "shorter than a header"
    length = int.from_bytes(data[LENGTH_OFFSET:TRANSPORT_CONTROL_OFFSET], "big")
    if length > MAXIMUM_SIZE:  # first, since a port may have cut the datagram
        return OVERSIZE
    if not HEADER_SIZE <= length <= len(data):
        return "length field wrong"
    if data[:LENGTH_OFFSET] != _NO_CHECKSUM:
        return "with a checksum"
    return None


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the packet in a datagram whose header has no flaw, and the octets behind it."""
    length = int.from_bytes(data[LENGTH_OFFSET:TRANSPORT_CONTROL_OFFSET], "big")
    return data[:length], data[length:]


def is_registration(packet: bytes) -> bool:
    """Say whether a packet is a registration: to node zero, socket 2.

    Stricter than DOSBox's server, which looks at four octets of the node: 000000000001 is a NetWare server's.
    """
    return is_to_echo(packet) and destination_node(packet) == NULL_NODE


def address_flaw(packet: bytes, network: bytes) -> str | None:
    """Return why the addresses of a packet cannot be meant on this network, or None."""
    if destination_node(packet) == NULL_NODE:
        return "without a destination node"
    if packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET] not in (_ANY_NETWORK, network):
        return "from another network"
    return None


def claim_flaw(node: bytes, ours: bytes, reserved: Callable[[bytes], bool]) -> str | None:
    """Return why a client must not have `node` as its own number, or None; `ours` is the gateway's."""
    if node[0] & 1 or node == NULL_NODE:
        return "claims a node number that is no host's"
    if node == ours or node.startswith(_NODE_PREFIXES) or reserved(node):
        return "claims a node number of nwip's nodes"
    return None


def destination_node(packet: bytes) -> bytes:
    """Return the node number that a packet goes to."""
    return packet[DESTINATION_NODE_OFFSET:DESTINATION_SOCKET_OFFSET]


def source_node(packet: bytes) -> bytes:
    """Return the node number that a packet comes from."""
    return packet[SOURCE_NODE_OFFSET:SOURCE_SOCKET_OFFSET]


def is_to_echo(packet: bytes) -> bool:
    """Say whether a packet goes to socket 2: a ping or the answer to one."""
    return packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _ECHO


def is_foreign_ping(packet: bytes) -> bool:
    """Say whether a packet goes to socket 2 from another: a ping, no answer, and not DOSBox's own."""
    return is_to_echo(packet) and packet[SOURCE_SOCKET_OFFSET:HEADER_SIZE] != _ECHO


def with_networks(packet: bytes, network: bytes) -> bytes:
    """Return a packet with the network numbers that are 0 replaced by `network`."""
    destination = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET]
    source = packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET]
    if _ANY_NETWORK not in (destination, source):
        return packet
    return b"".join(
        (
            packet[:DESTINATION_OFFSET],
            network if destination == _ANY_NETWORK else destination,
            packet[DESTINATION_NODE_OFFSET:SOURCE_OFFSET],
            network if source == _ANY_NETWORK else source,
            packet[SOURCE_NODE_OFFSET:],
        )
    )


def without_hops(packet: bytes) -> bytes:
    """Return a packet with transport control 0, as an IPX driver sends it; DOSBox sends what it finds."""
    return packet[:TRANSPORT_CONTROL_OFFSET] + b"\0" + packet[TYPE_OFFSET:]


def with_destination_node(packet: bytes, node: bytes) -> bytes:
    """Return a packet with another destination node."""
    return packet[:DESTINATION_NODE_OFFSET] + node + packet[DESTINATION_SOCKET_OFFSET:]
