"""A NetWare server on a LAN of one gateway, seen from another: through a real DSS, by the real commands."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures import netware_server as museum
from gateway.test_agents import RECORDED_LAN, recorded_packets, replay
from nodes import dss, node, until
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.links.dosbox.player import DosboxPlayer
from nwip.links.memory import MemoryLink

pytestmark = pytest.mark.asyncio

ROUTER = bytes.fromhex("0200000000FE")


@contextlib.asynccontextmanager
async def two_gateways(folder: Path, network: int) -> AsyncIterator[tuple[MemoryLink, Path]]:
    """Give a LAN in memory at one gateway, and the control socket of another, at 127.0.0.6."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    async with dss() as server:
        port = server.endpoints[0][1]
        async with (
            node(folder / "a", port, "127.0.0.5") as (here, said_here),
            node(folder / "b", port, "127.0.0.6") as (_, said_there),
        ):
            await until(lambda: said_here and said_there)
            assert here.gateway is not None
            lan = MemoryLink("lan", network, ROUTER)
            here.gateway.attach(lan)
            await lan.open(here.gateway)
            yield lan, folder / "b" / "control.sock"


async def nwip(*arguments: str) -> dict[str, list[dict[str, object]]]:
    """Run a command of `nwip` with --json."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nwip", *arguments, "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    answer: dict[str, list[dict[str, object]]] = json.loads(output)
    return answer


async def services_at(control: Path, count: int) -> list[dict[str, object]]:
    async with asyncio.timeout(20):
        while len(rows := (await nwip("services", "--control", str(control)))["services"]) < count:
            pass
    return rows


async def nearest_at(gateway: str) -> SapEntry:
    """Ask for the nearest file server, as a player of a gateway."""
    query = SapQuery(SapOperation.NEAREST_QUERY, ServiceType.FILE_SERVER).encode()
    async with DosboxPlayer((gateway, 20213)) as player:
        await player.register()
        to = Address(THIS_NETWORK, BROADCAST_NODE, Socket.SAP)
        player.send(Packet(to, player.address._replace(socket=0x4003), PacketType.PEP, query))
        answer = SapResponse.decode((await player.receive(1.0)).payload)
    assert answer.operation == SapOperation.NEAREST_RESPONSE
    return answer.entries[0]


async def test_our_fixtures_server_is_shown_and_answered_at_the_other_gateway(tmp_path: Path) -> None:
    async with two_gateways(tmp_path, museum.LAN) as (lan, there):
        replay(lan, [museum.packet_of(frame) for frame in (museum.RIP_BROADCAST, museum.SAP_BROADCAST)])
        rows = await services_at(there, 2)
        shown = {(row["type"], row["name"], row["address"]) for row in rows}
        assert shown == {
            (kind, name, str(Address(network, number, socket)))
            for kind, name, network, number, socket, _ in museum.SERVICES
        }
        routes = (await nwip("routes", "--control", str(there)))["routes"]
        assert {row["network"] for row in routes} == {f"{museum.LAN:08X}", f"{museum.INTERNAL_NETWORK:08X}"}
        nearest = await nearest_at("127.0.0.6")
        assert (nearest.name, nearest.address.network) == (museum.SERVER_NAME, museum.INTERNAL_NETWORK)
        assert nearest.hops == 2


@pytest.mark.real("shared")
@pytest.mark.parametrize("name", ["netware-ethernet-ii.pcap", "netware-802.3-raw.pcap"])
async def test_a_recorded_server_is_shown_and_answered_at_the_other_gateway(
    tmp_path: Path, shared: Path, name: str
) -> None:
    packets = recorded_packets(shared / "captures" / name)
    async with two_gateways(tmp_path, RECORDED_LAN) as (lan, there):
        replay(lan, [packet for packet in packets if packet[10:16] == BROADCAST_NODE])
        (row,) = await services_at(there, 1)
        assert (row["type"], row["name"], row["address"]) == (4, "MARSVM", "00ABCD01.000000000001.0451")
        nearest = await nearest_at("127.0.0.6")
        assert (nearest.name, str(nearest.address)) == ("MARSVM", "00ABCD01.000000000001.0451")
