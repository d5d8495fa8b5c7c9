import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import refused_or_written_back, whole_after_truncation
from nwip.ipx.spx import Control, SpxPacket
from nwip.wire import WireError

DATA = bytes.fromhex("50 FE 0102 0304 0005 0006 0007 AA")
SPX_II = bytes.fromhex("4C 00 0102 0304 0005 0006 0007 05DC AA")


def test_a_packet_is_read_by_its_table() -> None:
    packet = SpxPacket.decode(DATA)
    assert packet == SpxPacket(
        Control.ACKNOWLEDGE | Control.END_OF_MESSAGE, 0xFE, 0x102, 0x304, 5, 6, 7, None, b"\xaa"
    )


def test_only_spx_ii_has_a_negotiated_size_and_not_while_it_opens() -> None:
    assert SpxPacket.decode(SPX_II).negotiated_size == 1500
    opening = SPX_II[:4] + b"\xff\xff" + SPX_II[6:]
    assert SpxPacket.decode(opening).negotiated_size is None
    assert SpxPacket.decode(opening).data == b"\x05\xdc\xaa"


def test_a_truncated_spx_header_is_a_wire_error() -> None:
    assert whole_after_truncation(SpxPacket.decode, DATA) == [12]
    assert whole_after_truncation(SpxPacket.decode, SPX_II) == [14]


def test_a_size_that_does_not_fit_the_control_bits_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        SpxPacket.decode(DATA)._replace(negotiated_size=1500).encode()
    with pytest.raises(WireError):
        SpxPacket.decode(SPX_II)._replace(negotiated_size=None).encode()


@given(st.binary(max_size=40))
def test_any_octets_are_refused_or_an_spx_packet(anything: bytes) -> None:
    refused_or_written_back(SpxPacket.decode, anything)
