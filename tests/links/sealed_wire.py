"""Sealed links on a wire in memory: everything can be looked at, lost, and come from elsewhere."""

import asyncio
from collections.abc import Sequence

from nwip.dataplane.port import Port, Received
from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.reachability import GREET_FOR
from nwip.links.sealed import SealedLink
from nwip.routing.numbering import HASHED_PREFIX
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from security.membership_parts import AUTHORITY, DOMAIN, key, member, revocation, signed

NETWORK = 0x00C0FFEE
DATA_PORT = 43981
TURNS = 40  # of the event loop: more than a handshake takes


class Wire:
    """Carries datagrams between ports; `sent` are all of them, with where they came from and went.

    `outside` maps a port's own endpoint to the one that others see. Larger ones than `carries` are lost.
    """

    def __init__(self) -> None:
        self.ports: dict[Endpoint, WirePort] = {}
        self.sent: list[tuple[bytes, Endpoint, Endpoint]] = []
        self.outside: dict[Endpoint, Endpoint] = {}
        self.carries = 1472

    def open(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: object = None,
    ) -> Port:
        assert not broadcast
        assert not shared
        self.ports[at] = port = WirePort(self, at, received)
        return port

    def carry(self, data: bytes, of: Endpoint, to: Endpoint) -> None:
        source = self.outside.get(of, of)
        self.sent.append((data, source, to))
        if len(data) <= self.carries:
            asyncio.get_running_loop().call_soon(self._arrive, data, source, to)

    def _arrive(self, data: bytes, source: Endpoint, to: Endpoint) -> None:
        inside = {self.outside.get(own, own): port for own, port in self.ports.items()}
        if to in inside:
            inside[to].received([(data, source)])


class WirePort:
    """A port on the wire. It refuses datagrams larger than `takes`."""

    def __init__(self, wire: Wire, at: Endpoint, received: Received) -> None:
        self.endpoint = at
        self.received = received
        self.refused = 0
        self.takes = 65507
        self._wire = wire

    def send(self, data: bytes, to: Endpoint) -> bool:
        if len(data) > self.takes:
            self.refused += 1
            return False
        self._wire.carry(data, self.endpoint, to)
        return True

    def close(self) -> None:
        self._wire.ports.pop(self.endpoint, None)


class Site:
    """A node of the domain: its link, and what came in by it."""

    def __init__(self, wire: Wire, name: str, number: int, secret: bytes = b"s" * 32) -> None:
        self.name = name
        self.endpoint: Endpoint = (f"192.0.2.{number}", DATA_PORT)
        self.node = HASHED_PREFIX + number.to_bytes(4, "big")
        self.arrivals: list[Arrival] = []
        secrets = DomainSecrets([(1, secret)])
        self.membership = Membership(
            key(name), DOMAIN, AUTHORITY.public, Roster(AUTHORITY.public, DOMAIN), secrets
        )
        self.link = SealedLink(NETWORK, self.node, self.endpoint, self.membership, opener=wire.open)

    def knows(self, *others: "Site") -> None:
        """Have the records of other nodes, and of no more."""
        self.link.know(
            {other.endpoint: other.node for other in others},
            {other.membership.identity: other.endpoint for other in others},
        )

    def hears_of_members(self, *names: str) -> None:
        for name in names:
            self.membership.roster.merge(signed(member(name)))

    def hears_of_revoked(self, name: str) -> None:
        self.membership.roster.merge(signed(revocation(name, 2)))

    def packet(self, to: "Site", size: int = 60, source: bytes | None = None) -> bytes:
        """Return a packet whose payload shows wherever it is plain."""
        addresses = (Address(NETWORK, to.node, 1), Address(NETWORK, source or self.node, 2))
        return Packet(*addresses, payload=b"in plain view"[: size - HEADER_SIZE].ljust(size - 30)).encode()

    @property
    def drops(self) -> dict[str, int]:
        return self.link.counters.drops

    @property
    def packets(self) -> list[bytes]:
        return [packet for packet, _ in self.arrivals]

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        assert link is self.link
        self.arrivals += batch

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        raise AssertionError

    def host_lost(self, link: Link, node: bytes) -> None:
        raise AssertionError

    def carrier(self, link: Link, *, present: bool) -> None:
        raise AssertionError


async def sites(wire: Wire, *names: str) -> list[Site]:
    """Return open nodes that know each other."""
    found = [Site(wire, name, number) for number, name in enumerate(names, start=1)]
    for site in found:
        site.hears_of_members(*names)
        await site.link.open(site)
    pass_time(GREET_FOR)  # so that nobody says anything unasked
    for site in found:
        site.knows(*(other for other in found if other is not site))
    return found


async def settle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def pass_time(seconds: float) -> None:
    """Set the loop's clock forward."""
    loop = asyncio.get_running_loop()
    was = loop.time
    loop.time = lambda: was() + seconds  # type: ignore[method-assign]
