"""The rarer ways of a packet: directed broadcasts, routed stars, what is for the node itself, pings."""

import pytest

from gateway.world import NETWORK, Domain, Member, Station
from nwip.gateway.local import PING_SOCKET
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket

pytestmark = pytest.mark.asyncio

LAN = 0x0000AB12


async def two_members() -> tuple[Domain, Member, Member]:
    domain = Domain()
    return domain, await domain.member("10.0.0.1"), await domain.member("10.0.0.2")


async def test_a_broadcast_directed_at_a_network_goes_there_and_reaches_all_of_it() -> None:
    domain, a, b = await two_members()
    lan = await a.lan("lan", LAN, joined=False)
    stations = [Station(lan, "00001B2C3D4E"), Station(lan, "00001B2C3D4F")]
    player = Station(await b.lan("players", star=True), "02000000000B")
    player.send(Address(LAN, BROADCAST_NODE, 0x5678), b"to all of the lan")
    domain.wire.deliver()
    assert [[packet.payload for packet in station.heard] for station in stations] == [
        [b"to all of the lan"]
    ] * 2
    player.send(Address(0xBAD, BROADCAST_NODE, 0x5678))
    assert b.gateway.counters.drops == {"no way to the destination": 1}


async def test_a_broadcast_on_a_routed_network_stays_there_and_reaches_the_others_of_a_star() -> None:
    domain, a, _ = await two_members()
    quiet = Station(await a.lan("lan", LAN, joined=False), "00001B2C3D4E")
    quiet.broadcast(b"on the lan")
    star = await a.lan("star", 0xCD, joined=False, star=True)
    speaker, listener = Station(star, "02000000000A"), Station(star, "02000000000B")
    speaker.broadcast(b"on the star")
    domain.wire.deliver()
    assert domain.wire.carried == []
    assert {packet.payload for packet in listener.heard} == {b"on the star"}
    assert quiet.heard == []


async def test_a_broadcast_that_has_passed_fifteen_routers_stays_on_its_link() -> None:
    domain, a, b = await two_members()
    here = Station(await a.lan("players", star=True), "02000000000A")
    there = Station(await b.lan("players", star=True), "02000000000B")
    everyone = Address(NETWORK, BROADCAST_NODE, 0x5678)
    here.link.transmit(Packet(everyone, here.address(), transport_control=15))
    domain.wire.deliver()
    assert there.heard == []
    assert a.gateway._forwarder.expired == 1


async def test_rip_and_sap_broadcasts_that_come_over_the_virtual_network_are_dropped() -> None:
    domain, a, b = await two_members()
    everyone = Address(NETWORK, BROADCAST_NODE, Socket.RIP)
    source = Address(NETWORK, a.gateway.virtual.node, Socket.RIP)
    request = Packet(everyone, source, PacketType.RIP, RipPacket.request().encode())
    domain.wire.send(a.endpoint, b.endpoint, request.encode())
    domain.wire.deliver()
    assert b.gateway.counters.drops == {"RIP or SAP broadcast on the virtual network": 1}
    assert len(domain.wire.carried) == 1


async def test_a_packet_to_a_socket_that_the_node_does_not_have_is_a_counted_drop() -> None:
    domain, a, b = await two_members()
    player = Station(await a.lan("players", star=True), "02000000000A")
    player.send(Address(NETWORK, b.gateway.virtual.node, 0x4444))
    domain.wire.deliver()
    assert b.gateway.counters.drops == {"no such socket here": 1}


async def test_a_ping_of_everyone_goes_to_all_players_and_to_every_node() -> None:
    domain, a, b = await two_members()
    players = [
        Station(await member.lan("players", star=True), f"02000000000{number}")
        for number, member in enumerate((a, b))
    ]
    a.gateway.send_ping(Address(NETWORK, BROADCAST_NODE, 0))
    domain.wire.deliver()
    source = a.gateway.address._replace(socket=PING_SOCKET)
    assert [[packet.source for packet in player.heard] for player in players] == [[source], [source]]


async def test_a_ping_waits_for_a_host_that_is_not_known_yet() -> None:
    domain, a, b = await two_members()
    lan = await b.lan("players", star=True)
    a.gateway.send_ping(Address(NETWORK, bytes.fromhex("0A0000000001"), 0))
    player = Station(lan, "0A0000000001")
    domain.wire.deliver()
    assert [packet.destination.socket for packet in player.heard] == [Socket.ECHO]


async def test_a_ping_of_oneself_is_answered_without_a_packet() -> None:
    domain, a, _ = await two_members()
    answers: list[Address] = []
    a.gateway.ping_listeners.add(answers.append)
    a.gateway.send_ping(a.gateway.address)
    assert answers == [a.gateway.address]
    assert domain.wire.carried == []
