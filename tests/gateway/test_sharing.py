"""Two real gateways of a domain on one LAN: one routes, the other takes over, and remote nodes follow."""

import pytest

from gateway.shared_wire import FakeLink, Lan, station
from gateway.world import NETWORK, Domain, Member, Station
from nwip.directory.records import Kind, Route
from nwip.gateway.gateway import NO_CARRIER, NodeGateway
from nwip.gateway.sharing import BLOCKED, STANDING_BY, Share
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.memory import MemoryLink
from nwip.routing.standby import TAKEOVER_LIMIT

pytestmark = pytest.mark.asyncio

LAN = 0x1A
HOST = station(0xA1)
PLAYER = "0200000000B1"


class Scene:
    """Gateways `one` and `two` on a LAN, and a third with a player elsewhere in the domain."""

    def __init__(self, domain: Domain, lan: Lan, members: list[Member], links: list[FakeLink]) -> None:
        self.domain, self.lan = domain, lan
        self.one, self.two, self.far = members
        self.links = links
        self.ben: Station

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.domain.pass_time(0.1)
            self.domain.wire.deliver()

    def mutes(self) -> list[str | None]:
        return [m.gateway.muted(link) for m, link in zip((self.one, self.two), self.links, strict=True)]

    def crossings(self, network: int) -> list[str]:
        """Let the player send to the LAN's host; return by which gateways that comes there."""
        before = [len(link.sent) for link in self.links]
        self.ben.send(Address(network, HOST, 0x451), b"to the lan")
        self.domain.wire.deliver()
        return [
            name
            for name, link, count in zip(("one", "two"), self.links, before, strict=True)
            if any(packet.payload == b"to the lan" for packet, _ in link.sent[count:])
        ]

    def kill(self, member: Member, link: FakeLink) -> None:
        """End a gateway as kill -9 would: its records stay until their lease ends."""
        link.unplug()
        self.domain.members.remove(member)
        del self.domain.wire.ports[member.endpoint]


async def scene(*, joined: bool) -> Scene:
    domain, lan = Domain(), Lan()
    members = [await domain.member(f"10.0.0.{number}") for number in (1, 2, 3)]
    links = []
    for number, member in enumerate(members[:2], start=1):
        link = FakeLink(lan, "lan", NETWORK if joined else LAN, station(number), joined=joined)
        member.gateway.attach(link, Share(bytes([number]) * 8))
        await link.open(member.gateway)
        links.append(link)
    made = Scene(domain, lan, members, links)
    made.ben = Station(await members[2].lan("players", star=True), PLAYER)
    made.run(TAKEOVER_LIMIT)
    return made


def route(owner: Member, seen_by: Member) -> Route | None:
    for record in seen_by.directory.claims((Kind.ROUTE, LAN, "")):
        if record.owner == owner.identity and isinstance(record.value, Route):
            return record.value
    return None


async def test_one_of_two_gateways_routes_and_only_its_route_is_registered() -> None:
    town = await scene(joined=False)
    active, standing = (0, 1) if town.mutes()[0] is None else (1, 0)
    assert sorted(town.mutes(), key=str) == [None, STANDING_BY]
    members = (town.one, town.two)
    assert route(members[active], town.far) == Route(LAN, 0, 1, LAN, 1)
    assert route(members[standing], town.far) is None
    assert town.crossings(LAN) == [("one", "two")[active]]
    assert town.links[0].node == town.links[1].node != station(1)
    assert members[active].gateway.why(town.links[active])


async def test_what_a_host_sends_crosses_once() -> None:
    town = await scene(joined=False)
    to = Address(NETWORK, town.ben.node, 0x5678)
    town.lan.say(Packet(to, Address(LAN, HOST, 0x4003), payload=b"from the lan"))
    town.domain.wire.deliver()
    assert [packet.payload for packet in town.ben.heard].count(b"from the lan") == 1


@pytest.mark.parametrize("joined", [False, True], ids=["routed", "joined"])
async def test_when_the_active_gateway_is_killed_the_other_routes_within_three_seconds(
    *, joined: bool
) -> None:
    town = await scene(joined=joined)
    network = NETWORK if joined else LAN
    town.lan.say(Packet(Address(network, HOST, 1), Address(network, HOST, 0x4003), payload=b"here I am"))
    active = 0 if town.mutes()[0] is None else 1
    member, link = (town.one, town.two)[active], town.links[active]
    assert town.crossings(network) == [("one", "two")[active]]
    town.kill(member, link)
    assert town.crossings(network) == []
    town.run(3.0)
    assert town.crossings(network) == [("two", "one")[active]]


