"""Links come and go while a node runs: by command, by its file, and the others are not disturbed."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from nodes import dss, node, until
from nwip.config import ConfigError
from nwip.config.links import AnyLink, DosboxSettings, EthernetSettings, QemuSettings, WebsocketSettings
from nwip.config.reading import one_link
from nwip.control import NodeRefused, ask
from nwip.directory.records import Kind
from nwip.links.dosbox.player import DosboxPlayer
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio

PLAYERS = ("127.0.0.5", 20213)


def more(port: int = 20214, name: str = "more") -> DosboxSettings:
    return DosboxSettings(name=name, listen=("127.0.0.5",), port=port)


async def asked(running: RunningNode, question: dict[str, object]) -> object:
    return await asyncio.to_thread(ask, running.config.node.control_path, question)


async def test_a_link_that_is_added_serves_and_one_that_is_removed_does_not(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        assert running.link_set is not None
        async with DosboxPlayer(PLAYERS) as anna:
            await anna.register()
            await anna.ping(timeout=0.05)
            answer = await asked(
                running,
                {
                    "ask": "link-add",
                    "link": {"kind": "dosbox", "name": "more", "listen": ["127.0.0.5"], "port": 20214},
                },
            )
            assert isinstance(answer, dict)
            assert answer["name"] == "more"
            async with DosboxPlayer(("127.0.0.5", 20214)) as ben:
                await ben.register()
                assert {who for who, _ in await ben.ping(timeout=2, answers=1)} == {anna.address.node}
                hosts = running.client.directory  # type: ignore[union-attr]
                await until(lambda: hosts.best((Kind.HOST, ben.address.node, "")))
                await asked(running, {"ask": "link-remove", "name": "more"})
                await until(lambda: not hosts.best((Kind.HOST, ben.address.node, "")))
                assert hosts.best((Kind.HOST, anna.address.node, ""))
            assert await anna.ping(timeout=0.2) == []
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(("127.0.0.5", 20214))


async def test_what_cannot_be_had_is_one_sentence_and_changes_nothing(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        links = running.link_set
        assert links is not None
        before = links.settings
        impossible: list[tuple[AnyLink, str]] = [
            (more(20213, "twice"), "link.port"),
            (more(20215, "dosbox"), "link.name"),
            (more(20215, "virtual"), "link.name"),
            (EthernetSettings(interface="no-such-card"), "link.interface"),
            (QemuSettings(connect="/no/such/folder/socket", name="q"), ""),
            (WebsocketSettings(listen=("192.0.2.1",)), "link.listen"),
        ]
        for settings, key in impossible:
            if not key:
                continue
            with pytest.raises(ConfigError) as caught:
                await links.add(settings)
            assert caught.value.key == key, caught.value
        assert links.settings == before
        assert running.gateway is not None
        assert [link.name for link in running.gateway.links] == ["dosbox"]
        with pytest.raises(NodeRefused, match="no link 'none'"):
            await asked(running, {"ask": "link-remove", "name": "none"})
        with pytest.raises(NodeRefused, match=r"link\.port") as refused:
            await asked(running, {"ask": "link-add", "link": {"kind": "dosbox", "port": 0}})
        assert refused.value.code == 2


async def test_a_link_is_held_against_those_that_there_are() -> None:
    beside = (EthernetSettings(interface="eth0", network="1"),)
    assert one_link({"kind": "tap", "network": "2"}, beside).kind == "tap"
    wrongs: list[dict[str, object]] = [
        {"kind": "tap", "network": "1"},
        {"kind": "ethernet", "name": "x", "interface": "eth0"},
    ]
    for wrong in wrongs:
        with pytest.raises(ConfigError):
            one_link(wrong, beside)


async def test_only_what_differs_is_closed_and_opened(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        links = running.link_set
        assert links is not None
        assert running.gateway is not None
        (kept,) = links.settings
        stays = running.gateway.links[0]
        await links.add(more())
        assert await links.become([kept, more(20215), more(20216, "third")]) == (["more", "third"], ["more"])
        assert running.gateway.links[0] is stays
        assert await links.become([kept, more(20215), more(20213, "third")]) == ([], ["third"])
        assert await links.become([kept, more(20215)]) == ([], [])
        assert [link.name for link in running.gateway.links] == ["dosbox", "more"]


FILE = """
[domain]
name = "test.nwip"
[node]
address = "127.0.0.6"
[dss]
listen = ["127.0.0.6"]
port = 10396
[[link]]
kind = "dosbox"
listen = ["127.0.0.6"]
port = 20213
"""


async def test_a_hangup_brings_the_links_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "nwip.toml"
    file.write_text(FILE)
    environment = os.environ | {"STATE_DIRECTORY": str(tmp_path), "NWIP_CONTROL": str(tmp_path / "control")}
    command = (sys.executable, "-m", "nwip", "--config", str(file), "up", "--json")
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            await process.stdout.readline()

        async def names() -> list[str]:
            rows = await asyncio.to_thread(ask, tmp_path / "control", {"ask": "links"})
            assert isinstance(rows, list)
            return [row["name"] for row in rows]

        assert await names() == ["virtual", "dosbox"]
        more = '[[link]]\nkind = "dosbox"\nname = "more"\nlisten = ["127.0.0.6"]\nport = 20214\n'
        for text, expected in ((FILE + more, ["virtual", "dosbox", "more"]), (FILE, ["virtual", "dosbox"])):
            file.write_text(text)
            process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(10):
                while await names() != expected:
                    await asyncio.sleep(0.02)
        file.write_text("[[link]]\nkind = 1")
        process.send_signal(signal.SIGHUP)
        assert await names() == ["virtual", "dosbox"]
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
