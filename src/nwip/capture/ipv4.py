"""UDP datagrams in IPv4 headers, as captures hold them: put on, and taken off again. Pure."""

import ipaddress
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.wire import Reader, WireError, Writer

IPV4_HEADER_SIZE: Final = 20
UDP_HEADER_SIZE: Final = 8
PROTOCOL_UDP: Final = 17
TIME_TO_LIVE: Final = 64
_DONT_FRAGMENT: Final = 0x4000


class UdpDatagram(NamedTuple):
    """A UDP datagram and the endpoints it went between."""

    source: Endpoint
    destination: Endpoint
    payload: bytes


def udp_in_ipv4(source: Endpoint, destination: Endpoint, payload: bytes) -> bytes:
    """Put IPv4 and UDP headers before a payload, with both checksums. Source: RFC 791, RFC 768.

    Raises `ValueError` for endpoints that are not IPv4, and `WireError` for a payload above 65507 octets.
    """
    addresses = ipaddress.IPv4Address(source[0]).packed + ipaddress.IPv4Address(destination[0]).packed
    size = UDP_HEADER_SIZE + len(payload)
    ports = Writer().u16(source[1]).u16(destination[1]).u16(size).getvalue()
    pseudo_header = Writer().octets(addresses).u16(PROTOCOL_UDP).u16(size).getvalue()
    udp_checksum = internet_checksum(pseudo_header + ports + b"\0\0" + payload) or 0xFFFF
    head = Writer().u16(0x4500).u16(IPV4_HEADER_SIZE + size).u16(0)
    head.u16(_DONT_FRAGMENT).u8(TIME_TO_LIVE).u8(PROTOCOL_UDP)
    before = head.getvalue()
    ipv4_checksum = internet_checksum(before + b"\0\0" + addresses)
    writer = Writer().octets(before).u16(ipv4_checksum).octets(addresses)
    return writer.octets(ports).u16(udp_checksum).octets(payload).getvalue()


def udp_of_ipv4(packet: bytes | bytearray | memoryview) -> UdpDatagram | None:
    """Take the UDP datagram out of an IPv4 packet; None for other protocols and for fragments.

    Checksums are not judged: captures are full of unfinished ones. Raises `WireError` for a packet that is
    cut short or not IPv4.
    """
    reader = Reader(packet)
    version = reader.u8()
    header_size = (version & 0x0F) * 4
    if version >> 4 != 4 or header_size < IPV4_HEADER_SIZE:
        raise WireError(f"{version:02X} does not begin an IPv4 header")
    reader.u8()
    with reader.restrict_to(reader.u16() - 4) as body:
        body.u16()
        offset_and_more = body.u16() & 0x3FFF
        body.u8()
        protocol = body.u8()
        body.u16()
        source, destination = _address(body), _address(body)
        body.octets(header_size - IPV4_HEADER_SIZE)
        if protocol != PROTOCOL_UDP or offset_and_more:
            return None
        source_port, destination_port, size = body.u16(), body.u16(), body.u16()
        body.u16()
        payload = body.octets(size - UDP_HEADER_SIZE)
    return UdpDatagram((source, source_port), (destination, destination_port), payload)


def internet_checksum(octets: bytes) -> int:
    """Return the ones' complement of the ones' complement sum of 16-bit words. Source: RFC 1071."""
    padded = octets + bytes(len(octets) % 2)
    total = sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _address(reader: Reader) -> str:
    return str(ipaddress.IPv4Address(reader.octets(4)))
