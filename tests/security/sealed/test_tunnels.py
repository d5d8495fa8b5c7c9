"""Tunnels between two nodes on a wire in simulated time: they come up, last, move and end."""

import gc
from itertools import pairwise

import pytest

from fixtures.sealed_wire import Datagram, Route, Station, Wire, packet, unreliable
from nwip.security.sealed.initiating import Attempt
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import (
    GIVE_UP_AFTER,
    KEEPALIVE_AFTER,
    MOST_QUEUED,
    PERSISTENT_AFTER,
    REJECT_AFTER,
    REKEY_AFTER,
    RETRY_AFTER,
)

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4


def kinds(wire: Wire, station: Station | None = None) -> list[int]:
    """Return the types of what passed, or of what one station sent."""
    return [data[0] for source, _, data in wire.passed if station is None or source == station.endpoint]


def open_tunnel(wire: Wire, one: Station, other: Station) -> None:
    one.send(other, packet())
    wire.run(0.1)
    other.send(one, packet())
    wire.run(0.1)
    assert one.got
    assert other.got
    for station in (one, other):
        station.got.clear()
    wire.passed.clear()


def test_the_first_packet_waits_for_one_round_trip_and_then_all_go_at_once() -> None:
    wire = Wire()
    one, other = wire.two()
    one.send(other, packet(mark=1), packet(mark=2))
    wire.run(1)
    assert other.got == [(one.public, packet(mark=1)), (one.public, packet(mark=2))]
    assert [len(datagram.data) for datagram in wire.passed] == [141, 92, 92, 92]
    other.send(one, packet(mark=3))
    one.send(other, packet(mark=4))
    wire.run(1)
    assert one.got == [(other.public, packet(mark=3))]
    assert other.marks() == [1, 2, 4]
    assert kinds(wire) == [INITIATION, RESPONSE, DATA, DATA, DATA, DATA]


def test_nothing_of_a_packet_or_a_name_is_to_be_seen_on_the_wire() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    one.send(other, b"\xff\xff" + b"secret" * 10)
    for datagram in wire.passed:
        assert b"secret" not in datagram.data
        assert one.public not in datagram.data


@pytest.mark.parametrize("hosts", [("192.0.2.1", "2001:db8::2"), ("2001:db8::1", "2001:db8::2")])
def test_addresses_of_either_version_will_do(hosts: tuple[str, str]) -> None:
    wire = Wire()
    one, other = (wire.station(host) for host in hosts)
    one.know(other)
    other.know(one)
    open_tunnel(wire, one, other)


def test_a_lost_initiation_is_sent_again_after_five_seconds_with_another_ephemeral_key() -> None:
    wire = Wire()
    one, other = wire.two()
    wire.route = lambda _: []
    one.send(other, packet(mark=1))
    wire.run(RETRY_AFTER - 0.1)
    assert kinds(wire) == [INITIATION]
    wire.route = lambda datagram: [(0.01, datagram)]
    wire.run(1)
    assert kinds(wire)[:2] == [INITIATION, INITIATION]
    assert wire.passed[0].data[8:40] != wire.passed[1].data[8:40]
    assert other.marks() == [1]


def test_who_does_not_answer_is_given_up_after_90_seconds_and_tried_again_for_the_next_packet() -> None:
    wire = Wire()
    one, other = wire.two()
    wire.route = lambda _: []
    one.send(other, packet(mark=1))
    wire.run(GIVE_UP_AFTER + 10)
    tries = kinds(wire).count(INITIATION)
    assert GIVE_UP_AFTER / (RETRY_AFTER + 0.5) <= tries <= GIVE_UP_AFTER / RETRY_AFTER + 1
    wire.run(1000)
    assert kinds(wire).count(INITIATION) == tries
    assert one.engine.next_deadline() is None
    wire.route = lambda datagram: [(0.01, datagram)]
    one.send(other, packet(mark=2))
    wire.run(1)
    assert other.marks() == [2]


