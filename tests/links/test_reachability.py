"""How nodes of a sealed domain find out where they are seen, and reach each other past NATs, in memory."""

from functools import partial

import pytest

from links.sealed_wire import NETWORK, Site, Wire, pass_time, settle
from nwip.directory.records import Endpoint
from nwip.links.reachability import GUIDED_WITHIN, OTHER_WAY_AFTER
from nwip.links.sealed import SealedLink
from nwip.security.sealed.timing import PERSISTENT_AFTER, RETRY_AFTER

pytestmark = pytest.mark.asyncio

NAMES = ("guide", "west", "east")
OUTSIDE: Endpoint = ("198.51.100.7", 50001)
ELSEWHERE: Endpoint = ("198.51.100.8", 50002)


class Nat(Wire):
    """A wire with NATs: who is behind one is reached only by those that it has sent to.

    Who is among `symmetric` has another port for each that it sends to. Those of a `lan` are behind the same
    NAT, and reach each other by their own addresses only: it does not turn back what is for its own address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.symmetric: set[Endpoint] = set()
        self.lan: set[Endpoint] = set()
        self.forwarded: dict[Endpoint, Endpoint] = {}
        self._ways: set[tuple[Endpoint, Endpoint]] = set()
        self._insides: dict[Endpoint, Endpoint] = {}

    def carry(self, data: bytes, of: Endpoint, to: Endpoint) -> None:
        outer = self.outside.get(of, of)
        if of in self.lan and to in self.lan:
            self.sent.append((data, of, to))
            self.ports[to].received([(data, of)])
            return
        if to in self.lan or (of in self.lan and to in [self.outside.get(each) for each in self.lan]):
            return
        if to in self.forwarded:
            self.sent.append((data, outer, to))
            self.ports[self.forwarded[to]].received([(data, outer)])
            return
        if of in self.symmetric:
            outer = outer[0], outer[1] + 1000 + sorted(self.ports).index(self._insides.get(to, to))
        if of in self.outside:
            self._ways.add((outer, to))
            self._insides[outer] = of
        self.sent.append((data, outer, to))
        inside = self._insides.get(to, to)
        if inside in self.ports and (inside not in self.outside or (to, outer) in self._ways):
            self.ports[inside].received([(data, outer)])

    def begin_anew(self, of: Endpoint, outer: Endpoint) -> None:
        """Let a NAT forget whom it has let out, and take another port."""
        self._ways = {way for way in self._ways if way[0] != self.outside[of]}
        self.outside[of] = outer


class Domain:
    """A DSS's node, the guide, and two others, each of which has the records that the others register."""

    def __init__(self) -> None:
        self.wire = Nat()
        self.guide, self.west, self.east = (
            Site(self.wire, name, number) for number, name in enumerate(NAMES, start=1)
        )
        self.sites = (self.guide, self.west, self.east)
        self.registered: dict[str, Endpoint] = {}

    async def open(self, *sites: Site, seen_at: Endpoint | None = None) -> None:
        for site in sites:
            site.hears_of_members(*NAMES)
            site.link = SealedLink(
                *(NETWORK, site.node, site.endpoint, site.membership),
                opener=self.wire.open,
                guide_host=partial(self.guide_host, site),
                seen_at=seen_at if site is self.guide else None,
            )
            site.link.found = partial(self.register, site)
            await site.link.open(site)
            self.tell()
        await settle()

    def guide_host(self, site: Site) -> str | None:
        inside = site.endpoint in self.wire.lan
        seen = self.guide.endpoint if inside else self.registered.get("guide", self.guide.endpoint)
        return None if site is self.guide else seen[0]

    def register(self, site: Site) -> None:
        assert site.link.reached_at is not None
        self.registered[site.name] = site.link.reached_at
        self.tell(site)

    def tell(self, besides: Site | None = None) -> None:
        records = {site.name: site for site in self.sites if site.name in self.registered}
        for site in self.sites:
            if site is besides:
                continue
            others = [other for other in records.values() if other is not site]
            site.link.know(
                {self.registered[other.name]: other.node for other in others},
                {other.membership.identity: self.registered[other.name] for other in others},
                {
                    other.membership.identity: other.endpoint
                    for other in others
                    if self.registered[other.name] != other.endpoint
                },
            )

    async def later(self, seconds: float) -> None:
        pass_time(seconds)
        for _ in range(3):
            for site in self.sites:
                if site.endpoint in self.wire.ports:
                    site.link._wakeup._fire()
            await settle()

    async def exchange(self) -> list[bytes]:
        """Send a packet from west to east and one back; return those that arrive."""
        for one, other in ((self.west, self.east), (self.east, self.west)):
            one.link.send(one.packet(other), self.registered[other.name])
            await settle()
        return [*self.east.packets, *self.west.packets]


