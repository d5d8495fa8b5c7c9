"""RIP and SAP: what a server says on one LAN is known, and answered, everywhere else at once."""

from pathlib import Path

import pytest

from fixtures import netware_server as museum
from gateway.world import NETWORK, Domain, Member, Station
from nwip.capture.pcap import read_capture
from nwip.directory.records import Kind, Route, Service
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame
from nwip.ipx.numbers import PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.links.memory import MemoryLink
from nwip.routing.timers import SETTLING

pytestmark = pytest.mark.asyncio

LAN = 0x0000AB12
RECORDED_LAN = 0x00000001
INTERNAL = 0x2E5A0001
SERVER = "00001B2C3D4E"
MUSEUM = Address(INTERNAL, bytes.fromhex("000000000001"), Socket.NCP)


def announce(server: Station, hops: int = 1) -> None:
    """Let a server broadcast its RIP and SAP, as NetWare does every minute."""
    routes = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, hops, 2),))
    server.broadcast(routes.encode(), Socket.RIP, PacketType.RIP)
    services = (SapEntry.of(ServiceType.FILE_SERVER, "MUSEUM", MUSEUM, hops),)
    response = SapResponse(SapOperation.GENERAL_RESPONSE, services)
    server.broadcast(response.encode(), Socket.SAP, PacketType.PEP)


async def a_server_and_a_client() -> tuple[Domain, Station, Station]:
    """One site with a NetWare server on a routed LAN, and another with a player on a joined link."""
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    server = Station(await a.lan("lan", LAN, joined=False), SERVER)
    client = Station(await b.lan("players", star=True), "02000000000B")
    announce(server)
    return domain, server, client


def services_known(member: Member) -> list[Service]:
    return [
        record.value for record in member.directory.records(Kind.SERVICE) if isinstance(record.value, Service)
    ]


def routes_known(member: Member) -> list[Route]:
    return [
        record.value for record in member.directory.records(Kind.ROUTE) if isinstance(record.value, Route)
    ]


def ask_nearest(client: Station, service_type: int = ServiceType.FILE_SERVER) -> list[SapEntry]:
    query = SapQuery(SapOperation.NEAREST_QUERY, service_type)
    client.heard.clear()
    client.broadcast(query.encode(), Socket.SAP, PacketType.PEP)
    responses = [SapResponse.decode(packet.payload) for packet in client.heard]
    assert all(response.operation == SapOperation.NEAREST_RESPONSE for response in responses)
    return [entry for response in responses for entry in response.entries]


def ask_route(client: Station, network: int) -> list[RipEntry]:
    client.heard.clear()
    client.broadcast(RipPacket.request(network).encode(), Socket.RIP, PacketType.RIP)
    return [entry for packet in client.heard for entry in RipPacket.decode(packet.payload).entries]


async def test_services_and_networks_of_a_lan_are_known_at_the_other_gateway() -> None:
    domain, _, _ = await a_server_and_a_client()
    there = domain.members[1]
    assert services_known(there) == [
        Service(ServiceType.FILE_SERVER, "MUSEUM", INTERNAL, MUSEUM.node, Socket.NCP, 1)
    ]
    assert sorted(routes_known(there), key=lambda route: route.network) == [
        Route(LAN, 0, 1),
        Route(INTERNAL, 1, 2),
    ]


async def test_none_of_the_broadcasts_crosses_the_virtual_network() -> None:
    domain, server, client = await a_server_and_a_client()
    announce(server)
    ask_nearest(client)
    ask_route(client, INTERNAL)
    assert domain.wire.carried == []


async def test_a_nearest_server_query_is_answered_at_once_with_the_server_of_the_other_site() -> None:
    _, _, client = await a_server_and_a_client()
    assert ask_nearest(client) == [SapEntry.of(ServiceType.FILE_SERVER, "MUSEUM", MUSEUM, 2)]
    answer = client.heard[0]
    assert answer.destination == Address(NETWORK, client.node, Socket.SAP)
    assert answer.source.socket == Socket.SAP
    assert ask_nearest(client, ServiceType.PRINT_SERVER) == []


