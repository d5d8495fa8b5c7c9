"""Finds the IPX packet in what was captured: in Ethernet frames, cooked packets, IP and UDP. Pure.

    link type  begins with
            1  Ethernet, with up to two VLAN tags
          101  IP; so do 12 and 14 (other systems' numbers for it), 228 and 229
          113  Linux SLL, 16 octets; the last two are the protocol
          276  Linux SLL2, 20 octets; the first two are the protocol

The protocol of a cooked packet is an EtherType, or 1 for raw 802.3 and 4 for 802.2. Over UDP, the port says
what it is. Sources: tcpdump.org/linktypes; Linux, if_ether.h; docs/protocol.md; RFC 1234.
"""

from typing import Final, NamedTuple

from nwip.capture.ip import PROTOCOL_UDP, IpPacket, Reassembly, UdpDatagram, read_ip, read_udp
from nwip.capture.pcapng import LinkType
from nwip.directory.records import endpoint_text
from nwip.ipx.frames import MAC_SIZE, MAXIMUM_BODY, Frame, announces
from nwip.ipx.numbers import IPX_TUNNEL_PORT, NETWARE_IP_DATA_PORT, NETWARE_IP_PORT
from nwip.ipx.packet import SOURCE_NODE_OFFSET
from nwip.wire import Reader, WireError, Writer

NETWARE_IP: Final = "NetWare/IP"
QUESTION: Final = "NetWare/IP question"
DOSBOX: Final = "DOSBox"
RFC_1234: Final = "RFC 1234"

NETSWITCH_GROUP: Final = "239.255.86.86"  # 86Box: whole Ethernet frames, see links/lan/netswitch.py

_HEADER_SIZE: Final = 2 * MAC_SIZE + 2
_IP_TYPES: Final = frozenset({12, 14, LinkType.RAW_IP, LinkType.IPV4, LinkType.IPV6})
_ETHERTYPES_OF_IP: Final = frozenset({0x0800, 0x86DD})
_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8})
_MOST_TAGS: Final = 2
_COOKED_802_3: Final = 1
_COOKED_802_2: Final = 4
_PROTOCOLS: Final = {1: "ICMP", 2: "IGMP", 6: "TCP", 58: "ICMPv6"}
_ETHERTYPES: Final = {0x0806: "ARP", 0x88CC: "LLDP"}


class Ports(NamedTuple):
    """The UDP ports behind which IPX is sought, by what carries it there."""

    data: frozenset[int] = frozenset({NETWARE_IP_DATA_PORT})
    tunnel: frozenset[int] = frozenset({IPX_TUNNEL_PORT, IPX_TUNNEL_PORT + 10_000})
    questions: frozenset[int] = frozenset({NETWARE_IP_PORT, NETWARE_IP_PORT + 10_000})


class Carried(NamedTuple):
    """An IPX packet, perhaps with octets behind it, and what carried it.

    `frame` is the frame type, or one of the four names above. `source` and `destination` are MAC addresses or
    IP endpoints, "" where there are none. `error` says what is wrong with the frame.
    """

    frame: str
    octets: bytes
    source: str = ""
    destination: str = ""
    error: str = ""


class Other(NamedTuple):
    """Something else than IPX, in a few words, and between whom."""

    what: str
    source: str = ""
    destination: str = ""


