"""What a LAN link takes from its LAN, and whom it believes."""

import pytest

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
    C,
    engine,
    frame,
    packet,
    rip_response,
)
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import MAXIMUM_SIZE, Packet
from nwip.links.lan import ingress
from nwip.links.lan.engine import NOT_IPX, LanEngine
from nwip.links.lan.events import Event, Joined, Warned


def taken(lan: LanEngine, *frames: bytes, now: float = 1.0) -> list[Packet]:
    return [Packet.decode(arrival.packet) for arrival in lan.receive_frames(frames, now)]


def joined_hosts(events: list[Event]) -> list[bytes]:
    return [event.node for event in events if isinstance(event, Joined)]


@pytest.mark.parametrize("frame_type", FrameType)
def test_a_packet_arrives_with_its_network_numbers_and_its_sender_as_hop(frame_type: FrameType) -> None:
    lan = engine(frame_type)
    sent = packet(SHARED, A)
    (arrival,) = lan.receive_frames([frame(sent, frame_type=frame_type)], 1.0)
    assert arrival.packet == packet(SHARED, A, network=NETWORK, source_network=NETWORK).encode()
    assert arrival.hop == A
    assert (lan.counters.packets_in, lan.counters.octets_in) == (1, 35)


def test_while_the_network_is_not_known_zeros_stay_and_every_broadcast_is_this_networks() -> None:
    lan = engine(network=0)
    hello, routes = packet(EVERYONE, A), rip_response(ROUTER, 0x77)
    assert taken(lan, frame(hello), frame(routes)) == [hello, routes]
    lan.own.network = NETWORK
    elsewhere = packet(EVERYONE, ROUTER, network=0x77, source_network=0x77)
    assert taken(lan, frame(hello), frame(elsewhere)) == [
        packet(EVERYONE, A, network=NETWORK, source_network=NETWORK)
    ]
    assert lan.counters.drops == {ingress.ELSEWHERE: 1}


def test_a_router_that_gives_this_network_another_number_is_heard_so_that_it_can_be_named() -> None:
    lan = engine(network=NETWORK)
    routes = rip_response(ROUTER, 0x77)
    assert taken(lan, frame(routes)) == [routes]
    passed = routes._replace(transport_control=1)  # through a router: the number may be right there
    directed = routes._replace(destination=routes.destination._replace(network=0x78))
    assert taken(lan, frame(passed), frame(directed)) == []
    assert lan.counters.drops == {ingress.ELSEWHERE: 2}


@pytest.mark.parametrize(
    ("sent", "mac", "routed", "joined"),
    [
        (packet(SHARED, A), SHARED, True, True),
        (packet(CARD, A), CARD, True, True),
        (packet(B, A, network=ELSEWHERE), SHARED, True, True),
        (packet(B, A), CARD, True, True),
        (packet(EVERYONE, A), EVERYONE, True, True),
        (packet(EVERYONE, A, network=NETWORK), EVERYONE, True, True),
        (packet(SHARED, A), EVERYONE, True, True),
        (packet(B, A), EVERYONE, False, False),
        (packet(REMOTE, A), EVERYONE, False, True),
        (packet(B, A), B, False, False),
        (packet(REMOTE, A), REMOTE, False, True),
        (packet(REMOTE, A, network=ELSEWHERE), ROUTER, False, False),
        (packet(REMOTE, A), ROUTER, False, False),
        (packet(EVERYONE, A, network=ELSEWHERE), EVERYONE, False, False),
        (packet(REMOTE, A, network=ELSEWHERE), EVERYONE, False, False),
        (packet(EVERYONE, A), b"\x09\x00\x1b\xff\xff\xff", False, False),
    ],
)
def test_what_is_for_us(sent: Packet, mac: bytes, routed: bool, joined: bool) -> None:
    for is_joined, expected in ((False, routed), (True, joined)):
        lan = engine(joined=is_joined)
        taken(lan, frame(packet(EVERYONE, B)))
        assert bool(taken(lan, frame(sent, to=mac))) is expected


def test_what_is_for_somebody_else_is_no_drop_and_a_broadcast_for_elsewhere_is() -> None:
    lan = engine()
    assert not taken(lan, frame(packet(B, A)), frame(packet(B, A, network=ELSEWHERE), to=EVERYONE))
    assert lan.counters.drops == {ingress.ELSEWHERE: 1}


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (frame(packet(SHARED, A))[:40], ingress.MALFORMED),
        (frame(packet(SHARED, A), sender=b"\x01\0\0\0\0\1"), ingress.MALFORMED),
        (frame(packet(SHARED, EVERYONE), sender=A), ingress.MALFORMED),
        (frame(packet(SHARED, A)._replace(checksum=0x1234)), ingress.CHECKSUM),
        (frame(packet(SHARED, A), sender=CARD), ingress.OWN_FRAME),
        (frame(packet(EVERYONE, SHARED)), ingress.ACTIVE_GATEWAY),
        (frame(packet(EVERYONE, SHARED), sender=A), ingress.OUR_NUMBER),
        (frame(packet(EVERYONE, CARD, source_network=NETWORK), sender=A), ingress.OUR_NUMBER),
        (SHARED + A + b"\x08\x00" + bytes(46), NOT_IPX),
        (b"", NOT_IPX),
    ],
)
def test_what_no_link_takes(octets: bytes, reason: str) -> None:
    for joined in (False, True):
        lan = engine(joined=joined)
        assert taken(lan, octets) == []
        assert lan.counters.drops == {reason: 1}
        assert joined_hosts(lan.events()) == []


