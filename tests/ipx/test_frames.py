import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.codecs import refused_or_written_back, whole_after_truncation
from nwip.ipx.address import Address
from nwip.ipx.frames import MINIMUM_FRAME, Frame, FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.wire import WireError

TO, FROM = museum.SERVER_MAC, museum.CLIENT_MAC
PACKET = Packet(Address(1, TO, 0x451), Address(1, FROM, 0x4003), 17, b"NetWare").encode()
LONG_PACKET = Packet(Address(1, TO, 0x451), Address(1, FROM, 0x4003), 17, bytes(range(64))).encode()

packets = st.binary(max_size=100).map(
    lambda payload: Packet(Address(1, TO, 0x451), Address(1, FROM, 0x4003), 17, payload).encode()
)


@pytest.mark.parametrize(
    ("frame_type", "header"),
    [
        (FrameType.ETHERNET_II, "8137"),
        (FrameType.ETHERNET_802_3, "0025"),
        (FrameType.ETHERNET_802_2, "0028 E0E003"),
        (FrameType.ETHERNET_SNAP, "002D AAAA03 000000 8137"),
    ],
)
def test_each_frame_type_has_its_header(frame_type: FrameType, header: str) -> None:
    octets = Frame.of(TO, FROM, frame_type, PACKET).encode()
    assert octets == (TO + FROM + bytes.fromhex(header) + PACKET).ljust(MINIMUM_FRAME, b"\0")
    frame = Frame.decode(octets)
    assert frame == Frame.of(TO, FROM, frame_type, PACKET)


@pytest.mark.parametrize("octets", museum.FRAMES)
def test_frames_of_a_real_server_survive(octets: bytes) -> None:
    frame = Frame.decode(octets)
    assert frame is not None
    assert frame.frame_type is FrameType.ETHERNET_802_2
    assert (frame.destination, frame.source) == (octets[:6], octets[6:12])
    assert frame.packet == museum.packet_of(octets)
    assert frame.encode() == octets


@pytest.mark.parametrize(
    "behind_the_addresses",
    [
        "0800 45000014",  # IPv4
        "86DD 60000000",  # IPv6
        "8100 0005 8137 FFFF001E",  # a VLAN tag
        "0026 424203 0000000000",  # LLC: spanning tree
        "0026 E0E0BF 0000000000",  # LLC on IPX's own address, but an XID
        "0026 AAAA03 000000 0800",  # SNAP: IPv4
        "0026 AAAA03 00000C 2000",  # SNAP: CDP
        "0000",
    ],
)
def test_frames_of_other_protocols_are_none(behind_the_addresses: str) -> None:
    octets = TO + FROM + bytes.fromhex(behind_the_addresses)
    assert Frame.decode(octets.ljust(MINIMUM_FRAME, b"\0")) is None


@pytest.mark.parametrize("frame_type", FrameType)
def test_a_truncated_frame_is_a_wire_error(frame_type: FrameType) -> None:
    octets = Frame.of(TO, FROM, frame_type, LONG_PACKET).encode()

    def decode(part: bytes) -> Frame:
        frame = Frame.decode(part)
        assert frame is not None
        return frame

    assert whole_after_truncation(decode, octets) == []


def test_an_octet_that_makes_the_length_even_is_kept_apart_from_padding() -> None:
    octets = TO + FROM + bytes.fromhex("0026") + PACKET + b"\xee" + b"behind"
    frame = Frame.decode(octets)
    assert frame is not None
    assert (frame.packet, frame.fill, frame.padding) == (PACKET, b"\xee", b"behind")
    assert frame.encode() == octets


def test_an_ipx_length_beyond_the_802_3_length_is_a_wire_error() -> None:
    octets = TO + FROM + bytes.fromhex("0024") + PACKET + bytes(20)
    with pytest.raises(WireError):
        Frame.decode(octets)


@pytest.mark.parametrize("frame_type", FrameType)
def test_the_largest_packet_fits_and_one_octet_more_does_not(frame_type: FrameType) -> None:
    def packet(size: int) -> bytes:
        return Packet(Address(1, TO, 1), Address(1, FROM, 1), 0, bytes(size - HEADER_SIZE)).encode()

    largest = Frame.of(TO, FROM, frame_type, packet(frame_type.maximum_packet)).encode()
    assert len(largest) == 1514
    with pytest.raises(WireError):
        Frame.of(TO, FROM, frame_type, packet(frame_type.maximum_packet + 1))


def test_raw_802_3_carries_no_computed_checksum() -> None:
    packet = Packet.decode(PACKET).with_checksum().encode()
    with pytest.raises(WireError, match="without checksum"):
        Frame.of(TO, FROM, FrameType.ETHERNET_802_3, packet)
    for frame_type in set(FrameType) - {FrameType.ETHERNET_802_3}:
        frame = Frame.decode(Frame.of(TO, FROM, frame_type, packet).encode())
        assert frame is not None
        assert frame.packet == packet


def test_a_frame_whose_parts_do_not_fit_is_a_wire_error() -> None:
    for frame in (
        Frame(TO, FROM, FrameType.ETHERNET_II, PACKET + b"x"),
        Frame(TO, FROM, FrameType.ETHERNET_II, PACKET[:-1]),
        Frame(TO, FROM, FrameType.ETHERNET_II, PACKET, fill=b"x"),
        Frame(TO[:5], FROM, FrameType.ETHERNET_II, PACKET),
        Frame(TO, FROM + b"x", FrameType.ETHERNET_II, PACKET),
    ):
        with pytest.raises(WireError):
            frame.encode()


@given(st.sampled_from(FrameType), packets)
def test_frames_survive_the_wire(frame_type: FrameType, packet: bytes) -> None:
    frame = Frame.of(TO, FROM, frame_type, packet)
    octets = frame.encode()
    assert len(octets) >= MINIMUM_FRAME
    assert Frame.decode(octets) == frame


starts = st.sampled_from(
    [bytes.fromhex(x) for x in ("8137", "0030", "0030E0E003", "0030AAAA030000008137", "")]
)


@given(starts, st.binary(max_size=80))
def test_any_octets_are_refused_or_a_frame(start: bytes, anything: bytes) -> None:
    refused_or_written_back(Frame.decode, TO + FROM + start + anything)


@given(starts, st.binary(max_size=60), st.integers(28, 50))
def test_frames_that_are_nearly_right_are_refused_or_written_back(
    start: bytes, tail: bytes, size: int
) -> None:
    refused_or_written_back(Frame.decode, TO + FROM + start + b"\xff\xff" + size.to_bytes(2, "big") + tail)
