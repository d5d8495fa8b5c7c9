"""What is asked of a port that somebody holds: questions that leave nothing behind. Pure.

    where                       what                                        what it leaves
    TCP, but 524                a reader's Hello, as a DSS has it            nothing, once the connection ends
    TCP 524, others later       NCP: create connection, and destroy it       nothing, once it is destroyed
    TCP, if that was no use     HEAD of HTTP, then a ClientHello of TLS      nothing
    UDP 213 and 10213           a RIP request to the host's own node number  nothing
    UDP 524                     NCP: a request of no connection              nothing
    UDP, but these              a nearest-server query for a DSS             nothing

No datagram is shorter than an IPX header: DOSBox's server reads what it lacks from the datagram before, and
may take the sender for a player. None is a registration with such a server, unless that is wished for: it
would keep a place of its 16 until it ends. And none goes to IPX's broadcast node, since a server would pass
it on to its players.
"""

from typing import Final

from nwip.check.ports import NCP_PORT, usual
from nwip.discovery.nearest import query
from nwip.dss.framing import frame
from nwip.dss.messages import VERSION, Hello, encode
from nwip.ipx.address import Address
from nwip.ipx.ncp import NcpPacket, NcpType
from nwip.ipx.numbers import IPX_TUNNEL_PORT, PacketType, Socket
from nwip.ipx.packet import DESTINATION_NODE_OFFSET, DESTINATION_SOCKET_OFFSET, Packet
from nwip.ipx.ping import registration
from nwip.ipx.rip import RipPacket
from nwip.wire import Writer

NOBODY: Final = b"\x02nwip?"  # a node number that no host has
ANY_CONNECTION: Final = 0xFFFF  # of NCP: no connection that a server has given out

HTTP_HEAD: Final = b"HEAD / HTTP/1.0\r\n\r\n"
DMDT: Final = b"DmdT"
NCP_VERSION: Final = 1
NCP_BUFFER: Final = 4096  # octets of a reply that we would take


def dss_hello(identity: bytes) -> bytes:
    """Return a reader's Hello to whichever DSS it is, with its length; `identity` is 16 octets."""
    return frame(encode(Hello(VERSION, "", identity, identity, "reader", "check")))


def ncp_create() -> bytes:
    """Return NCP's request for a connection, as TCP carries it."""
    return _in_tcp(NcpPacket(NcpType.CREATE_CONNECTION, 0, ANY_CONNECTION, 0, 0))


def ncp_destroy(connection: int) -> bytes:
    """Return NCP's request to end a connection, as TCP carries it."""
    return _in_tcp(NcpPacket(NcpType.DESTROY_CONNECTION, 1, connection, 0, 0))


def datagram(port: int, nonce: bytes, *, register: bool = False) -> bytes:
    """Return what a UDP port is asked; `nonce`, 6 octets, is the node number that is asked from.

    `register` asks for a place on a DOSBox server, where that is what the port is for.
    """
    if usual(port) == IPX_TUNNEL_PORT:
        if register:
            return registration().encode()
        return Packet(
            Address(0, NOBODY, Socket.RIP),
            Address(0, nonce, Socket.RIP),
            PacketType.RIP,
            RipPacket.request().encode(),
        ).encode()
    if port == NCP_PORT:
        return NcpPacket(NcpType.REQUEST, 0, ANY_CONNECTION, 0, 0x14).encode().ljust(32, b"\0")
    asked = query(nonce)
    return asked[:DESTINATION_NODE_OFFSET] + NOBODY + asked[DESTINATION_SOCKET_OFFSET:]


def _in_tcp(packet: NcpPacket) -> bytes:
    payload = packet.encode()
    head = Writer().octets(DMDT).u32(16 + len(payload)).u32(NCP_VERSION).u32(NCP_BUFFER)
    return head.octets(payload).getvalue()
