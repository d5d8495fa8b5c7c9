import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import refused_or_written_back, whole_after_truncation
from nwip.ipx import ncp
from nwip.ipx.ncp import NcpBurst, NcpEcho, NcpPacket, NcpType
from nwip.wire import WireError

REQUEST = bytes.fromhex("2222 07 34 05 12 14")
REPLY = bytes.fromhex("3333 07 34 05 12 FB 10 AABB")
BURST = bytes.fromhex(
    "7777 10 02 00000001 00000002 00000003 00000004 0005 0006 00000007 00000008 0009 000A FFEE"
)


def test_a_request_is_read_by_its_table() -> None:
    assert ncp.decode(REQUEST) == NcpPacket(NcpType.REQUEST, 7, 0x1234, 5, code=0x14)


def test_a_reply_has_a_completion_code_and_a_status() -> None:
    assert ncp.decode(REPLY) == NcpPacket(NcpType.REPLY, 7, 0x1234, 5, 0xFB, 0x10, b"\xaa\xbb")


def test_a_type_that_is_neither_has_the_common_header_only() -> None:
    assert ncp.decode(bytes.fromhex("BBBB 00 01 00 00 21")) == NcpPacket(
        NcpType.BROADCAST, 0, 1, 0, data=b"\x21"
    )


def test_a_burst_is_read_by_its_table() -> None:
    assert ncp.decode(BURST) == NcpBurst(0x10, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, b"\xff\xee")


def test_an_echo_has_no_header() -> None:
    assert ncp.decode(b"Lip Echo") == NcpEcho(b"Lip Echo")


def test_a_truncated_ncp_packet_is_a_wire_error() -> None:
    assert whole_after_truncation(ncp.decode, REQUEST) == []
    assert whole_after_truncation(ncp.decode, REPLY) == [8, 9]
    assert whole_after_truncation(ncp.decode, BURST) == [36, 37]


@pytest.mark.parametrize(
    "packet",
    [
        NcpPacket(NcpType.REQUEST, 0, 1, 2),
        NcpPacket(NcpType.REQUEST, 0, 1, 2, 3, 4),
        NcpPacket(NcpType.REPLY, 0, 1, 2, 3),
        NcpPacket(NcpType.BROADCAST, 0, 1, 2, 3),
        NcpPacket(NcpType.BROADCAST, 0, 0x10000, 2),
    ],
)
def test_what_does_not_fit_its_type_is_a_wire_error(packet: NcpPacket) -> None:
    with pytest.raises(WireError):
        packet.encode()


@pytest.mark.parametrize("decode", [NcpPacket.decode, NcpBurst.decode, NcpEcho.decode])
def test_each_kind_refuses_the_others(decode: object) -> None:
    for octets, own in ((REPLY, NcpPacket.decode), (BURST, NcpBurst.decode), (b"Lip", NcpEcho.decode)):
        if own != decode:
            with pytest.raises(WireError):
                decode(octets)  # type: ignore[operator]


@given(st.sampled_from([int(number) for number in NcpType] + [0]), st.binary(max_size=60))
def test_any_octets_are_refused_or_an_ncp_packet(ncp_type: int, anything: bytes) -> None:
    refused_or_written_back(ncp.decode, ncp_type.to_bytes(2, "big") + anything)
    refused_or_written_back(ncp.decode, anything)
