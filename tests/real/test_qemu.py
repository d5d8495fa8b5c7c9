"""Frames through a real QEMU: in by one netdev, over its hub, and out by another."""

import asyncio
import itertools
from pathlib import Path

import pytest

from links.lan.inbox import Inbox, frame
from nwip.links.lan.medium import Medium
from nwip.links.lan.qemu import QemuWire, qemu_medium
from nwip.links.lan.qemu_stream import StreamMedium
from real.free_port import free_udp_port
from real.qemu import qemu

pytestmark = [pytest.mark.asyncio, pytest.mark.real("qemu")]

FRAMES = 200
FIRST_PROBE = 1_000_000
LARGEST = 1514
ONE, OTHER = b"\2one..", b"\2other"
WIRES = [
    "stream-tcp-listen",
    "stream-tcp-connect",
    "stream-unix-listen",
    "stream-unix-connect",
    "socket-listen",
    "socket-connect",
    "dgram-udp",
    "dgram-unix",
    "socket-udp",
    "socket-mcast",
    "dgram-mcast",
]


def wire(name: str, directory: Path) -> QemuWire:
    port = f"127.0.0.1:{free_udp_port()}"
    ours = f"{directory}/ours.sock"
    group = f"239.255.77.77:{free_udp_port()}"
    wires = {
        "stream-tcp-listen": QemuWire(listen="127.0.0.1:0"),
        "stream-tcp-connect": QemuWire(connect=port),
        "stream-unix-listen": QemuWire(listen=ours),
        "stream-unix-connect": QemuWire(connect=ours),
        "socket-listen": QemuWire("socket", listen="127.0.0.1:0"),
        "socket-connect": QemuWire("socket", connect=port),
        "dgram-udp": QemuWire("dgram", local="127.0.0.1:0", remote=port),
        "dgram-unix": QemuWire("dgram", local=ours, remote=f"{directory}/qemus.sock"),
        "socket-udp": QemuWire("socket", local="127.0.0.1:0", remote=port),
        "socket-mcast": QemuWire("socket", group=group, interface="127.0.0.1"),
        "dgram-mcast": QemuWire("dgram", group=group, interface="127.0.0.1"),
    }
    return wires[name]


async def meet(one: Medium, heard: Inbox) -> None:
    """Send frames until one comes through: QEMU takes a moment to open its ends."""
    async with asyncio.timeout(20):
        for number in itertools.count(FIRST_PROBE):
            one.send(frame(number))
            if heard.frames:
                return
            await asyncio.sleep(0.02)


def counted(inbox: Inbox, source: bytes) -> list[bytes]:
    """Return the frames of a source that are no probes of `meet`.

    On a multicast group QEMU hears what it sent itself, and its hub brings that back to the sender.
    """
    return [
        each
        for each in inbox.frames
        if each[6:12] == source and int.from_bytes(each[14:18], "big") < FIRST_PROBE
    ]


def from_source(source: bytes) -> list[bytes]:
    """Return frames of many sizes, up to the largest."""
    step = (LARGEST - 60) / (FRAMES - 1)
    return [frame(number, 60 + round(number * step), source=source) for number in range(FRAMES)]


async def exchange(one: Medium, other: Medium, into_one: Inbox, into_other: Inbox) -> None:
    """Send frames each way, a few at a time, and demand all of them, in order."""
    ones, others = from_source(ONE), from_source(OTHER)
    async with asyncio.timeout(30):
        for start in range(0, FRAMES, 8):
            some = slice(start, start + 8)
            assert all(map(one.send, ones[some]))
            assert all(map(other.send, others[some]))
            while min(len(counted(into_one, OTHER)), len(counted(into_other, ONE))) < start + 8:
                await asyncio.sleep(0.001)
    assert counted(into_other, ONE) == ones
    assert counted(into_one, OTHER) == others


@pytest.mark.parametrize("name", WIRES)
async def test_frames_go_both_ways_through_a_qemu(name: str, tmp_path: Path) -> None:
    medium = qemu_medium(wire(name, tmp_path))
    other = qemu_medium(QemuWire("dgram", local="127.0.0.1:0", remote=f"127.0.0.1:{free_udp_port()}"))
    into_medium, into_other = Inbox(), Inbox()
    await medium.open(into_medium)
    await other.open(into_other)
    netdevs = [each.describe()["for QEMU, add"].removeprefix("-netdev ") for each in (medium, other)]
    try:
        with qemu(*netdevs):
            await meet(medium, into_other)
            await meet(other, into_medium)
            await exchange(medium, other, into_medium, into_other)
    finally:
        await medium.close()
        await other.close()


async def test_two_qemus_on_our_hub_hear_each_other_and_us(tmp_path: Path) -> None:
    hub = qemu_medium(QemuWire(listen=f"{tmp_path}/hub.sock"))
    assert isinstance(hub, StreamMedium)
    guests = [
        qemu_medium(QemuWire("dgram", local="127.0.0.1:0", remote=f"127.0.0.1:{free_udp_port()}"))
        for _ in range(2)
    ]
    inboxes = [Inbox() for _ in guests]
    into_hub = Inbox()
    await hub.open(into_hub)
    for guest, inbox in zip(guests, inboxes, strict=True):
        await guest.open(inbox)
    to_hub, *to_guests = (
        each.describe()["for QEMU, add"].removeprefix("-netdev ") for each in (hub, *guests)
    )
    try:
        with qemu(to_hub, to_guests[0]), qemu(to_hub, to_guests[1]):
            await meet(guests[0], inboxes[1])
            await meet(guests[1], inboxes[0])
            assert hub.describe()["peers"] == "2 of 16"
            await exchange(guests[0], guests[1], inboxes[0], inboxes[1])
            assert [len(counted(into_hub, source)) for source in (ONE, OTHER)] == [FRAMES, FRAMES]
            assert hub.send(frame(FIRST_PROBE - 1))
            for inbox in inboxes:
                async with asyncio.timeout(10):
                    while frame(FIRST_PROBE - 1) not in inbox.frames:
                        await asyncio.sleep(0.001)
    finally:
        for each in (hub, *guests):
            await each.close()


async def test_a_qemu_that_is_started_again_is_connected_to_again(tmp_path: Path) -> None:
    medium = qemu_medium(QemuWire(connect=f"{tmp_path}/qemu.sock"))
    other = qemu_medium(QemuWire("dgram", local="127.0.0.1:0", remote=f"127.0.0.1:{free_udp_port()}"))
    into_other = Inbox()
    await medium.open(Inbox())
    await other.open(into_other)
    netdevs = [each.describe()["for QEMU, add"].removeprefix("-netdev ") for each in (medium, other)]
    try:
        for _ in range(2):
            into_other.frames.clear()
            with qemu(*netdevs):
                await meet(medium, into_other)
        async with asyncio.timeout(10):
            while medium.send(frame(1)):
                await asyncio.sleep(0.01)
    finally:
        await medium.close()
        await other.close()
