"""A gateway that does not forward keeps its IPX side to itself, and that side works as always."""

import pytest

from gateway.test_agents import INTERNAL, LAN, MUSEUM, SERVER, announce
from gateway.world import NETWORK, Domain, Member, Station
from nwip.directory.records import Kind
from nwip.gateway.enclosure import Enclosure
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, ServiceType, Socket
from nwip.ipx.sap import SapOperation, SapQuery, SapResponse
from nwip.links.memory import MemoryLink

pytestmark = pytest.mark.asyncio


class Site:
    """A domain with an ordinary member, and one whose links, a routed LAN and players, are enclosed."""

    def __init__(self, domain: Domain, other: Member, outer: Member) -> None:
        self.domain, self.other, self.outer = domain, other, outer
        self.inside = Enclosure(
            outer.identity,
            domain.parameters,
            outer.gateway.virtual.node,
            clock=lambda: domain.now,
            changed=lambda: None,
        ).gateway

    async def link(self, name: str, network: int = NETWORK, *, joined: bool) -> MemoryLink:
        node = self.inside.virtual.node if joined else b"\x02\x00\x00\x00\x00\xfe"
        link = MemoryLink(name, network, node, joined=joined)
        link.star = joined
        self.inside.attach(link)
        await link.open(self.inside)
        return link


async def enclosed() -> tuple[Site, Station, Station, Station]:
    """Give the site, a server on its LAN, a player there, and a player at the other node."""
    domain = Domain()
    site = Site(domain, await domain.member("10.0.0.1"), await domain.member("10.0.0.2"))
    server = Station(await site.link("lan", LAN, joined=False), SERVER)
    player = Station(await site.link("players", joined=True), "02000000000B")
    outsider = Station(await site.other.lan("players", star=True), "02000000000C")
    announce(server)
    domain.wire.deliver()
    domain.wire.carried.clear()
    return site, server, player, outsider


async def test_nothing_of_the_links_is_registered() -> None:
    site, _, _, _ = await enclosed()
    for kind in (Kind.SERVICE, Kind.ROUTE):
        assert list(site.other.directory.records(kind)) == []
    hosts = [record.owner for record in site.other.directory.records(Kind.HOST)]
    assert set(hosts) <= {site.other.identity}


async def test_the_links_have_each_others_services_and_hosts() -> None:
    site, server, player, _ = await enclosed()
    query = SapQuery(SapOperation.NEAREST_QUERY, ServiceType.FILE_SERVER)
    player.send(Address(NETWORK, BROADCAST_NODE, Socket.SAP), query.encode(), PacketType.PEP)
    (entry,) = SapResponse.decode(player.heard[-1].payload).entries
    assert entry.address == MUSEUM
    player.send(Address(INTERNAL, MUSEUM.node, Socket.NCP), b"hello")
    assert server.heard[-1].payload == b"hello"
    server.send(player.address(), b"welcome")
    assert player.heard[-1].payload == b"welcome"
    assert site.domain.wire.carried == []


async def test_no_packet_gets_out_or_in() -> None:
    site, server, player, outsider = await enclosed()
    for sender in (server, player):
        sender.send(Address(NETWORK, outsider.node, 0x5678), b"out")
    player.broadcast(b"all")
    outsider.send(player.address(), b"in")
    outsider.send(Address(LAN, server.node, 0x5678), b"in")
    outsider.broadcast(b"all of you")
    site.domain.wire.deliver()
    site.domain.pass_time(5.0)
    site.domain.wire.deliver()
    assert outsider.heard == []
    assert {packet.payload for packet in (*server.heard, *player.heard)} & {b"in", b"all of you"} == set()


async def test_the_node_itself_is_still_reached_by_the_domain() -> None:
    site, _, _, outsider = await enclosed()
    heard: list[Address] = []
    site.other.gateway.ping_listeners.add(heard.append)
    site.other.gateway.send_ping(site.outer.gateway.address)
    site.domain.wire.deliver()
    assert [address.node for address in heard] == [site.outer.gateway.virtual.node]
    assert outsider.heard == []


async def test_what_falls_silent_goes_from_inside_too() -> None:
    site, _, _, _ = await enclosed()
    assert site.inside.directory.best((Kind.SERVICE, ServiceType.FILE_SERVER, "MUSEUM")) is not None
    for _ in range(10):
        site.domain.now += 60.0
        site.inside.advance(site.domain.now)
    assert site.inside.directory.best((Kind.SERVICE, ServiceType.FILE_SERVER, "MUSEUM")) is None
