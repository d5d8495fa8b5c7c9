import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.capture.ip import UdpDatagram
from nwip.capture.ipv4 import internet_checksum, udp_in_ipv4, udp_of_ipv4
from nwip.wire import WireError

# The checksum, worked out by hand from RFC 791:
#   4500 + 0020 + 4000 + 4011 + 0A00 + 0001 + 0A00 + 0002 = D934, complement 26CB
DATAGRAM = bytes.fromhex(
    "4500 0020 0000 4000 40 11 26CB 0A000001 0A000002"  # IPv4, 32 octets, may not be fragmented, TTL 64, UDP
    "ABCD ABCD 000C"  # UDP, 12 octets
)
SENT = UdpDatagram(("10.0.0.1", 43981), ("10.0.0.2", 43981), b"NWIP")


def test_headers_and_checksums_are_right() -> None:
    octets = udp_in_ipv4(*SENT)
    assert octets[: len(DATAGRAM)] == DATAGRAM
    assert octets[28:] == b"NWIP"
    assert internet_checksum(octets[:20]) == 0
    pseudo_header = octets[12:20] + bytes.fromhex("0011 000C")
    assert internet_checksum(pseudo_header + octets[20:]) == 0


def test_the_checksum_of_rfc_1071() -> None:
    assert internet_checksum(bytes.fromhex("0001 F203 F4F5 F6F7")) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=200), st.integers(0, 65535))
def test_datagrams_survive_their_headers(payload: bytes, port: int) -> None:
    sent = UdpDatagram(("192.0.2.1", port), ("198.51.100.7", 213), payload)
    octets = udp_in_ipv4(*sent)
    assert octets[26:28] != b"\0\0"
    assert udp_of_ipv4(octets + b"padding") == sent


def test_a_truncated_datagram_is_a_wire_error() -> None:
    octets = udp_in_ipv4(*SENT)
    for size in range(len(octets)):
        with pytest.raises(WireError):
            udp_of_ipv4(octets[:size])


def test_what_is_not_a_whole_udp_datagram_is_none() -> None:
    octets = bytearray(udp_in_ipv4(*SENT))
    octets[9] = 6
    assert udp_of_ipv4(octets) is None
    octets[9], octets[6] = 17, 0x20
    assert udp_of_ipv4(octets) is None


def test_what_is_too_large_or_no_ipv4_is_refused() -> None:
    assert len(udp_in_ipv4(SENT.source, SENT.destination, bytes(65507))) == 65535
    with pytest.raises(WireError):
        udp_in_ipv4(SENT.source, SENT.destination, bytes(65508))
    with pytest.raises(ValueError, match="::1"):
        udp_in_ipv4(("::1", 1), SENT.destination, b"")


@given(st.binary(max_size=60), st.booleans())
def test_any_octets_are_refused_or_a_datagram(anything: bytes, nearly: bool) -> None:
    octets = b"\x45\0\0" + bytes([len(anything) + 4]) + anything if nearly else anything
    try:
        datagram = udp_of_ipv4(octets)
    except WireError:
        return
    assert datagram is None or datagram.payload in octets
