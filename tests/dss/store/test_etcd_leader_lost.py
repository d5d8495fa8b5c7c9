"""The client of etcd while members of a real cluster are killed, held, or cut off."""

import asyncio
import itertools
from pathlib import Path

import pytest

from etcd_cluster import EtcdCluster
from etcd_witness import Witness, gateway
from nodes import until
from nwip.dss.store.etcd_gateway import EtcdError, Gateway, Put

pytestmark = [pytest.mark.asyncio, pytest.mark.real("etcd")]


async def write_on(etcd: Gateway, acknowledged: list[bytes], enough: asyncio.Event) -> None:
    """Write key after key until it is enough; what fails is written again."""
    for number in itertools.count():
        key = b"w/%06d" % number
        while True:
            try:
                await etcd.write([Put(key, b"")])
            except EtcdError:
                await asyncio.sleep(0.05)
            else:
                break
        acknowledged.append(key)
        if enough.is_set():
            return


@pytest.mark.parametrize("trouble", ["kill", "cut", "stop"])
async def test_when_the_leader_is_lost_no_write_is_and_the_watch_misses_none(
    tmp_path: Path, trouble: str
) -> None:
    async with (
        EtcdCluster(tmp_path, 3, peer_proxy=trouble == "cut") as cluster,
        gateway(cluster, patience=3.0) as seeing,  # longer than an election
        gateway(cluster, patience=3.0) as writing,
    ):
        leader = await cluster.leader()
        led = cluster.endpoints[leader]
        others = tuple(endpoint for endpoint in cluster.endpoints if endpoint != led)
        seeing._endpoints.current = writing._endpoints.current = led
        acknowledged: list[bytes] = []
        enough = asyncio.Event()
        revision = (await seeing.read(b"w/", b"w0")).revision
        async with Witness(seeing, (b"w/", b"w0"), revision + 1) as witness:
            assert seeing.endpoint == led
            task = asyncio.ensure_future(write_on(writing, acknowledged, enough))
            await until(lambda: len(witness.events) > 20)
            getattr(cluster, trouble)(leader)
            before = len(acknowledged)
            await until(lambda: len(acknowledged) > before + 50, 40)
            await until(lambda: witness.events[-1].key >= acknowledged[before + 50], 40)
            assert writing.endpoint in others
            {"cut": cluster.mend, "stop": cluster.resume, "kill": cluster.start}[trouble](leader)
            enough.set()
            await task
            # A held leader may write once more, last of all, what was asked of it before.
            await until(lambda: acknowledged[-1] in {event.key for event in witness.events}, 40)
        there = [item.key for item in (await seeing.read(b"w/", b"w0")).items]
        assert there == acknowledged
        assert list(dict.fromkeys(event.key for event in witness.events)) == acknowledged
        revisions = [event.revision for event in witness.events]
        assert revisions == sorted(set(revisions))


async def test_without_a_majority_only_what_one_member_has_can_be_read(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 3) as cluster, gateway(cluster) as etcd:
        revision = await etcd.write([Put(b"m", b"1")])
        cluster.kill(0)
        cluster.kill(1)
        assert [item.value for item in (await etcd.read(b"m", serializable=True)).items] == [b"1"]
        with pytest.raises(EtcdError, match="most of its members"):
            await etcd.write([Put(b"m", b"2")])
        async with Witness(etcd, (b"m", b"n"), revision) as witness:
            async with asyncio.timeout(20):
                with pytest.raises(EtcdError):
                    await witness.task
            assert witness.confirmed == 0
        cluster.start(0)
        await cluster.ready()
        async with Witness(etcd, (b"m", b"n"), revision) as witness:
            await until(lambda: witness.events)
