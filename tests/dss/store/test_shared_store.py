"""What DSSs before one store do in plain cases: who writes what, and who tells whom while it is away."""

import pytest

from dss.simulated_domain import PARAMETERS, node, service
from dss.store.shared_domain import SharedDomain, member
from dss.store.shared_seat import MEDIUM
from dss.store.simulated_store import Cloud
from nwip.directory.owners import Lease
from nwip.directory.records import Kind, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.exchange import RENEWAL_PUSH
from nwip.dss.messages import Delta
from nwip.dss.store.base import Batch
from nwip.dss.store.pending import BATCH_LIMIT
from nwip.dss.store.sharing import CHECKED, Sharing


def told_natively(world: SharedDomain) -> int:
    return sum(session.records_out for wire in world.wires.values() for session in wire.sessions)


def test_the_store_carries_and_the_sessions_between_dss_do_not() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"), service("B"))
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3
    assert {record.key for record in world.cloud.records.values()} == {
        service("A").key,
        service("B").key,
        node(1).key,
    }
    assert told_natively(world) == 0
    octets = sum(wire.octets for wire in world.wires.values())
    world.run(60.0)
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3, "renewals come by the store, too"
    beside = sum(wire.octets for wire in world.wires.values()) - octets
    digests = 3 * 2 * 60 / PARAMETERS.synchronisation
    assert beside <= 20 * digests, "they compare digests, and that is all"


def test_when_the_store_is_away_the_sessions_carry_at_once_and_then_it_is_told_everything() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    world.cloud.works = False
    world.settle()
    world.offer(alice, service("B"))
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3
    world.run(5 * PARAMETERS.lease)
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3
    assert service("B").key not in {record.key for record in world.cloud.records.values()}
    world.cloud.works = True
    world.settle()
    assert service("B").key in {record.key for record in world.cloud.records.values()}


def test_one_that_is_cut_from_the_store_hears_it_from_the_others_and_tells_them() -> None:
    world = SharedDomain(3)
    alice, bob = member(1), member(2)
    world.attach(alice, 0)
    world.attach(bob, 2)
    world.seats[2].reaches = False
    world.settle()
    world.offer(alice, service("A"))
    world.offer(bob, service("B"))
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3
    assert service("B").key in {record.key for record in world.cloud.records.values()}, "others write it"
    world.run(3 * PARAMETERS.lease)
    assert [site.names() for site in world.sites] == [{"A", "B"}] * 3


def test_without_sessions_between_them_the_store_is_enough() -> None:
    world = SharedDomain(3)
    for pair in ((0, 1), (0, 2), (1, 2)):
        world.part(*pair)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"), service("B"))
    alice.engine.retract(service("B").key)
    world.settle()
    assert [site.names() for site in world.sites] == [{"A"}] * 3
    world.run(3 * PARAMETERS.lease)
    assert [site.names() for site in world.sites] == [{"A"}] * 3
    alice.engine.leave()
    world.settle()
    assert [site.names() for site in world.sites] == [set()] * 3
    assert all(site.server.directory.has_left(alice.identity) for site in world.sites)
    assert world.cloud.records == {}
    assert world.cloud.leases == {}


def test_who_dies_is_gone_from_the_store_with_its_lease() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    world.detach(alice)
    world.run(PARAMETERS.lease - 1)
    assert [site.names() for site in world.sites] == [{"A"}] * 3
    world.run(3.0)
    assert [site.names() for site in world.sites] == [set()] * 3
    assert world.cloud.leases == {}
    assert world.cloud.records == {}


def test_a_node_that_moves_is_written_by_the_dss_that_hears_it() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    assert [alice.identity in seat.sharing.ours for seat in world.seats] == [True, False, False]
    world.attach(alice, 1)
    world.run(RENEWAL_PUSH + 0.1)
    assert [alice.identity in seat.sharing.ours for seat in world.seats] == [False, True, False]
    assert world.cloud.leases[alice.identity][1] == 1
    assert [site.names() for site in world.sites] == [{"A"}] * 3


def test_a_dss_that_comes_new_holds_at_once_what_the_store_holds() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, *(service(f"S{number}") for number in range(600)))
    world.restart(2)
    assert len(world.sites[2].names()) == 600
    assert alice.identity in world.sites[2].server.directory.heard_owners()


def test_what_a_store_lost_is_written_anew_by_who_hears_it() -> None:
    world = SharedDomain(3)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    world.cloud.end(alice.identity)
    world.settle()
    assert service("A").key in {record.key for record in world.cloud.records.values()}
    world.run(PARAMETERS.renewal + RENEWAL_PUSH + 0.1)
    assert [site.names() for site in world.sites] == [{"A"}] * 3


