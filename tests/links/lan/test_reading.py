"""The fast way to the packet in a frame, held to the typed one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import addresses, nodes
from nwip.ipx.frames import ETHERTYPE_IPX, MAXIMUM_BODY, Frame, FrameType
from nwip.ipx.packet import Packet
from nwip.links.lan.reading import HEADERS, frame_type_of, packet_in
from nwip.wire import WireError

packets = st.builds(
    lambda to, source, payload: Packet(to, source, 17, payload).encode(),
    addresses,
    addresses,
    st.binary(max_size=200),
)


def typed(octets: bytes) -> tuple[FrameType, bytes] | None:
    try:
        frame = Frame.decode(octets)
    except WireError:
        return None
    return None if frame is None else (frame.frame_type, frame.packet)


def fast(octets: bytes) -> tuple[FrameType, bytes] | None:
    frame_type = frame_type_of(octets)
    packet = None if frame_type is None else packet_in(octets, frame_type)
    return None if frame_type is None or packet is None else (frame_type, packet)


@given(nodes, nodes, st.sampled_from(FrameType), packets)
def test_every_frame_is_read_as_the_typed_way_reads_it(
    to: bytes, sender: bytes, frame_type: FrameType, packet: bytes
) -> None:
    octets = Frame.of(to, sender, frame_type, packet).encode()
    assert fast(octets) == typed(octets) == (frame_type, packet)


@pytest.mark.parametrize("frame_type", FrameType)
def test_a_frame_cut_short_anywhere_is_nothing_in_both_ways(frame_type: FrameType) -> None:
    packet = bytes.fromhex("FFFF 0050").ljust(80, b"\x11")
    octets = Frame.of(b"\x02" * 6, b"\x04" * 6, frame_type, packet).encode()
    assert fast(octets) == (frame_type, packet)
    for size in range(len(octets)):
        assert fast(octets[:size]) is None
        assert typed(octets[:size]) is None


@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            lambda kind, header, rest: bytes(12) + kind.to_bytes(2, "big") + header + rest,
            st.one_of(st.integers(0, 120), st.sampled_from((ETHERTYPE_IPX, MAXIMUM_BODY, MAXIMUM_BODY + 1))),
            st.sampled_from((*HEADERS.values(), b"\xff\xff", b"\xff\xff\x00\x1e", b"\xe0\xe0\xbf")),
            st.binary(max_size=100),
        ),
    )
)
def test_anything_is_read_as_the_typed_way_reads_it(octets: bytes) -> None:
    assert fast(octets) == typed(octets)


def test_an_odd_octet_that_the_length_counts_and_padding_are_left_out() -> None:
    packet = Packet.decode(b"\xff\xff\x00\x1f".ljust(31, b"\x05")).encode()
    octets = b"\x02" * 6 + b"\x04" * 6 + (32).to_bytes(2, "big") + packet + b"\xee"
    assert fast(octets.ljust(60, b"\x99")) == (FrameType.ETHERNET_802_3, packet)


@given(st.binary(min_size=14, max_size=14), st.binary(max_size=64))
def test_a_frame_with_a_vlan_tag_is_no_ipx(head: bytes, rest: bytes) -> None:
    assert frame_type_of(head[:12] + b"\x81\x00" + rest) is None
