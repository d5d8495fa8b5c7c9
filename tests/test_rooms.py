"""Two DOSBox links that are networks of their own are two rooms: no broadcast crosses between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nodes import until
from nwip.bench.domain import free_port
from nwip.config.reading import parse
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox import DosboxLink, DosboxPlayer
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio

GAME = 0x869C
DOOM, FRIENDS = 0xD00D, 0xF0F0


@asynccontextmanager
async def rooms(folder: Path) -> AsyncIterator[tuple[RunningNode, int, int]]:
    doom, friends, dss, data = (free_port() for _ in range(4))
    said: list[object] = []
    running = RunningNode(
        parse(
            f"""
            [domain]
            data-port = {data}
            [node]
            address = "127.0.0.5"
            state = "{folder}"
            control = "{folder}/control.sock"
            [dss]
            serve = true
            port = {dss}
            peer-port = {free_port()}
            store = "memory"
            [[link]]
            kind = "dosbox"
            name = "doom"
            listen = ["127.0.0.5"]
            port = {doom}
            joined = false
            network = "D00D"
            [[link]]
            kind = "dosbox"
            name = "friends"
            listen = ["127.0.0.5"]
            port = {friends}
            joined = false
            network = "F0F0"
            admit = ["127.0.0.7"]
            """,
            "nwip.toml",
        ),
        lambda _: None,
        said.append,
    )
    await running.start()
    try:
        await until(lambda: said)
        yield running, doom, friends
    finally:
        await running.stop()


def packet(to: Address, text: bytes) -> Packet:
    return Packet(to, Address(0, bytes(6), GAME), payload=text)


def players(running: RunningNode) -> int:
    links = running.inside.links if running.inside is not None else ()
    return sum(len(link.clients()) for link in links if isinstance(link, DosboxLink))


async def of_the_game(player: DosboxPlayer) -> bytes:
    """Return what comes next to the game's socket: routers speak in between."""
    while True:
        packet = await player.receive()
        if packet.destination.socket == GAME:
            return packet.payload


async def test_rooms_hear_nothing_of_each_other_but_what_is_sent_to_an_address(tmp_path: Path) -> None:
    async with (
        rooms(tmp_path) as (running, doom, friends),
        asyncio.timeout(30),
        DosboxPlayer(("127.0.0.5", doom), local=("127.0.0.6", 0)) as one,
        DosboxPlayer(("127.0.0.5", doom), local=("127.0.0.7", 0)) as two,
        DosboxPlayer(("127.0.0.5", friends), local=("127.0.0.7", 0)) as three,
        DosboxPlayer(("127.0.0.5", friends), local=("127.0.0.8", 0)) as stranger,
    ):
        assert [(await each.register()).network for each in (one, two, three)] == [DOOM, DOOM, FRIENDS]
        with pytest.raises(TimeoutError):
            await stranger.register(0.3)
        for each in (one, two, three):
            each.send(packet(Address(0, BROADCAST_NODE, 0x4001), b"here"))
        await until(lambda: players(running) == 3)
        one.send(packet(Address(0, BROADCAST_NODE, GAME), b"to the room"))
        one.send(packet(three.address._replace(socket=GAME), b"to one"))
        assert await of_the_game(two) == b"to the room"
        assert await of_the_game(three) == b"to one", "the broadcast before it has not come"
