"""Emulators at the gateways of a domain: a browser's room, a QEMU's wire, and a LAN are one network."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.world import NETWORK, Domain, Station
from links.websocket.browser import REGISTRATION
from links.websocket.channels import FakeChannel
from links.websocket.room import link_of
from nwip.directory.records import Host, Kind
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import Packet
from nwip.links.lan.length_framing import FrameSplitter, prefixed
from nwip.links.lan.link import LanLink
from nwip.links.lan.qemu import QemuWire, qemu_medium

pytestmark = pytest.mark.asyncio

GUEST = bytes.fromhex("525400123456")
GAME = 0x869C


class Guest:
    """A machine in a QEMU whose wire ends at a UNIX socket of ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.splitter = FrameSplitter()

    def send(self, to: bytes, payload: bytes) -> None:
        packet = Packet(Address(0, to, GAME), Address(0, GUEST, GAME), payload=payload)
        frame = Frame.of(to, GUEST, FrameType.ETHERNET_802_3, packet.encode())
        self.writer.write(prefixed(frame.encode()))

    async def hears(self, payload: bytes) -> Frame:
        """Wait for a frame whose packet carries just this."""
        async with asyncio.timeout(5):
            while True:
                for octets in self.splitter.feed(await self.reader.read(65536)):
                    frame = Frame.decode(octets)
                    if frame is not None and Packet.decode(frame.packet).payload == payload:
                        return frame


def hosts(domain: Domain) -> set[bytes]:
    """Return the hosts that all gateways know."""
    known = [
        {
            record.value.node
            for record in member.directory.records(Kind.HOST)
            if isinstance(record.value, Host)
        }
        for member in domain.members
    ]
    return set.intersection(*known)


async def until(holds: Callable[[], object], domain: Domain) -> None:
    """Wait until something holds, and carry meanwhile what is on the virtual network."""
    async with asyncio.timeout(5):
        while not holds():
            domain.wire.deliver()
            await asyncio.sleep(0)


async def test_a_browser_a_qemu_and_a_lan_at_three_gateways_are_one_network(tmp_path: Path) -> None:
    domain = Domain()
    west, east, south = [await domain.member(f"192.0.2.{number}") for number in (1, 2, 3)]

    room = link_of(listen=(), network=NETWORK, node=west.gateway.virtual.node)
    west.gateway.attach(room)
    await room.open(west.gateway)
    channel = FakeChannel()
    channel.inbox.put_nowait(REGISTRATION)
    attending = asyncio.get_running_loop().create_task(room.attend(channel, ("192.0.2.77", 4711)))

    medium = qemu_medium(QemuWire(listen=f"{tmp_path}/qemu.sock"))
    node = east.gateway.virtual.node
    wire = LanLink(
        "qemu", "qemu", NETWORK, medium, FrameType.ETHERNET_802_3, joined=True, secret=b"s" * 16, node=node
    )
    east.gateway.attach(wire)
    await wire.open(east.gateway)
    guest = Guest(*await asyncio.open_unix_connection(tmp_path / "qemu.sock"))
    station = Station(await south.lan("lan"), "0200000000AA")

    await until(lambda: channel.sent, domain)
    player = Packet.decode(channel.sent[0]).destination
    assert player.network == NETWORK
    guest.send(BROADCAST_NODE, b"who is there?")
    await until(lambda: channel.has(b"who is there?") and station.heard, domain)
    assert hosts(domain) == {player.node, GUEST, station.node}
    assert [packet.payload for packet in station.heard] == [b"who is there?"]

    station.send(Address(NETWORK, GUEST, GAME), b"a LAN")
    domain.wire.deliver()
    frame = await guest.hears(b"a LAN")
    assert (frame.destination, frame.source) == (GUEST, station.node)

    here = Address(0, player.node, GAME)
    channel.inbox.put_nowait(Packet(Address(0, GUEST, GAME), here, payload=b"a page").encode())
    await until(lambda: domain.crossed()[-1].payload == b"a page", domain)
    domain.wire.deliver()
    assert (await guest.hears(b"a page")).source == player.node
    guest.send(player.node, b"welcome")
    await until(lambda: channel.has(b"welcome"), domain)

    channel.inbox.put_nowait(None)
    await attending
    assert hosts(domain) == {GUEST, station.node}
    guest.writer.close()
    await wire.close()
    await room.close()
