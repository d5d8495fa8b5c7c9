"""IP packets and UDP datagrams, as captures hold them: taken apart, fragments put together again. Pure.

Sources: RFC 791; RFC 8200, with its extension headers hop-by-hop (0), routing (43), fragment (44) and
destination (60); RFC 768. Checksums are not judged: captures are full of unfinished ones.
"""

import ipaddress
from collections import OrderedDict
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.wire import Reader, WireError

PROTOCOL_UDP: Final = 17
UDP_HEADER_SIZE: Final = 8
IPV4_HEADER_SIZE: Final = 20
MOST_UNFINISHED: Final = 64  # datagrams whose fragments wait for the others; the oldest is forgotten
MOST_FRAGMENTS: Final = 64  # of one datagram; what has more is forgotten
LARGEST_DATAGRAM: Final = 65_535

_HOP_BY_HOP: Final = 0
_ROUTING: Final = 43
_FRAGMENT: Final = 44
_DESTINATION: Final = 60


class UdpDatagram(NamedTuple):
    """A UDP datagram and the endpoints it went between."""

    source: Endpoint
    destination: Endpoint
    payload: bytes


class IpPacket(NamedTuple):
    """An IP packet; one that is a fragment begins at `offset`, has `more` behind it, or both.

    `payload` is what stands behind all headers, `protocol` what it is.
    """

    source: str
    destination: str
    protocol: int
    payload: bytes
    identification: int = 0
    offset: int = 0
    more: bool = False

    @property
    def is_fragment(self) -> bool:
        """Whether others belong to it."""
        return self.more or self.offset > 0


def read_ip(octets: bytes | bytearray | memoryview) -> IpPacket:
    """Read a packet of IPv4 or IPv6. Raises `WireError` for one that is cut short, and for anything else."""
    version = Reader(octets).u8() >> 4
    if version == 4:
        return _read_ipv4(Reader(octets))
    if version == 6:
        return _read_ipv6(Reader(octets))
    raise WireError(f"{version} is no version of IP")


def read_udp(packet: IpPacket) -> UdpDatagram:
    """Read the UDP datagram in a whole packet. Raises `WireError` for one that is cut short."""
    reader = Reader(packet.payload)
    source_port, destination_port, size = reader.u16(), reader.u16(), reader.u16()
    reader.u16()
    payload = reader.octets(size - UDP_HEADER_SIZE)
    return UdpDatagram((packet.source, source_port), (packet.destination, destination_port), payload)


class Reassembly:
    """Puts fragments together. At most `MOST_UNFINISHED` datagrams wait, of `MOST_FRAGMENTS` each."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, str, int, int], list[IpPacket]] = OrderedDict()

    def add(self, packet: IpPacket) -> IpPacket | None:
        """Take a packet; return the whole one as soon as nothing is missing, None until then."""
        if not packet.is_fragment:
            return packet
        key = (packet.source, packet.destination, packet.protocol, packet.identification)
        fragments = self._waiting.setdefault(key, [])
        fragments.append(packet)
        payload = _joined(fragments)
        if payload is not None or len(fragments) == MOST_FRAGMENTS:
            del self._waiting[key]
        elif len(self._waiting) > MOST_UNFINISHED:
            self._waiting.popitem(last=False)
        return None if payload is None else packet._replace(payload=payload, offset=0, more=False)


def _joined(fragments: list[IpPacket]) -> bytes | None:
    """Return the payload of all fragments, None where there are gaps or too much in all."""
    whole, last = bytearray(), False
    for fragment in sorted(fragments, key=lambda each: each.offset):
        if fragment.offset > len(whole) or fragment.offset + len(fragment.payload) > LARGEST_DATAGRAM:
            return None
        whole[fragment.offset :] = fragment.payload
        last = not fragment.more
    return bytes(whole) if last else None


def _read_ipv4(reader: Reader) -> IpPacket:
    header_size = (reader.u8() & 0x0F) * 4
    if header_size < IPV4_HEADER_SIZE:
        raise WireError(f"an IPv4 header of {header_size} octets is too short")
    reader.u8()
    size = reader.u16() or reader.remaining + 4  # 0: a card was to cut it into segments
    with reader.restrict_to(size - 4) as body:
        identification, flags = body.u16(), body.u16()
        body.u8()
        protocol = body.u8()
        body.u16()
        source, destination = (str(ipaddress.IPv4Address(body.octets(4))) for _ in range(2))
        body.octets(header_size - IPV4_HEADER_SIZE)
        more = bool(flags & 0x2000)
        return IpPacket(
            source, destination, protocol, body.rest(), identification, (flags & 0x1FFF) * 8, more
        )


def _read_ipv6(reader: Reader) -> IpPacket:
    reader.u32()
    size, protocol = reader.u16(), reader.u8()
    reader.u8()
    source, destination = (str(ipaddress.IPv6Address(reader.octets(16))) for _ in range(2))
    identification, offset, more = 0, 0, False
    with reader.restrict_to(size or reader.remaining) as body:
        while protocol in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT):
            following, length = body.u8(), body.u8()
            if protocol == _FRAGMENT:
                place = body.u16()
                identification, offset, more = body.u32(), place & 0xFFF8, bool(place & 1)
            else:
                body.octets(6 + 8 * length)
            protocol = following
            if offset:
                break  # what follows is in the middle of the datagram
        return IpPacket(source, destination, protocol, body.rest(), identification, offset, more)