def test_what_an_import_brought_is_written_once_its_owner_is_there() -> None:
    world = SharedDomain(2)
    alice = member(1)
    alice.engine.offer(service("A"))
    world.attach(alice, 0)
    records = alice.engine.registration.records()
    world.restart(0)
    world.cloud = Cloud()
    world.seats[0].heard = world.seats[1].heard = None
    world.run(3 * PARAMETERS.lease)
    for record in records:
        world.sites[0].server.directory.merge(record, world.now)
    world.attach(alice, 0)
    assert alice.engine.registration.records() == records, "it tells what is known"
    world.run(RENEWAL_PUSH + 0.1)
    assert sorted(world.cloud.records.values(), key=str) == sorted(records, key=str)
    assert world.sites[1].names() == {"A"}


def test_nothing_is_remembered_of_owners_that_others_write_or_that_are_gone() -> None:
    world = SharedDomain(2)
    for number in range(1, 9):
        guest = member(number)
        world.attach(guest, 0)
        world.offer(guest, service(f"S{number}"))
        if number % 2:
            world.attach(guest, 1)
        else:
            guest.engine.leave()
        world.settle()
        world.run(2.0)
    world.run(2 * PARAMETERS.lease)
    sharing = world.seats[0].sharing
    sharing.sweep()
    tables = (sharing._ours, sharing._floors, sharing._held, sharing.missed, sharing._ended)
    assert [len(table) for table in tables] == [0] * 5
    assert not sharing.wanted


def test_what_was_lost_in_the_store_unnoticed_comes_back() -> None:
    world = SharedDomain(2, checked=CHECKED)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"), service("B"))
    world.run(2.0)  # by then nothing is left to be asked for
    del world.cloud.records[alice.identity, service("A").key]  # and nobody is told
    world.run(2.0)
    assert {record.key for record in world.cloud.records.values()} == {
        service("A").key,
        service("B").key,
        node(1).key,
    }


def test_a_dss_looks_after_owners_in_turn_and_not_after_all_at_once() -> None:
    world = SharedDomain(1)
    guests = [member(number) for number in range(1, 6)]
    for guest in guests:
        world.attach(guest, 0)
        world.offer(guest, *(service(f"S{number}") for number in range(4)))
    world.run(2.0)
    sharing = Sharing(world.sites[0].server, checked=12)
    sharing._ours = dict.fromkeys((guest.identity for guest in guests), (0, 0))
    turns = []
    for _ in range(5):
        sharing.sweep()
        turns.append(len(sharing.ask(8)))
        assert not sharing.missed
    assert turns == [2] * 5, "of two owners there are at least 12 places"
    asked: set[bytes] = set()
    for _ in range(3):
        sharing.sweep()
        asked |= {*sharing.ask(8)}
    assert asked == {guest.identity for guest in guests}


def test_a_store_that_was_built_anew_is_filled_from_memory() -> None:
    world = SharedDomain(2)
    world.part(0, 1)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    world.cloud = Cloud()
    for seat in world.seats:
        seat.heard = None
    world.settle()
    assert alice.identity in world.cloud.leases
    assert {record.key for record in world.cloud.records.values()} == {service("A").key, node(1).key}
    assert world.cloud.parameters == world.sites[0].server.parameters
    world.restart(1)
    assert world.sites[1].names() == {"A"}


def test_the_sequence_decides_and_not_the_order_of_writes() -> None:
    world = SharedDomain(2)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A", hops=1))
    old = next(record for record in world.cloud.records.values() if record.key == service("A").key)
    world.offer(alice, service("A", hops=2))
    world.offer(alice, service("B"))
    gone = next(record for record in world.cloud.records.values() if record.key == service("B").key)
    alice.engine.retract(service("B").key)
    world.settle()
    world.cloud.save(1, Batch(records=[old, gone]), world.now)
    world.settle()
    standing = {record.key: record for record in world.cloud.records.values()}
    assert standing[service("A").key].value == service("A", hops=2)
    assert service("B").key not in standing
    assert [site.names() for site in world.sites] == [{"A"}] * 2


def test_what_comes_from_outside_of_the_cluster_is_written_by_who_hears_it() -> None:
    world = SharedDomain(2)
    outsider, lease = b"o" * 16, Lease(b"n" * 16, 1, 1, 15.0, 0.0)
    record = Record(b"n" * 16, 1, 1, service("A"))
    world.sites[0].server.take_in(Delta([lease], [record]), outsider, world.now)
    world.settle()
    assert [site.names() for site in world.sites] == [{"A"}] * 2
    assert record in world.cloud.records.values()
    gone = Withdrawal(b"n" * 16, 1, 2, service("A").key)
    world.sites[0].server.take_in(Delta(withdrawals=[gone]), outsider, world.now)
    world.settle()
    assert [site.names() for site in world.sites] == [set()] * 2
    assert record not in world.cloud.records.values()


