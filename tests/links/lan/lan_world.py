"""A LAN engine at a fixed own, and the stations that speak to it."""

from typing import Final

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapOperation, SapQuery
from nwip.links.lan.engine import LanEngine
from nwip.links.lan.own_numbers import OwnNumbers

NETWORK: Final = 0x0000AB12
ELSEWHERE: Final = 0x2E5A0001
CARD: Final = bytes.fromhex("02000000CA4D")
SHARED: Final = bytes.fromhex("0200005A4ED0")
A, B, C = (bytes.fromhex(f"02000000000{letter}") for letter in "ABC")
REMOTE: Final = bytes.fromhex("0200000000FA")
ROUTER: Final = bytes.fromhex("02000000FFEE")
EVERYONE: Final = BROADCAST_NODE


def engine(
    frame_type: FrameType | None = FrameType.ETHERNET_802_2,
    *,
    joined: bool = False,
    network: int = NETWORK,
    node: bytes = SHARED,
    limit: int = 1024,
    beside: tuple[FrameType, ...] = (),
) -> LanEngine:
    """Make an engine that has begun at time 0; node numbers that begin with 7E are reserved."""
    own = OwnNumbers(network, node, CARD, joined=joined)
    made = LanEngine(own, frame_type, limit=limit, reserved=lambda node: node[:1] == b"\x7e", beside=beside)
    made.start(0.0)
    return made


def packet(
    to: bytes,
    source: bytes,
    *,
    network: int = 0,
    source_network: int = 0,
    socket: int = 0x4010,
    source_socket: int = 0x4010,
    payload: bytes = b"hello",
    hops: int = 0,
) -> Packet:
    """Make a packet; networks are 0, "this one", unless something else is said."""
    return Packet(
        Address(network, to, socket),
        Address(source_network, source, source_socket),
        0,
        payload,
        transport_control=hops,
    )


def frame(
    sent: Packet,
    *,
    to: bytes | None = None,
    sender: bytes | None = None,
    frame_type: FrameType = FrameType.ETHERNET_802_2,
) -> bytes:
    """Put a packet into a frame between its own nodes, unless something else is said."""
    return Frame.of(
        sent.destination.node if to is None else to,
        sent.source.node if sender is None else sender,
        frame_type,
        sent.encode(),
    ).encode()


def rip_response(source: bytes, network: int = NETWORK) -> Packet:
    """Make what a router broadcasts."""
    here = Address(network, source, Socket.RIP)
    payload = RipPacket(RipOperation.RESPONSE, (RipEntry(ELSEWHERE, 1, 2),)).encode()
    return Packet(Address(network, EVERYONE, Socket.RIP), here, PacketType.RIP, payload)


def rip_request(source: bytes) -> Packet:
    """Make what a station broadcasts that looks for a network, or for its frame type."""
    here = Address(0, source, 0x4003)
    return Packet(Address(0, EVERYONE, Socket.RIP), here, PacketType.RIP, RipPacket.request().encode())


def nearest_query(source: bytes) -> Packet:
    """Make what a NetWare client broadcasts when it starts."""
    here = Address(0, source, 0x4003)
    payload = SapQuery(SapOperation.NEAREST_QUERY, 4).encode()
    return Packet(Address(0, EVERYONE, Socket.SAP), here, PacketType.UNKNOWN, payload)