def test_a_packet_larger_than_an_ethernet_carries_is_a_counted_drop() -> None:
    lan = engine(FrameType.ETHERNET_II)
    jumbo = packet(SHARED, A, payload=bytes(MAXIMUM_SIZE)).encode()
    assert taken(lan, SHARED + A + b"\x81\x37" + jumbo) == []
    assert lan.counters.drops == {ingress.TOO_LARGE: 1}


def test_a_right_checksum_is_taken_off() -> None:
    lan = engine()
    sent = packet(SHARED, A, network=NETWORK, source_network=NETWORK)
    assert taken(lan, frame(sent.with_checksum())) == [sent]


def test_a_routed_link_hears_what_a_router_sends_on_for_a_host_of_this_very_network() -> None:
    lan = engine()
    sent = packet(REMOTE, A, network=ELSEWHERE, source_network=NETWORK, hops=1)
    assert taken(lan, frame(sent, to=SHARED, sender=ROUTER)) == [sent]


# Joined links.


def test_hosts_are_learned_from_whatever_they_send() -> None:
    lan = engine(joined=True)
    assert taken(lan, frame(packet(B, A, source_network=NETWORK))) != []  # B is not known, and may be remote
    assert taken(lan, frame(packet(A, B))) == []
    assert taken(lan, frame(packet(EVERYONE, C))) != []
    assert joined_hosts(lan.events()) == [A, B, C]
    assert taken(lan, frame(packet(B, A))) == []
    assert joined_hosts(lan.events()) == []
    assert lan.counters.drops == {}


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (frame(packet(EVERYONE, A), sender=B), ingress.NOT_SENDER),
        (frame(packet(EVERYONE, A, source_network=NETWORK), sender=B), ingress.NOT_SENDER),
        (frame(packet(EVERYONE, A, hops=1)), ingress.PASSED_ROUTER),
        (frame(packet(EVERYONE, b"\x7e\x01\xc0\0\2\1")), ingress.RESERVED),
        (frame(packet(EVERYONE, A, source_network=ELSEWHERE)), ingress.OTHER_NETWORK),
    ],
)
def test_who_is_no_host_of_a_joined_lan(octets: bytes, reason: str) -> None:
    lan = engine(joined=True)
    assert taken(lan, octets) == []
    assert lan.counters.drops == {reason: 1}
    assert joined_hosts(lan.events()) == []


def test_what_a_router_brings_from_another_network_passes_and_its_source_is_no_host() -> None:
    lan = engine(joined=True)
    sent = packet(SHARED, b"\0\0\0\0\0\1", network=NETWORK, source_network=ELSEWHERE, hops=1)
    (arrival,) = lan.receive_frames([frame(sent, sender=ROUTER)], 1.0)
    assert arrival.hop == ROUTER
    assert joined_hosts(lan.events()) == []


def test_a_gateway_that_says_hello_is_heard_and_is_no_host() -> None:
    lan = engine(joined=True)
    hello = packet(EVERYONE, B, socket=Socket.HELLO, source_socket=Socket.HELLO)
    assert len(taken(lan, frame(hello))) == 1
    assert lan.events() == []


def test_a_lan_with_another_number_is_named_once_an_hour() -> None:
    lan = engine(joined=True)
    taken(lan, frame(rip_response(ROUTER, ELSEWHERE)), frame(rip_response(A, ELSEWHERE)))
    (warning,) = lan.events()
    assert isinstance(warning, Warned)
    for part in ("02000000FFEE", "network 2E5A0001", "network 0000AB12", "joined = false"):
        assert part in warning.text
    taken(lan, frame(rip_response(ROUTER, ELSEWHERE)), now=3500.0)
    assert lan.events() == []
    taken(lan, frame(rip_response(ROUTER, ELSEWHERE)), now=3602.0)
    assert len(lan.events()) == 1
    assert lan.counters.drops == {ingress.OTHER_NETWORK: 4}


def test_frames_of_remote_hosts_that_come_back_are_dropped_until_they_are_silent_elsewhere() -> None:
    lan = engine(joined=True)
    sent = packet(EVERYONE, REMOTE, network=NETWORK, source_network=NETWORK)
    echo = lan.frame(sent.encode(), EVERYONE, 1.0)
    assert echo is not None
    assert taken(lan, echo, now=1.1) == []
    assert lan.counters.drops == {ingress.OWN_FRAME: 1}
    assert taken(lan, echo, now=2.9) == []
    assert taken(lan, echo, now=3.1) == [sent]  # by now it can only be the host itself, moved to this LAN
    assert joined_hosts(lan.events()) == [REMOTE]


def test_our_own_frames_on_a_lan_that_is_joined_to_itself_are_told() -> None:
    lan = engine()
    octets = lan.frame(packet(EVERYONE, CARD, source_network=NETWORK).encode(), EVERYONE, 1.0)
    assert octets is not None
    assert taken(lan, octets, octets) == []
    (warning,) = lan.events()
    assert isinstance(warning, Warned)
    assert "02000000CA4D" in warning.text
    assert lan.counters.drops == {ingress.OWN_FRAME: 2}


def test_a_gateway_that_stands_by_takes_what_the_active_one_sends_for_remote_hosts_for_no_hosts() -> None:
    active, standby = engine(joined=True), engine(joined=True)
    standby.own.station = C
    sent = packet(A, REMOTE, network=NETWORK, source_network=NETWORK, hops=1).encode()
    octets = active.frame(sent, A, 1.0)
    assert octets is not None
    assert Frame.decode(octets) == Frame.of(A, REMOTE, FrameType.ETHERNET_802_2, sent)
    assert taken(standby, octets) == []
    assert standby.events() == []
    assert standby.counters.drops == {ingress.PASSED_ROUTER: 1}
