"""Three sites of three frame types, a server and a client on each, and what these must know and reach."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from real.ipx_octets import FILE_SERVER, PROPAGATED, SERVER_NODE, At, Networks, Services
from real.lan_host import LanHost, once
from real.three_sites import VIRTUAL, Lab, Site

SITES: Final = (
    Site("a", "Ethernet_802.3", 0xA1),
    Site("b", "Ethernet_802.2", 0xB2),
    Site("c", "Ethernet_II", 0xC3, configured=False),
)
INTERNAL: Final = {"a": 0x2E5A0001, "b": 0x2E5A0002, "c": 0x2E5A0003}
ANSWERED_WITHIN: Final = 10.0  # seconds, where questions and answers are lost
TAKEOVER: Final = 3.0  # seconds: docs/links/sharing-a-lan.md
OVERDUE: Final = 4.0  # seconds more, for answers that are lost, and for what the directory must send again
BUSY_SOCKET: Final = 0x4E43
BUSY_GAP: Final = 0.02  # seconds between packets

HELLO: Final = 0x4E57  # what gateways say to each other: docs/links/sharing-a-lan.md
STATE: Final = 37  # its offset
ACTIVE, STANDING_BY = 1, 2


class Internetwork:
    """The lab's sites, and the hosts on them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.servers = {name: lab.host(name, internal) for name, internal in INTERNAL.items()}
        self.clients = {name: lab.host(name) for name in INTERNAL}
        self.hosts = [*self.servers.values(), *self.clients.values()]

    def networks(self, site: str) -> dict[int, int]:
        """Return the networks that the router of a site has to tell of, and over how many routers."""
        others = [other for other in SITES if other.name != site]
        lans = {other.network: 2 for other in others}
        return {VIRTUAL: 1} | lans | {INTERNAL[other.name]: 3 for other in others}

    def services(self, site: str) -> Services:
        """Return the services that it has to tell of."""
        return {
            (FILE_SERVER, f"SERVER-{name.upper()}"): (At(internal, SERVER_NODE), 3)
            for name, internal in INTERNAL.items()
            if name != site
        }

    async def know_everything(self, site: str) -> bool:
        """Say whether the hosts of a site get by asking what there is, and have heard it without asking."""
        client, server = self.clients[site], self.servers[site]
        networks, services = await asyncio.gather(client.ask_networks(), client.ask_services())
        del networks[server.node], services[server.node]
        told = [_hops(host.networks) for host in (client, server)]
        told[0].pop(INTERNAL[site], None)  # the server may have said it
        client.services.pop((FILE_SERVER, server.name), None)
        return (
            [_hops(said) for said in networks.values() if said] == [self.networks(site)]
            and [said for said in services.values() if said] == [self.services(site)]
            and told == [self.networks(site)] * 2
            and client.services == server.services == self.services(site)
        )

    async def complete(self, within: float) -> float:
        """Wait until all hosts know everything; return how long it took."""

        async def all_do() -> bool:
            return all(await asyncio.gather(*(self.know_everything(site) for site in INTERNAL)))

        return await until(all_do, within)

    async def b_is_lost(self) -> bool:
        """Say whether the hosts of the other sites have been told that nothing of site b is left."""
        far = {SITES[1].network, INTERNAL["b"]}
        server = (FILE_SERVER, self.servers["b"].name)
        hosts = [host for name in ("a", "c") for host in (self.clients[name], self.servers[name])]
        return not any(far & host.networks.keys() or server in host.services for host in hosts)

    async def everyone_reaches_everyone(self) -> None:
        """Have each host ask each other one for an answer, all of them at once."""
        for host in self.hosts:
            if not host.network:
                await host.find_router(VIRTUAL, ANSWERED_WITHIN)
        pairs = itertools.permutations(self.hosts, 2)
        await asyncio.gather(*(one.echo(other.at, ANSWERED_WITHIN) for one, other in pairs))

    @contextlib.asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Have packets under way from everyone to everyone, and NetBIOS broadcasts; routers are known."""

        async def talk() -> None:
            pairs = list(itertools.permutations(self.hosts, 2))
            random.Random(1).shuffle(pairs)  # noqa: S311 - the order of the test's packets
            for one, other in itertools.cycle(pairs):
                one.send(other.at, BUSY_SOCKET, once())
                one.talk(bytes(32) + once(), PROPAGATED)
                await asyncio.sleep(BUSY_GAP)

        talking = asyncio.create_task(talk())
        try:
            yield
        finally:
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking

    @contextlib.contextmanager
    def watched(self, folder: Path) -> Iterator[None]:
        """Capture on all LANs and on the wire what the body does; nothing of it may be wrong."""
        with self.lab.watch(folder / "sites.pcapng") as watch:
            yield
        complaints = watch.complaints()
        assert not complaints, "\n".join(complaints[:20])


async def timed(work: Awaitable[object]) -> float:
    """Return how many seconds something takes."""
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def traffic_between(one: LanHost, other: LanHost, within: float) -> float:
    """Have two hosts ask each other until both are answered; return how long it took."""
    return await timed(asyncio.gather(one.echo(other.at, within), other.echo(one.at, within)))


async def duties(host: LanHost, within: float, *wanted: int) -> dict[bytes, int]:
    """Wait until the gateways on a host's LAN say in their hellos that these are their states.

    Returns which station says which.
    """
    host.heard.clear()
    found: dict[bytes, int] = {}

    async def said() -> bool:
        hellos = (heard for heard in host.heard if heard.to_socket == HELLO and len(heard.payload) > STATE)
        found.update((hello.mac, hello.payload[STATE]) for hello in hellos)
        return sorted(found.values()) == sorted(wanted)

    await until(said, within)
    return found


async def until(condition: Callable[[], Awaitable[bool]], within: float) -> float:
    """Wait for a condition; return how long it took. Raises `TimeoutError`."""

    async def wait() -> None:
        async with asyncio.timeout(within):
            while not await condition():
                await asyncio.sleep(0.05)

    return await timed(wait())


def _hops(networks: Networks) -> dict[int, int]:
    return {network: hops for network, (hops, _) in networks.items()}
