"""One suite for every store: whatever was saved is there, in any order of changes, reopenings included."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from etcd_cluster import EtcdCluster
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record, Route, Service
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch, Store
from nwip.dss.store.etcd import EtcdStore
from nwip.dss.store.etcd_gateway import Access
from nwip.dss.store.memory import MemoryStore
from nwip.dss.store.sqlite import SqliteStore

Result = TypeVar("Result")

owners = st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16])
values = st.one_of(
    st.builds(lambda number: Service(4, f"S{number}", 1, bytes(6), 1, 0), st.integers(1, 5)),
    st.builds(lambda number: Route(number, 0, 1), st.integers(1, 5)),
)
counters = st.integers(1, 1000)


@pytest.fixture(scope="module")
def one_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the machine that needs it a real etcd."""
    with asyncio.Runner() as runner:
        cluster = EtcdCluster(tmp_path_factory.mktemp("etcd"), count=1)
        runner.run(cluster.__aenter__())
        EtcdMachine.endpoints = cluster.endpoints
        yield
        runner.run(cluster.__aexit__(None, None, None))


class StoreMachine(RuleBasedStateMachine):
    """A store beside a model of what it should hold."""

    make: Callable[[Path], Store]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="nwip-store-"))
        self.loop = asyncio.new_event_loop()
        self.store = type(self).make(self.folder)
        self.do(self.store.load())
        self.records: dict[tuple[bytes, Key], Record] = {}
        self.withdrawals: dict[tuple[bytes, Key], Withdrawal] = {}
        self.floors: dict[bytes, Lease] = {}
        self.parameters: Parameters | None = None

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    @rule(
        changed=st.dictionaries(st.tuples(owners, values), counters, max_size=6),
        withdrawn=st.dictionaries(st.tuples(owners, values), counters, max_size=3),
    )
    def change(self, changed: dict[Any, int], withdrawn: dict[Any, int]) -> None:
        records = [Record(owner, 1, counter, value) for (owner, value), counter in changed.items()]
        gone = [
            Withdrawal(owner, 1, counter, value.key)
            for (owner, value), counter in withdrawn.items()
            if (owner, value) not in changed
        ]
        removed = [(withdrawal.owner, withdrawal.key) for withdrawal in gone]
        self.do(self.store.save(Batch(records=records, withdrawals=gone, removed=removed)))
        for place in removed:
            self.records.pop(place, None)
        self.withdrawals.update(((gone_.owner, gone_.key), gone_) for gone_ in gone)
        self.records.update(((record.owner, record.key), record) for record in records)

    @rule(owner=owners, counter=counters)
    def raise_floor(self, owner: bytes, counter: int) -> None:
        lease = self.floors[owner] = Lease(owner, 0, 0, 1.0, 0.0, 1, counter)
        self.do(self.store.save(Batch(leases=[lease])))

    @rule(owner=owners)
    def forget(self, owner: bytes) -> None:
        self.do(self.store.save(Batch(forgotten=[owner])))
        self.floors.pop(owner, None)
        self.records = {place: record for place, record in self.records.items() if place[0] != owner}
        self.withdrawals = {place: gone for place, gone in self.withdrawals.items() if place[0] != owner}

    @rule(keep=st.booleans())
    def tidy(self, keep: bool) -> None:
        kept = list(self.withdrawals.values()) if keep else []
        self.do(self.store.save(Batch(withdrawals=kept, all_withdrawals=True)))
        self.withdrawals = self.withdrawals if keep else {}

    @rule(version=st.integers(1, 100))
    def set_parameters(self, version: int) -> None:
        self.parameters = Parameters(domain="sim.test", version=version)
        self.do(self.store.save(Batch(self.parameters)))

    @rule()
    def reopen(self) -> None:
        if not isinstance(self.store, MemoryStore):
            self.do(self.store.close())
            self.store = type(self).make(self.folder)

    @invariant()
    def holds_what_was_saved(self) -> None:
        kept = self.do(self.store.load())
        assert kept.dropped == []
        assert kept.parameters == self.parameters
        assert {(record.owner, record.key): record for record in kept.records} == self.records
        assert len(kept.records) == len(self.records)
        assert {(gone.owner, gone.key): gone for gone in kept.withdrawals} == self.withdrawals
        assert {lease.owner: (lease.floor_incarnation, lease.floor_counter) for lease in kept.leases} == {
            owner: (lease.floor_incarnation, lease.floor_counter) for owner, lease in self.floors.items()
        }

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)


class MemoryMachine(StoreMachine):
    """The store in memory."""

    make = staticmethod(lambda _: MemoryStore())


class SqliteMachine(StoreMachine):
    """The store in a file."""

    make = staticmethod(lambda folder: SqliteStore(folder / "directory.db"))


class EtcdMachine(StoreMachine):
    """The store in a cluster of one; a domain of its own for each history."""

    make = staticmethod(lambda folder: EtcdStore(Access(EtcdMachine.endpoints), folder.name, b"D" * 16))
    endpoints: tuple[str, ...] = ()


for machine in (MemoryMachine, SqliteMachine, EtcdMachine):
    machine.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)

TestMemoryStore = MemoryMachine.TestCase
TestSqliteStore = SqliteMachine.TestCase
TestEtcdStore = pytest.mark.real("etcd")(pytest.mark.usefixtures("one_etcd")(EtcdMachine.TestCase))


@pytest.mark.parametrize("make", [lambda _: MemoryStore(), lambda folder: SqliteStore(folder / "d.db")])
@pytest.mark.asyncio
async def test_a_private_store_has_nothing_to_watch(make: Callable[[Path], Store], tmp_path: Path) -> None:
    store = make(tmp_path)
    await store.load()
    assert not store.shared
    assert [batch async for batch in store.watch()] == []
    await store.close()
    await store.close()
