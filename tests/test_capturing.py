"""Captures on a running node: what the control socket streams of real players' packets."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from nodes import dss, node, until
from nwip.capturing import BACKLOG_LIMIT, BATCH, Backlog, hop_text
from nwip.control import NodeRefused, converse
from nwip.ipx.address import format_node
from nwip.ipx.packet import Packet
from nwip.links.dosbox.player import DosboxPlayer
from nwip.links.memory import MemoryLink

pytestmark = pytest.mark.asyncio

LAN = MemoryLink("lan", 1, bytes.fromhex("0200000000FE"))
BARN = MemoryLink("barn", 2, bytes.fromhex("0200000000FE"))


def numbers(lines: bytes) -> list[int]:
    return [base64.b64decode(json.loads(line)["packet"])[0] for line in lines.splitlines()]


async def test_players_packets_are_streamed_until_the_asker_has_had_enough(tmp_path: Path) -> None:
    async with (
        dss() as server,
        node(tmp_path, server.endpoints[0][1]) as (running, said),
        DosboxPlayer(("127.0.0.5", 20213)) as anna,
        DosboxPlayer(("127.0.0.5", 20213)) as ben,
        asyncio.timeout(30),
    ):
        await until(lambda: said)
        for player in (anna, ben):
            await player.register()
            await player.ping(timeout=0.05)
        gateway = running.gateway
        assert gateway is not None
        await until(lambda: len(gateway.hosts_of(gateway.links[0])) == 2)
        first, reader, writer = await converse(
            tmp_path / "control.sock", {"ask": "capture", "link": "dosbox"}
        )
        assert first == {
            "ok": True,
            "links": [{"name": "dosbox", "kind": "dosbox", "network": "00C0FFEE", "how": "joined"}],
        }
        anna.send(Packet(ben.address, anna.address, payload=b"DOOM"))
        seen = [json.loads(await reader.readline()) for _ in range(2)]
        writer.write_eof()
        last = json.loads(await reader.readline())
        assert await reader.read() == b""
        writer.close()
        here, there = format_node(anna.address.node), format_node(ben.address.node)
        assert [(row["link"], row["out"], row["hop"]) for row in seen] == [
            ("dosbox", False, here),
            ("dosbox", True, there),
        ]
        assert {row["node"] for row in seen} == {"7E017F000005"}
        payloads = [Packet.decode(base64.b64decode(row["packet"])).payload for row in seen]
        assert payloads == [b"DOOM", b"DOOM"]
        assert seen[0]["time"] <= seen[1]["time"]
        assert last == {"packets": 2, "dropped": {}}
        await until(lambda: "receive" not in vars(gateway))


async def test_a_reader_that_is_too_slow_loses_packets_and_is_told_how_many(tmp_path: Path) -> None:
    async with (
        dss() as server,
        node(tmp_path, server.endpoints[0][1]) as (running, said),
        asyncio.timeout(30),
    ):
        await until(lambda: said)
        assert running.gateway is not None
        (link,) = running.gateway.links
        _, reader, writer = await converse(tmp_path / "control.sock", {"ask": "capture"})
        for _ in range(BACKLOG_LIMIT + 100):
            link.send(bytes(30), bytes(6))
        writer.write_eof()
        *packets, last = (await reader.read()).splitlines()
        writer.close()
    assert len(packets) == BACKLOG_LIMIT
    assert json.loads(last) == {"packets": BACKLOG_LIMIT, "dropped": {"dosbox": 100}}


async def test_a_capture_ends_with_its_asker(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        _, _, writer = await converse(tmp_path / "control.sock", {"ask": "capture"})
        assert running.gateway is not None
        assert "receive" in vars(running.gateway)
        writer.close()
        await until(lambda: "receive" not in vars(running.gateway))


async def test_of_a_gateway_that_does_not_forward_the_links_are_seen_too(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1], forward=False) as (_, said):
        await until(lambda: said)
        first, _, writer = await converse(tmp_path / "control.sock", {"ask": "capture"})
        links = first["links"]
        assert isinstance(links, list)
        assert "dosbox" in [link["name"] for link in links]
        writer.close()


async def test_a_link_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        with pytest.raises(NodeRefused, match="no link 'lan0'; it has virtual, dosbox") as refused:
            await converse(tmp_path / "control.sock", {"ask": "capture", "link": "lan0"})
    assert refused.value.code == 2


async def test_before_a_dss_has_answered_there_is_nothing_to_capture(tmp_path: Path) -> None:
    async with dss() as server:
        port = server.endpoints[0][1]
    async with node(tmp_path, port):
        with pytest.raises(NodeRefused, match="no DSS has answered"):
            await converse(tmp_path / "control.sock", {"ask": "capture"})


async def test_a_full_backlog_drops_and_counts_by_link() -> None:
    backlog = Backlog(None, limit=3, clock=lambda: 7)
    for number in range(5):
        backlog.hear(LAN, False, bytes([number]), None)
    backlog.hear(BARN, True, b"x", None)
    assert numbers(backlog.take()) == [0, 1, 2]
    backlog.hear(LAN, False, b"\x09", None)
    assert numbers(backlog.take()) == [9]
    assert backlog.take() == b""
    assert (backlog.packets, backlog.dropped) == (4, {"lan": 2, "barn": 1})


async def test_a_backlog_is_taken_in_turns_and_keeps_to_its_link() -> None:
    backlog = Backlog("lan")
    assert not backlog.wake.is_set()
    for _ in range(BATCH + 1):
        backlog.hear(LAN, False, b"\x01", None)
        backlog.hear(BARN, False, b"\x02", None)
    assert backlog.wake.is_set()
    assert numbers(backlog.take()) == [1] * BATCH
    assert numbers(backlog.take()) == [1]


@pytest.mark.parametrize(
    ("hop", "text"),
    [
        (None, ""),
        (bytes.fromhex("0251F04DDD35"), "0251F04DDD35"),
        (("192.0.2.7", 43981), "192.0.2.7:43981"),
        (("2001:db8::1", 213), "[2001:db8::1]:213"),
        ("room", "room"),
    ],
)
async def test_hops_are_written_as_people_write_them(hop: object, text: str) -> None:
    assert hop_text(hop) == text
