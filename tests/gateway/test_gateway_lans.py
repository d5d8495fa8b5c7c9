"""What LANs are told of the domain, which links are told nothing, and what LANs are not served."""

import pytest

from gateway.test_agents import INTERNAL, LAN, MUSEUM, SERVER, announce, ask_nearest, ask_route, routes_known
from gateway.world import NETWORK, Domain, Member, Station
from nwip.directory.records import Host, Kind, Route, Service
from nwip.gateway.gateway import NO_CARRIER
from nwip.gateway.muting import REFUSED, UNUSABLE
from nwip.gateway.sharing import STANDING_BY
from nwip.ipx import sap
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapResponse
from nwip.links.memory import MemoryLink
from nwip.routing.timers import AGE_LIMIT, ASK_AGAIN, LISTENING, UPDATE_INTERVAL

pytestmark = pytest.mark.asyncio

OTHER_LAN = 0x0000CD34
STATION = b"\x02\x00\x00\x00\x00\x77"


def told_routes(station: Station) -> list[RipEntry]:
    """Return what RIP responses told a station, and forget it."""
    said = [
        RipPacket.decode(packet.payload)
        for packet in station.heard
        if packet.source.socket == Socket.RIP and packet.destination.node == BROADCAST_NODE
    ]
    station.heard.clear()
    return [entry for each in said if each.operation == RipOperation.RESPONSE for entry in each.entries]


def told_services(station: Station) -> list[tuple[str, int]]:
    """Return names and hops of the services that SAP responses told a station."""
    said = [sap.decode(packet.payload) for packet in station.heard if packet.source.socket == Socket.SAP]
    return [
        (entry.name, entry.hops) for each in said if isinstance(each, SapResponse) for entry in each.entries
    ]


async def two_lans() -> tuple[Domain, Station, Station]:
    """A server on a LAN of one site, and a station on a LAN of another."""
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    server = Station(await a.lan("lan", LAN, joined=False), SERVER)
    station = Station(await b.lan("lan", OTHER_LAN, joined=False), "00001B000002")
    domain.live(1.0)
    announce(server)
    return domain, server, station


async def test_a_routed_lan_is_told_at_once_of_what_another_sites_lan_has() -> None:
    domain, server, station = await two_lans()
    assert told_services(station) == [("MUSEUM", 3)]
    assert RipEntry(INTERNAL, 3, 5) in told_routes(station)
    domain.live(0.1)
    announce(server, hops=16)
    assert told_services(station) == [("MUSEUM", 16)]
    assert told_routes(station) == [RipEntry(INTERNAL, 16, 5)]


async def test_a_routed_lan_is_told_every_minute_of_everything_but_itself() -> None:
    domain, _, station = await two_lans()
    station.heard.clear()
    domain.live(UPDATE_INTERVAL)
    assert sorted(told_routes(station)) == [
        RipEntry(LAN, 2, 4),
        RipEntry(NETWORK, 1, 2),
        RipEntry(INTERNAL, 3, 5),
    ]


async def test_a_joined_lan_is_told_what_lies_behind_others_and_players_are_told_nothing() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    server = Station(await a.lan("lan", LAN, joined=False), SERVER)
    host = Station(await b.lan("joined", station=STATION), "00001B000002")
    player = Station(await b.lan("players", star=True), "02000000000B")
    announce(server)
    domain.live(2 * UPDATE_INTERVAL)
    assert ("MUSEUM", 3) in told_services(host)
    assert set(told_routes(host)) == {RipEntry(LAN, 2, 4), RipEntry(INTERNAL, 3, 5)}
    assert player.heard == []


async def test_no_update_crosses_the_virtual_network() -> None:
    domain, _, _ = await two_lans()
    domain.live(3 * UPDATE_INTERVAL)
    assert domain.wire.carried == []


async def test_a_network_of_players_of_its_own_is_routed_like_a_lan() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    here = Station(await a.lan("star", LAN, joined=False, star=True), "02000000000A")
    there = Station(await b.lan("star", OTHER_LAN, joined=False, star=True), "02000000000B")
    domain.live(1.0)
    assert RipEntry(OTHER_LAN, 2, 4) in told_routes(here)
    sent = here.send(there.address(), b"hello")
    domain.wire.deliver()
    assert there.heard[-1] == sent._replace(transport_control=2)


