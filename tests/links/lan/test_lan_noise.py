"""Whatever is on the wire, an engine hands on only what the contract of an arrival allows."""

from hypothesis import given
from hypothesis import strategies as st

from links.lan.lan_world import CARD, ELSEWHERE, EVERYONE, NETWORK, REMOTE, ROUTER, SHARED, A, B, engine
from nwip.ipx.address import Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, NO_CHECKSUM, Packet
from nwip.links.lan.events import Joined
from nwip.wire import WireError

nodes = st.sampled_from((A, B, CARD, SHARED, REMOTE, ROUTER, EVERYONE, bytes(6), b"\x7e\x01\xc0\0\2\1"))
addresses = st.builds(
    Address,
    st.sampled_from((0, NETWORK, ELSEWHERE, 0xFFFFFFFF)),
    nodes,
    st.sampled_from((0x452, 0x453, 0x4E57, 0x4010)),
)
packets = st.builds(
    Packet,
    addresses,
    addresses,
    st.sampled_from((0, 1, 4, 17, 20)),
    st.binary(max_size=20),
    st.sampled_from((0, 1, 15, 255)),
    st.sampled_from((NO_CHECKSUM, NO_CHECKSUM, 0x1234)),
)


def framed(to: bytes, sender: bytes, frame_type: FrameType, packet: Packet) -> bytes:
    try:
        return Frame.of(to, sender, frame_type, packet.encode()).encode()
    except WireError:  # a checksum in a raw 802.3 frame
        return b""


frames = st.one_of(
    st.builds(framed, nodes, nodes, st.sampled_from(FrameType), packets),
    st.binary(max_size=100),
    st.builds(
        lambda octets, cut: octets[:cut],
        st.builds(framed, nodes, nodes, st.sampled_from(FrameType), packets),
        st.integers(0, 80),
    ),
)


@given(
    st.lists(frames, max_size=30),
    st.booleans(),
    st.sampled_from((*FrameType, None)),
    st.sampled_from((0, NETWORK)),
)
def test_arrivals_keep_their_contract_and_everything_else_is_counted_or_for_others(
    heard: list[bytes], joined: bool, frame_type: FrameType | None, network: int
) -> None:
    lan = engine(frame_type, joined=joined, network=network or (NETWORK if joined else 0))
    arrivals = []
    for now, octets in enumerate(heard):
        lan.advance(float(now))
        arrivals += lan.receive_frames([octets], float(now))
    assert lan.counters.packets_in == len(arrivals)
    assert lan.counters.packets_in + sum(lan.counters.drops.values()) <= len(heard)
    for octets, hop in arrivals:
        packet = Packet.decode(octets)
        assert HEADER_SIZE <= len(octets) <= MAXIMUM_SIZE
        assert packet.encode() == octets
        assert packet.checksum == NO_CHECKSUM
        assert isinstance(hop, bytes)
        assert hop not in (CARD, SHARED)
        if lan.own.network:
            assert 0 not in (packet.destination.network, packet.source.network)
        if joined and packet.source.network == NETWORK:
            assert packet.source.node == hop
            assert packet.transport_control == 0
    if not joined:
        assert not [event for event in lan.events() if isinstance(event, Joined)]


@given(packets, nodes, st.sampled_from(FrameType), st.booleans())
def test_what_goes_out_can_be_read_and_never_comes_from_a_group(
    packet: Packet, hop: bytes, frame_type: FrameType, joined: bool
) -> None:
    lan = engine(frame_type, joined=joined)
    octets = lan.frame(packet.encode(), hop, 1.0)
    if octets is None:
        assert sum(lan.counters.drops.values()) == 1
        return
    frame = Frame.decode(octets)
    assert frame is not None
    assert (frame.destination, frame.frame_type, frame.packet) == (hop, frame_type, packet.encode())
    assert not frame.source[0] & 1
    if not joined:
        assert frame.source in (CARD, SHARED)
