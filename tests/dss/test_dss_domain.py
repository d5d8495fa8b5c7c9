"""Histories of a whole domain, of pure engines on a simulated clock."""

import pytest

from dss.simulated_domain import PARAMETERS, Member, World, hello, new_server, node, send, service
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Service
from nwip.dss.client_engine import SETTLE
from nwip.dss.messages import Refused


def pair(parameters: Parameters = PARAMETERS) -> tuple[Member, Member, World]:
    a, b = Member(1), Member(2)
    for number, member in ((1, a), (2, b)):
        member.engine.offer(node(number))
        member.engine.offer(service(f"S{number}"))
    return a, b, World(a, b, parameters=parameters)


def assert_complete(*members: Member) -> None:
    for member in members:
        assert member.names() == {"S1", "S2"}
        assert len(member.engine.directory) == 4


def test_what_one_node_offers_the_other_has_at_once() -> None:
    a, b, world = pair()
    assert_complete(a, b)
    a.engine.offer(service("LATE"))
    world.settle()
    assert "LATE" in b.names()


def test_a_retracted_service_goes_at_once_and_does_not_come_back() -> None:
    a, b, world = pair()
    a.engine.retract(service("S1").key)
    world.settle()
    assert b.names() == {"S2"}
    world.disconnect(b)
    world.settle()
    world.run(60)
    assert a.names() == b.names() == {"S2"}


@pytest.mark.parametrize(("lease", "renewal"), [(15.0, 5.0), (1.5, 0.5), (1.0, 0.49), (900.0, 300.0)])
def test_renewals_keep_everything_for_ever(lease: float, renewal: float) -> None:
    a, b, world = pair(Parameters(domain="sim.test", lease=lease, renewal=renewal))
    world.run(20 * lease)
    assert_complete(a, b)
    assert not a.removed()
    assert not b.removed()


def test_a_node_that_falls_silent_ages_out_everywhere_after_its_lease() -> None:
    a, b, world = pair()
    a.cut = True
    world.disconnect(a)
    world.run(9.9)
    assert "S1" in b.names()
    world.run(5.2)
    assert b.names() == {"S2"}
    assert world.server is not None
    assert len(world.server.directory) == 2


def test_a_node_that_stops_is_gone_at_once() -> None:
    a, b, world = pair()
    a.engine.leave()
    world.settle()
    assert b.names() == {"S2"}


def test_a_lost_dss_freezes_the_replicas() -> None:
    a, b, world = pair()
    world.lose_server()
    world.run(3600)
    assert_complete(a, b)


def test_a_dss_that_restarts_empty_cuts_nobody_off_and_is_complete_at_once() -> None:
    a, b, world = pair()
    world.run(7)
    world.lose_server()
    world.run(20)
    b.cut = True  # b comes back later than a
    world.restart_server()
    assert_complete(a)
    world.run(5)
    b.cut = False
    world.settle()
    world.run(100)
    assert_complete(a, b)
    assert not a.removed()
    assert not b.removed()
    assert world.server is not None
    assert len(world.server.directory) == 4


def test_who_does_not_come_back_after_a_restart_has_one_full_lease() -> None:
    a, b, world = pair()
    world.lose_server()
    b.cut = True
    world.restart_server()
    world.run(14.9)
    assert_complete(a)
    world.run(0.2)
    assert a.names() == {"S1"}


def test_what_was_retracted_while_the_dss_was_away_is_gone_after_its_restart() -> None:
    a, b, world = pair()
    world.run(SETTLE + 0.1)
    world.lose_server()
    a.engine.retract(service("S1").key)
    world.restart_server()
    assert a.names() == b.names() == {"S2"}


def test_a_restarted_node_drops_what_its_last_life_left() -> None:
    _, b, world = pair()
    again = Member(1, boot=b"2" * 16)
    again.engine.offer(node(1))
    world.disconnect(world.members[0])
    world.members[0] = again
    world.settle()
    assert b.names() == {"S1", "S2"}
    world.run(SETTLE + 0.1)
    assert b.names() == {"S2"}


def test_a_restarted_node_jumps_above_the_sequence_of_its_last_life() -> None:
    a, b, world = pair()
    again = Member(1, boot=b"2" * 16)
    again.engine.offer(service("S1", hops=7))
    world.disconnect(a)
    world.members[0] = again
    world.settle()
    assert again.engine.registration.sequence[0] > a.engine.registration.sequence[0]
    best = b.engine.directory.best(service("S1").key)
    assert best is not None
    assert isinstance(best.value, Service)
    assert best.value.hops == 7


def test_a_restarted_node_that_had_no_records_is_believed_too() -> None:
    first, second = Member(1), Member(1, boot=b"2" * 16)
    world = World(first)
    world.run(60)
    world.disconnect(first)
    world.members[0] = second
    second.engine.offer(service("NEW"))
    world.settle()
    world.run(60)
    assert second.names() == {"NEW"}
    assert not second.removed()


def test_a_node_and_a_dss_that_forget_together_are_told_apart_by_the_hint() -> None:
    _, b, world = pair()
    world.lose_server()
    again = Member(1, boot=b"2" * 16, incarnation=1_700_000_000)
    again.engine.offer(service("NEW"))
    world.members[0] = again
    world.restart_server()
    world.run(SETTLE + 0.1)
    assert b.names() == {"NEW", "S2"}


def test_a_copied_identity_raises_an_alarm_and_the_newest_wins() -> None:
    a, _, world = pair()
    copy = Member(1, boot=b"2" * 16)
    copy.engine.offer(service("COPY"))
    world.members.append(copy)
    world.run(0.01)
    assert world.server is not None
    assert "two nodes have the identity" in world.server.alarms[0]
    assert a.session is None
    assert copy.session is not None
    assert "same identity" in a.engine.failure


def test_a_node_that_reconnects_before_its_old_session_is_gone_is_no_alarm() -> None:
    server = new_server()
    first, second = server.open("10.0.0.1", 0.0), server.open("10.0.0.1", 1.0)
    send(server, first, hello(), 0.0)
    send(server, second, hello(), 1.0)
    assert not server.alarms
    assert first.closing
    assert isinstance(first.refusal, Refused)
    assert not second.closing


def test_a_dss_that_answers_nothing_is_given_up() -> None:
    a, _, world = pair()
    server, world.server = world.server, None  # keeps the sessions, delivers nothing
    world.run(13)
    assert "does not answer" in a.engine.failure
    assert server is not None


def test_a_replica_that_missed_an_owner_asks_again() -> None:
    _, b, world = pair()
    replica = b.engine.directory
    identity = world.members[0].identity
    lease = replica.lease(identity, world.now)
    assert lease is not None
    replica.heard(identity, lease.incarnation, lease.renewal, lease.lease, lease.lease, world.now)
    replica.expire(world.now)
    assert b.names() == {"S2"}
    world.run(25)
    assert b.names() == {"S1", "S2"}


def test_only_subscribed_kinds_are_told() -> None:
    a, _, world = pair()
    leaf = Member(9)
    leaf.engine._kinds = [int(Kind.NODE), int(Kind.HOST)]
    world.members.append(leaf)
    world.settle()
    a.engine.offer(service("MORE"))
    world.settle()
    assert not leaf.names()
    assert len(leaf.engine.directory) == 2