async def test_the_node_beside_the_dss_asks_nobody_and_others_ask_it() -> None:
    domain = Domain()
    await domain.open(*domain.sites)
    assert domain.registered == {site.name: site.endpoint for site in domain.sites}
    assert "seen at" not in domain.west.link.describe()
    assert await domain.exchange() == [domain.west.packet(domain.east), domain.east.packet(domain.west)]


async def test_a_node_behind_nat_registers_where_it_is_seen_and_is_reached_there() -> None:
    domain = Domain()
    domain.wire.outside[domain.west.endpoint] = OUTSIDE
    await domain.open(*domain.sites)
    assert domain.registered["west"] == OUTSIDE
    assert domain.west.link.describe()["seen at"] == "198.51.100.7:50001"
    domain.east.link.send(domain.east.packet(domain.west), OUTSIDE)
    await settle()
    assert domain.west.packets == [domain.east.packet(domain.west)]


async def test_a_nat_is_kept_open_by_a_datagram_to_everybody_every_25_seconds() -> None:
    domain = Domain()
    domain.wire.outside[domain.west.endpoint] = OUTSIDE
    await domain.open(*domain.sites)
    before = len(domain.wire.sent)
    await domain.later(PERSISTENT_AFTER + 1)
    kept = {to for _, source, to in domain.wire.sent[before:] if source == OUTSIDE}
    assert kept == {domain.guide.endpoint, domain.east.endpoint}
    assert {to for _, source, to in domain.wire.sent[before:] if source == domain.east.endpoint} == {
        domain.guide.endpoint
    }


async def test_two_nodes_behind_nats_call_each_other_and_meet() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: ELSEWHERE}
    await domain.open(*domain.sites)
    await domain.later(RETRY_AFTER + 1)
    assert domain.registered == {"guide": domain.guide.endpoint, "west": OUTSIDE, "east": ELSEWHERE}
    before = len(domain.wire.sent)
    assert await domain.exchange() == [domain.west.packet(domain.east), domain.east.packet(domain.west)]
    assert {to for _, _, to in domain.wire.sent[before:]} == {OUTSIDE, ELSEWHERE}, "straight"


async def test_nodes_that_cannot_meet_talk_through_the_guide_which_cannot_read_it() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: ELSEWHERE}
    domain.wire.symmetric |= {domain.west.endpoint, domain.east.endpoint}
    await domain.open(*domain.sites)
    for _ in range(4):
        await domain.later(OTHER_WAY_AFTER / 2 + 1)
    await domain.exchange()
    assert domain.east.packets[-1:] == [domain.west.packet(domain.east)]
    assert domain.west.packets[-1:] == [domain.east.packet(domain.west)]
    assert domain.guide.arrivals == []
    assert "1" in {site.link.describe().get("through another node") for site in domain.sites}
    large = domain.west.packet(domain.east, 1500)
    domain.west.link.send(large, domain.registered["east"])
    await settle()
    assert domain.east.packets[-1] == large


async def test_who_hears_nothing_from_the_guide_registers_its_own_address_after_a_while() -> None:
    domain = Domain()
    await domain.open(domain.west)
    assert domain.registered == {}
    assert domain.west.link.reached_at is None
    pass_time(GUIDED_WITHIN)
    domain.west.link._wakeup._fire()
    assert domain.registered == {"west": domain.west.endpoint}


async def test_a_node_whose_nat_begins_anew_says_so_and_is_reached_there() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: ELSEWHERE}
    await domain.open(*domain.sites)
    await domain.later(RETRY_AFTER + 1)
    domain.wire.begin_anew(domain.west.endpoint, anew := ("198.51.100.7", 50009))
    assert await domain.exchange() == []
    await domain.later(PERSISTENT_AFTER + 1)
    assert domain.registered["west"] == anew
    assert len(await domain.exchange()) >= 2


async def test_only_the_guide_is_believed_about_where_we_are() -> None:
    domain = Domain()
    await domain.open(*domain.sites)
    await domain.exchange()
    domain.wire.outside[domain.west.endpoint] = OUTSIDE
    reach = domain.west.link._reach
    reach._packets.seen(domain.east.membership.key.public, ELSEWHERE)
    assert domain.registered["west"] == domain.west.endpoint


async def test_who_does_not_answer_through_the_guide_is_called_straight_again() -> None:
    domain = Domain()
    await domain.open(*domain.sites)
    await domain.east.link.close()
    domain.west.link._packets.forget(domain.east.membership.key.public, 0.0)
    domain.tell()
    ways = []
    for _ in range(4):
        before = len(domain.wire.sent)
        domain.west.link.send(domain.west.packet(domain.east), domain.east.endpoint)
        await domain.later(OTHER_WAY_AFTER + 1)
        of_west = [to for _, source, to in domain.wire.sent[before:] if source == domain.west.endpoint]
        ways.append("straight" if domain.east.endpoint in of_west else "through the guide")
    assert set(ways) == {"straight", "through the guide"}
    assert ways[-1] != ways[-2]


