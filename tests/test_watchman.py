"""What a running node notices, as alarms and events: nodes that go and come back, players, links, its DSS."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodes import dss, node, two_nodes, until
from nwip.control import ask, converse
from nwip.directory.records import Kind, Service
from nwip.links.dosbox.player import DosboxPlayer
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio

OF_THE_DSS = {"session-opened", "session-closed"}  # it runs in this process too, and tells the same log
Rows = list[dict[str, object]]


async def asked(control: Path, what: str, **more: object) -> Rows:
    answer = await asyncio.to_thread(ask, control, {"ask": what, **more})
    assert isinstance(answer, list)
    return answer


async def standing(control: Path) -> Rows:
    return [row for row in await asked(control, "alarms") if not row["is_over"]]


async def kinds(control: Path) -> list[tuple[object, object]]:
    return [(row["kind"], row["about"]) for row in await asked(control, "events")]


def die(running: RunningNode) -> None:
    """Cut a node off without a goodbye, as a power cut does."""
    client = running.client
    assert client is not None
    for task in tuple(running._tasks):
        task.cancel()
    client.connected = None


async def test_a_node_that_dies_is_an_alarm_that_ages_and_is_over_when_it_is_back(tmp_path: Path) -> None:
    for name in ("west", "east", "again"):
        (tmp_path / name).mkdir()
    control = tmp_path / "west" / "control.sock"
    async with dss() as server:
        server.set_parameters(replace(server.parameters, lease=1.0, renewal=0.3, version=2))
        port = server.endpoints[0][1]
        async with node(tmp_path / "west", port, "127.0.0.5", name="west") as (_, said):
            await until(lambda: said)
            async with node(tmp_path / "east", port, "127.0.0.6", name="east") as (east, said_east):
                await until(lambda: said_east)
                while ("node-joined", "east") not in await kinds(control):
                    pass
                die(east)
                while not (rows := await standing(control)):
                    pass
            assert [(row["kind"], row["about"]) for row in rows] == [("node-gone", "east")]
            await asyncio.sleep(0)
            (later,) = await standing(control)
            assert isinstance(later["since"], float)
            assert isinstance(rows[0]["since"], float)
            assert later["since"] > rows[0]["since"] >= 0
            async with node(tmp_path / "east", port, "127.0.0.6", name="east") as (_, said_again):
                await until(lambda: said_again)
                while await standing(control):
                    pass
            (row,) = await asked(control, "alarms")
            assert row["is_over"] is True
            told = [
                kind for kind, about in await kinds(control) if about == "east" and kind not in OF_THE_DSS
            ]
            assert told == ["node-joined", "node-gone", "alarm", "node-joined", "alarm-over", "node-left"]


async def test_players_links_and_the_dss_are_events_for_who_asks_and_who_follows(tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    async with dss() as server:
        async with node(tmp_path, server.endpoints[0][1]) as (running, said):
            await until(lambda: said)
            assert running.gateway is not None
            async with DosboxPlayer(("127.0.0.5", 20213)) as ben:
                await ben.register()
                await ben.ping(timeout=0.05)
                await until(lambda: running.gateway and running.gateway.hosts_of(running.gateway.links[0]))
            await asyncio.to_thread(ask, control, {"ask": "ban", "what": "127.0.0.1", "why": "a test"})
            found = [kind for kind, _ in await kinds(control)]
            for kind in ("domain-joined", "player-joined", "banned", "player-left"):
                assert kind in found
            while ("link-opened", "dosbox") not in await kinds(control):
                pass
            (last,) = await asked(control, "events", last=1)
            _, reader, writer = await converse(control, {"ask": "follow", "last": 1})
            assert f'"number":{last["number"]},'.encode() in await reader.readline()
            await asyncio.to_thread(ask, control, {"ask": "ban-lift", "what": "127.0.0.1"})
            assert b'"ban-lifted"' in await reader.readline()
            writer.close()
            await writer.wait_closed()
            (last,) = await asked(control, "events", last=1)
            assert last["kind"] == "ban-lifted"
            assert await asked(control, "events", after=last["number"]) == []
            assert len(await asked(control, "events", after=0, last=2)) == 2
        assert running._watchman.events.listeners == []


async def test_a_lost_dss_is_an_alarm_until_there_is_one_again(tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    async with dss() as server:
        port = server.endpoints[0][1]
    async with node(tmp_path, port) as (running, said):
        while not (rows := await standing(control)):
            pass
        assert [row["kind"] for row in rows] == ["no-dss"]
        async with dss(port):
            await until(lambda: said)
            assert await standing(control) == []
            assert [row["kind"] for row in await asked(control, "alarms")] == ["no-dss"]
            assert running.client is not None


async def test_a_node_without_a_dss_tells_of_servers_with_one_name(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site:
        for each, number in ((site.west, 0xA1), (site.east, 0xA2)):
            assert each.client is not None
            each.client.offer(Service(4, "MUSEUM", number, bytes(5) + b"\1", 0x451, 1))
        while not (rows := await standing(site.at_west)):
            pass
        assert [(row["kind"], row["about"]) for row in rows] == [("conflicting-service", "MUSEUM")]
        client = site.west.client
        assert client is not None
        client.retract((Kind.SERVICE, 4, "MUSEUM"))
        while await standing(site.at_west):
            pass


async def test_a_slow_follower_is_told_how_many_events_it_has_missed(tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        log = running._watchman.events
        _, reader, writer = await converse(control, {"ask": "follow", "last": 0})
        for number in range(3000):
            log.note("test", str(number), "x" * 900)
        lines = [await reader.readline()]
        while b'"about":"2999"' not in lines[-1]:
            lines.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
        (gap,) = [line for line in lines if b"lost" in line]
        lost = int(gap.partition(b":")[2].rstrip(b"}\n"))
        assert lost > 0
        assert lost + len(lines) - 1 >= 3000


async def test_the_node_says_who_it_is_and_how_much_there_is(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site:
        row = await asyncio.to_thread(ask, site.at_west, {"ask": "node"})
        assert isinstance(row, dict)
        assert (row["name"], row["domain"], row["network"]) == ("west", "test.nwip", "00C0FFEE")
        assert row["counts"] == {"service": 0, "route": 0, "host": 0, "node": 2, "dss": 0}
        assert (row["links"], row["players"], row["dss_here"]) == (1, 0, False)
        assert row["up"] > 0
