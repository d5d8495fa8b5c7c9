"""Says what an IPX packet carries. Pure.

By its sockets first, for real stacks are careless with packet types. Of two known sockets the lower one
decides, but for SMB name queries (0551), as Wireshark has found; where neither is known, the packet type.
"""

from collections.abc import Callable
from typing import Final

from nwip.capture import fields
from nwip.capture.fields import Fields
from nwip.ipx.address import format_network
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.type20 import PropagatedPayload


def protocol_of(packet: Packet) -> str:
    """Return what a packet carries, one of `PROTOCOLS`; `ipx` where that is not known."""
    low, high = sorted((packet.destination.socket, packet.source.socket))
    order = (high,) if high == Socket.SMB_NAMES else (low, high)
    for socket in order:
        protocol = _BY_SOCKET.get(socket)
        if protocol is not None and _LOOKS_LIKE.get(protocol, _like_anything)(packet):
            return protocol
    return _BY_TYPE.get(packet.packet_type, "ipx")


def fields_of(protocol: str, packet: Packet) -> Fields:
    """Return the decoded fields of a packet, under the protocol's name. Raises `WireError` if malformed."""
    decoder = _DECODERS.get(protocol)
    return {} if decoder is None else {protocol: decoder(packet)}


def networks_of(packet: Packet) -> list[str]:
    """Return the networks that a type 20 packet has crossed. Raises `WireError` if its list is cut short."""
    crossed = PropagatedPayload.decode(packet.payload, packet.transport_control).networks
    return [format_network(network) for network in crossed]


def _like_anything(_: Packet) -> bool:
    return True


_BY_SOCKET: Final[dict[int, str]] = {
    Socket.ECHO: "ping",
    Socket.NCP: "ncp",
    Socket.SAP: "sap",
    Socket.RIP: "rip",
    Socket.NETBIOS: "netbios",
    Socket.DIAGNOSTICS: "diagnostics",
    Socket.SERIALIZATION: "serialization",
    Socket.SMB_SERVER: "smb",
    Socket.SMB_NAMES: "nmpi",
    Socket.SMB_CLIENT: "smb",
    Socket.SMB_MAILSLOTS: "nmpi",
    Socket.SMB_MESSENGER: "smb",
    Socket.SMB_BROWSER: "smb",
    Socket.MESSAGES: "watchdog",
    Socket.WORKSTATION: "watchdog",
    Socket.HELLO: "hello",
    Socket.EIGRP: "eigrp",
    Socket.DOOM: "doom",
    Socket.NLSP: "nlsp",
    Socket.IPXWAN: "ipxwan",
    Socket.SNMP_AGENT: "snmp",
    Socket.SNMP_TRAPS: "snmp",
    Socket.NOVELL_PING: "ping",
}
_LOOKS_LIKE: Final[dict[str, Callable[[Packet], bool]]] = {  # where programs may have the socket, too
    "watchdog": fields.is_watchdog,
    "hello": fields.is_hello,
}
_BY_TYPE: Final[dict[int, str]] = {
    PacketType.RIP: "rip",
    PacketType.SPX: "spx",
    PacketType.NCP: "ncp",
}
_DECODERS: Final[dict[str, Callable[[Packet], Fields]]] = {
    "rip": fields.rip,
    "sap": fields.sap,
    "ncp": fields.ncp,
    "spx": fields.spx,
    "netbios": fields.netbios,
    "nmpi": fields.nmpi,
    "ping": fields.ping,
    "diagnostics": fields.diagnostics,
    "watchdog": fields.watchdog,
    "serialization": fields.octets,
    "hello": fields.hello,
}
PROTOCOLS: Final = frozenset({*_BY_SOCKET.values(), *_BY_TYPE.values(), "ipx", "other"})
"""What a packet may be; `other` is what is not IPX."""
