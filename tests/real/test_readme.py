"""The README's two configuration files, on two hosts of their own, do what it says."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.ipx.packet import Packet
from nwip.links.dosbox.player import DosboxPlayer
from real.namespaces import inside, two_hosts

pytestmark = pytest.mark.asyncio

README = Path(__file__).parents[2] / "README.md"
SITE_A, SITE_B = "10.7.0.1", "10.7.0.2"


def configurations() -> tuple[str, str]:
    """Return the two files of the section on joining two gateways, its example address being site A's."""
    section = README.read_text("utf-8").partition("## Joining two gateways")[2]
    first, second, *_ = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    return first, second.replace("192.0.2.1", SITE_A)


@contextlib.asynccontextmanager
async def node(folder: Path, namespace: str, configuration: str) -> AsyncIterator[Path]:
    """Run `nwip up` in a namespace; give its control socket, and let it end as by Ctrl-C."""
    folder.mkdir()
    control = folder / "control.sock"
    (folder / "nwip.toml").write_text(configuration, "utf-8")
    environment = {**os.environ, "STATE_DIRECTORY": str(folder), "NWIP_CONTROL": str(control)}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", namespace, sys.executable, "-m", "nwip"),
            *("--config", str(folder / "nwip.toml"), "up"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield control
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(control: Path, what: str, count: int) -> list[dict[str, object]]:
    """Wait until the node behind a control socket answers so many rows."""
    async with asyncio.timeout(15):
        while True:
            with contextlib.suppress(NodeUnreachable, NodeRefused):
                rows = await asyncio.to_thread(ask, control, {"ask": what})
                if isinstance(rows, list) and len(rows) >= count:
                    return rows
            await asyncio.sleep(0.05)


@pytest.mark.real("root", "netns")
async def test_two_sites_with_the_files_of_the_readme_are_one_network(tmp_path: Path) -> None:
    first, second = configurations()
    with two_hosts(f"{SITE_A}/24", f"{SITE_B}/24") as (west, east):
        async with node(tmp_path / "a", west, first) as a, node(tmp_path / "b", east, second) as b:
            nodes = await until(b, "nodes", 2)
            await until(a, "links", 2)
            await until(b, "links", 2)
            assert {row["node"] for row in nodes} == {"7E010A070001", "7E010A070002"}
            anna, ben = DosboxPlayer((SITE_A, 213)), DosboxPlayer((SITE_B, 213))
            with inside(west):
                await anna.__aenter__()
            with inside(east):
                await ben.__aenter__()
            for player, control in ((anna, a), (ben, b)):
                await player.register()
                await player.ping(timeout=0.05)
                await until(control, "clients", 1)
            assert [node for node, _ in await anna.ping(answers=1)] == [ben.address.node]
            anna.send(
                Packet(ben.address._replace(socket=5), anna.address._replace(socket=5), payload=b"hello")
            )
            assert (await ben.receive()).payload == b"hello"
            await anna.__aexit__(None, None, None)
            await ben.__aexit__(None, None, None)
