"""86Box's network switch, between processes on two hosts: everybody hears everybody else, once."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from links.lan.inbox import frame
from real.namespaces import inside, ip, two_hosts

pytestmark = [pytest.mark.asyncio, pytest.mark.real("root", "netns")]

SCRIPT = Path(__file__).parent / "switch_station.py"
LAST = 0xFFFF  # what a station sends behind everything else


@pytest.fixture
def hosts() -> Iterator[tuple[str, str]]:
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as names:
        yield names


class Station:
    """A process of `switch_station.py`."""

    def __init__(self, process: asyncio.subprocess.Process, kind: str, source: bytes) -> None:
        self.process = process
        self.kind = kind
        self.source = source

    def send(self, number: int) -> None:
        assert self.process.stdin
        self.process.stdin.write(frame(number, source=self.source).hex().encode() + b"\n")

    async def line(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(10):
            return (await self.process.stdout.readline()).decode().strip()

    async def heard(self, *others: "Station") -> list[bytes]:
        """Return what has been heard until the last frame of each of the others."""
        ends = {frame(LAST, source=other.source) for other in others}
        heard: list[bytes] = []
        while ends - set(heard):
            heard.append(bytes.fromhex(await self.line()))
        return heard


@contextlib.asynccontextmanager
async def station(host: str, kind: str, source: bytes) -> AsyncIterator[Station]:
    command = ["ip", "netns", "exec", host, sys.executable, str(SCRIPT), kind]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        station = Station(process, kind, source)
        assert await station.line() == "ready"
        yield station
    finally:
        assert process.stdin
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()


async def everybody_hears_everybody_once(stations: list[Station]) -> None:
    for number in (1, 2, 3, LAST):
        for each in stations:
            each.send(number)
    for each in stations:
        others = [other for other in stations if other is not each]
        heard = await each.heard(*others)
        for other in others:
            mine = [octets for octets in heard if octets[6:12] == other.source]
            assert mine == [frame(number, source=other.source) for number in (1, 2, 3, LAST)]
        own = [octets for octets in heard if octets[6:12] == each.source]
        assert own == [] or each.kind == "86box"  # it knows its own by the MAC, later


async def test_nwip_and_86box_on_two_hosts_and_on_one_hear_each_other_once(hosts: tuple[str, str]) -> None:
    left, right = hosts
    async with (
        station(left, "nwip", b"\2nwip1") as one,
        station(left, "86box", b"\2box.1") as two,
        station(right, "nwip", b"\2nwip2") as three,
        station(right, "86box", b"\2box.2") as four,
        station(left, "nwip", b"\2nwip3") as five,
    ):
        await everybody_hears_everybody_once([one, two, three, four, five])


async def test_two_cables_between_two_hosts_carry_each_frame_once(hosts: tuple[str, str]) -> None:
    left, right = hosts
    ip("-n", left, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", right)
    for host, address in zip(hosts, ("198.51.100.1/24", "198.51.100.2/24"), strict=True):
        ip("-n", host, "address", "add", address, "brd", "+", "dev", "eth1")
        ip("-n", host, "link", "set", "eth1", "up")
    async with (
        station(left, "nwip", b"\2nwip1") as one,
        station(right, "nwip", b"\2nwip2") as two,
    ):
        await everybody_hears_everybody_once([one, two])


async def test_what_is_sent_to_one_machine_alone_is_not_taken(hosts: tuple[str, str]) -> None:
    left, right = hosts
    async with station(left, "nwip", b"\2nwip1") as one, station(right, "nwip", b"\2nwip2") as two:
        with inside(right):
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with stranger:
            stranger.sendto(frame(1, source=b"\2rogue"), ("192.0.2.1", 8086))
        two.send(LAST)
        assert await one.heard(two) == [frame(LAST, source=b"\2nwip2")]
