"""An uplink to a real DOSBox as the server, with another DOSBox there, and a third at our own gateway."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.world import NETWORK, Domain
from links.dosbox.simulation import KEY
from links.uplink.party import is_elsewhere
from nwip.directory.records import Endpoint
from nwip.links.dosbox import DosboxLink, DosboxPlayer
from nwip.links.uplink import UplinkLink
from real.dosbox import DosBox, build_program

pytestmark = pytest.mark.asyncio


class Site:
    """Our gateway: its players' link, and its uplink to a port of this machine."""

    def __init__(self, players: DosboxLink, uplink: UplinkLink) -> None:
        self.players = players
        self.uplink = uplink

    @property
    def server(self) -> Endpoint:
        return self.players.endpoints[0]

    @property
    def connect(self) -> str:
        return "ipxnet connect {} {}".format(*self.server)

    async def until_far_hosts(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.uplink.far_hosts()) != count:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def site(port: int) -> AsyncIterator[Site]:
    async def resolve() -> Endpoint:
        return ("127.0.0.1", port)

    member = await Domain().member("10.0.0.1")
    gateway, node = member.gateway, member.gateway.virtual.node
    players = DosboxLink("players", NETWORK, node, [("127.0.0.1", 0)], KEY)
    uplink = UplinkLink(
        "uplink",
        NETWORK,
        node,
        "far.example",
        resolve=resolve,
        pseudo_station=b"\x02\xca\xfe\0\0\1",
        chance=lambda: 0.5,
        elsewhere=lambda node: is_elsewhere(member, uplink, node),
    )
    for link in (players, uplink):
        gateway.attach(link)
        await link.open(gateway)
    try:
        yield Site(players, uplink)
    finally:
        await uplink.close()
        await players.close()


@asynccontextmanager
async def far_server(folder: Path, port: int) -> AsyncIterator[DosBox]:
    """A DOSBox that serves others, and is a player itself."""
    async with DosBox(folder, [f"ipxnet startserver {port} > started.txt"]) as box:
        async with asyncio.timeout(30):
            while "Server started" not in box.text("STARTED.TXT"):
                assert "couldn't" not in box.text("STARTED.TXT")
                await asyncio.sleep(0.05)
        yield box


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.real("dosbox", "nasm")
async def test_a_dos_program_exchanges_a_thousand_packets_through_a_dosbox_server(tmp_path: Path) -> None:
    port = free_port()
    folders = {role: tmp_path / role for role in ("a", "b")}
    for folder in folders.values():
        folder.mkdir()
        build_program("exchange", folder)
    async with far_server(tmp_path / "server", port), site(port) as here:
        await here.until_far_hosts(1)  # the server's own player
        far = DosBox(folders["b"], [f"ipxnet connect 127.0.0.1 {port}", "exchange b", "exit"])
        near = DosBox(folders["a"], [here.connect, "exchange a", "exit"])
        async with near, far:
            await asyncio.gather(near.finished(within=90), far.finished(within=90))
        (local,) = [view for view in here.uplink.registrations() if view.host and view.packets_out >= 1000]
        assert local.number is not None
        assert far.text("RESULT.TXT").strip() == f"OK 1000 1000 retries 0 peer {local.number.hex().upper()}"
        result, _, peer = near.text("RESULT.TXT").strip().rpartition(" ")
        assert result == "OK 1000 1000 retries 0 peer"
        assert bytes.fromhex(peer) in here.uplink.far_hosts()
        assert here.uplink.counters.drops.keys() <= {"has come back", "copy of a broadcast"}


@pytest.mark.real("dosbox")
async def test_our_players_ping_sees_the_far_dosboxes_before_and_after_their_server_restarts(
    tmp_path: Path,
) -> None:
    port = free_port()
    connect = f"ipxnet connect 127.0.0.1 {port}"
    async with site(port) as here, DosboxPlayer(here.server) as player:
        await player.register()
        for life in ("first", "second"):
            async with far_server(tmp_path / life, port), DosBox(tmp_path / f"{life}-client", [connect]):
                async with asyncio.timeout(60):
                    while len(answers := await player.ping(timeout=1.0)) < 2:
                        await asyncio.sleep(0.1)
                nodes = [node for node, _ in answers]
                assert len(nodes) == len(set(nodes)) == 2
                assert set(nodes) <= set(here.uplink.far_hosts())
                for node in nodes:
                    assert [who for who, _ in await player.ping(timeout=1.0, node=node)] == [node]


@pytest.mark.real("dosbox")
async def test_ipxnet_ping_on_the_far_side_sees_our_silent_player(tmp_path: Path) -> None:
    port = free_port()
    async with far_server(tmp_path / "server", port), site(port) as here, DosboxPlayer(here.server) as player:
        node = (await player.register()).node
        await here.until_far_hosts(1)
        commands = [f"ipxnet connect 127.0.0.1 {port}", "ipxnet ping > ping.txt", "exit"]
        async with DosBox(tmp_path / "pinging", commands) as box:
            await box.finished(within=30)
        (view,) = [view for view in here.uplink.registrations() if view.host and view.host.node == node]
        assert view.number is not None
        host, our_port = ".".join(map(str, view.number[:4])), int.from_bytes(view.number[4:], "big")
        assert f"Response from {host}, port {our_port}" in box.text("PING.TXT")