async def test_a_host_of_a_routed_lan_learns_the_way_to_the_virtual_network() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    host = Station(await member.lan("lan", LAN, joined=False), "00001B000002")
    assert ask_route(host, NETWORK) == [RipEntry(NETWORK, 1, 2)]


async def test_the_gateway_is_reached_at_its_address_on_a_lan_from_there_and_from_afar() -> None:
    domain, server, station = await two_lans()
    gateway = Address(LAN, server.link.node, Socket.ECHO)
    for asker in (server, station):
        asker.heard.clear()
        question = ping(asker.address())._replace(source=asker.address(), destination=gateway)
        asker.link.transmit(question)
        domain.wire.deliver()
        answers = [packet for packet in asker.heard if packet.destination.socket == Socket.ECHO]
        assert [answer.source for answer in answers] == [gateway]


async def test_a_question_to_the_gateways_own_node_number_is_answered() -> None:
    _, server, _ = await two_lans()
    server.heard.clear()
    to = Address(LAN, server.link.node, Socket.RIP)
    server.send(to, RipPacket.request(NETWORK).encode(), PacketType.RIP, Socket.RIP)
    (answer,) = server.heard
    assert RipPacket.decode(answer.payload).entries == (RipEntry(NETWORK, 1, 2),)


async def test_a_packet_does_not_go_back_to_the_lan_it_came_from() -> None:
    domain, server, _ = await two_lans()
    gateway = domain.members[0].gateway
    server.heard.clear()
    stray = Packet(Address(INTERNAL, MUSEUM.node, 1), Address(LAN, b"\0\0\0\0\0\x55", 1))
    server.link.transmit(stray)
    server.link.transmit(stray._replace(destination=Address(INTERNAL, BROADCAST_NODE, 1)))
    assert server.heard == []
    assert gateway.drops()["would go back where it came from"] == 2


async def test_what_comes_from_the_domain_leaves_it_or_goes_nowhere() -> None:
    domain, server, _ = await two_lans()
    a, b = domain.members
    announce(server, hops=16)
    domain.wire.carried.clear()
    stray = Packet(Address(LAN, b"\0\0\0\0\0\x55", 1), Address(NETWORK, a.gateway.virtual.node, 1))
    domain.wire.send(a.endpoint, b.endpoint, stray.encode())
    domain.wire.deliver()
    assert len(domain.wire.carried) == 1
    assert b.gateway.drops()["no way to the destination"] == 1


async def test_at_its_stop_a_node_takes_everything_back_on_its_lans() -> None:
    domain, server, _ = await two_lans()
    gateway = domain.members[0].gateway
    domain.live(1.0)
    server.heard.clear()
    assert gateway.stop()
    assert sorted(told_routes(server)) == [RipEntry(OTHER_LAN, 16, 4), RipEntry(NETWORK, 16, 2)]
    domain.live(200.0)
    assert told_routes(server) == []


async def test_a_long_goodbye_is_said_at_the_pace_of_updates() -> None:
    domain, server, _ = await two_lans()
    a, b = domain.members
    for number in range(120):
        b.offer(Route(number + 1, 1, 2))
    domain.live(5.0)
    assert not a.gateway.go_down(server.link)
    domain.live(1.0)
    server.heard.clear()
    assert a.gateway.go_down(server.link)
    assert server.heard == []


async def numberless() -> tuple[Domain, Member, Station]:
    """A LAN whose number the gateway has not been told; its server knows it."""
    domain = Domain()
    member = await domain.member("10.0.0.1")
    await domain.member("10.0.0.2")
    return domain, member, Station(await member.lan("lan", 0, joined=False), SERVER, LAN)


async def test_a_lan_without_a_number_gets_that_of_its_routers() -> None:
    domain, member, server = await numberless()
    domain.live(ASK_AGAIN)
    (question,) = server.heard
    assert (question.source.network, question.destination.network) == (0, 0)
    assert routes_known(member) == []
    announce(server)
    assert server.link.network == LAN
    assert routes_known(domain.members[1]) == [Route(LAN, 0, 1)]
    domain.live(1.0)
    announce(server)
    assert Route(INTERNAL, 1, 2) in routes_known(domain.members[1])
    assert RipEntry(NETWORK, 1, 2) in told_routes(server)


