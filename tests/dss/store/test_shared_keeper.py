"""A DSS at a store that it shares: real etcd, and a stand-in that fails when it is told to."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from dss.simulated_domain import new_server, service
from etcd_cluster import EtcdCluster
from nodes import until
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.messages import Delta
from nwip.dss.server_engine import ServerEngine
from nwip.dss.store.base import Batch, Kept, StoreError
from nwip.dss.store.etcd import EtcdStore
from nwip.dss.store.etcd_gateway import Access, EtcdError, Gateway
from nwip.dss.store.etcd_layout import Layout
from nwip.dss.store.shared_keeper import SLOW, SharedKeeper, time_for

OWNER = b"o" * 16
MEDIUM = b"M" * 16


def now() -> float:
    return asyncio.get_running_loop().time()


def told(engine: ServerEngine, *names: str, counter: int = 1, owner: bytes = OWNER) -> None:
    records = [Record(owner, 1, counter + place, service(name)) for place, name in enumerate(names)]
    engine.take_in(Delta([Lease(owner, 1, counter, 15.0, 0.0, 1, 0)], records), b"", now())


def names(engine: ServerEngine) -> set[str]:
    return {str(key[2]) for key in engine.directory.keys(Kind.SERVICE)}


class StandIn:
    """A shared store that tells what it is given to tell, and fails while it has a `fault`."""

    kind = "stand-in"
    shared = True
    place = "here"
    others = 2
    medium = MEDIUM

    def __init__(self) -> None:
        self.fault = ""
        self.loads = 0
        self.saved: list[Batch] = []
        self.kept = Kept(Parameters(domain="sim.test", term=7))
        self.owners: dict[bytes, Batch] = {}
        self.asked: list[bytes] = []
        self.tell: asyncio.Queue[Batch | None] = asyncio.Queue()
        self.broken = asyncio.Event()
        self.closed = False
        self.room = asyncio.Event()
        self.room.set()

    def check(self) -> None:
        if self.fault:
            raise StoreError(self.fault)

    def fail(self, fault: str) -> None:
        self.fault = fault
        self.tell.put_nowait(None)

    async def load(self) -> Kept:
        self.loads += 1
        self.check()
        return self.kept

    async def save(self, batch: Batch) -> None:
        await self.room.wait()
        self.check()
        self.saved.append(batch)

    async def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        self.check()
        started()
        while (batch := await self.tell.get()) is not None:
            yield batch
        self.check()

    async def owned(self, owner: bytes) -> Batch:
        self.check()
        self.asked.append(owner)
        return self.owners.get(owner, Batch())

    async def found(self, parameters: Parameters) -> Parameters:
        self.check()
        return parameters

    async def close(self) -> None:
        self.closed = True


class Seat:
    """A DSS at a store, and what it has said of the medium."""

    def __init__(self, store: StandIn | EtcdStore, number: int = 1) -> None:
        self.engine = new_server(bytes([number]) * 16)
        self.engine.identity = bytes([number]) * 16
        self.media: list[bytes] = []
        self.changes = 0
        self.keeper = SharedKeeper(store, self.engine, self._changed, self.media.append)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.dss.store.shared_keeper.RETRY_EVERY", 0.01)
    monkeypatch.setattr("nwip.dss.store.shared_keeper.GATHER", 0.0)


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_what_one_dss_hears_the_others_have_and_what_goes_is_gone_in_etcd(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        one, two = (
            Seat(EtcdStore(Access(cluster.endpoints), "sim.test", bytes([number]) * 16), number)
            for number in (1, 2)
        )
        await one.keeper.restore()
        await two.keeper.restore()
        await until(lambda: one.media and two.media)
        assert one.media == two.media
        told(one.engine, "A", "B", "C")
        await until(lambda: names(two.engine) == {"A", "B", "C"})
        assert two.engine.directory.heard_owners() == [OWNER]
        gone = Withdrawal(OWNER, 1, 9, service("B").key)
        one.engine.take_in(Delta(withdrawals=[gone]), b"", now())
        await until(lambda: names(two.engine) == {"A", "C"})

        three = Seat(EtcdStore(Access(cluster.endpoints), "sim.test", b"3" * 16), 3)
        kept = await three.keeper.restore()
        assert names(three.engine) == {"A", "C"}
        assert [withdrawal.key for withdrawal in kept.withdrawals] == [service("B").key]
        farewell = Lease(OWNER, 1, 20, 15.0, 15.0)
        one.engine.take_in(Delta([farewell]), b"", now())
        await until(lambda: not names(two.engine) and not names(three.engine))
        assert three.engine.directory.has_left(OWNER)
        one.engine.directory.forget(OWNER, now())
        await until(lambda: not one.keeper.waiting)
        for dss in (one, two, three):
            await dss.keeper.close()
        left = await cluster.ctl("get", "nwip/", "--prefix", "--keys-only")
        assert {line.split("/")[2] for line in left.split() if line} == {"gone", "parameters"}


@pytest.mark.asyncio
@pytest.mark.real("etcd")
@pytest.mark.parametrize(("count", "together"), [(99, True), (100, False)])
async def test_a_registration_takes_one_transaction_and_in_a_large_batch_the_lease_comes_first(
    tmp_path: Path, count: int, together: bool
) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        store = EtcdStore(Access(cluster.endpoints), "sim.test", b"1" * 16)
        await store.load()
        records = [Record(OWNER, 1, number, service(str(number))) for number in range(1, count + 1)]
        await store.save(Batch(leases=[Lease(OWNER, 1, 1, 15.0, 0.0)], records=records))
        gateway = Gateway(Access(cluster.endpoints))
        page = await gateway.read(b"nwip/", b"nwip0")
        (lease,) = [item.revision for item in page.items if b"/owner/" in item.key]
        others = [item.revision for item in page.items if b"/record/" in item.key]
        assert len(others) == count
        assert ({lease} == set(others)) is together
        assert lease <= min(others)
        await gateway.close()
        await store.close()


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_etcd_dies_and_comes_back_and_lacks_nothing_then(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        one, two = (
            Seat(EtcdStore(Access(cluster.endpoints), "sim.test", bytes([number]) * 16), number)
            for number in (1, 2)
        )
        await one.keeper.restore()
        await two.keeper.restore()
        told(one.engine, "A")
        await until(lambda: names(two.engine) == {"A"})
        cluster.kill(0)
        await until(lambda: one.keeper.problem and two.keeper.problem)
        await until(lambda: one.media[-1] == two.media[-1] == b"")
        told(one.engine, "B", counter=2)
        told(two.engine, "C", owner=b"p" * 16)
        assert names(one.engine) == {"A", "B"}
        assert one.keeper.waiting
        cluster.start(0)
        await until(lambda: names(one.engine) == names(two.engine) == {"A", "B", "C"})
        await until(lambda: not one.keeper.problem and not two.keeper.problem)
        assert one.media[-1] == two.media[-1] != b""
        for dss in (one, two):
            await dss.keeper.close()


@pytest.mark.asyncio
async def test_a_failure_is_said_once_the_medium_is_off_and_what_waits_is_written_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    await until(lambda: dss.media == [MEDIUM])
    assert dss.keeper.problem == ""
    store.fail("the cluster is gone; bring it back")
    await until(lambda: dss.media == [MEDIUM, b""])
    loads = store.loads
    await until(lambda: store.loads > loads + 3)
    assert dss.keeper.problem == "the cluster is gone; bring it back"
    told(dss.engine, "A")
    store.fault = ""
    await until(lambda: dss.media == [MEDIUM, b"", MEDIUM] and not dss.keeper.waiting)
    assert any(record.key == service("A").key for batch in store.saved for record in batch.records)
    said = [record.message for record in caplog.records if "cluster is gone" in record.message]
    assert said == ["the cluster is gone; bring it back; the directory goes on in memory"]
    assert [record.message for record in caplog.records].count("the store works again") == 1
    await dss.keeper.close()
    assert store.closed


@pytest.mark.asyncio
async def test_a_store_that_takes_its_time_over_a_batch_is_no_medium_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nwip.dss.store.shared_keeper.SLOW", 0.01)
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    await until(lambda: dss.media == [MEDIUM])
    store.room.clear()
    changes = dss.changes
    told(dss.engine, "A")
    await until(lambda: dss.media == [MEDIUM, b""])
    assert dss.keeper.problem == "", "it may yet do it"
    assert dss.changes > changes, "what is told directly goes at once"
    store.room.set()
    await until(lambda: dss.media == [MEDIUM, b"", MEDIUM] and not dss.keeper.waiting)
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_a_store_that_does_not_answer_at_the_start_is_asked_until_it_does() -> None:
    store = StandIn()
    store.fault = "nobody is there; start it"
    dss = Seat(store)
    await dss.keeper.restore()
    assert dss.keeper.problem == store.fault
    told(dss.engine, "A")
    store.kept.leases.append(Lease(b"p" * 16, 1, 1, 15.0, 0.0))
    store.kept.records.append(Record(b"p" * 16, 1, 1, service("P")))
    store.fault = ""
    await until(lambda: names(dss.engine) == {"A", "P"})
    assert dss.changes
    assert dss.engine.parameters.term == 7
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_a_silent_store_holds_up_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.dss.store.shared_keeper.RESTORE_LIMIT", 0.01)
    store, speaks = StandIn(), asyncio.Event()
    store.medium = b""
    loads = store.load

    async def load() -> Kept:
        await speaks.wait()
        return await loads()

    monkeypatch.setattr(store, "load", load)
    dss = Seat(store)
    await dss.keeper.restore()
    assert dss.keeper.problem == "stand-in at here has not answered yet; see that it can be reached"
    speaks.set()
    store.medium = MEDIUM
    await until(lambda: not dss.keeper.problem and dss.media == [MEDIUM])
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_a_store_that_speaks_is_waited_for_until_all_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.dss.store.shared_keeper.RESTORE_LIMIT", 0.01)
    store = StandIn()
    store.kept = Kept(leases=[Lease(OWNER, 1, 1, 15.0, 0.0)], records=[Record(OWNER, 1, 1, service("A"))])
    loads, is_late = store.load, asyncio.Event()

    async def load() -> Kept:
        await is_late.wait()
        return await loads()

    monkeypatch.setattr(store, "load", load)
    asyncio.get_running_loop().call_later(0.1, is_late.set)
    dss = Seat(store)
    await dss.keeper.restore()
    assert names(dss.engine) == {"A"}
    await dss.keeper.close()


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_leases_are_kept_and_are_tried_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nwip.dss.store.etcd.LEASE_TIME", 5)
    monkeypatch.setattr("nwip.dss.store.etcd.KEEP_EVERY", 0.1)
    monkeypatch.setattr("nwip.dss.store.etcd.RETRY_EVERY", 0.01)
    async with EtcdCluster(tmp_path, 1) as cluster:
        store = EtcdStore(Access(cluster.endpoints), "sim.test", b"D" * 16)
        await store.load()
        await store.save(
            Batch(leases=[Lease(OWNER, 1, 1, 15.0, 0.0)], records=[Record(OWNER, 1, 1, service("A"))])
        )
        asked: list[int] = []
        gateway = store._gateway
        keep = gateway.keep_alive

        async def keep_alive(lease: int) -> int:
            asked.append(lease)
            if len(asked) == 1:
                raise EtcdError("etcd is away")
            return await keep(lease)

        monkeypatch.setattr(gateway, "keep_alive", keep_alive)
        await until(lambda: len(asked) >= 4)
        assert set(asked) == {store._layout.lease(OWNER)}
        await store.close()


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_a_lease_that_is_lost_under_a_write_is_granted_anew_and_all_under_it_is_written(
    tmp_path: Path,
) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        one, two = (
            Seat(EtcdStore(Access(cluster.endpoints), "sim.test", bytes([number]) * 16), number)
            for number in (1, 2)
        )
        await one.keeper.restore()
        await two.keeper.restore()
        told(one.engine, "A", "B")
        await until(lambda: names(two.engine) == {"A", "B"})
        lease = f"{Layout('sim.test').lease(OWNER):x}"
        for _ in range(3):
            await cluster.ctl("lease", "revoke", lease)
            told(one.engine, "A", "B", "C", counter=two.engine.directory.renewed(OWNER)[1] + 1)
            await until(lambda: not two.engine.directory.is_live(OWNER) or "C" in names(two.engine))
            told(one.engine, "A", "B", "C", counter=two.engine.directory.renewed(OWNER)[1] + 2)
            await until(lambda: names(two.engine) == {"A", "B", "C"})
            keys = await cluster.ctl("get", f"nwip/sim.test/record/{OWNER.hex()}", "--prefix", "--keys-only")
            assert len(keys.split()) == 3
            assert f"{lease}" in await cluster.ctl("lease", "list")
        for dss in (one, two):
            await dss.keeper.close()


@pytest.mark.asyncio
async def test_what_a_member_without_a_majority_holds_is_served_and_asked_for_again() -> None:
    store = StandIn()
    store.kept = Kept(
        leases=[Lease(OWNER, 1, 1, 15.0, 0.0)], records=[Record(OWNER, 1, 1, service("A"))], stale=True
    )
    dss = Seat(store)
    dss.keeper.founding = True
    await dss.keeper.restore()
    assert names(dss.engine) == {"A"}
    await until(lambda: store.loads >= 2)
    await dss.keeper.close()


def test_a_large_batch_may_take_longer_before_the_others_are_told_directly() -> None:
    records = [Record(OWNER, 1, number, service(str(number))) for number in range(1, 1001)]
    assert time_for(Batch(records=records[:1])) == SLOW
    assert time_for(Batch(records=records)) >= 5 * SLOW
    assert time_for(Batch(removed=[(OWNER, record.key) for record in records])) >= 5 * SLOW


@pytest.mark.asyncio
async def test_a_tale_that_ends_is_begun_again_with_everything() -> None:
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    await until(lambda: dss.media == [MEDIUM])
    store.kept = Kept(leases=[Lease(OWNER, 1, 1, 15.0, 0.0)], records=[Record(OWNER, 1, 1, service("A"))])
    store.tell.put_nowait(None)
    await until(lambda: names(dss.engine) == {"A"})
    assert dss.keeper.problem == ""
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_only_the_founder_of_an_empty_store_becomes_primary() -> None:
    for founding, term in ((False, 0), (True, 1)):
        store = StandIn()
        store.kept = Kept()
        engine = new_server(parameters=Parameters(domain="sim.test", term=0))
        keeper = SharedKeeper(store, engine, lambda: None, lambda _: None)
        keeper.founding = founding
        await keeper.restore()
        assert engine.parameters.term == term
        assert engine.is_primary == founding
        await keeper.close()


@pytest.mark.asyncio
async def test_the_store_is_asked_for_what_stands_under_a_lease_that_comes_alone() -> None:
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    store.owners[OWNER] = Batch(records=[Record(OWNER, 1, 1, service("A"))])
    store.tell.put_nowait(Batch(leases=[Lease(OWNER, 1, 1, 15.0, 0.0)]))
    await until(lambda: names(dss.engine) == {"A"})
    assert store.asked == [OWNER]
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_the_last_words_of_a_dss_are_written_before_it_lets_go() -> None:
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    told(dss.engine, "A")
    await dss.keeper.close()
    assert any(record.key == service("A").key for batch in store.saved for record in batch.records)
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_owners_are_asked_for_while_changes_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    store = StandIn()
    dss = Seat(store)
    await dss.keeper.restore()
    save, saved_before = store.save, 0

    async def save_and_hear_more(batch: Batch) -> None:
        nonlocal saved_before
        await save(batch)
        saved_before += not store.asked
        if saved_before < 1000 and not store.asked:
            told(dss.engine, str(saved_before), counter=1 + saved_before)

    monkeypatch.setattr(store, "save", save_and_hear_more)
    told(dss.engine, "first")
    await until(lambda: bool(store.asked))
    assert store.asked == [OWNER]
    assert saved_before < 10
    await dss.keeper.close()


@pytest.mark.asyncio
async def test_an_owner_is_asked_for_again_until_the_store_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, failures = StandIn(), 3
    owned = store.owned

    async def fail_first(owner: bytes) -> Batch:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreError("the store has no answer; ask again")
        return await owned(owner)

    monkeypatch.setattr(store, "owned", fail_first)
    dss = Seat(store)
    await dss.keeper.restore()
    told(dss.engine, "A")
    await until(lambda: store.asked == [OWNER])
    await until(lambda: not dss.keeper.problem)
    assert failures == -1
    await dss.keeper.close()
