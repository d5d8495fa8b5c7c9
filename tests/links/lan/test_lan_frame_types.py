"""Which frame type a LAN link speaks: as told, or as found; and what it says of others that it hears."""

from itertools import permutations

import pytest

from links.lan.lan_world import (
    CARD,
    EVERYONE,
    NETWORK,
    ROUTER,
    A,
    B,
    engine,
    frame,
    nearest_query,
    packet,
    rip_request,
    rip_response,
)
from nwip.ipx.address import Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket
from nwip.links.lan.detection import LISTEN
from nwip.links.lan.engine import LanEngine
from nwip.links.lan.events import Found, Warned
from nwip.links.lan.frame_types import OTHER_TYPE, UNDECIDED
from nwip.routing.timers import AGE_LIMIT

II, RAW, LLC, SNAP = FrameType


def hear(lan: LanEngine, sent: Packet, frame_type: FrameType, now: float) -> int:
    return len(lan.receive_frames([frame(sent, frame_type=frame_type)], now))


def test_several_frame_types_on_one_card_are_several_links_and_each_takes_its_own() -> None:
    links = {frame_type: engine(frame_type, beside=tuple(FrameType)) for frame_type in FrameType}
    for spoken in FrameType:
        for ours, lan in links.items():
            assert hear(lan, packet(EVERYONE, A), spoken, 1.0) == (spoken is ours)
    for lan in links.values():
        assert lan.counters.drops == {}
        assert lan.events() == []


@pytest.mark.parametrize(("ours", "theirs"), list(permutations(FrameType, 2)))
def test_traffic_of_a_frame_type_that_no_link_speaks_is_counted_and_told_once_an_hour(
    ours: FrameType, theirs: FrameType
) -> None:
    lan = engine(ours)
    for now in (1.0, 2.0, 3599.0, 3602.0):
        assert hear(lan, nearest_query(A), theirs, now) == 0
    first, second = lan.events()
    assert isinstance(first, Warned)
    assert first == second
    assert first.text == (
        f"traffic of frame type {theirs.value} heard on this link from MAC 02000000000A, "
        f'but the link speaks {ours.value}: add a [[link]] with frame = "{theirs.value}", '
        f"or set that station to {ours.value}"
    )
    assert lan.types.alarms(3602.0 + AGE_LIMIT - 1) == [(theirs.value, first.text)]
    assert lan.types.alarms(3602.0 + AGE_LIMIT) == [], "nobody is heard any more"
    assert lan.counters.drops == {OTHER_TYPE[theirs]: 4}
    assert lan.describe()["other frame types heard"] == f"4 of {theirs.value}, the last from 02000000000A"


def test_who_looks_for_the_frame_type_in_all_of_them_is_counted_and_draws_no_warning() -> None:
    lan = engine(LLC)
    assert [hear(lan, rip_request(A), frame_type, 1.0) for frame_type in FrameType] == [0, 0, 1, 0]
    assert lan.events() == []
    assert sum(lan.counters.drops.values()) == 3
    assert lan.types.alarms(1.0) == [], "it is set to none of them yet"


# Looking for it.


def test_servers_are_asked_in_all_four_frame_types_and_nothing_else_is_sent() -> None:
    lan = engine(None)
    asked = [Frame.decode(octets) for octets in lan.frames_to_send()]
    request = Packet(
        Address(0, EVERYONE, Socket.RIP), Address(0, CARD, Socket.RIP), 1, RipPacket.request().encode()
    )
    assert asked == [Frame.of(EVERYONE, CARD, type_, request.encode()) for type_ in (LLC, RAW, II, SNAP)]
    times = []
    while (deadline := lan.next_deadline()) is not None:
        lan.advance(deadline)
        times.append((deadline, len(lan.frames_to_send())))
    assert times == [(1.0, 4), (2.0, 4), (5.0, 0)]


@pytest.mark.parametrize("spoken", FrameType)
def test_the_first_server_or_router_decides_at_once(spoken: FrameType) -> None:
    lan = engine(None)
    other = II if spoken is not II else RAW
    for now in (0.1, 0.2, 0.3):
        assert hear(lan, packet(EVERYONE, A), other, now) == 0
    assert hear(lan, rip_response(ROUTER), spoken, 0.4) == 1
    assert lan.types.spoken is spoken
    (found,) = lan.events()
    assert isinstance(found, Found)
    assert found.text == f"frame type {spoken.value}: first heard from the server or router 02000000FFEE"
    assert lan.describe()["frame type"] == (
        f"{spoken.value} (auto: first heard from the server or router 02000000FFEE)"
    )
    assert lan.counters.drops == {UNDECIDED: 3}
    assert lan.next_deadline() is None


