"""IPX, RIP and SAP in Ethernet frames, made and read without nwip's codecs: what hosts of tests speak."""

import struct
from typing import Final, NamedTuple

EVERYONE: Final = b"\xff" * 6
SERVER_NODE: Final = b"\0\0\0\0\0\1"  # of every server on its internal network
RIP, SAP, NCP = 0x0453, 0x0452, 0x0451
REQUEST, RESPONSE, NEAREST_REQUEST, NEAREST_RESPONSE = 1, 2, 3, 4
RIP_TYPE, PEP, PROPAGATED = 1, 4, 20
ALL_NETWORKS, ALL_SERVICES, FILE_SERVER = 0xFFFFFFFF, 0xFFFF, 4
INFINITY: Final = 16  # hops
FRAMES: Final = {  # frame types: what stands before the packet, and whether a length stands before that
    "Ethernet_II": (b"\x81\x37", False),
    "Ethernet_802.3": (b"", True),
    "Ethernet_802.2": (b"\xe0\xe0\x03", True),
    "Ethernet_SNAP": (b"\xaa\xaa\x03\0\0\0\x81\x37", True),
}

_HEADER: Final = struct.Struct("!HHBBI6sHI6sH")
_ROUTE: Final = struct.Struct("!IHH")
_SERVICE: Final = struct.Struct("!H48sI6sHH")


class At(NamedTuple):
    """Where somebody is."""

    network: int
    node: bytes


Socket = tuple[At, int]
"""A place, and the number of a socket there."""


class Heard(NamedTuple):
    """A packet that has come in, and the MAC address that sent it."""

    mac: bytes
    to: At
    to_socket: int
    source: At
    source_socket: int
    packet_type: int
    payload: bytes
    broadcast: bool


Networks = dict[int, tuple[int, int]]
"""Networks that somebody says he leads to: their hops and ticks."""

Services = dict[tuple[int, str], tuple[At, int]]
"""Services that somebody tells of, by type and name: where they are, and their hops."""


def frame_of(frame_type: str, to: bytes, mac: bytes, packet: bytes) -> bytes:
    """Put a packet in an Ethernet frame."""
    before, with_length = FRAMES[frame_type]
    body = before + packet
    length = len(body).to_bytes(2, "big") if with_length else b""
    return (to + mac + length + body).ljust(60, b"\0")


def packet_of(to: Socket, source: Socket, packet_type: int, payload: bytes) -> bytes:
    """Make a packet without a checksum that has passed no router."""
    size = _HEADER.size + len(payload)
    return _HEADER.pack(0xFFFF, size, 0, packet_type, *to[0], to[1], *source[0], source[1]) + payload


def read(frame_type: str, frame: bytes) -> Heard | None:
    """Read a frame; None when it is no IPX of this frame type."""
    before, with_length = FRAMES[frame_type]
    body = frame[12:]
    if with_length:
        size = int.from_bytes(body[:2], "big")
        body = body[2 : 2 + size] if size <= 1500 else b""
    packet = body.removeprefix(before)
    if not body.startswith(before) or packet[:2] != b"\xff\xff" or len(packet) < _HEADER.size:
        return None
    _, size, _, packet_type, *to, to_socket, network, node, source_socket = _HEADER.unpack_from(packet)
    source = At(network, node)
    payload = packet[_HEADER.size : size]
    broadcast = frame[:6] == EVERYONE
    return Heard(frame[6:12], At(*to), to_socket, source, source_socket, packet_type, payload, broadcast)


def route_payload(operation: int, network: int, hops: int = 0xFFFF, ticks: int = 0xFFFF) -> bytes:
    """Make the payload of a RIP packet of one entry."""
    return operation.to_bytes(2, "big") + _ROUTE.pack(network, hops, ticks)


def service_payload(operation: int, name: str, at: At) -> bytes:
    """Make the payload of the SAP response of a file server."""
    entry = _SERVICE.pack(FILE_SERVER, name.encode("ascii"), *at, NCP, 1)
    return operation.to_bytes(2, "big") + entry


def networks_in(heard: Heard) -> Networks:
    """Return the networks that a RIP response tells of, the lost ones too; nothing of any other packet."""
    if heard.source_socket != RIP or heard.payload[:2] != RESPONSE.to_bytes(2, "big"):
        return {}
    return {network: (hops, ticks) for network, hops, ticks in _ROUTE.iter_unpack(heard.payload[2:])}


def services_in(heard: Heard, operation: int = RESPONSE) -> Services:
    """Return the services that a SAP response of this operation tells of, the lost ones too."""
    if heard.source_socket != SAP or heard.payload[:2] != operation.to_bytes(2, "big"):
        return {}
    return {
        (service_type, name.partition(b"\0")[0].decode("ascii")): (At(network, node), hops)
        for service_type, name, network, node, _, hops in _SERVICE.iter_unpack(heard.payload[2:])
    }
