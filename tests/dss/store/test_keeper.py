"""A DSS that comes back with its store: what it held is served, and passed on once its owner renews."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from dss.simulated_domain import PARAMETERS, new_server, service
from nodes import until
from nwip.directory.owners import Lease
from nwip.directory.records import Kind, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.messages import Delta
from nwip.dss.server_engine import ServerEngine
from nwip.dss.store.base import Batch, Kept, StoreError
from nwip.dss.store.keeper import Keeper
from nwip.dss.store.memory import MemoryStore
from nwip.dss.store.sqlite import SqliteStore

OWNER = b"o" * 16


def now() -> float:
    return asyncio.get_running_loop().time()


def told(engine: ServerEngine, *names: str, counter: int = 1, floor: int = 0) -> None:
    records = [Record(OWNER, 1, counter + place, service(name)) for place, name in enumerate(names)]
    engine.take_in(Delta([Lease(OWNER, 1, counter, 15.0, 0.0, 1, floor)], records), b"", now())


def names(engine: ServerEngine) -> set[str]:
    return {str(key[2]) for key in engine.directory.keys(Kind.SERVICE)}


@pytest.mark.asyncio
async def test_a_restarted_dss_serves_what_it_held_and_passes_it_on_after_a_renewal(tmp_path: Path) -> None:
    engine = new_server()
    keeper = Keeper(SqliteStore(tmp_path / "d.db"), engine)
    await keeper.restore()
    told(engine, "A", "B", "C")
    gone = Withdrawal(OWNER, 1, 9, service("B").key)
    engine.take_in(Delta(withdrawals=[gone]), b"", now())
    engine.promote()
    await keeper.close()

    again = new_server()
    keeper = Keeper(SqliteStore(tmp_path / "d.db"), again)
    await keeper.restore()
    assert names(again) == {"A", "C"}
    assert again.parameters == engine.parameters
    assert again.directory.heard_owners() == []
    assert again.directory.merge(Record(OWNER, 1, 5, service("B")), now()) is None
    told(again, counter=2)
    assert again.directory.heard_owners() == [OWNER]
    await keeper.close()


@pytest.mark.asyncio
async def test_what_expired_is_not_kept(tmp_path: Path) -> None:
    engine = new_server()
    store = MemoryStore()
    keeper = Keeper(store, engine)
    await keeper.restore()
    told(engine, "A")
    engine.advance(now() + PARAMETERS.lease + 1)
    await keeper.close()
    assert (await store.load()).records == []


class BrokenStore(MemoryStore):
    """A store that fails while `broken`."""

    broken = True

    async def load(self) -> Kept:
        if self.broken:
            raise StoreError("the disk is gone; put it back")
        return await super().load()

    async def save(self, batch: Batch) -> None:
        if self.broken:
            raise StoreError("the disk is full; make room")
        await super().save(batch)

    async def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        del started
        return
        yield Batch()


@pytest.mark.asyncio
async def test_a_store_that_fails_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nwip.dss.store.keeper.RETRY_EVERY", 0.01)
    monkeypatch.setattr("nwip.dss.store.keeper.SAVE_EVERY", 0.01)
    engine, store = new_server(), BrokenStore()
    keeper = Keeper(store, engine)
    await keeper.restore()
    told(engine, "A")
    await until(lambda: "disk is full" in keeper.problem)
    since = keeper.failing_since
    assert since is not None
    keeper.problem = "the disk is gone"
    assert keeper.failing_since == since, "it goes on failing, for another reason"
    keeper.problem = "the disk is full; make room"
    told(engine, "B", counter=2)
    store.broken = False
    await until(lambda: not keeper.problem and not keeper.waiting)
    assert keeper.failing_since is None
    assert {record.key for record in (await store.load()).records} == {service("A").key, service("B").key}
    assert [record.message for record in caplog.records].count(
        "the disk is full; make room; the directory goes on in memory"
    ) == 1
    await keeper.close()


@pytest.mark.asyncio
async def test_a_large_burst_is_saved_in_batches() -> None:
    engine, store = new_server(), MemoryStore()
    keeper = Keeper(store, engine)
    await keeper.restore()
    for start in range(1, 3000, 200):
        told(engine, *(f"S{number}" for number in range(start, start + 200)), counter=start)
    await keeper.close()
    assert len((await store.load()).records) == 3000