def test_after_the_decision_other_frame_types_are_told_like_anywhere() -> None:
    lan = engine(None)
    hear(lan, rip_response(ROUTER), II, 0.4)
    hear(lan, rip_response(B), RAW, 0.5)
    assert lan.types.spoken is II
    assert [type(event) for event in lan.events()] == [Found, Warned]


def test_without_a_server_the_most_heard_frame_type_is_taken() -> None:
    lan = engine(None)
    for number, spoken in enumerate((II, RAW, RAW, SNAP)):
        hear(lan, packet(EVERYONE, A), spoken, 0.1 * number)
        for _ in range(5):
            hear(lan, nearest_query(A), SNAP, 0.1 * number)
    lan.advance(LISTEN)
    assert lan.types.spoken is RAW
    assert "2 of 4 packets heard" in lan.describe()["frame type"]


def test_where_only_requests_are_heard_the_most_heard_is_taken_and_of_equals_what_netware_prefers() -> None:
    lan, tied = engine(None), engine(None)
    hear(lan, nearest_query(A), II, 0.1)
    lan.advance(LISTEN)
    assert lan.types.spoken is II
    for frame_type in FrameType:
        hear(tied, rip_request(A), frame_type, 0.1)
    tied.advance(LISTEN)
    assert tied.types.spoken is LLC


def test_a_silent_lan_speaks_802_2_until_something_is_heard() -> None:
    lan = engine(None)
    lan.advance(LISTEN)
    assert lan.types.spoken is LLC
    assert "nothing heard for 5 s" in lan.describe()["frame type"]
    assert lan.next_deadline() is None
    assert lan.frame(packet(EVERYONE, CARD).encode(), EVERYONE, 6.0)
    hear(lan, packet(EVERYONE, A), RAW, 100.0)
    assert lan.types.spoken is LLC
    lan.advance(100.0 + LISTEN)
    assert lan.types.spoken is RAW
    hear(lan, packet(EVERYONE, B), II, 200.0)
    assert lan.types.spoken is RAW


def test_a_server_heard_on_a_lan_that_was_silent_decides_at_once() -> None:
    lan = engine(None)
    lan.advance(LISTEN)
    assert hear(lan, rip_response(ROUTER), SNAP, 60.0) == 1
    assert lan.types.spoken is SNAP


def test_what_another_link_on_the_card_speaks_is_never_found() -> None:
    lan, silent, none_left = (engine(None, beside=beside) for beside in ((RAW, II), (LLC,), tuple(FrameType)))
    assert hear(lan, rip_response(ROUTER), RAW, 0.1) == 0
    hear(lan, packet(EVERYONE, A), SNAP, 0.2)
    for _ in range(3):
        hear(lan, packet(EVERYONE, A), II, 0.3)
    for each in (lan, silent, none_left):
        each.advance(LISTEN)
    assert [each.types.spoken for each in (lan, silent, none_left)] == [SNAP, RAW, None]
    assert lan.counters.drops == {UNDECIDED: 1}
    assert not none_left.events()


def test_our_own_requests_that_come_back_decide_nothing() -> None:
    lan = engine(None)
    lan.receive_frames(lan.frames_to_send(), 0.1)
    lan.receive_frames([frame(rip_response(CARD, NETWORK), frame_type=SNAP)], 0.2)
    lan.advance(LISTEN)
    assert "nothing heard" in lan.describe()["frame type"]


def test_a_link_that_is_opened_again_listens_again() -> None:
    lan = engine(None)
    hear(lan, rip_response(ROUTER), SNAP, 0.1)
    lan.start(1000.0)
    assert lan.types.spoken is None
    assert len(lan.frames_to_send()) == 8
    assert lan.next_deadline() == 1001.0


def test_the_largest_packet_is_that_of_the_frame_type_or_what_fits_all() -> None:
    assert {type_: engine(type_).types.maximum_size for type_ in FrameType} == {
        II: 1500,
        RAW: 1500,
        LLC: 1497,
        SNAP: 1492,
    }
    assert engine(None).types.maximum_size == 1492