class Unwrapper:
    """Takes packets out of what carries them; remembers IP fragments, see `Reassembly`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._reassembly = Reassembly()

    def unwrap(self, link_type: int, octets: bytes) -> Carried | Other:
        """Find the IPX packet. Raises `WireError` where a header announces what is not there."""
        if link_type == LinkType.ETHERNET:
            frame = _untagged(octets)
            return self._of_frame(frame, *_macs(frame))
        if link_type in _IP_TYPES:
            return self._of_ip(octets)
        if link_type == LinkType.LINUX_SLL:
            reader = Reader(octets)
            reader.octets(14)
            return self._of_cooked(reader.u16(), reader.rest())
        if link_type == LinkType.LINUX_SLL2:
            reader = Reader(octets)
            protocol = reader.u16()
            reader.octets(18)
            return self._of_cooked(protocol, reader.rest())
        return Other(f"link type {link_type}")

    def _of_frame(self, octets: bytes, source: str, destination: str) -> Carried | Other:
        if int.from_bytes(octets[2 * MAC_SIZE : _HEADER_SIZE], "big") in _ETHERTYPES_OF_IP:
            return self._of_ip(octets[_HEADER_SIZE:])
        return _ipx_of_frame(octets, source, destination)

    def _of_cooked(self, protocol: int, octets: bytes) -> Carried | Other:
        """Read a cooked packet as the Ethernet frame that it was, but for the addresses."""
        if protocol in (_COOKED_802_3, _COOKED_802_2):
            protocol = len(octets)
        head = Writer().octets(bytes(2 * MAC_SIZE)).u16(protocol)
        return self._of_frame(head.octets(octets).getvalue(), "", "")

    def _of_ip(self, octets: bytes) -> Carried | Other:
        packet = read_ip(octets)
        whole = self._reassembly.add(packet)
        if whole is None:
            return Other(f"fragment of {_protocol(packet)}", packet.source, packet.destination)
        if whole.protocol != PROTOCOL_UDP:
            return Other(_protocol(whole), whole.source, whole.destination)
        return self._of_udp(read_udp(whole))

    def _of_udp(self, datagram: UdpDatagram) -> Carried | Other:
        if datagram.destination[0] == NETSWITCH_GROUP:
            frame = _untagged(datagram.payload)
            return _ipx_of_frame(frame, *_macs(frame))
        ports = {datagram.source[1], datagram.destination[1]}
        source, destination = endpoint_text(datagram.source), endpoint_text(datagram.destination)
        name = ""
        if ports & self._ports.data:
            name = NETWARE_IP
        elif ports & self._ports.tunnel:
            name = RFC_1234 if _is_rfc_1234(datagram) else DOSBOX
        elif ports & self._ports.questions:
            name = QUESTION
        if not name:
            return Other("UDP", source, destination)
        return Carried(name, datagram.payload, source, destination)


def _ipx_of_frame(octets: bytes, source: str, destination: str) -> Carried | Other:
    """Find IPX that stands directly in an Ethernet frame without tags."""
    reader = Reader(octets)
    reader.octets(2 * MAC_SIZE)
    kind = reader.u16()
    try:
        frame = Frame.decode(octets)
    except WireError as error:
        announced = announces(kind, reader.rest())
        if announced is None:
            raise
        frame_type, packet = announced
        return Carried(frame_type.value, packet, source, destination, str(error))
    if frame is not None:
        return Carried(frame.frame_type.value, frame.packet, source, destination)
    if kind > MAXIMUM_BODY:
        return Other(_ETHERTYPES.get(kind, f"EtherType {kind:04X}"), source, destination)
    return Other("802.3", source, destination)


def _untagged(octets: bytes) -> bytes:
    """Take the VLAN tags out of an Ethernet frame."""
    at = 2 * MAC_SIZE
    for _ in range(_MOST_TAGS):
        if int.from_bytes(octets[at : at + 2], "big") not in _VLAN_TAGS:
            break
        octets = octets[:at] + octets[at + 4 :]
    return octets


def _is_rfc_1234(datagram: UdpDatagram) -> bool:
    """Say whether the source node is made of the sender's IPv4 address: two zeros, then its octets."""
    host = datagram.source[0]
    if ":" in host:
        return False
    made = b"\0\0" + bytes(int(part) for part in host.split("."))
    return datagram.payload[SOURCE_NODE_OFFSET : SOURCE_NODE_OFFSET + len(made)] == made


def _macs(frame: bytes) -> tuple[str, str]:
    """Return source and destination of an Ethernet frame."""
    return frame[MAC_SIZE : 2 * MAC_SIZE].hex(":"), frame[:MAC_SIZE].hex(":")


def _protocol(packet: IpPacket) -> str:
    version = "IPv6" if ":" in packet.source else "IPv4"
    name = "UDP" if packet.protocol == PROTOCOL_UDP else _PROTOCOLS.get(packet.protocol)
    return name or f"{version}, protocol {packet.protocol}"