def test_the_first_parameters_of_the_highest_rank_stand_everywhere() -> None:
    world = SharedDomain(2)
    for pair in ((0, 1),):
        world.part(*pair)
    world.sites[1].server.promote()
    world.settle()
    assert world.cloud.parameters == world.sites[0].server.parameters == world.sites[1].server.parameters
    higher = world.sites[0].server.parameters
    world.cloud.save(1, Batch(parameters=PARAMETERS), world.now)
    world.settle()
    assert world.cloud.parameters == higher, "a late write of older ones is mended"


@pytest.mark.parametrize("count", [1, 3])
def test_a_dss_names_the_store_among_its_neighbours_only_while_it_works(count: int) -> None:
    world = SharedDomain(3)
    sessions = [session for wire in world.wires.values() for session in wire.sessions]
    assert all(MEDIUM in session.neighbours for session in sessions)
    for seat in world.seats[:count]:
        seat.reaches = False
    world.settle()
    naming = sum(MEDIUM in session.neighbours for session in sessions)
    assert naming == 2 * (3 - count)


def test_an_owner_told_of_while_this_dss_took_it_for_dead_comes_with_its_records() -> None:
    world = SharedDomain(2)
    world.part(0, 1)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    world.seats[1].late = world.now + 2 * PARAMETERS.lease
    world.run(1.5 * PARAMETERS.lease)
    assert world.sites[1].names() == set()
    world.run(PARAMETERS.lease)
    assert world.sites[1].names() == {"A"}
    held = [record for kind in Kind for record in world.sites[1].server.directory.records(kind)]
    assert len(held) == 2


def test_a_newer_value_is_written_in_place_of_one_that_waited() -> None:
    world = SharedDomain(2)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A", hops=1))
    old = next(record for record in world.cloud.records.values() if record.key == service("A").key)
    world.offer(alice, service("A", hops=2))
    sharing = world.seats[0].sharing
    sharing._pending.changed(old)  # as a look that had begun before would
    batch = sharing.take()
    assert [record.value for record in batch.records] == [service("A", hops=2)]
    assert not batch.removed


def test_what_another_has_deleted_of_an_owner_is_looked_for_by_who_hears_it() -> None:
    world = SharedDomain(2)
    alice = member(1)
    world.attach(alice, 0)
    world.offer(alice, service("A"))
    del world.cloud.records[alice.identity, service("A").key]
    world.cloud.tale.append((1, Batch(lacking={alice.identity})))
    world.settle()
    assert (alice.identity, service("A").key) in world.cloud.records


def test_what_a_peer_at_the_store_tells_is_for_that_peer_to_write() -> None:
    world = SharedDomain(2)
    alice = member(1)
    world.attach(alice, 0)
    world.seats[1].late = world.now + 30.0
    world.offer(alice, service("A"))
    world.run(3 * PARAMETERS.synchronisation)
    assert world.sites[1].names() == {"A"}, "told by a comparison"
    assert alice.identity not in world.seats[1].sharing.ours


def test_a_floor_is_written_behind_the_records_above_it() -> None:
    world = SharedDomain(1)
    sharing, exchange = world.seats[0].sharing, world.sites[0].server
    owner, count = b"O" * 16, BATCH_LIMIT + 2
    records = [Record(owner, 1, number + 5, service(f"S{number}")) for number in range(count)]
    exchange.take_in(Delta([Lease(owner, 1, 1, 15.0, 0.0)], records), b"P" * 16, world.now)
    exchange.take_in(Delta([Lease(owner, 1, 2, 15.0, 0.0, 1, 5)]), b"P" * 16, world.now)
    batches = [sharing.take(), sharing.take(), sharing.take()]
    assert [len(batch.records) for batch in batches] == [BATCH_LIMIT, 2, 0]
    assert [[lease.floor_counter for lease in batch.leases] for batch in batches] == [[0], [0], [5]]
    assert not sharing.wanted


def test_what_is_told_with_a_floor_never_vanishes_under_it() -> None:
    world = SharedDomain(1)
    sharing, exchange = world.seats[0].sharing, world.sites[0].server
    owner, count = b"O" * 16, 600
    gone: list[str] = []
    exchange.removal_listeners.append(lambda changes: gone.extend(str(change.record) for change in changes))
    for life in (1, 2):
        records = [Record(owner, life, number + 1, service(f"S{number}")) for number in range(count)]
        batch = Batch(leases=[Lease(owner, life, 1, 15.0, 0.0, life, 1)], records=records)
        for _ in sharing.told(batch, world.now):
            pass
    assert len(world.sites[0].names()) == count
    assert not gone
