"""DSSs among themselves: told at once, only the difference on return, digests that repair."""

import pytest

from dss.replicated_domain import Domain, Site
from dss.simulated_domain import PARAMETERS, Member, node, route, service
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Record
from nwip.dss.framing import frame
from nwip.dss.messages import VERSION, Delta, Hello, Message, Reason, encode
from nwip.dss.presence import Presence


def domain_with_member(count: int = 3) -> tuple[Domain, Member]:
    domain = Domain(count)
    member = Member(1)
    member.engine.offer(node(1))
    domain.attach(member, 0)
    return domain, member


def test_what_one_learns_all_learn_at_once() -> None:
    domain, member = domain_with_member()
    domain.offer(member, service("A"), service("B"), route(7))
    for site in domain.sites:
        assert site.names() == {"A", "B"}


def test_what_is_withdrawn_goes_everywhere_at_once() -> None:
    domain, member = domain_with_member()
    domain.offer(member, service("A"), service("B"))
    member.engine.retract(service("A").key)
    domain.settle()
    assert [site.names() for site in domain.sites] == [{"B"}] * 3


def test_renewals_keep_an_owner_alive_everywhere() -> None:
    domain, member = domain_with_member()
    domain.offer(member, service("A"))
    domain.run(10 * PARAMETERS.lease)
    assert [site.names() for site in domain.sites] == [{"A"}] * 3


def test_a_dead_owner_is_gone_everywhere_within_its_lease_and_a_second() -> None:
    domain, member = domain_with_member()
    domain.offer(member, service("A"))
    domain.detach(member)
    domain.run(PARAMETERS.lease + 1)
    assert [site.names() for site in domain.sites] == [set()] * 3


def test_an_orderly_farewell_is_told_at_once() -> None:
    domain, member = domain_with_member()
    domain.offer(member, service("A"))
    member.engine.leave()
    domain.settle()
    assert [site.names() for site in domain.sites] == [set()] * 3


def test_only_the_difference_crosses_when_a_peer_returns() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, *(service(f"S{number}") for number in range(500)))
    domain.run(6)
    domain.part(0, 1)
    domain.offer(member, service("NEW"))
    wire = domain.join(0, 1)
    domain.settle()
    assert "NEW" in domain.sites[1].names()
    assert domain.sites[1].replication.status(domain.now)[0].records_in == 1
    assert wire.octets < 1000


def test_a_withdrawal_that_was_missed_comes_with_the_difference() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, service("A"), service("B"))
    domain.part(0, 1)
    member.engine.retract(service("A").key)
    domain.settle()
    domain.join(0, 1)
    domain.settle()
    assert domain.sites[1].names() == {"B"}


def test_a_dss_that_restarts_empty_learns_everything_again() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, *(service(f"S{number}") for number in range(600)))
    domain.part(0, 1)
    domain.sites[1] = Site(1, domain.now, boot=1)
    domain.join(1, 0)
    domain.settle()
    assert domain.sites[1].sequences() == domain.sites[0].sequences()


def test_digests_find_and_repair_what_was_lost_unnoticed() -> None:
    domain, member = domain_with_member(3)
    domain.offer(member, service("A"), service("B"))
    broken = domain.sites[2].server.directory
    lost = broken.best(service("A").key)
    assert lost is not None
    broken._remove(broken._owners[member.identity], lost)
    domain.run(2 * PARAMETERS.synchronisation)
    assert domain.sites[2].names() == {"A", "B"}
    assert sum(status.repairs for site in domain.sites for status in site.replication.status(domain.now)) > 0


def test_peers_that_agree_say_little() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, *(service(f"S{number}") for number in range(1000)))
    domain.run(10)
    (wire,) = domain.wires.values()
    before = wire.octets
    domain.run(60)
    assert wire.octets - before < 60 * 100
    assert [s.agrees for s in wire.sessions] == [True, True]


def test_a_change_reaches_a_peer_through_another_when_the_straight_way_is_cut() -> None:
    domain, member = domain_with_member(3)
    domain.part(0, 2)
    domain.settle()
    domain.offer(member, service("A"))
    assert domain.sites[2].names() == {"A"}
    domain.run(5 * PARAMETERS.lease)
    assert domain.sites[2].names() == {"A"}