def test_of_the_packets_that_wait_the_latest_sixteen_are_kept() -> None:
    wire = Wire()
    one, other = wire.two()
    for mark in range(40):
        one.send(other, packet(mark=mark))
    one.send(other, *(packet(mark=mark) for mark in range(40, 50)))
    wire.run(1)
    assert other.marks() == list(range(50 - MOST_QUEUED, 50))
    assert one.tunnels.refused["queue full"] == 50 - MOST_QUEUED


def test_both_may_begin_at_once_and_then_use_one_session() -> None:
    wire = Wire()
    one, other = wire.two()
    for start in (one, other):
        start.send(other if start is one else one, packet(mark=1))
    wire.run(1)
    for mark in range(2, 300):
        one.send(other, packet(mark=mark))
        other.send(one, packet(mark=mark))
        wire.run(1)
    assert one.marks() == other.marks() == list(range(1, 300))
    began = [
        len([d for d in wire.passed if d.data[0] == INITIATION and d.source == s.endpoint])
        for s in (one, other)
    ]
    assert sorted(began) == [1, 3]  # one each at the beginning, then at 120 and 240 seconds from one side


def test_keys_change_after_120_seconds_and_no_packet_is_lost_by_it() -> None:
    wire = Wire()
    one, other = wire.two()
    wire.route = unreliable(1, loss=0.0, repeat=0.0, delay=0.5)
    for mark in range(6000):
        one.send(other, packet(mark=mark))
        if mark > 100:
            other.send(one, packet(mark=mark))
        wire.run(0.1)
    wire.run(1)
    assert sorted(other.marks()) == list(range(6000))
    assert sorted(one.marks()) == list(range(101, 6000))
    assert kinds(wire, one).count(INITIATION) == 600 // REKEY_AFTER
    assert kinds(wire, other).count(INITIATION) == 0


def test_who_only_listens_gets_new_keys_too() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    for mark in range(1000):
        other.send(one, packet(mark=mark))
        wire.run(1)
    assert one.marks() == list(range(1000))
    assert kinds(wire, other).count(INITIATION) == 0


def sessions_and_attempts() -> int:
    """Count all that hold keys."""
    gc.collect()
    return sum(isinstance(kept, Session | Attempt) for kept in gc.get_objects())


def test_a_session_without_traffic_ends_after_180_seconds_and_its_keys_are_gone() -> None:
    before = sessions_and_attempts()
    wire = Wire()
    one, other = wire.two()
    ended: list[bytes] = []
    one.engine.ended = lambda public, _now: ended.append(public)
    open_tunnel(wire, one, other)
    wire.run(REJECT_AFTER + 1)
    assert ended == [other.public]
    assert not one.tunnels.is_open(other.public, one.now())
    assert one.engine.next_deadline() is None
    assert one.tunnels._indices.sessions == {}
    assert sessions_and_attempts() == before


def test_packets_to_whom_nobody_knows_leave_nothing_behind() -> None:
    wire = Wire()
    one, other = wire.station("192.0.2.1"), wire.station("192.0.2.2")
    one.send(other, packet(), packet(1500))
    assert wire.passed == []
    assert one.tunnels.refused["no such peer"] == 2
    assert one.engine._flows == {}
    one.send(other)
    one.know(other)
    one.send(other)
    assert wire.passed == []


def test_nothing_is_taken_under_keys_that_are_180_seconds_old() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    (late,) = one.engine.send(other.public, [packet(mark=1)], one.now()).datagrams
    wire.now += REJECT_AFTER  # before any timer has had its turn
    assert other.take(late, one.endpoint) == []
    assert wire.passed == []


def test_who_gets_packets_and_has_none_says_within_ten_seconds_that_it_is_there_and_no_more() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    wire.run(60)
    wire.passed.clear()
    one.send(other, packet())
    wire.run(KEEPALIVE_AFTER - 1)
    assert kinds(wire, other) == []
    wire.run(2)
    assert [len(d.data) for d in wire.passed if d.source == other.endpoint] == [32]
    wire.run(30)
    assert len(wire.passed) == 2


def test_who_sends_and_hears_nothing_shakes_hands_anew_after_15_seconds() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    other.tunnels.forget(one.public, other.now())  # as after a restart
    other.know(one)
    one.send(other, packet(mark=1))
    wire.run(14)
    assert kinds(wire) == [DATA]
    wire.run(3)
    assert INITIATION in kinds(wire)
    one.send(other, packet(mark=2))
    wire.run(1)
    assert other.marks() == [2]


