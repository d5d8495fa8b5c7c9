"""Which IPX packet is in an Ethernet frame, judged on raw octets. Pure.

The fast path of a LAN link; `ipx/frames.py` has the formats, and the typed way to the same answers.
"""

from typing import Final

from nwip.ipx.frames import ETHERTYPE_IPX, MAXIMUM_BODY, FrameType
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
)

ADDRESSES: Final = 12  # octets of the two MAC addresses
HEADERS: Final = {  # what stands between the type or length and the packet
    FrameType.ETHERNET_II: b"",
    FrameType.ETHERNET_802_3: b"",
    FrameType.ETHERNET_802_2: b"\xe0\xe0\x03",
    FrameType.ETHERNET_SNAP: b"\xaa\xaa\x03\x00\x00\x00\x81\x37",
}
IPX: Final = ETHERTYPE_IPX.to_bytes(2, "big")
NO_CHECKSUM: Final = b"\xff\xff"
THIS_NETWORK: Final = bytes(4)
GROUP: Final = 0x01  # in the first octet of a MAC address: for many; IEEE 802.3, 3.2.3

_BODY: Final = 14  # offset of what is behind the type or length
_LONGEST: Final = MAXIMUM_BODY.to_bytes(2, "big")
_LLC: Final = HEADERS[FrameType.ETHERNET_802_2]
_SNAP: Final = HEADERS[FrameType.ETHERNET_SNAP]
_STARTS: Final = {frame_type: _BODY + len(header) for frame_type, header in HEADERS.items()}
_SAP, _RIP = Socket.SAP.to_bytes(2, "big"), Socket.RIP.to_bytes(2, "big")
_REQUEST: Final = b"\x00\x01"
_RESPONSES: Final = (b"\x00\x02", b"\x00\x04")  # of RIP and SAP; nearest service


def frame_type_of(frame: bytes) -> FrameType | None:
    """Return the way in which a frame carries IPX; None when it carries something else, or is cut short."""
    kind = frame[ADDRESSES:_BODY]
    if kind == IPX:
        return FrameType.ETHERNET_II
    if kind > _LONGEST:
        return None
    start = frame[_BODY : _BODY + 8]
    if start[:2] == NO_CHECKSUM:
        return FrameType.ETHERNET_802_3
    if start[:3] == _LLC:
        return FrameType.ETHERNET_802_2
    return FrameType.ETHERNET_SNAP if start == _SNAP else None


def packet_in(frame: bytes, frame_type: FrameType) -> bytes | None:
    """Return the packet in a frame of this type, cut to its length field.

    None when the frame or the packet is cut short, or the packet's length field is below 30.
    """
    start = _STARTS[frame_type]
    end = start + int.from_bytes(frame[start + 2 : start + 4], "big")
    counted = len(frame)
    if frame_type is not FrameType.ETHERNET_II:
        counted = _BODY + int.from_bytes(frame[ADDRESSES:_BODY], "big")
    if end - start < HEADER_SIZE or end > counted or counted > len(frame):
        return None
    return frame[start:end]


def with_networks(packet: bytes, network: bytes) -> bytes:
    """Return a packet with the network numbers that are 0 replaced by `network`."""
    to = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET]
    source = packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET]
    if THIS_NETWORK not in (to, source):
        return packet
    return b"".join(
        (
            packet[:DESTINATION_OFFSET],
            network if to == THIS_NETWORK else to,
            packet[DESTINATION_NODE_OFFSET:SOURCE_OFFSET],
            network if source == THIS_NETWORK else source,
            packet[SOURCE_NODE_OFFSET:],
        )
    )


def is_rip_request(packet: bytes) -> bool:
    """Say whether a packet asks for routes: stations that look for the frame type ask in all of them."""
    return packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _RIP and _operation(packet) == _REQUEST


def is_question(packet: bytes) -> bool:
    """Say whether a packet is a RIP or SAP request: anybody sends these, in any frame type it guesses."""
    return packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] in (_RIP, _SAP) and not is_from_a_server(packet)


def is_from_a_server(packet: bytes) -> bool:
    """Say whether a packet is a RIP or SAP response: only servers and routers send these."""
    sockets = (
        packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET],
        packet[SOURCE_SOCKET_OFFSET:HEADER_SIZE],
    )
    return (_RIP in sockets or _SAP in sockets) and _operation(packet) in _RESPONSES


def _operation(packet: bytes) -> bytes:
    return packet[HEADER_SIZE : HEADER_SIZE + 2]
