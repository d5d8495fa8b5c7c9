"""LAN links on real cards and TAP devices, with somebody who keeps what they report."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from nwip.ipx.address import Address
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.lan.link import LanLink
from nwip.links.lan.medium import Medium
from real.namespaces import inside

NETWORK: Final = 0x0000AB12
PATIENCE: Final = 10.0  # seconds


class Station:
    """A link on a LAN, and what it has reported."""

    def __init__(
        self,
        medium: Medium,
        frame_type: FrameType | None,
        *,
        joined: bool = False,
        node: bytes | None = None,
        name: str = "lan",
    ) -> None:
        self.medium = medium
        self.link = LanLink(
            name, "ethernet", NETWORK, medium, frame_type, joined=joined, secret=bytes(16), node=node
        )
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.hosts: list[bytes] = []
        self.cables: asyncio.Queue[bool] = asyncio.Queue()

    @property
    def mac(self) -> bytes:
        assert self.link.station is not None
        return self.link.station

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        for arrival in batch:
            self.arrivals.put_nowait(arrival)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        self.hosts.append(node)

    def host_lost(self, link: Link, node: bytes) -> None:
        self.hosts.remove(node)

    def carrier(self, link: Link, *, present: bool) -> None:
        self.cables.put_nowait(present)

    def packet(self, to: bytes, size: int, *, network: int = NETWORK) -> bytes:
        payload = bytes(index % 251 for index in range(size - HEADER_SIZE))
        return Packet(Address(network, to, 0x5678), Address(NETWORK, self.mac, 0x5678), 0, payload).encode()

    async def next(self) -> Arrival:
        async with asyncio.timeout(PATIENCE):
            return await self.arrivals.get()

    async def until_heard(self, sender: "Station") -> None:
        """Wait until a packet of `sender` gets through; it is sent every 50 ms, for ten seconds at most."""
        packet = sender.packet(self.mac, 100)
        async with asyncio.timeout(PATIENCE):
            while self.arrivals.empty():
                sender.link.send(packet, self.mac)
                await asyncio.sleep(0.05)
        while not self.arrivals.empty():
            assert self.arrivals.get_nowait().packet == packet

    async def until_state(self, start: str) -> None:
        """Wait until the medium's state begins with these words, for ten seconds at most."""
        async with asyncio.timeout(PATIENCE):
            while not self.medium.describe()["state"].startswith(start):
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def opened(*stations: Station) -> AsyncIterator[tuple[Station, ...]]:
    """Open the links of stations, and close them at the end."""
    try:
        for station in stations:
            await station.link.open(station)
        yield stations
    finally:
        for station in stations:
            await station.link.close()


def within(namespace: str) -> Callable[[], AbstractContextManager[object]]:
    """Return a way into a network namespace, for media that are opened there."""
    return partial(inside, namespace)