async def test_the_route_to_the_server_is_answered_with_its_hops_and_ticks() -> None:
    _, _, client = await a_server_and_a_client()
    assert ask_route(client, INTERNAL) == [RipEntry(INTERNAL, 2, 4)]
    assert ask_route(client, LAN) == [RipEntry(LAN, 1, 3)]
    assert ask_route(client, 0xFFFFFFFF) == [RipEntry(LAN, 1, 3), RipEntry(INTERNAL, 2, 4)]
    assert ask_route(client, 0x00000BAD) == []


async def test_the_lan_itself_is_told_nothing_that_it_said() -> None:
    domain, server, _ = await a_server_and_a_client()
    visitor = Station(server.link, "0200000000AA")
    assert ask_nearest(visitor) == []
    assert ask_route(visitor, INTERNAL) == []
    assert ask_route(visitor, LAN) == []
    assert domain.wire.carried == []


async def test_a_request_to_the_server_goes_there_and_its_reply_comes_back() -> None:
    domain, server, client = await a_server_and_a_client()
    request = client.send(MUSEUM, b"create connection", PacketType.NCP, 0x4003)
    domain.wire.deliver()
    assert server.heard == [request._replace(transport_control=2)]
    reply = Packet(request.source, MUSEUM, PacketType.NCP, b"yes")
    router = server.link
    router.transmit(reply._replace(source=MUSEUM))
    domain.wire.deliver()
    assert [packet.payload for packet in client.heard] == [b"yes"]


async def test_what_goes_down_is_withdrawn_at_once_and_what_falls_silent_after_four_intervals() -> None:
    domain, server, client = await a_server_and_a_client()
    announce(server, hops=16)
    assert ask_nearest(client) == []
    assert routes_known(domain.members[1]) == [Route(LAN, 0, 1)]
    announce(server)
    assert len(ask_nearest(client)) == 1
    domain.pass_time(239)
    assert len(ask_nearest(client)) == 1
    domain.pass_time(2)
    assert ask_nearest(client) == []
    assert routes_known(domain.members[1]) == [Route(LAN, 0, 1)]


async def test_a_link_that_is_detached_takes_its_networks_and_services_with_it() -> None:
    domain, server, client = await a_server_and_a_client()
    await server.link.close()
    domain.members[0].gateway.detach(server.link)
    assert ask_nearest(client) == []
    assert routes_known(domain.members[1]) == []
    assert services_known(domain.members[1]) == []


async def test_malformed_broadcasts_are_counted_and_teach_nothing() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    server = Station(await member.lan("lan", LAN, joined=False), SERVER)
    server.broadcast(b"\0\2\0", Socket.RIP, PacketType.RIP)
    server.broadcast(b"\0\2" + bytes(63), Socket.SAP, PacketType.PEP)
    server.broadcast(b"", Socket.SAP, PacketType.PEP)
    assert member.gateway.counters.drops == {"malformed RIP or SAP": 3}
    assert routes_known(member) == [Route(LAN, 0, 1)]


async def test_our_own_fixtures_of_a_netware_server_are_learned_with_right_name_type_and_address() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    lan = await a.lan("lan", museum.LAN, joined=False)
    player = Station(await b.lan("players", star=True), "02000000000B")
    replay(lan, [museum.packet_of(frame) for frame in (museum.RIP_BROADCAST, museum.SAP_BROADCAST)])
    assert sorted(services_known(b), key=lambda service: service.service_type) == [
        Service(*fields) for fields in museum.SERVICES
    ]
    assert {route.network for route in routes_known(b)} == {museum.LAN, museum.INTERNAL_NETWORK}
    nearest = ask_nearest(player)
    assert [(entry.name, entry.address.network) for entry in nearest] == [
        (museum.SERVER_NAME, museum.INTERNAL_NETWORK)
    ]