def test_a_tunnel_that_is_kept_open_speaks_every_25_seconds_and_comes_up_by_itself() -> None:
    wire = Wire()
    one, other = wire.two()
    one.know()
    one.tunnels.keep_open({other.public}, one.now())
    wire.run(1)
    assert wire.passed == []
    one.know(other)
    wire.run(1000)
    assert one.tunnels.is_open(other.public, one.now())
    times = kinds(wire, one).count(DATA)
    assert 1000 / PERSISTENT_AFTER - 10 <= times <= 1000 / PERSISTENT_AFTER + 10
    silence = 0.0
    wire.passed.clear()
    while not kinds(wire, one):
        wire.run(1)
        silence += 1
    assert silence <= PERSISTENT_AFTER + 1
    wire.route = lambda _: []
    wire.run(1000)
    wire.route = lambda datagram: [(0.01, datagram)]
    wire.run(6)
    assert one.tunnels.is_open(other.public, one.now())


def behind(moved: Station, seen_as: tuple[str, int]) -> Route:
    """Return a NAT: what a station sends comes from elsewhere, and what goes there reaches it."""

    def route(datagram: Datagram) -> list[tuple[float, Datagram]]:
        source, destination, data = datagram
        if source == moved.endpoint:
            source = seen_as
        if destination == moved.endpoint:
            return []
        if destination == seen_as:
            destination = moved.endpoint
        return [(0.01, Datagram(source, destination, data))]

    return route


def test_a_node_that_moves_is_followed_by_what_it_sends() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    wire.route = behind(one, ("203.0.113.9", 5555))
    one.send(other, packet(mark=1))
    wire.run(1)
    assert other.tunnels.address_of(one.public) == ("203.0.113.9", 5555)
    other.send(one, packet(mark=2))
    wire.run(1)
    assert one.marks() == [2]
    wire.route = behind(one, ("2001:db8::9", 7777))
    one.send(other, packet(mark=3))
    wire.run(1)
    assert other.tunnels.address_of(one.public) == ("2001:db8::9", 7777)


def test_a_late_datagram_from_the_old_address_does_not_move_the_node_back() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    late = one.engine.send(other.public, [packet(mark=1)], one.now()).datagrams[0]
    wire.route = behind(one, ("203.0.113.9", 5555))
    one.send(other, packet(mark=2))
    wire.run(1)
    assert other.take(late, one.endpoint) == [packet(mark=1)]
    assert other.tunnels.address_of(one.public) == ("203.0.113.9", 5555)


def test_a_datagram_of_an_older_session_does_not_move_the_node_back() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    late = one.engine.send(other.public, [packet(mark=1)], one.now()).datagrams[0]
    wire.run(REKEY_AFTER)
    one.send(other, packet())
    wire.run(1)
    one.send(other, packet())
    wire.run(1)
    assert other.take(late, ("198.51.100.1", 1)) == [packet(mark=1)]
    assert other.tunnels.address_of(one.public) == one.endpoint


def test_a_node_that_does_not_answer_where_it_was_heard_last_is_looked_for_at_its_home() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    wire.route = behind(one, ("203.0.113.9", 5555))
    one.send(other, packet())
    wire.run(1)
    wire.route = lambda _: []
    wire.run(REJECT_AFTER)
    other.send(one, packet(mark=9))
    wire.route = lambda datagram: [(0.01, datagram)]
    wire.run(RETRY_AFTER + 1)
    assert one.marks() == [9]


def test_a_node_is_called_first_where_it_was_heard_last() -> None:
    wire = Wire()
    one, other = wire.two()
    for _ in range(3):
        wire.route = lambda datagram: [(0.01, datagram)]
        wire.run(REJECT_AFTER + 10)
        other.send(one, packet(mark=1))
        wire.run(1)
        wire.route = behind(one, ("203.0.113.9", 5555))
        one.send(other, packet())
        wire.run(1)
        wire.route = lambda _: []
        wire.run(REJECT_AFTER + 10)
        wire.passed.clear()
        other.send(one, packet())
        assert [datagram.destination for datagram in wire.passed] == [("203.0.113.9", 5555)]
        wire.run(GIVE_UP_AFTER + 10)