async def test_an_orderly_stop_hands_over_at_once_and_takes_nothing_back_from_the_lan() -> None:
    town = await scene(joined=False)
    active = 0 if town.mutes()[0] is None else 1
    member, link = (town.one, town.two)[active], town.links[active]
    before = len(link.sent)
    assert member.gateway.go_down(link)
    assert member.gateway.go_down(link)
    await link.close()
    member.gateway.detach(link)
    assert not [packet for packet, _ in link.sent[before:] if packet.destination.socket == 0x453]
    town.run(0.2)
    assert town.crossings(LAN) == [("two", "one")[active]]


async def test_a_gateway_that_comes_back_stands_by() -> None:
    town = await scene(joined=False)
    active = 0 if town.mutes()[0] is None else 1
    town.links[active].unplug()
    town.run(3.0)
    town.links[active].plug()
    town.run(3.0)
    assert [reason is None for reason in town.mutes()] == [active == 1, active == 0]
    assert town.crossings(LAN) == [("two", "one")[active]]


async def test_a_link_that_leads_back_into_the_domain_is_blocked() -> None:
    domain, lan = Domain(), Lan()
    member = await domain.member("10.0.0.1")
    links = [FakeLink(lan, name, number, station(number)) for name, number in (("a", 1), ("b", 2))]
    for number, link in enumerate(links):
        link.network = LAN
        if number == 0:
            member.gateway.attach(link, Share(bytes([number + 1]) * 8))
            await link.open(member.gateway)
    again = FakeLink(lan, "b", 0, station(2))
    member.gateway.attach(again, Share(b"\x02" * 8))
    await again.open(member.gateway)
    for _ in range(60):
        domain.pass_time(0.1)
    muted = [member.gateway.muted(link) for link in (links[0], again)]
    assert muted.count(BLOCKED) == 1, muted


async def test_a_hello_on_a_star_or_on_the_virtual_network_goes_no_further() -> None:
    town = await scene(joined=False)
    hello = next(packet for packet, _ in town.links[0].sent if packet.destination.socket == 0x4E57)
    players = town.far.gateway.links[0]
    assert isinstance(players, MemoryLink)
    before = len(town.domain.wire.carried)
    source = Address(NETWORK, town.ben.node, 0x4E57)
    players.transmit(hello._replace(source=source, destination=Address(NETWORK, b"\xff" * 6, 0x4E57)))
    assert len(town.domain.wire.carried) == before
    gateway: NodeGateway = town.one.gateway
    forged = hello._replace(destination=Address(NETWORK, b"\xff" * 6, 0x4E57), source=source)
    town.domain.wire.send(town.far.endpoint, town.one.endpoint, forged.encode())
    town.domain.wire.deliver()
    assert gateway.drops()["hello on the virtual network"] == 1


async def test_whose_cable_is_out_withdraws_its_routes_and_stands_by_when_it_is_in_again() -> None:
    town = await scene(joined=False)
    active = 0 if town.mutes()[0] is None else 1
    member, link, other = (town.one, town.two)[active], town.links[active], ("two", "one")[active]
    link.unplug()
    member.gateway.carrier(link, present=False)
    town.run(0.1)
    assert town.mutes()[active] == NO_CARRIER
    assert route(member, town.far) is None
    town.run(3.0)
    assert town.crossings(LAN) == [other]
    link.plug()
    member.gateway.carrier(link, present=True)
    for _ in range(30):
        town.run(0.1)
        assert town.crossings(LAN) == [other]
        assert town.mutes()[active] == STANDING_BY


async def test_who_is_alone_routes_within_a_second_when_its_cable_is_in_again() -> None:
    town = await scene(joined=False)
    first, second = town.links
    town.kill(town.two, second)
    town.run(3.0)
    first.unplug()
    town.one.gateway.carrier(first, present=False)
    town.run(10.0)
    before = len(first.sent)
    first.plug()
    town.one.gateway.carrier(first, present=True)
    town.run(1.0)
    assert town.crossings(LAN) == ["one"]
    asked = [packet.destination.socket for packet, _ in first.sent[before:]]
    assert {0x452, 0x453} <= set(asked), "it asks anew what there is"
