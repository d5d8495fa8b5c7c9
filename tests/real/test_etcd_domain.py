"""Three etcds, three DSSs, 50 nodes, 10,000 services churning: whatever fails, nothing is lost.

Readers that share no code with nwip follow each DSS by the changes alone, etcdctl reads the cluster, old
clients ask on UDP 396 without a pause, and each node keeps a journal of what was acknowledged to it: behind
each fault all must agree.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from etcd_cluster import EtcdCluster
from real.domain_machines import Timing
from real.domain_nodes import TYPES
from real.domain_prober import names_by_udp
from real.domain_wire import SlowWire
from real.etcd_contents import revision_of, services_in
from real.etcd_domain import DOMAIN, Domain, Sizes

SIZES: Final = Sizes(processes=4, nodes=50, services=200, rate=400.0)
TIMING: Final = Timing(lease=15.0, renewal=3.0, synchronisation=2.0)
CUT: Final = 12.0  # seconds
NOTICED_WITHIN: Final = 30.0  # seconds until a DSS says what its store is like
LED_WITHIN: Final = 60.0  # seconds until the cluster has a leader again, on a loaded machine
SLOW: Final = 2  # the DSS whose wire to the cluster can be slow
PACE: Final = 2000  # octets a second that a slow watch gets: a hundredth of what happens

pytestmark = [pytest.mark.real("etcd"), pytest.mark.timeout(400)]


class Lab:
    """The cluster and the domain before it."""

    def __init__(self, cluster: EtcdCluster, wire: SlowWire, domain: Domain) -> None:
        self.cluster, self.wire, self.domain = cluster, wire, domain

    async def problems(self, is_right: Callable[[str], bool]) -> None:
        """Wait until what each DSS says of its store is right."""
        said: dict[str, str] = {}
        end = time.monotonic() + NOTICED_WITHIN
        while time.monotonic() < end:
            running = [machine for machine in self.domain.machines.values() if machine.runs]
            told = await asyncio.gather(*(machine.problem() for machine in running))
            said = {machine.name: problem for machine, problem in zip(running, told, strict=True)}
            if all(map(is_right, said.values())):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"after {NOTICED_WITHIN:.0f} s the DSSs say of their store: {said}")

    async def works(self) -> None:
        """Wait until the cluster has a leader again, and no DSS complains of its store."""
        async with asyncio.timeout(LED_WITHIN):
            while True:
                with contextlib.suppress(TimeoutError):
                    await self.cluster.ready()
                    break
        await self.problems(lambda problem: not problem)


@contextlib.asynccontextmanager
async def lab(folder: Path) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        data = folder / "etcd"
        data.mkdir()
        cluster = await stack.enter_async_context(EtcdCluster(data, peer_proxy=True))
        targets = [urlsplit(endpoint) for endpoint in cluster.endpoints]
        wire = SlowWire([(str(target.hostname), target.port or 0) for target in targets])
        await stack.enter_async_context(wire)
        behind = [f"http://{host}:{port}" for host, port in wire.endpoints]

        def store(number: int) -> str:
            endpoints = [*(behind if number == SLOW else cluster.endpoints)]
            turned = endpoints[number % 3 :] + endpoints[: number % 3]
            return f'store = "etcd"\n[etcd]\nendpoints = {turned!r}'.replace("'", '"')

        domain = Domain(folder, SIZES, TIMING, store, lambda: services_in(cluster, DOMAIN))
        await stack.enter_async_context(domain)
        yield Lab(cluster, wire, domain)


async def leader_is_killed(lab: Lab) -> None:
    leader = await lab.cluster.leader()
    lab.cluster.kill(leader)
    await asyncio.sleep(5.0)
    lab.cluster.start(leader)
    await lab.works()


async def link_of_the_leader_is_cut(lab: Lab) -> None:
    leader = await lab.cluster.leader()
    lab.cluster.cut(leader)
    await asyncio.sleep(CUT)
    lab.cluster.mend(leader)
    await lab.works()


async def two_of_three_are_killed(lab: Lab) -> None:
    began = time.monotonic()
    for member in (0, 1):
        lab.cluster.kill(member)
    await lab.problems(bool)
    await asyncio.sleep(began + 1.5 * TIMING.lease - time.monotonic())
    for member in (0, 1):
        lab.cluster.start(member)
    await lab.works()


async def history_is_compacted_under_a_slow_watcher(lab: Lab) -> None:
    lab.wire.pace = PACE
    await asyncio.sleep(4.0)
    await lab.cluster.compact(await revision_of(lab.cluster))
    await asyncio.sleep(1.0)
    await lab.wire.cut()
    lab.wire.pace = 0
    await lab.works()


async def nodes_die(lab: Lab) -> None:
    await lab.domain.kill_nodes(lab.domain.nodes[-1])
    await asyncio.sleep(TIMING.lease)


async def a_dss_dies_and_another_comes(lab: Lab) -> None:
    domain = lab.domain
    await domain.kill_dss("dss1")
    machine = await domain.add_dss()
    await domain.probe(machine.name)
    await domain.add_nodes([machine], first=SIZES.nodes, count=5)
    await lab.works()


FAULTS: Final[list[Callable[[Lab], Awaitable[None]]]] = [
    leader_is_killed,
    link_of_the_leader_is_cut,
    two_of_three_are_killed,
    history_is_compacted_under_a_slow_watcher,
    nodes_die,
    a_dss_dies_and_another_comes,
]


async def old_clients_see_all(domain: Domain) -> None:
    wanted = {(int(str(number)), name) for _, (_, number, name) in domain.truth.services}
    for name in domain.readers:
        found = await asyncio.to_thread(names_by_udp, domain.machines[name].address, TYPES)
        assert found == wanted, f"{name}: {len(wanted - found)} missing, {len(found - wanted)} too many"


@pytest.mark.asyncio
async def test_whatever_fails_nothing_is_lost_and_no_read_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with lab(tmp_path) as one:
        try:
            await one.domain.begin()
            async with one.domain.under_churn("nothing fails"):
                await asyncio.sleep(5.0)
            for fault in FAULTS:
                async with one.domain.under_churn(fault.__name__.replace("_", " ")):
                    await fault(one)
            await old_clients_see_all(one.domain)
        finally:
            with capsys.disabled():
                print("", *one.domain.told, sep="\n")  # noqa: T201 - what was measured
