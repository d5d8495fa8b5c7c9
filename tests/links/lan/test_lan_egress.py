"""In which frames a LAN link sends packets, and with which MAC addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from links.lan.lan_world import (
    CARD,
    ELSEWHERE,
    EVERYONE,
    NETWORK,
    REMOTE,
    ROUTER,
    SHARED,
    A,
    B,
    engine,
    frame,
    packet,
)
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.lan import egress
from nwip.links.lan.frame_types import UNDECIDED
from nwip.links.lan.ingress import CHECKSUM, TOO_LARGE


def here(to: bytes, source: bytes, network: int = NETWORK) -> Packet:
    return packet(to, source, network=network, source_network=NETWORK)


@pytest.mark.parametrize("frame_type", FrameType)
@given(size=st.integers(HEADER_SIZE, 1492))
def test_every_packet_goes_out_in_a_frame_that_is_read_back(frame_type: FrameType, size: int) -> None:
    lan = engine(frame_type)
    sent = packet(A, REMOTE, source_network=ELSEWHERE, payload=bytes(size - HEADER_SIZE)).encode()
    octets = lan.frame(sent, A, 1.0)
    assert octets is not None
    assert octets == Frame.of(A, SHARED, frame_type, sent).encode()


@pytest.mark.parametrize(
    ("sent", "routed", "joined"),
    [
        (here(A, SHARED), SHARED, SHARED),
        (here(EVERYONE, CARD), CARD, CARD),
        (packet(A, REMOTE, source_network=ELSEWHERE), SHARED, SHARED),
        (here(EVERYONE, REMOTE), SHARED, REMOTE),
        (packet(A, CARD, source_network=ELSEWHERE), SHARED, SHARED),
    ],
)
def test_which_mac_address_sends(sent: Packet, routed: bytes, joined: bytes) -> None:
    for is_joined, expected in ((False, routed), (True, joined)):
        octets = engine(joined=is_joined).frame(sent.encode(), sent.destination.node, 1.0)
        assert octets is not None
        assert octets[6:12] == expected


def test_another_node_number_is_used_from_the_moment_it_is_set() -> None:
    lan = engine(node=CARD)
    lan.own.node = SHARED
    octets = lan.frame(here(A, SHARED).encode(), A, 1.0)
    assert octets is not None
    assert octets[6:12] == SHARED


@pytest.mark.parametrize("frame_type", FrameType)
def test_what_does_not_fit_the_frame_type_is_a_counted_drop(frame_type: FrameType) -> None:
    lan = engine(frame_type)
    size = frame_type.maximum_packet
    assert lan.frame(packet(A, CARD, payload=bytes(size - HEADER_SIZE)).encode(), A, 1.0)
    assert lan.frame(packet(A, CARD, payload=bytes(size + 1 - HEADER_SIZE)).encode(), A, 1.0) is None
    assert lan.counters.drops == {TOO_LARGE: 1}


@pytest.mark.parametrize("hop", [None, ("192.0.2.1", 213), b"", b"\x02\0\0", "020000000001"])
def test_what_is_no_mac_address_is_no_station(hop: object) -> None:
    lan = engine()
    assert lan.frame(here(A, CARD).encode(), hop, 1.0) is None
    assert lan.counters.drops == {egress.NO_STATION: 1}


def test_a_checksum_cannot_go_out_where_its_field_tells_the_frame_type() -> None:
    sent = here(A, CARD).with_checksum().encode()
    raw = engine(FrameType.ETHERNET_802_3)
    assert raw.frame(sent, A, 1.0) is None
    assert raw.counters.drops == {CHECKSUM: 1}
    assert engine(FrameType.ETHERNET_802_2).frame(sent, A, 1.0)


def test_before_the_frame_type_is_known_nothing_goes_out() -> None:
    lan = engine(None)
    assert lan.frame(here(A, CARD).encode(), A, 1.0) is None
    assert lan.counters.drops == {UNDECIDED: 1}


def test_what_a_host_of_a_joined_lan_said_a_moment_ago_does_not_come_back_to_it() -> None:
    lan = engine(joined=True)
    lan.receive_frames([frame(here(EVERYONE, A))], 1.0)
    assert lan.frame(here(EVERYONE, A).encode(), EVERYONE, 2.0) is None
    assert lan.counters.drops == {egress.OWN_HOST: 1}
    assert lan.frame(here(EVERYONE, A).encode(), EVERYONE, 12.0)  # it has moved, and its record is late
    lan.receive_frames([frame(here(EVERYONE, B))], 13.0)
    lan.release(B)
    assert lan.frame(here(EVERYONE, B).encode(), EVERYONE, 13.1) is None  # so fast nobody moves
    assert lan.frame(here(EVERYONE, B).encode(), EVERYONE, 14.0)


def test_what_a_host_sends_to_another_network_goes_on_to_its_router_from_us() -> None:
    lan = engine(joined=True)
    lan.receive_frames([frame(here(EVERYONE, A))], 1.0)
    octets = lan.frame(here(REMOTE, A, network=ELSEWHERE).encode(), ROUTER, 1.1)
    assert octets is not None
    assert octets[:12] == ROUTER + SHARED


def test_a_group_address_never_sends() -> None:
    lan = engine(joined=True)
    assert lan.frame(here(A, EVERYONE).encode(), A, 1.0) is None
    assert lan.counters.drops == {egress.NO_SOURCE: 1}