def test_in_a_full_mesh_nothing_is_told_twice() -> None:
    domain, member = domain_with_member(3)
    before = sum(s.records_in for w in domain.wires.values() for s in w.sessions)
    domain.offer(member, service("A"))
    assert sum(s.records_in for w in domain.wires.values() for s in w.sessions) - before == 2


def test_two_that_are_cut_off_do_not_bring_a_dead_owner_back_by_turns() -> None:
    domain, member = domain_with_member(3)
    domain.offer(member, service("A"))
    domain.detach(member)
    domain.part(0, 1)
    domain.part(0, 2)
    for _ in range(12):  # three leases
        domain.run(PARAMETERS.lease / 4)
        domain.part(1, 2)
        domain.join(1, 2)
        domain.settle()
    assert [site.names() for site in domain.sites[1:]] == [set(), set()]


def test_a_node_moves_to_another_dss_without_gap_or_double() -> None:
    domain, member = domain_with_member(3)
    watcher = Member(2)
    domain.attach(watcher, 2)
    domain.offer(member, service("A"))
    domain.attach(member, 1)
    domain.run(3 * PARAMETERS.lease)
    assert watcher.names() == {"A"}
    assert watcher.removed() == []
    assert all(len(site.server.directory.offers(service("A").key)) == 1 for site in domain.sites)
    domain.attach(member, 0)
    domain.run(3 * PARAMETERS.lease)
    assert watcher.removed() == []


def test_a_copied_disk_at_two_dss_raises_the_alarm() -> None:
    domain, _ = domain_with_member(2)
    copy = Member(1, boot=b"another boot 16!")
    domain.attach(copy, 1)
    assert any("two nodes have the identity" in alarm for alarm in domain.sites[0].server.alarms)
    assert not domain.sites[1].server.alarms


def test_copies_in_two_halves_are_found_when_the_halves_meet() -> None:
    domain, _ = domain_with_member(2)
    domain.part(0, 1)
    domain.attach(Member(1, boot=b"another boot 16!"), 1)
    domain.join(0, 1)
    domain.settle()
    assert all(site.server.alarms for site in domain.sites)


def test_a_promoted_dss_gives_everybody_its_parameters() -> None:
    domain, member = domain_with_member(3)
    domain.sites[1].server.promote()
    domain.settle()
    assert {site.server.parameters.identity for site in domain.sites} == {domain.sites[1].identity}
    assert domain.sites[1].server.is_primary
    assert not domain.sites[0].server.is_primary
    assert member.engine.parameters is not None
    assert member.engine.parameters.identity == domain.sites[1].identity


def test_two_promoted_in_a_partition_agree_when_it_heals() -> None:
    domain, _ = domain_with_member(2)
    domain.part(0, 1)
    for site in domain.sites:
        site.server.promote()
    domain.join(0, 1)
    domain.settle()
    assert domain.sites[0].server.parameters == domain.sites[1].server.parameters
    assert domain.sites[0].server.parameters.identity == max(site.identity for site in domain.sites)


def test_a_secondary_takes_the_primarys_parameters_whoever_calls() -> None:
    primary = Parameters(domain="sim.test", network=0xABC, identity=bytes([0xD0]) * 16)
    domain = Domain(2, parameters=primary)
    domain.part(0, 1)
    own = Parameters(domain="sim.test", term=0, identity=bytes([0xFF]) * 16)
    domain.sites[1] = Site(1, domain.now, parameters=own)
    domain.join(1, 0)
    domain.settle()
    assert domain.sites[1].server.parameters == primary


def test_what_only_a_disk_remembers_is_served_but_not_passed_on() -> None:
    domain, _ = domain_with_member(2)
    directory = domain.sites[1].server.directory
    assert directory.merge(Record(b"o" * 16, 1, 1, service("OLD")), domain.now)
    domain.part(0, 1)
    domain.join(0, 1)
    domain.settle()
    assert domain.sites[1].names() == {"OLD"}
    assert domain.sites[0].names() == set()