@pytest.mark.real("shared")
@pytest.mark.parametrize("name", ["netware-ethernet-ii.pcap", "netware-802.3-raw.pcap"])
async def test_the_broadcasts_of_a_recorded_server_are_learned_and_answered_at_the_other_site(
    shared: Path, name: str
) -> None:
    packets = recorded_packets(shared / "captures" / name)
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    lan = await a.lan("lan", RECORDED_LAN, joined=False)
    player = Station(await b.lan("players", star=True), "02000000000B")
    replay(lan, [packet for packet in packets if packet[10:16] == BROADCAST_NODE])
    server = next(service for service in services_known(b) if service.service_type == ServiceType.FILE_SERVER)
    assert server.name == "MARSVM"
    assert server.address == Address(0x00ABCD01, bytes.fromhex("000000000001"), Socket.NCP)
    assert [(entry.name, entry.address) for entry in ask_nearest(player)] == [("MARSVM", server.address)]
    assert all(packet.destination.socket not in (Socket.RIP, Socket.SAP) for packet in domain.crossed())


def recorded_packets(path: Path) -> list[bytes]:
    """Return the IPX packets of a capture of Ethernet frames."""
    with path.open("rb") as file:
        frames = [Frame.decode(captured.octets) for captured in read_capture(file)]
    return [frame.packet for frame in frames if frame is not None]


def replay(lan: MemoryLink, packets: list[bytes]) -> None:
    """Put recorded packets on a LAN as its hosts would; "this network" is the LAN's own."""
    for data in packets:
        packet = Packet.decode(data)
        source = packet.source._replace(network=packet.source.network or lan.network)
        to = packet.destination._replace(network=packet.destination.network or lan.network)
        lan.transmit(packet._replace(source=source, destination=to))


async def test_an_attached_network_is_ours_whatever_a_station_of_another_lan_says_of_it() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    lan = await member.lan("lan", LAN, joined=False)
    other = await member.lan("other", INTERNAL, joined=False)
    router = Station(lan, SERVER)
    announce(router)
    assert set(routes_known(member)) == {Route(LAN, 0, 1), Route(INTERNAL, 0, 1)}
    domain.pass_time(300)
    assert set(routes_known(member)) == {Route(LAN, 0, 1), Route(INTERNAL, 0, 1)}
    await other.close()
    member.gateway.detach(other)
    announce(router)
    domain.pass_time(SETTLING)
    assert set(routes_known(member)) == {Route(LAN, 0, 1), Route(INTERNAL, 1, 2)}


async def test_of_two_links_that_lead_to_a_network_the_nearer_one_is_registered_and_used() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    far = Station(await member.lan("far", 0x0000000A, joined=False), SERVER)
    near = Station(await member.lan("near", 0x0000000B, joined=False), SERVER)
    for hops, station in ((1, near), (3, far)):
        routes = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, hops, hops + 1),))
        station.broadcast(routes.encode(), Socket.RIP, PacketType.RIP)
    assert Route(INTERNAL, 1, 2) in routes_known(member)
    player = Station(await member.lan("players", star=True), "02000000000B")
    player.send(MUSEUM, b"request", PacketType.NCP)
    assert [len(station.heard) for station in (near, far)] == [1, 0]


async def test_a_player_cannot_take_a_network_that_the_domain_reaches_in_fewer_ticks() -> None:
    domain, server, client = await a_server_and_a_client()
    false = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, 1, 9),))
    client.broadcast(false.encode(), Socket.RIP, PacketType.RIP)
    other = Station(client.link, "02000000000C")
    other.send(MUSEUM, b"request", PacketType.NCP)
    domain.wire.deliver()
    assert [packet.payload for packet in server.heard] == [b"request"]


async def test_what_a_node_drops_itself_can_be_seen() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    player = Station(await member.lan("players", star=True), "02000000000A")
    player.send(Address(0xBAD, MUSEUM.node, 1))
    player.link.transmit(Packet(Address(NETWORK, BROADCAST_NODE, 1), player.address(), transport_control=15))
    assert member.gateway.drops() == {"no way to the destination": 1, "passed too many routers": 1}
