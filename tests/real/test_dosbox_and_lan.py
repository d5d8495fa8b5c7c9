"""A DOS program in a real DOSBox on one site, and a host with raw 802.3 frames on another's LAN."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from real.dos_exchange import answer, exchange
from real.dosbox import DosBox, build_program, dosbox_in
from real.ipx_octets import EVERYONE, At
from real.lan_host import LanHost
from real.three_sites import VIRTUAL, Lab, Site

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.real("root", "netns", "ethtool", "dosbox", "nasm"),
]

CONNECT = "ipxnet connect 127.0.0.1 213"
PLAYERS = 0xD05  # the network of the DOSBoxes, where they have one
COUNT = 1000


@contextlib.asynccontextmanager
async def running(folder: Path, lan: Site, dosbox: str = "") -> AsyncIterator[Lab]:
    """Have a LAN with its gateway, and another gateway with nothing but a DOSBox link."""
    with Lab(folder, lan, bad=False) as lab:
        lab.add_gateway("dos", None, f'[[link]]\nkind = "dosbox"\n{dosbox}')
        await lab.start()
        yield lab


@contextlib.asynccontextmanager
async def dos(lab: Lab, folder: Path, role: str) -> AsyncIterator[DosBox]:
    """Run the DOS program in a DOSBox beside its gateway."""
    folder.mkdir()
    build_program("exchange", folder)
    commands = [CONNECT, f"exchange {role}", "exit"]
    async with dosbox_in(lab.gateways["dos"].namespace, folder, commands) as box:
        yield box


async def player(lab: Lab) -> bytes:
    """Wait until a DOSBox is connected; return its node number."""
    async with asyncio.timeout(20):
        while not (clients := lab.gateways["dos"].ask("clients")):
            await asyncio.sleep(0.05)
    return bytes.fromhex(str(clients[0]["node"]))


def result(box: DosBox) -> list[str]:
    """Return what the program says: OK, sent, received, how often something was sent again, peer."""
    words = box.text("RESULT.TXT").split()
    return [*words[:3], words[-1]]


def fine(host: LanHost) -> list[str]:
    return ["OK", str(COUNT), str(COUNT), host.node.hex().upper()]


async def test_a_dos_program_finds_a_joined_host_of_network_0_by_broadcast_and_exchanges_packets(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, Site("a", "Ethernet_802.3")) as lab:
        host = lab.host("a")
        answering = asyncio.create_task(answer(host))
        async with dos(lab, tmp_path / "box", "a") as box:
            await box.finished(within=60)
        assert result(box) == fine(host)
        answering.cancel()


async def test_a_joined_host_of_network_0_finds_a_dos_program_by_broadcast_and_exchanges_packets(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, Site("a", "Ethernet_802.3")) as lab:
        host = lab.host("a")
        async with dos(lab, tmp_path / "box", "b") as box:
            node = await player(lab)
            assert await exchange(host, At(0, EVERYONE), COUNT) == At(VIRTUAL, node)
            await box.finished(within=30)
        assert result(box) == fine(host)


async def test_a_host_of_a_routed_lan_exchanges_packets_with_a_dos_program_on_another_network(
    tmp_path: Path,
) -> None:
    routed = f'joined = false\nnetwork = "{PLAYERS:X}"'
    async with running(tmp_path, Site("a", "Ethernet_802.3", 0xA1), routed) as lab:
        host = lab.host("a")
        await host.find_router(PLAYERS, 20)
        async with dos(lab, tmp_path / "box", "b") as box:
            there = At(PLAYERS, await player(lab))
            assert await exchange(host, there, COUNT) == there
            await box.finished(within=30)
        assert result(box) == fine(host)