async def test_nothing_is_forwarded_on_a_lan_before_its_number_is_known() -> None:
    domain, member, server = await numberless()
    server.send(Address(NETWORK, member.gateway.virtual.node, 1))
    server.broadcast(b"anyone?")
    assert member.gateway.drops()["network number not known yet"] == 2
    assert domain.wire.carried == []


async def test_a_lan_does_not_get_the_number_of_the_virtual_network_or_of_another_link() -> None:
    domain, member, server = await numberless()
    await member.lan("other", OTHER_LAN, joined=False)
    for number in (NETWORK, OTHER_LAN):
        Station(server.link, "00001B000009", number).broadcast(
            RipPacket(RipOperation.RESPONSE, ()).encode(), Socket.RIP, PacketType.RIP
        )
    assert server.link.network == 0
    assert [sentence.split(": ")[-1] for sentence in member.gateway.alarms] == [
        "it is that of the virtual network; give it another",
        "it is that of link other; give it another",
    ]
    del domain


@pytest.mark.parametrize("number", [NETWORK, LAN])
async def test_a_routed_link_whose_number_is_somebody_elses_is_not_served(number: int) -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    first = Station(await member.lan("first", LAN, joined=False), SERVER)
    second = Station(await member.lan("second", number, joined=False), "00001B000002")
    assert member.gateway.muted(second.link) == UNUSABLE
    assert len(member.gateway.alarms) == 1
    second.send(Address(NETWORK, member.gateway.virtual.node, 1))
    domain.live(2 * UPDATE_INTERVAL)
    assert second.heard == []
    assert routes_known(member) == [Route(LAN, 0, 1)]
    assert ask_route(first, NETWORK) == [RipEntry(NETWORK, 1, 2)]
    await second.link.close()
    member.gateway.detach(second.link)
    assert ask_route(first, NETWORK) == [RipEntry(NETWORK, 1, 2)]


async def test_a_router_that_gives_a_routed_lan_another_number_is_named() -> None:
    domain, server, _ = await two_lans()
    member = domain.members[0]
    liar = Station(server.link, "00001B000009", 0x99)
    announce(liar)
    liar.send(Address(0x99, BROADCAST_NODE, Socket.RIP), b"\0\2", PacketType.RIP, Socket.RIP)
    (sentence,) = member.gateway.alarms
    assert sentence == (
        "00001B000009 says that the network on link lan is 00000099, here it is 0000AB12: "
        "give both the same number"
    )


async def joined_lan() -> tuple[Domain, Member, Station, Station]:
    """A joined LAN with a host at one site, and a player at another."""
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    host = Station(await a.lan("joined", station=STATION), "00001B000001")
    player = Station(await b.lan("players", star=True), "02000000000B")
    return domain, a, host, player


def hosts_known(member: Member) -> set[bytes]:
    values = [record.value for record in member.directory.records(Kind.HOST)]
    return {value.node for value in values if isinstance(value, Host)}


async def test_a_lan_with_another_number_is_not_joined_until_it_is_silent_about_it() -> None:
    domain, member, host, player = await joined_lan()
    liar = Station(host.link, "00001B000009", LAN)
    announce(liar)
    assert member.gateway.muted(host.link) == REFUSED
    assert "0000AB12" in member.gateway.alarms[0]
    assert host.node not in hosts_known(domain.members[1])
    player.broadcast(b"anyone?")
    host.heard.clear()
    host.broadcast(b"me!")
    domain.wire.deliver()
    assert (host.heard, player.heard) == ([], [])
    domain.live(AGE_LIMIT - 1)
    announce(liar)
    domain.live(AGE_LIMIT - 1)
    assert member.gateway.muted(host.link) == REFUSED
    domain.live(2)
    assert member.gateway.muted(host.link) is None
    assert host.node in hosts_known(domain.members[1])
    player.send(host.address(), b"welcome")
    domain.wire.deliver()
    assert [packet.payload for packet in host.heard if packet.source == player.address()] == [b"welcome"]


