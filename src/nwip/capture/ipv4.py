"""UDP datagrams in IPv4 headers, as captures hold them: put on, and taken off again. Pure."""

import ipaddress
from typing import Final

from nwip.capture.ip import IPV4_HEADER_SIZE, PROTOCOL_UDP, UDP_HEADER_SIZE, UdpDatagram, read_ip, read_udp
from nwip.directory.records import Endpoint
from nwip.wire import WireError, Writer

TIME_TO_LIVE: Final = 64
_DONT_FRAGMENT: Final = 0x4000


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

    Raises `WireError` for a packet that is cut short or not IPv4.
    """
    if bytes(packet[:1]) and packet[0] >> 4 != 4:
        raise WireError(f"{packet[0]:02X} does not begin an IPv4 header")
    read = read_ip(packet)
    return None if read.protocol != PROTOCOL_UDP or read.is_fragment else read_udp(read)


def internet_checksum(octets: bytes) -> int:
    """Return the ones' complement of the ones' complement sum of 16-bit words. Source: RFC 1071."""
    padded = octets + bytes(len(octets) % 2)
    total = sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
