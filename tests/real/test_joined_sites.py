"""LANs and emulators of several sites as one network, and a host on QEMU's wire, joined and routed."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from real.internetwork import ACTIVE, OVERDUE, STANDING_BY, TAKEOVER, duties, timed
from real.ipx_octets import At
from real.lan_host import TALK, LanHost, once
from real.qemu import qemu
from real.three_sites import Lab, Site

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.real("root", "netns", "ethtool", "tshark"),
]

_log = logging.getLogger(__name__)

WITHIN = 20.0  # seconds until a gateway that has just started serves its LAN
QEMU_LAN = 0x86
QEMU_NODE = bytes.fromhex("525400123456")


async def until_met(talker: LanHost, listener: LanHost) -> None:
    """Let a host broadcast until another one has heard it."""
    name = b"I am " + talker.node
    async with asyncio.timeout(WITHIN):
        while not any(name in heard.payload for heard in listener.heard):
            talker.talk(once() + name)
            await asyncio.sleep(0.2)


async def test_hosts_of_network_0_on_two_joined_lans_of_different_frame_types_are_neighbours(
    tmp_path: Path,
) -> None:
    with Lab(tmp_path, Site("a", "Ethernet_802.3"), Site("b", "Ethernet_II")) as lab:
        await lab.start()
        west, east = lab.host("a"), lab.host("b")
        with lab.watch(tmp_path / "joined.pcapng") as watch:
            await asyncio.gather(until_met(west, east), until_met(east, west))
            await asyncio.gather(
                west.echo(At(0, east.node), WITHIN), east.echo(At(0, west.node), WITHIN, 1400)
            )
        assert {heard.mac for heard in east.heard if heard.to_socket == TALK} == {west.node}
        assert {heard.mac for heard in west.heard if heard.to_socket == TALK} == {east.node}
        assert watch.complaints(joined=True) == []


async def test_another_gateway_takes_over_a_joined_lan_and_comes_back_to_stand_by(tmp_path: Path) -> None:
    sites = (Site("a", "Ethernet_802.3"), Site("b", "Ethernet_II"))
    with Lab(tmp_path, *sites) as lab:
        lab.add_gateway("a2", sites[0])
        await lab.start()
        west, east = lab.host("a"), lab.host("b")
        neighbours = At(0, west.node), At(0, east.node)
        names = {lab.card_of(name): name for name in ("a", "a2")}
        with lab.watch(tmp_path / "joined.pcapng") as watch:
            found = await duties(west, WITHIN, ACTIVE, STANDING_BY)
            await asyncio.gather(until_met(west, east), until_met(east, west))
            (active,) = (lab.gateways[names[mac]] for mac, duty in found.items() if duty == ACTIVE)
            active.kill()
            seconds = await timed(
                asyncio.gather(west.echo(neighbours[1], WITHIN), east.echo(neighbours[0], WITHIN))
            )
            _log.info("takeover of a joined LAN: %.2f s", seconds)
            assert seconds < TAKEOVER + OVERDUE or lab.stood_still()
            active.start()
            await duties(west, WITHIN, ACTIVE, STANDING_BY)
            await asyncio.gather(west.echo(neighbours[1], WITHIN), east.echo(neighbours[0], WITHIN))
        assert watch.complaints(joined=True) == []


@contextlib.asynccontextmanager
async def on_the_wire_of_qemu(folder: Path) -> AsyncIterator[LanHost]:
    """Have a host on the wire of a QEMU whose other end is a gateway's."""
    ours, its = folder / "host.sock", folder / "qemu.sock"
    to_host = f"dgram,id=nwip,local.type=unix,local.path={its},remote.type=unix,remote.path={ours}"
    to_gateway = f"stream,id=nwip,server=off,addr.type=unix,addr.path={folder / 'wire.sock'}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(ours))
        with qemu(to_gateway, to_host):
            async with asyncio.timeout(WITHIN):
                while not its.exists():
                    await asyncio.sleep(0.02)
            sock.connect(str(its))
            with LanHost(sock, QEMU_NODE, "Ethernet_802.2") as host:
                yield host


@pytest.mark.real("qemu")
@pytest.mark.parametrize("joined", [True, False], ids=["joined", "routed"])
async def test_a_host_on_the_wire_of_a_qemu_and_one_on_the_lan_of_another_gateway_reach_each_other(
    joined: bool, tmp_path: Path
) -> None:
    link = ["[[link]]", 'kind = "qemu"', f'listen = "{tmp_path}/wire.sock"', 'frame = "Ethernet_802.2"']
    link.append("joined = true" if joined else f'network = "{QEMU_LAN:X}"')
    lan = Site("a", "Ethernet_802.3", 0 if joined else 0xA1)
    with Lab(tmp_path, lan) as lab:
        lab.add_gateway("q", None, "\n".join(link))
        await lab.start()
        there = lab.host("a")
        async with on_the_wire_of_qemu(tmp_path) as here:
            if joined:
                await asyncio.gather(until_met(here, there), until_met(there, here))
            else:
                await asyncio.gather(here.find_router(0xA1, WITHIN), there.find_router(QEMU_LAN, WITHIN))
            await asyncio.gather(here.echo(there.at, WITHIN, 1400), there.echo(here.at, WITHIN, 1400))
