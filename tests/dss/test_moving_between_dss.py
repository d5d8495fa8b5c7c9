"""A node goes to another DSS when its own is lost, and back: nothing is withdrawn meanwhile."""

import asyncio
from random import Random

import pytest

from dss.simulated_domain import service
from dss.test_peering import at, others, peers_of, site
from nodes import until
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Kind
from nwip.dss.client import DssClient
from nwip.dss.messages import Hello, Refused
from nwip.dss.probe import probe


class Watcher:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.opened: list[Endpoint] = []
        self.removed: list[Change] = []
        self.parameters: list[Parameters] = []

    def parameters_changed(self, parameters: Parameters) -> None:
        self.parameters.append(parameters)

    def directory_changed(self, changes: list[Change]) -> None:
        self.removed += [change for change in changes if change.removed]

    def session_opened(self, server: Endpoint) -> None:
        self.opened.append(server)

    def session_closed(self, reason: str) -> None:
        pass


def client(number: int, *servers: Endpoint, return_every: float = 30.0) -> tuple[DssClient, Watcher]:
    watcher = Watcher()
    identity = bytes([number]) * 16
    chance = Random(number)  # noqa: S311 - spreads reconnections
    return DssClient(
        "test.nwip",
        identity,
        f"node{number}",
        servers,
        boot=identity,
        listener=watcher,
        random=chance,
        return_every=return_every,
    ), watcher


@pytest.mark.asyncio
async def test_a_node_goes_to_a_dss_it_was_only_told_of_and_back_again() -> None:
    async with site(2) as second:
        async with site(1, at(second)) as first:
            await until(lambda: others(first) == others(second) == {"dss1", "dss2"})
            home = first.endpoints[0]
            mover, moved = client(1, home, return_every=0.05)
            stayer, stayed = client(2, second.endpoints[0])
            running = [asyncio.ensure_future(one.run()) for one in (mover, stayer)]
            mover.offer(service("A"))
            await until(lambda: stayer.directory.best(service("A").key) and mover.complete)
        await until(lambda: moved.opened[-1] == second.endpoints[0])
        async with site(1, at(second)) as again:
            mover._servers[0] = again.endpoints[0]
            mover._engine.failure = ""
            await until(lambda: peers_of(again) == 1)
            running[0].cancel()
            await asyncio.wait(running[:1])
            mover._servers = [again.endpoints[0], second.endpoints[0]]
            running[0] = asyncio.ensure_future(mover.run())
            await until(lambda: moved.opened[-1] == again.endpoints[0])
            await until(lambda: again.directory.best(service("A").key))
            assert [change for change in stayed.removed if change.record.key[0] == Kind.SERVICE] == []
            assert len(second.directory.offers(service("A").key)) == 1
            for one in (mover, stayer):
                await one.stop()
            await asyncio.wait(running)


@pytest.mark.asyncio
async def test_a_node_returns_to_the_server_it_prefers_without_a_goodbye() -> None:
    async with site(1) as first, site(2, at(first)) as second:
        await until(lambda: peers_of(first) == 1)
        away = first.endpoints[0]
        mover, moved = client(1, away, second.endpoints[0], return_every=0.05)
        stayer, stayed = client(2, second.endpoints[0])
        first.engine._admit = lambda _: False
        running = [asyncio.ensure_future(one.run()) for one in (mover, stayer)]
        mover.offer(service("A"))
        await until(lambda: stayer.directory.best(service("A").key))
        assert moved.opened == [second.endpoints[0]]
        first.engine._admit = lambda _: True
        await until(lambda: moved.opened[-1] == away)
        await until(lambda: first.directory.best(service("A").key) and mover.complete)
        assert stayed.removed == []
        assert first.alarms == second.alarms == []
        for one in (mover, stayer):
            await one.stop()
        await asyncio.wait(running)


@pytest.mark.asyncio
async def test_an_orderly_stop_reaches_another_dss_s_nodes_at_once() -> None:
    async with site(1) as first, site(2, at(first)) as second:
        await until(lambda: peers_of(first) == 1)
        leaver, _ = client(1, first.endpoints[0])
        stayer, _ = client(2, second.endpoints[0])
        running = [asyncio.ensure_future(one.run()) for one in (leaver, stayer)]
        leaver.offer(service("A"))
        await until(lambda: stayer.directory.best(service("A").key))
        await leaver.stop()
        await until(lambda: not stayer.directory.best(service("A").key), within=1)
        await stayer.stop()
        await asyncio.wait(running)


@pytest.mark.asyncio
async def test_new_parameters_reach_the_nodes_of_every_dss() -> None:
    async with site(1) as first, site(2, at(first)) as second:
        await until(lambda: peers_of(first) == 1)
        stayer, stayed = client(2, second.endpoints[0])
        running = asyncio.ensure_future(stayer.run())
        await until(lambda: stayer.connected)
        first.engine.promote()
        first._after()
        await until(lambda: stayed.parameters and stayed.parameters[-1].identity == first.engine.identity)
        await stayer.stop()
        await running


@pytest.mark.asyncio
async def test_a_probe_tells_a_dss_from_a_refusal_and_from_nothing() -> None:
    async with site(1) as server:
        found = await probe(server.endpoints[0])
        assert isinstance(found, Hello)
        assert found.domain == "test.nwip"
        assert isinstance(await probe(server.endpoints[0], "other.domain"), Refused)
        gone = server.endpoints[0]
    assert await probe(gone, limit=0.5) is None
