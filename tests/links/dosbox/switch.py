"""The smallest gateway: it passes packets between the clients of one DOSBox link."""

import asyncio
from collections.abc import Callable, Sequence

from nwip.ipx.address import BROADCAST_NODE
from nwip.links.base import Arrival, Hop, Link


class Switch:
    """A `Gateway` of one link; `arrivals` is what passed, `hosts` who is there."""

    def __init__(self) -> None:
        self.hosts: dict[bytes, Hop] = {}
        self.arrivals: list[Arrival] = []
        self.moved = 0
        self._changed = asyncio.Event()

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        for packet, hop in batch:
            self.arrivals.append(Arrival(packet, hop))
            self._changed.set()
            if packet[10:16] == BROADCAST_NODE:
                link.send_to_all(packet, besides=hop)
            else:
                link.send(packet, packet[10:16])

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        self.moved += node in self.hosts
        self.hosts[node] = hop
        self._changed.set()

    def host_lost(self, link: Link, node: bytes) -> None:
        del self.hosts[node]
        self._changed.set()

    def carrier(self, link: Link, *, present: bool) -> None:
        raise AssertionError

    async def until_hosts(self, count: int, within: float = 5.0) -> None:
        """Wait until there are just so many hosts; `TimeoutError` after so many seconds."""
        await self._until(lambda: len(self.hosts) == count, within)

    async def until_arrivals(self, count: int, within: float = 5.0) -> None:
        """Wait until so many packets have come; `TimeoutError` after so many seconds."""
        await self._until(lambda: len(self.arrivals) >= count, within)

    async def until_moved(self, times: int, within: float = 5.0) -> None:
        """Wait until hosts have moved so many times; `TimeoutError` after so many seconds."""
        await self._until(lambda: self.moved == times, within)

    async def _until(self, holds: Callable[[], bool], within: float) -> None:
        async with asyncio.timeout(within):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
