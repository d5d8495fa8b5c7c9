"""Who ends the lease that an owner has in etcd: the DSS that has written it last, or a farewell."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from dss.simulated_domain import service
from etcd_cluster import EtcdCluster
from nwip.directory.owners import Lease
from nwip.directory.records import Record
from nwip.dss.store.base import Batch
from nwip.dss.store.etcd import EtcdStore
from nwip.dss.store.etcd_gateway import Access, Delete, Put
from nwip.dss.store.etcd_layout import Layout

OWNER = b"o" * 16
LEASE = Lease(OWNER, 1, 1, 15.0, 0.0)
FAREWELL = Lease(OWNER, 1, 2, 15.0, 15.0)
RECORD = Record(OWNER, 1, 1, service("A"))

pytestmark = [pytest.mark.asyncio, pytest.mark.real("etcd")]


async def keys(cluster: EtcdCluster) -> set[str]:
    """Return what stands there, without the identities."""
    told = await cluster.ctl("get", "nwip/", "--prefix", "--keys-only")
    return {line.split("/")[2] for line in told.split() if line}


@asynccontextmanager
async def two_dss(folder: Path) -> AsyncIterator[tuple[EtcdCluster, EtcdStore, EtcdStore]]:
    """Two DSSs at one etcd."""
    async with EtcdCluster(folder, 1) as cluster, AsyncExitStack() as stack:
        one, two = (EtcdStore(Access(cluster.endpoints), "sim.test", who * 16) for who in (b"1", b"2"))
        for store in (one, two):
            stack.push_async_callback(store.close)
        yield cluster, one, two


async def test_a_dss_ends_no_lease_that_another_has_written_since(tmp_path: Path) -> None:
    async with two_dss(tmp_path) as (cluster, one, two):
        await one.save(Batch(leases=[LEASE], records=[RECORD]))
        await two.save(Batch(leases=[LEASE]))  # and nobody has told the first one yet
        await one.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == {"owner", "record"}
        await two.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == set()


async def test_a_dss_ends_no_lease_that_it_does_not_keep(tmp_path: Path) -> None:
    async with two_dss(tmp_path) as (cluster, one, two):
        await one.save(Batch(leases=[LEASE], records=[RECORD]))
        await two.load()
        await two.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == {"owner", "record"}


async def test_records_that_came_behind_the_end_of_their_owner_end_too(tmp_path: Path) -> None:
    async with two_dss(tmp_path) as (cluster, one, _):
        await one.save(Batch(records=[RECORD]))
        assert await keys(cluster) == {"record"}
        await one.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == set()


async def test_a_lease_is_kept_though_another_dss_is_heard_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_dss(tmp_path) as (cluster, one, two):
        await one.load()
        write = one._gateway.write

        async def hear_and_write(operations: list[Put | Delete]) -> int:
            await two.save(Batch(leases=[LEASE]))
            async for _ in one.watch():
                break
            return await write(operations)

        monkeypatch.setattr(one._gateway, "write", hear_and_write)
        await one.save(Batch(leases=[LEASE], records=[RECORD]))
        assert one._kept == {OWNER}
        await two.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == {"owner", "record"}
        await one.save(Batch(ended=[LEASE]))
        assert await keys(cluster) == set()


async def test_a_farewell_ends_the_lease_whoever_has_written_it(tmp_path: Path) -> None:
    async with two_dss(tmp_path) as (cluster, one, two):
        await one.save(Batch(leases=[LEASE], records=[RECORD]))
        await two.save(Batch(leases=[FAREWELL], ended=[FAREWELL]))
        assert await keys(cluster) == set()
        lease = f"{Layout('sim.test').lease(OWNER):x}"
        assert lease not in await cluster.ctl("lease", "list")