def test_the_first_packets_go_to_where_the_answer_came_from() -> None:
    wire = Wire()
    one, other = wire.two()
    wire.route = behind(other, ("203.0.113.9", 5555))
    one.engine.know({other.public: ("203.0.113.9", 5555)}, one.now())
    one.send(other, packet(mark=1))
    wire.route = behind(other, ("203.0.113.9", 6666))
    wire.run(1)
    assert [datagram.destination for datagram in wire.passed if datagram.source == one.endpoint] == [
        ("203.0.113.9", 5555),
        ("203.0.113.9", 6666),
    ]


def test_two_who_began_at_once_do_not_stay_in_step() -> None:
    wire = Wire()
    one, other = wire.two()
    times: dict[tuple[str, int], list[float]] = {one.endpoint: [], other.endpoint: []}

    def lose(datagram: Datagram) -> list[tuple[float, Datagram]]:
        times[datagram.source].append(wire.now)
        return []

    wire.route = lose
    one.send(other, packet())
    other.send(one, packet())
    wire.run(60)
    gaps = [later - before for series in times.values() for before, later in pairwise(series)]
    assert min(gaps) >= RETRY_AFTER
    assert max(gaps) <= RETRY_AFTER + 0.34
    assert max(gaps) - min(gaps) > 0.1


def test_an_answer_of_one_who_is_no_member_any_more_is_not_taken() -> None:
    wire = Wire()
    one, other = wire.two()
    one.send(other, packet())
    one.members = wire.members - {other.public}
    wire.run(0.1)
    assert kinds(wire) == [INITIATION, RESPONSE]
    assert not one.tunnels.is_open(other.public, one.now())


def test_nothing_is_sent_to_one_who_is_no_member_any_more_and_the_tunnel_ends() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    one.members = wire.members - {other.public}
    one.send(other, packet())
    assert wire.passed == []
    assert one.tunnels.refused["not a member"] == 1
    wire.run(KEEPALIVE_AFTER)
    assert not one.tunnels.is_open(other.public, one.now())
    assert kinds(wire, one) == []


def test_a_node_does_not_call_itself() -> None:
    wire = Wire()
    one, _ = wire.two()
    one.know(one)
    one.send(one, packet())
    assert wire.passed == []


def test_a_tunnel_to_a_peer_of_no_address_costs_no_time() -> None:
    wire = Wire()
    one, other = wire.two()
    other.know()
    open_tunnel(wire, one, other)
    wire.run(REJECT_AFTER + 1)
    peer = other.tunnels._peers.get(one.public)
    assert peer is not None
    peer.address = None
    other.tunnels.keep_open({one.public}, other.now())
    other.engine.advance(other.now())
    assert other.engine.next_deadline() is None


def test_the_clocks_of_nodes_need_not_agree_and_may_jump() -> None:
    wire = Wire()
    one, other = wire.station("192.0.2.1", started=1e9), wire.station("192.0.2.2")
    one.know(other)
    other.know(one)
    open_tunnel(wire, one, other)
    one.started += 3600.0  # suspended: all that was due is due at once
    one.engine.advance(one.now())
    one.flush()
    for mark in range(5):
        one.send(other, packet(mark=mark))
        wire.run(1)
    assert other.marks() == list(range(5))


def test_the_secret_may_be_that_of_the_epoch_before() -> None:
    wire = Wire()
    one, other = wire.two()
    other.secrets.known[2] = b"2" * 32
    open_tunnel(wire, one, other)
    one.secrets.known[2] = b"2" * 32
    wire.run(200)
    one.send(other, packet(mark=1))
    wire.run(1)
    assert other.marks() == [1]