def test_a_restored_owner_that_renews_is_told_to_those_who_did_not_hear_of_it() -> None:
    domain, _ = domain_with_member(2)
    watcher = Member(2)
    domain.attach(watcher, 1)
    old = Member(3)
    old.engine.offer(service("OLD"))
    for record in old.engine.registration.records():
        domain.sites[1].server.directory.merge(record, domain.now)
    assert watcher.names() == set()
    domain.attach(old, 1)
    assert watcher.names() == {"OLD"}
    domain.run(PARAMETERS.synchronisation)
    assert domain.sites[0].names() == {"OLD"}


def test_readers_wait_until_a_dss_has_met_the_others() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, service("A"))
    domain.part(0, 1)
    domain.sites[1] = Site(1, domain.now, boot=1)
    domain.sites[1].server.hold()
    watcher = Member(2)
    domain.attach(watcher, 1)
    assert not any(type(event).__name__ == "SnapshotRead" for event in watcher.events)
    domain.join(1, 0)
    domain.settle()
    assert any(type(event).__name__ == "SnapshotRead" for event in watcher.events)
    assert watcher.names() == {"A"}
    assert not domain.sites[1].server.is_held


def test_when_both_call_one_session_stays() -> None:
    domain = Domain(2)
    domain.part(0, 1)
    first = domain.join(0, 1)
    second = domain.join(1, 0)
    domain.wires[frozenset((7, 8))] = first
    domain.settle()
    assert len(domain.sites[0].replication.peers()) == len(domain.sites[1].replication.peers()) == 1
    assert [wire.is_over for wire in (first, second)].count(True) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Hello(VERSION, "sim.test", b"n" * 16, bytes(16), "node", "x"), Reason.ROLE),
        (Hello(VERSION, "else.test", b"n" * 16, bytes(16), "dss", "x"), Reason.DOMAIN),
        (Hello(VERSION, "sim.test", b"\xd0" * 16, bytes(16), "dss", "x"), Reason.SELF),
        (Delta(), Reason.EXPECTED_HELLO),
    ],
)
def test_strangers_are_told_why(message: Message, reason: Reason) -> None:
    site = Site(0, 0.0)
    session = site.replication.open("10.0.0.9", 0.0, calling=False)
    site.replication.receive(session, frame(encode(message)), 0.0)
    assert session.refusal is not None
    assert session.refusal.reason == reason


def test_a_silent_peer_is_taken_for_lost() -> None:
    domain = Domain(2)
    (wire,) = domain.wires.values()
    domain.wires.clear()
    domain.run(PARAMETERS.lease)
    assert [session.closing for session in wire.sessions] == [True, True]


def test_forgetting_an_owner_reaches_every_dss_and_a_living_one_comes_back() -> None:
    domain, member = domain_with_member(2)
    domain.offer(member, service("A"))
    assert domain.sites[1].server.forget(member.identity, domain.now) == 2
    domain.settle()
    assert [site.names() for site in domain.sites] == [set(), set()]
    domain.run(PARAMETERS.renewal)
    domain.attach(member, 0)
    domain.run(PARAMETERS.renewal)
    assert [site.names() for site in domain.sites] == [{"A"}, {"A"}]


@pytest.mark.parametrize("known", [0, 50])
def test_a_dss_registers_itself_and_leaves_a_former_life_behind(known: int) -> None:
    domain = Domain(2)
    site = domain.sites[0]
    value = Dss(site.identity, "one", [("10.0.0.1", 396)], [("10.0.0.1", 2010)])
    if known:
        Presence(domain.sites[1].server, value, known, domain.now).advance(domain.now)
    presence = Presence(site.server, value, 1, domain.now)
    for _ in range(4):
        presence.advance(presence.next_deadline())
        domain.run(PARAMETERS.renewal)
    for other in domain.sites:
        assert other.server.directory.best(value.key) is not None
    presence.leave(domain.now)
    domain.settle()
    assert domain.sites[1].server.directory.best(value.key) is None


def test_what_goes_round_a_circle_of_dss_ends() -> None:
    domain = Domain(4)
    domain.part(0, 2)
    domain.part(1, 3)
    member = Member(1)
    member.engine.offer(service("A"))
    domain.attach(member, 0)
    domain.attach(member, 1)
    domain.run(PARAMETERS.lease)
    assert domain.members[member][0] == 1
    assert member.engine.greeted
    assert all(site.names() == {"A"} for site in domain.sites)
    assert not any(site.server.alarms for site in domain.sites)
