from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import refused_or_written_back, whole_after_truncation
from nwip.ipx.netbios import NetbiosOperation, NetbiosPacket, NmpiOperation, NmpiPacket, name_text

SERVER = b"MUSEUM         \x20"
BROWSER = b"\x01\x02__MSBROWSE__\x02\x01"
FIND = b"\x80\x01" + SERVER
DATAGRAM = b"\x00\x0b" + SERVER + BROWSER + b"SMB"
QUERY = b"\xf3\x01\x12\x34" + SERVER + BROWSER


def test_a_name_packet_has_one_name_and_a_datagram_two() -> None:
    assert NetbiosPacket.decode(FIND) == NetbiosPacket(0x80, NetbiosOperation.FIND_NAME, (SERVER,))
    assert NetbiosPacket.decode(DATAGRAM) == NetbiosPacket(
        0, NetbiosOperation.DATAGRAM, (SERVER, BROWSER), b"SMB"
    )
    assert NetbiosPacket.decode(b"\x40\x06rest").data == b"rest"


def test_a_query_of_direct_hosting_is_read_by_its_table() -> None:
    assert NmpiPacket.decode(QUERY) == NmpiPacket(NmpiOperation.QUERY_NAME, 1, 0x1234, SERVER, BROWSER)


def test_names_are_written_as_people_write_them() -> None:
    assert name_text(SERVER) == "MUSEUM<20>"
    assert name_text(BROWSER) == "<01><02>__MSBROWSE__<02><01>"
    assert name_text(b"") == ""


def test_a_truncated_netbios_packet_is_a_wire_error() -> None:
    assert whole_after_truncation(NetbiosPacket.decode, FIND) == []
    assert whole_after_truncation(NetbiosPacket.decode, DATAGRAM) == [34, 35, 36]
    assert whole_after_truncation(NmpiPacket.decode, QUERY + b"x") == [36]


@given(st.binary(max_size=60))
def test_any_octets_are_refused_or_names(anything: bytes) -> None:
    refused_or_written_back(NetbiosPacket.decode, anything)
    refused_or_written_back(NmpiPacket.decode, anything)