def test_without_the_secret_of_the_domain_there_is_no_tunnel() -> None:
    wire = Wire()
    one, other = wire.two()
    other.secrets.known = {2: b"2" * 32}
    one.send(other, packet())
    wire.run(1)
    assert kinds(wire) == [INITIATION]
    other.secrets.known = {1: b"x" * 32}
    wire.run(10)
    assert set(kinds(wire)) == {INITIATION, RESPONSE}
    assert other.got == []
    one.secrets.known = {}
    wire.passed.clear()
    wire.run(10)
    assert wire.passed == []
    one.secrets.known = other.secrets.known
    wire.run(6)
    assert len(other.got) == 1


def test_a_member_that_the_directory_does_not_name_yet_may_begin() -> None:
    wire = Wire()
    one, other = wire.station("192.0.2.1"), wire.station("192.0.2.2")
    one.know(other)
    open_tunnel(wire, one, other)


@pytest.mark.parametrize("tell", [True, False])
def test_a_node_that_is_no_member_any_more_is_heard_and_told_nothing_from_then_on(*, tell: bool) -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    sealed = one.engine.send(other.public, [packet(mark=1)], one.now()).datagrams[0]
    back = other.engine.send(one.public, [packet(mark=2)], other.now()).datagrams[0]
    wire.members.discard(one.public)
    if tell:
        other.engine.forget(one.public, other.now())
    assert other.take(sealed, one.endpoint) == []
    other.send(one, packet())
    assert wire.passed == []
    assert not other.tunnels.is_open(one.public, other.now())
    assert one.take(back, other.endpoint) == [packet(mark=2)]  # nobody has told it
    wire.run(0.5)
    wire.passed.clear()
    other.know(one)
    one.tunnels.forget(other.public, one.now())
    one.know(other)
    one.send(other, packet(mark=3))
    wire.run(100)
    assert kinds(wire, other) == []
    assert other.got == []


def test_what_is_pending_of_a_node_that_is_forgotten_is_gone_too() -> None:
    wire = Wire()
    one, other = wire.two()
    one.send(other, packet(mark=1))
    wire.run(0.015)
    assert len(other.tunnels._handshakes.answerer) == 1
    other.engine.forget(one.public, other.now())
    wire.run(0.1)
    assert other.got == []
    assert len(other.tunnels._handshakes.answerer) == 0
    assert other.tunnels._indices.sessions == {}


def test_large_packets_go_in_parts_until_the_path_is_known_to_carry_them() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    one.send(other, packet(1430, 1))
    wire.run(1)
    assert other.got == [(one.public, packet(1430, 1))]
    assert max(len(d.data) for d in wire.passed if len(d.data) != 1472) <= 1232
    wire.passed.clear()
    one.send(other, packet(1440, 2), packet(1441, 3))
    wire.run(1)
    assert other.got[1:] == [(one.public, packet(1440, 2)), (one.public, packet(1441, 3))]
    assert sorted(len(d.data) for d in wire.passed) == [757, 758, 1472]


def test_nothing_larger_than_the_path_carries_is_lost_for_long() -> None:
    wire = Wire()
    one, other = wire.two()
    wire.route = lambda datagram: [(0.01, datagram)] if len(datagram.data) <= 1400 else []
    for mark in range(200):
        one.send(other, packet(1500, mark))
        wire.run(0.5)
    assert other.marks() == list(range(200))
    assert max(len(d.data) for d in wire.passed[-10:]) > 700
    assert one.engine._flows[other.public].path.size == 1392
    wire.route = lambda datagram: [(0.01, datagram)] if len(datagram.data) <= 1300 else []
    one.engine.too_large(other.public, one.now())
    one.send(other, packet(1232, 999))
    wire.run(1)
    assert other.marks()[-1] == 999


def test_the_path_to_a_node_that_has_moved_is_another_one() -> None:
    wire = Wire()
    one, other = wire.two()
    open_tunnel(wire, one, other)
    one.send(other, packet(1440))
    wire.run(1)
    assert one.engine._flows[other.public].path.size == 1472
    wire.route = behind(other, ("203.0.113.9", 5555))
    other.send(one, packet())
    wire.run(1)
    wire.passed.clear()
    one.send(other, packet(1440))
    assert sorted(len(datagram.data) for datagram in wire.passed) == [757, 757, 1472]
