"""What an answer says about the program that gave it. Pure."""

from typing import Final

from nwip.check.findings import Family, Spoken
from nwip.check.ports import FALLBACK, NCP_PORT
from nwip.discovery.nearest import read_answer
from nwip.dss.framing import HELLO_LIMIT, LENGTH_SIZE, Splitter
from nwip.dss.messages import Hello, Reason, Refused, VersionError, decode
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.ncp import NcpPacket, NcpType
from nwip.ipx.numbers import (
    IPX_TUNNEL_PORT,
    NETWARE_IP_DATA_PORT,
    NETWARE_IP_PEER_PORT,
    NETWARE_IP_PORT,
    Socket,
)
from nwip.ipx.packet import Packet
from nwip.ipx.ping import SERVER_NETWORK, is_ping, is_registration_reply
from nwip.wire import Reader, WireError

SESSIONS: Final = frozenset({(NETWARE_IP_PORT, "tcp"), (NETWARE_IP_PORT + FALLBACK, "tcp")})
PEERS: Final = frozenset({(NETWARE_IP_PEER_PORT, "tcp")})
ASKED: Final = frozenset({
    (NETWARE_IP_PORT, "udp"),
    (NETWARE_IP_PORT + FALLBACK, "udp"),
    (NETWARE_IP_DATA_PORT, "udp"),
})  # fmt: skip
PLAYERS: Final = frozenset({(IPX_TUNNEL_PORT, "udp"), (IPX_TUNNEL_PORT + FALLBACK, "udp")})
NCP: Final = frozenset({(NCP_PORT, "tcp"), (NCP_PORT, "udp")})

TNCP: Final = b"tNcP"
LENGTH_MASK: Final = 0x7FFFFFFF  # the top bit of an NCP message's length has another meaning
SIGNATURE_SIZE: Final = 8

BANNERS: Final = (
    (b"HTTP/", "HTTP"),
    (b"SSH-", "SSH"),
    (b"RFB ", "VNC"),
    (b"220", "a mail or FTP server (220)"),
    (b"* OK", "IMAP"),
    (b"+OK", "POP3"),
    (b"\x16\x03", "TLS"),
    (b"\x15\x03", "TLS"),
)
LINE: Final = 60  # characters of what a port says that are told


def in_stream(octets: bytes) -> Spoken | None:
    """Return what a TCP port speaks that has answered with these octets; None for what is not known (yet)."""
    if octets.startswith(TNCP):
        return Spoken("NCP: NetWare over TCP/IP", Family.NETWARE, NCP) if ncp_reply(octets) else None
    for prefix, name in BANNERS:
        if octets.startswith(prefix):
            return Spoken(name, Family.OTHER)
    return _dss(octets)


def in_datagram(octets: bytes, nonce: bytes) -> Spoken | None:
    """Return what a UDP port speaks that has answered so; `nonce` is what it was asked with."""
    nearest = read_answer(octets, nonce)
    if nearest is not None:
        text = f"NetWare/IP, the nearest server of the domain {nearest.domain}"
        return Spoken(text, Family.OURS, ASKED)
    try:
        packet = Packet.decode(octets)
    except WireError:
        return _ncp_datagram(octets)
    if is_ping(packet) and packet.source.node != BROADCAST_NODE:
        return Spoken("DOSBox IPX, nwip's server", Family.OURS, PLAYERS)
    if packet.source.socket == Socket.RIP and packet.destination.node == nonce:
        return Spoken("IPX in UDP: a router answers by RIP", Family.NETWARE, PLAYERS)
    if is_registration_reply(packet):
        by = "DOSBox's server" if packet.source.network == SERVER_NETWORK else "a server of that protocol"
        return Spoken(f"DOSBox IPX, {by}", Family.OTHER, PLAYERS)
    return None


def ncp_reply(octets: bytes) -> NcpPacket | None:
    """Return the reply in an NCP message as TCP carries it, None for anything else."""
    try:
        reader = Reader(octets)
        if reader.octets(len(TNCP)) != TNCP:
            return None
        with reader.restrict_to((reader.u32() & LENGTH_MASK) - 8):
            body = reader.rest()
        reply = NcpPacket.decode(body)
        if reply.ncp_type != NcpType.REPLY:
            reply = NcpPacket.decode(body[SIGNATURE_SIZE:])
    except WireError:
        return None
    return reply if reply.ncp_type == NcpType.REPLY else None


def line(octets: bytes) -> str:
    """Return the beginning of what a port said, to be told to people: text as it is, else in hex."""
    first = octets.split(b"\n", 1)[0].strip()[:LINE]
    if first and all(32 <= octet < 127 for octet in first):
        return first.decode("ascii")
    return octets[: LINE // 3].hex(" ")


def _ncp_datagram(octets: bytes) -> Spoken | None:
    try:
        reply = NcpPacket.decode(octets)
    except WireError:
        return None
    known = reply.ncp_type in {NcpType.REPLY, NcpType.BEING_PROCESSED}
    return Spoken("NCP: NetWare over UDP/IP", Family.NETWARE, NCP) if known else None


def _dss(octets: bytes) -> Spoken | None:
    if len(octets) < LENGTH_SIZE:
        return None
    try:
        message = next((decode(first) for first in Splitter(HELLO_LIMIT).feed(octets)), None)
    except VersionError as error:
        return Spoken(f"DSS of another version: {error}", Family.OURS, SESSIONS)
    except WireError:
        return None
    match message:
        case Hello(domain=domain, name=name):
            return Spoken(
                f"DSS of the domain {domain}" + (f", {name}" if name else ""), Family.OURS, SESSIONS
            )
        case Refused(reason=Reason.SEALED):
            return Spoken("DSS of a sealed domain", Family.OURS, SESSIONS | PEERS)
        case Refused(reason=Reason.ROLE):
            return Spoken("DSS, for other DSSs", Family.OURS, PEERS)
        case Refused(text=text):
            return Spoken(f"DSS; it refuses: {text}", Family.OURS, SESSIONS | PEERS)
    return None
