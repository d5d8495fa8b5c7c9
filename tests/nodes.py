"""Whole nodes and a DSS in this process, on real sockets of the loopback interface."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from nwip.banner import banner
from nwip.config.reading import parse
from nwip.directory.parameters import Parameters
from nwip.dss.server import DssServer
from nwip.node import RunningNode

PARAMETERS = Parameters(domain="test.nwip", network=0x00C0FFEE, data_port=20043)


@contextlib.asynccontextmanager
async def dss(port: int = 0, parameters: Parameters = PARAMETERS) -> AsyncIterator[DssServer]:
    server = DssServer(parameters, identity=b"D" * 16, boot=b"d" * 16, admit=lambda _: True)
    await server.start([("127.0.0.1", port)])
    try:
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def node(
    folder: Path,
    port: int,
    address: str = "127.0.0.5",
    *,
    name: str = "museum",
    forward: bool = True,
    more: str = "",
) -> AsyncIterator[tuple[RunningNode, list[str]]]:
    text = f"""
        [domain]
        name = "test.nwip"
        [node]
        name = "{name}"
        address = "{address}"
        forward = {str(forward).lower()}
        state = "{folder}"
        control = "{folder}/control.sock"
        {more}
        [dss]
        servers = ["127.0.0.1:{port}"]
        [discovery]
        ways = ["preferred"]
        [[link]]
        kind = "dosbox"
        listen = ["{address}"]
        port = 20213
    """
    said: list[str] = []
    running = RunningNode(parse(text, "nwip.toml"), said.append, lambda found: said.append(banner(found)))
    await running.start()
    try:
        yield running, said
    finally:
        await running.stop()


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


class Site:
    """Two nodes, west at 127.0.0.5 and east at 127.0.0.6, and where to ask them."""

    def __init__(self, folder: Path, west: RunningNode, east: RunningNode) -> None:
        self.west, self.east = west, east
        self.at_west, self.at_east = folder / "west" / "control.sock", folder / "east" / "control.sock"


def knows_the_other(running: RunningNode) -> bool:
    return running.gateway is not None and running.gateway.virtual.describe()["peers"] == "1"


@contextlib.asynccontextmanager
async def two_nodes(folder: Path) -> AsyncIterator[Site]:
    for name in ("west", "east"):
        (folder / name).mkdir()
    async with dss() as server:
        port = server.endpoints[0][1]
        async with (
            node(folder / "west", port, "127.0.0.5", name="west") as (west, said_west),
            node(folder / "east", port, "127.0.0.6", name="east") as (east, said_east),
            asyncio.timeout(60),
        ):
            await until(lambda: said_west and said_east)
            for each in (west, east):  # so that broadcasts cross
                await until(partial(knows_the_other, each))
            yield Site(folder, west, east)