async def test_nobody_but_the_node_beside_the_dss_passes_anything_on() -> None:
    domain = Domain()
    await domain.open(*domain.sites)
    keys = domain.west.membership.key.public, domain.east.membership.key.public
    assert domain.guide.link._packets.may_relay(*keys)
    assert not domain.west.link._packets.may_relay(*keys)


async def test_when_the_tunnel_through_the_guide_is_no_more_the_straight_way_is_tried_first() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: ELSEWHERE}
    domain.wire.symmetric |= {domain.west.endpoint, domain.east.endpoint}
    await domain.open(*domain.sites)
    for _ in range(4):
        await domain.later(OTHER_WAY_AFTER / 2 + 1)
    relayed = [site for site in domain.sites if "through another node" in site.link.describe()]
    assert relayed
    for site in relayed:
        for other in domain.sites:
            site.link._packets.forget(other.membership.key.public, 0.0)
        assert "through another node" not in site.link.describe()


async def test_two_behind_one_nat_meet_inside_it() -> None:
    domain = Domain()
    same = ("198.51.100.7", 50002)
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: same}
    domain.wire.lan |= {domain.west.endpoint, domain.east.endpoint}
    await domain.open(*domain.sites)
    await domain.later(RETRY_AFTER + 1)
    assert domain.registered == {"guide": domain.guide.endpoint, "west": OUTSIDE, "east": same}
    before = len(domain.wire.sent)
    assert await domain.exchange() == [domain.west.packet(domain.east), domain.east.packet(domain.west)]
    assert {to for _, _, to in domain.wire.sent[before:]} == {domain.west.endpoint, domain.east.endpoint}


async def test_two_that_only_seem_to_be_behind_one_nat_talk_through_the_guide() -> None:
    domain = Domain()
    same = ("198.51.100.7", 50002)
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: same}
    domain.wire.symmetric |= {domain.west.endpoint, domain.east.endpoint}
    await domain.open(*domain.sites)
    for _ in range(8):
        await domain.later(OTHER_WAY_AFTER / 2 + 1)
    await domain.exchange()
    assert domain.east.packets[-1:] == [domain.west.packet(domain.east)]
    assert domain.west.packets[-1:] == [domain.east.packet(domain.west)]


async def test_a_dss_behind_a_nat_that_forwards_is_the_guide_for_those_outside_and_inside() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.guide.endpoint: OUTSIDE, domain.west.endpoint: ("198.51.100.7", 50003)}
    domain.wire.lan |= {domain.guide.endpoint, domain.west.endpoint}
    domain.wire.forwarded[OUTSIDE] = domain.guide.endpoint
    await domain.open(*domain.sites, seen_at=OUTSIDE)
    await domain.later(RETRY_AFTER + 1)
    assert domain.registered["guide"] == OUTSIDE
    assert domain.registered["east"] == domain.east.endpoint
    assert domain.registered["west"] == domain.west.endpoint, "so the guide sees it"
    for _ in range(6):
        await domain.later(OTHER_WAY_AFTER / 2 + 1)
    assert (await domain.exchange())[-1:] == [domain.east.packet(domain.west)]
    assert domain.east.packets[-1:] == [domain.west.packet(domain.east)]


async def test_who_was_reached_through_the_guide_is_reached_straight_as_soon_as_that_is_possible() -> None:
    domain = Domain()
    domain.wire.outside |= {domain.west.endpoint: OUTSIDE, domain.east.endpoint: ELSEWHERE}
    domain.wire.symmetric |= {domain.west.endpoint, domain.east.endpoint}
    await domain.open(*domain.sites)
    for _ in range(4):
        await domain.later(OTHER_WAY_AFTER / 2 + 1)
    await domain.exchange()
    assert any("through another node" in site.link.describe() for site in domain.sites)
    peer = domain.west.link._packets.tunnels._peers.get(domain.east.membership.key.public)
    assert peer is not None
    session = peer.sessions[0]
    domain.wire.symmetric.clear()
    for _ in range(2):
        await domain.exchange()
        await domain.later(PERSISTENT_AFTER + 1)
    await domain.exchange()
    before = len(domain.wire.sent)
    await domain.exchange()
    assert {to for _, _, to in domain.wire.sent[before:]} == {OUTSIDE, ELSEWHERE}
    assert not any("through another node" in site.link.describe() for site in domain.sites)
    assert session in peer.sessions, "in the same tunnel"
