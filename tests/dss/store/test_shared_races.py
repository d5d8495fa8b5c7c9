"""What crosses on its way between DSSs and their store: the later word stands, whatever comes first."""

from dss.simulated_domain import PARAMETERS, Member, service
from dss.store.shared_domain import SharedDomain, member
from nwip.directory.owners import Lease
from nwip.directory.records import Record
from nwip.directory.tombstones import TOMBSTONE_TIME, Withdrawal
from nwip.dss.exchange import RENEWAL_PUSH
from nwip.dss.messages import Delta
from nwip.dss.store.base import Batch
from nwip.dss.store.sharing import ENDED_LIMIT

OWNER = b"O" * 16
PEER = b"P" * 16
STONE_SPARE = 60.0  # seconds


def with_alice(*names: str) -> tuple[SharedDomain, Member]:
    """Two DSSs, and a node at the first of them."""
    world, alice = SharedDomain(2), member(1)
    world.attach(alice, 0)
    world.offer(alice, *map(service, names))
    return world, alice


def test_what_is_deleted_while_the_store_is_asked_is_asked_for_anew() -> None:
    world, alice = with_alice("A")
    sharing = world.seats[0].sharing
    sharing.missed[alice.identity] = None
    assert sharing.ask(8) == [alice.identity]
    answer = world.cloud.owned(alice.identity)
    world.cloud.write(1, Batch(removed=[(alice.identity, service("A").key)]), world.now)
    world.seats[0].heard = len(world.cloud.tale)
    for _ in sharing.told(world.cloud.tale[-1][1], world.now):
        pass
    for _ in sharing.answered(alice.identity, answer, world.now):
        pass
    world.settle()
    assert (alice.identity, service("A").key) in world.cloud.records


def test_a_withdrawal_that_comes_late_deletes_nothing_that_came_after_it() -> None:
    world, alice = with_alice("A")
    sequence = world.cloud.records[alice.identity, service("A").key].sequence
    late = Withdrawal(alice.identity, sequence[0], sequence[1] - 1, service("A").key)
    world.sites[0].server.take_in(Delta(withdrawals=[late]), PEER, world.now)
    assert world.seats[0].sharing.wanted
    world.settle()
    assert (alice.identity, service("A").key) in world.cloud.records
    assert [site.names() for site in world.sites] == [{"A"}] * 2


def test_what_was_to_be_deleted_of_an_owner_stays_when_another_dss_writes_it_by_then() -> None:
    world, alice = with_alice("A", "B")
    sharing = world.seats[0].sharing
    alice.engine.retract(service("A").key)
    super(SharedDomain, world).settle()  # the DSS has heard it, and has not written yet
    assert sharing.wanted
    newer = Lease(alice.identity, 1, 99, PARAMETERS.lease, 0.0)
    for _ in sharing.told(Batch(leases=[newer]), world.now):
        pass
    for _ in range(2):
        batch = sharing.take()
        assert batch.removed == []
        assert [gone.key for gone in batch.withdrawals] == [service("A").key], "it is told all the same"
        sharing.put_back(batch)


def test_a_floor_waits_again_when_what_stands_above_it_was_not_written() -> None:
    world = SharedDomain(1)
    sharing, exchange = world.seats[0].sharing, world.sites[0].server
    lease = Lease(OWNER, 1, 1, 15.0, 0.0, 1, 2)
    exchange.take_in(Delta([lease], [Record(OWNER, 1, 2, service("A"))]), PEER, world.now)
    for _ in range(3):
        batch = sharing.take()
        assert [record.key for record in batch.records] == [service("A").key]
        assert [one.floor_counter for one in batch.leases] == [0]
        sharing.put_back(batch)
    sharing.take()
    assert [one.floor_counter for one in sharing.take().leases] == [2]


def test_who_has_written_a_lease_last_ends_it_whoever_has_heard_the_owner() -> None:
    world, alice = with_alice("A")
    world.run(2 * RENEWAL_PUSH)
    lease, writer = world.cloud.leases[alice.identity]
    assert writer == 0
    world.cloud.write(1, Batch(leases=[lease]), world.now)  # as both do that heard it in an outage
    world.settle()
    world.detach(alice)
    world.run(PARAMETERS.lease + 3.0)
    assert [site.names() for site in world.sites] == [set()] * 2
    assert world.cloud.leases == {}
    assert world.cloud.records == {}


def test_a_farewell_is_written_whatever_else_is_removed_with_it() -> None:
    world, alice = with_alice("A", "B")
    alice.engine.leave()
    world.settle()
    assert all(site.server.directory.has_left(alice.identity) for site in world.sites)
    told = [lease for _, batch in world.cloud.tale for lease in batch.leases]
    assert told[-1].age >= told[-1].lease
    assert world.cloud.leases == {}


def test_while_the_store_is_away_nothing_grows_with_nodes_that_come_and_go() -> None:
    world = SharedDomain(2)
    world.cloud.works = False
    world.settle()
    sharing = world.seats[0].sharing
    for number in range(1, 9):
        guest = member(number)
        world.attach(guest, 0)
        world.offer(guest, service("A"), service("B"))
        guest.engine.retract(service("B").key)
        if number % 2:
            guest.engine.leave()
        world.settle()
        world.detach(guest)
        world.run(2.0)
    world.run(4 * PARAMETERS.lease)
    sharing.sweep()
    assert sharing._pending.leases == {}
    world.run(TOMBSTONE_TIME + STONE_SPARE)
    sharing.put_back(sharing.take())
    assert len(sharing) == 0
    for number in range(ENDED_LIMIT + 5):
        sharing._end(number.to_bytes(16, "big"))
    assert len(sharing._ended) == ENDED_LIMIT
