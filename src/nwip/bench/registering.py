"""Nodes that register, and nodes that note when they hear of it; their sessions are like any other node's."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import count, pairwise
from random import Random
from typing import Final

from nwip.bench.serving import DOMAIN, LOOPBACK
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Kind, Node, Route, Service
from nwip.dss.client import DssClient
from nwip.routing.numbering import node_number

FIRST: Final = 0x10000000  # of the networks that are registered one by one
PATIENCE: Final = 30.0  # seconds for a registration to be seen
BREATH: Final = 0.003  # seconds between two registrations that are timed
EVERY: Final = 0.01  # seconds from one registration to the next while something dies
CALM: Final = 1.0  # seconds before, and three times as many after
_networks = count(FIRST)
_identities = count(1)


class Ear:
    """A node that hears of networks: `seen` says at which moment of each first, `latest` of the newest."""

    def __init__(self, servers: Sequence[Endpoint], changed: asyncio.Event) -> None:
        self.seen: dict[int, float] = {}
        self.latest = 0.0
        self._opened = asyncio.Event()
        self._changed = changed
        self.client = new_client(servers, (Kind.ROUTE,), self)

    async def ready(self) -> None:
        """Wait until its DSS has told it all that was there before."""
        await self._opened.wait()
        while not self.client.complete:  # noqa: ASYNC110 - a client has no event for it
            await asyncio.sleep(0.005)

    def directory_changed(self, changes: list[Change]) -> None:
        """Note the moment."""
        now = time.monotonic()
        for change in changes:
            if isinstance(change.record.value, Route) and not change.removed:
                self.latest = now
                self.seen.setdefault(change.record.value.network, now)
        self._changed.set()

    def session_opened(self, _: Endpoint) -> None:
        """Say so."""
        self._opened.set()

    def parameters_changed(self, _: Parameters) -> None:
        """Do nothing."""

    def session_closed(self, _: str) -> None:
        """Do nothing."""


class Deaf:
    """Listens to nothing: the node of a load."""

    def parameters_changed(self, _: object) -> None:
        """Do nothing."""

    directory_changed = session_opened = session_closed = parameters_changed


def new_client(servers: Sequence[Endpoint], kinds: tuple[Kind, ...], listener: "Ear | Deaf") -> DssClient:
    """Return the client of a new node."""
    number = next(_identities)
    identity = number.to_bytes(16, "big")
    chance = Random(number)  # noqa: S311 - spreads reconnections, keeps no secret
    client = DssClient(
        DOMAIN, identity, f"n{number}", servers, boot=identity, listener=listener, random=chance, kinds=kinds
    )
    at = (LOOPBACK, 1)
    client.offer(Node(node_number(at, Parameters(domain=DOMAIN), identity), f"n{number}", [at]))
    return client


@contextlib.asynccontextmanager
async def running(clients: Iterable[DssClient]) -> AsyncIterator[None]:
    """Let clients keep their sessions; then they say goodbye."""
    kept = list(clients)
    tasks = [asyncio.ensure_future(client.run()) for client in kept]
    try:
        yield
    finally:
        await asyncio.gather(*(client.stop() for client in kept))
        await asyncio.gather(*tasks)


def load_of(services: int, nodes: int, servers: Sequence[Endpoint]) -> list[DssClient]:
    """Return the clients of nodes that register so many services between them, once they run.

    Each goes to another of the servers first, and to the others when that is gone.
    """
    clients = []
    for number in range(nodes):
        first = number % len(servers)
        client = new_client([*servers[first:], *servers[:first]], (Kind.DSS,), Deaf())
        for service in range(number, services, nodes):
            name = f"BUILDING7-SERVER{service}"
            client.offer(Service(4 + service % 4, name, service + 1, b"\0\0\0\0\0\1", 0x451, 1))
        clients.append(client)
    return clients


class Trial:
    """A node that registers networks one by one, the `writer`, and the ears that are to hear of each.

    All must have their sessions before the first is registered. `lost` counts those that were not heard of.
    """

    def __init__(self, writer: Ear, ears: Sequence[Ear], changed: asyncio.Event) -> None:
        self.writer = writer
        self.ears = ears
        self.lost = 0
        self._changed = changed
        self._offered: set[int] = set()

    def offer(self) -> int:
        """Register a new network, and return its number."""
        network = next(_networks)
        self._offered.add(network)
        self.writer.client.offer(Route(network, 1, 2))
        return network

    async def rate(self, window: int, seconds: float, by: Sequence[Ear]) -> float:
        """Keep `window` registrations under way; return how many a second were seen `by` all of these."""
        await self._heard(self._offered, self.ears)  # what was registered before counts no more
        before = [len(ear.seen) for ear in by]
        begin, offered = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            room = window - offered + self._seen(by, before)
            for _ in range(room):
                self.offer()
            offered += room
            if not await self._change():
                break
        while self._seen(by, before) < offered and await self._change():
            pass
        took = time.monotonic() - begin
        self.lost += offered - self._seen(by, before)
        return self._seen(by, before) / took

    async def delays(self, seconds: float, least: int) -> list[float]:
        """Register one network at a time; return the seconds until all ears had seen it, of each."""
        found: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(found) < least:
            begin = time.monotonic()
            network = self.offer()
            while not all(network in ear.seen for ear in self.ears):
                if not await self._change():
                    self.lost += 1
                    return found
            found.append(max(ear.seen[network] for ear in self.ears) - begin)
            await asyncio.sleep(BREATH)
        return found

    async def gap(self, blow: Callable[[], Awaitable[object]], ears: Sequence[Ear]) -> float:
        """Register a network every few milliseconds, and strike; return the longest time without one seen.

        That is, of all the times between two moments at which one of the ears sees something new.
        """
        networks: list[int] = []
        turn = begin = time.monotonic()
        struck = ended = False
        while not ended:
            networks.append(self.offer())
            turn = max(turn + EVERY, time.monotonic() - EVERY)
            await asyncio.sleep(turn - time.monotonic())
            if not struck and turn > begin + CALM:
                await blow()
                struck, begin = True, time.monotonic()
            heard = all(ear.latest > turn - CALM / 10 for ear in ears)
            ended = struck and (turn > begin + PATIENCE or (heard and turn > begin + 3 * CALM))
        await self._heard(networks, ears)
        self.lost += sum(any(network not in ear.seen for ear in ears) for network in networks)
        return max(longest(ear.seen[network] for network in networks if network in ear.seen) for ear in ears)

    async def _heard(self, networks: Iterable[int], ears: Sequence[Ear]) -> None:
        """Wait until all ears have heard of these networks, or none has heard anything for too long."""
        while not all(network in ear.seen for ear in ears for network in networks) and await self._change():
            pass

    async def _change(self) -> bool:
        """Wait until an ear has heard something; False when none has for too long."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._changed.wait()
                return True
        return False

    @staticmethod
    def _seen(by: Sequence[Ear], before: Sequence[int]) -> int:
        """Return how many networks all of these have seen since."""
        return min(len(ear.seen) - known for ear, known in zip(by, before, strict=True))


def longest(moments: Iterable[float]) -> float:
    """Return the longest time between two neighbours of these moments."""
    return max((later - earlier for earlier, later in pairwise(sorted(moments))), default=PATIENCE)
