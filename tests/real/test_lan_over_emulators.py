"""The LAN link on the media of emulators: packets of a station in, packets of the gateway out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from links.dosbox.switch import Switch
from links.lan.inbox import Inbox
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival, Link
from nwip.links.lan.link import LanLink
from nwip.links.lan.medium import Medium
from nwip.links.lan.multicast import MulticastMedium
from nwip.links.lan.netswitch import LOOPBACK
from nwip.links.lan.qemu import QemuWire, qemu_medium
from real.free_port import free_udp_port
from real.qemu import qemu

pytestmark = pytest.mark.asyncio

NETWORK = 0xC0FFEE
STATION = bytes.fromhex("00A0C9123456")
GAME = 0x869C


class Observer(Switch):
    """A gateway that notes what arrives and sends nothing on."""

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.arrivals += batch


def broadcast(frame_type: FrameType) -> bytes:
    """Return the frame of a station that knows only network 0, as a game sends it."""
    packet = Packet(Address(0, BROADCAST_NODE, GAME), Address(0, STATION, GAME), payload=b"who is there?")
    return Frame.of(BROADCAST_NODE, STATION, frame_type, packet.encode()).encode()


@contextlib.asynccontextmanager
async def opened(link: LanLink, station: Medium) -> AsyncIterator[tuple[Observer, Inbox]]:
    gateway, inbox = Observer(), Inbox()
    await link.open(gateway)
    await station.open(inbox)
    try:
        yield gateway, inbox
    finally:
        await station.close()
        await link.close()


async def converse(link: LanLink, gateway: Observer, station: Medium, inbox: Inbox) -> None:
    """Let the station broadcast until it is heard, and the gateway answer it."""
    assert link.frame_type is not None
    async with asyncio.timeout(20):
        while not gateway.arrivals:
            station.send(broadcast(link.frame_type))
            await asyncio.sleep(0.02)
    packet, hop = gateway.arrivals[0]
    assert hop == STATION
    heard = Packet.decode(packet)
    assert heard.source == Address(NETWORK, STATION, GAME)
    assert heard.payload == b"who is there?"
    answer = Packet(
        heard.source, Address(NETWORK, bytes.fromhex("7A1103091403"), GAME), payload=b"I am" * 300
    )
    link.send(answer.encode(), STATION)
    async with asyncio.timeout(10):
        while not (answers := [each for each in inbox.frames if each[:6] == STATION]):
            await asyncio.sleep(0.001)
    frame = Frame.decode(answers[0])
    assert frame is not None
    assert frame.frame_type is link.frame_type
    assert Packet.decode(frame.packet) == answer


@pytest.mark.real("qemu")
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("frame_type", list(FrameType))
async def test_a_station_behind_a_qemu_and_the_gateway_converse(
    frame_type: FrameType, joined: bool, tmp_path: Path
) -> None:
    medium = qemu_medium(QemuWire(listen=f"{tmp_path}/nwip.sock"))
    link = LanLink("qemu", "qemu", NETWORK, medium, frame_type, joined=joined, secret=b"s" * 32)
    station = qemu_medium(QemuWire("dgram", local="127.0.0.1:0", remote=f"127.0.0.1:{free_udp_port()}"))
    async with opened(link, station) as (gateway, inbox):
        ends = [each.describe()["for QEMU, add"].removeprefix("-netdev ") for each in (medium, station)]
        with qemu(*ends):
            await converse(link, gateway, station, inbox)
        assert set(gateway.hosts) == ({STATION} if joined else set())
        assert link.describe()["listens on"] == f"{tmp_path}/nwip.sock"


async def test_a_station_on_a_switch_of_86box_and_the_gateway_converse() -> None:
    group = ("239.255.86.86", free_udp_port())
    ours, station = (MulticastMedium(group, lambda: [LOOPBACK]) for _ in range(2))
    link = LanLink(
        "switch", "netswitch", NETWORK, ours, FrameType.ETHERNET_802_3, joined=True, secret=b"s" * 32
    )
    async with opened(link, station) as (gateway, inbox):
        await converse(link, gateway, station, inbox)
        assert set(gateway.hosts) == {STATION}