async def test_a_gateway_that_stands_by_on_a_joined_lan_claims_no_hosts_and_does_when_it_takes_over() -> None:
    domain, member, host, player = await joined_lan()
    member.gateway.stand_by(host.link)
    member.gateway.stand_by(host.link)
    assert member.gateway.muted(host.link) == STANDING_BY
    late = Station(host.link, "00001B000002")
    gone = Station(host.link, "00001B000003")
    host.link.release(gone.node)
    player.broadcast(b"anyone?")
    domain.wire.deliver()
    assert (host.heard, hosts_known(member)) == ([], {player.node})
    member.gateway.take_over(host.link)
    assert hosts_known(member) == {player.node, host.node, late.node}
    player.broadcast(b"anyone?")
    domain.wire.deliver()
    assert late.heard[-1].payload == b"anyone?"


async def test_of_two_gateways_on_one_lan_the_other_takes_over_at_once_with_all_it_has_heard() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    c = await domain.member("10.0.0.3")
    here = await a.lan("lan", LAN, joined=False, station=STATION)
    there = await b.lan("lan", LAN, joined=False, station=b"\x02\x00\x00\x00\x00\x78", active=False)
    servers = [Station(link, SERVER) for link in (here, there)]
    domain.live(LISTENING)
    for server in servers:
        announce(server)
    asker = Station(await c.lan("players", star=True), "02000000000B")
    assert {record.owner for record in c.directory.offers((Kind.ROUTE, INTERNAL, ""))} == {a.identity}
    servers[1].heard.clear()
    a.gateway.stand_by(here)
    b.gateway.take_over(there)
    assert {record.owner for record in c.directory.offers((Kind.ROUTE, INTERNAL, ""))} == {b.identity}
    assert {record.owner for record in c.directory.offers((Kind.ROUTE, LAN, ""))} == {b.identity}
    asker.send(MUSEUM, b"request", PacketType.NCP)
    domain.wire.deliver()
    assert b"request" in [packet.payload for packet in servers[1].heard]
    assert b"request" not in [packet.payload for packet in servers[0].heard]


async def test_a_cable_that_is_out_takes_its_network_along_and_brings_it_back() -> None:
    domain, server, _ = await two_lans()
    a, b = domain.members
    a.gateway.carrier(server.link, present=False)
    assert a.gateway.muted(server.link) == NO_CARRIER
    assert routes_known(b) == [Route(OTHER_LAN, 0, 1)]
    a.gateway.carrier(server.link, present=True)
    announce(server)
    assert set(routes_known(b)) == {Route(OTHER_LAN, 0, 1), Route(LAN, 0, 1), Route(INTERNAL, 1, 2)}


async def test_what_another_node_of_the_domain_says_on_a_joined_lan_is_known_from_the_directory() -> None:
    domain, member, host, _ = await joined_lan()
    other = domain.members[1].gateway.virtual.node
    announce(Station(host.link, other.hex()))
    assert routes_known(member) == []
    assert list(member.directory.records(Kind.SERVICE)) == []


async def test_what_an_owner_withdraws_is_not_brought_back_by_a_router_that_heard_it_from_us() -> None:
    domain, server, station = await two_lans()
    c = await domain.member("10.0.0.3")
    back = Station(await c.lan("lan", 0x77, joined=False), "00001B000003")
    domain.live(300.0)
    announce(server)
    echo = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, 4, 6),)).encode()
    back.broadcast(echo, Socket.RIP, PacketType.RIP)
    announce(server, hops=16)
    assert Route(INTERNAL, 4, 6) not in routes_known(c)
    back.broadcast(RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, 16, 6),)).encode(), Socket.RIP, 1)
    domain.live(600.0)
    assert {route.network for route in routes_known(c)} == {LAN, OTHER_LAN, 0x77}
    del station


async def test_filters_hide_services_of_a_link_from_the_other_links_too() -> None:
    from nwip.directory.filters import Filter, Policy  # noqa: PLC0415 - used here only

    domain = Domain()
    member = await domain.member("10.0.0.1")
    server = Station(await member.lan("lan", LAN, joined=False), SERVER)
    player = Station(await member.lan("players", star=True), "02000000000B")
    announce(server)
    assert len(ask_nearest(player)) == 1
    changes = member.directory.set_policy(Policy([Filter("deny", types=(ServiceType.FILE_SERVER,))]))
    member.gateway.directory_changed(changes)
    assert ask_nearest(player) == []
    assert isinstance(member.own[Kind.SERVICE, ServiceType.FILE_SERVER, "MUSEUM"].value, Service)
    assert isinstance(server.link, MemoryLink)
