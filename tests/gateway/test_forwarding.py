"""Packets between hosts of one virtual network, whichever gateway they came in by."""

import pytest

from gateway.world import NETWORK, Domain, Station
from nwip.directory.parameters import Parameters
from nwip.directory.records import Host, Kind
from nwip.ipx.address import Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, Packet

pytestmark = pytest.mark.asyncio


async def two_sites(parameters: Parameters | None = None) -> tuple[Domain, Station, Station]:
    domain = Domain(parameters)
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    here = Station(await a.lan("players", star=True), "02000000000A")
    there = Station(await b.lan("players", star=True), "02000000000B")
    return domain, here, there


async def test_a_unicast_reaches_a_host_behind_the_other_gateway_with_two_hops() -> None:
    domain, here, there = await two_sites()
    sent = here.send(there.address(), b"hello")
    domain.wire.deliver()
    assert there.heard == [sent._replace(transport_control=2)]
    assert [packet.transport_control for packet in domain.crossed()] == [1]


async def test_a_broadcast_reaches_everyone_else_once() -> None:
    domain, here, there = await two_sites()
    neighbour = Station(here.link, "02000000000C")
    here.broadcast(b"anyone?")
    domain.wire.deliver()
    assert [packet.payload for packet in there.heard] == [b"anyone?"]
    assert here.heard == []
    assert len(domain.wire.carried) == 1
    # A memory link is one medium, and this one is also set as a star: the neighbour hears both.
    assert {packet.payload for packet in neighbour.heard} == {b"anyone?"}


async def test_a_propagated_packet_keeps_its_count_of_networks() -> None:
    domain, here, there = await two_sites()
    sent = here.broadcast(bytes(50), Socket.NETBIOS, PacketType.PROPAGATED)
    domain.wire.deliver()
    assert there.heard == [sent]


async def test_a_broadcast_under_the_policy_subnet_goes_out_once_to_the_subnet() -> None:
    domain = Domain(Parameters(domain="test", network=NETWORK, broadcasts="subnet"))
    everyone = ("10.0.0.255", domain.parameters.data_port)
    members = [await domain.member(f"10.0.0.{n}", broadcast_to=everyone) for n in (1, 2, 3)]
    stations = [Station(await member.lan("players"), f"02000000000{n}") for n, member in enumerate(members)]
    stations[0].broadcast(b"near")
    domain.wire.deliver()
    assert [to for _, to, _ in domain.wire.carried] == [everyone]
    assert [[packet.payload for packet in station.heard] for station in stations] == [
        [],
        [b"near"],
        [b"near"],
    ]


async def test_a_broadcast_flood_is_cut_to_the_budget_of_its_source() -> None:
    domain, here, there = await two_sites(
        Parameters(domain="test", network=NETWORK, broadcast_rate=10, broadcast_burst=20)
    )
    for _ in range(100):
        here.broadcast(b"flood")
    domain.wire.deliver()
    assert len(there.heard) == 20
    domain.pass_time(1.0)
    for _ in range(100):
        here.broadcast(b"flood")
    domain.wire.deliver()
    assert len(there.heard) == 30
    assert domain.members[0].gateway.counters.drops["broadcast budget"] == 170


async def test_the_first_packet_to_a_new_host_waits_for_its_record() -> None:
    domain, here, there = await two_sites()
    late = Station(there.link, "02000000000D")
    there.link.release(late.node)
    here.send(late.address(), b"early")
    domain.wire.deliver()
    assert late.heard == []
    domain.pass_time(0.2)
    there.link.attach(late.node, late.heard.append)
    domain.wire.deliver()
    assert [packet.payload for packet in late.heard] == [b"early"]


async def test_a_packet_to_nobody_is_given_up_after_a_quarter_of_a_second_and_only_four_wait() -> None:
    domain, here, _ = await two_sites()
    gateway, before = domain.members[0].gateway, domain.members[0].deadlines
    for _ in range(6):
        here.send(Address(NETWORK, bytes.fromhex("0200000000EE"), 1))
    assert domain.members[0].deadlines - before == 4  # what is not kept moves no deadline
    assert gateway.counters.drops == {"no way to the destination": 2}
    domain.pass_time(0.25)
    assert gateway.counters.drops["unknown host"] == 4
    assert domain.wire.carried == []


async def test_a_host_that_moves_is_found_at_the_other_gateway_at_once() -> None:
    domain, here, there = await two_sites()
    mover_before = Station(here.link, "0A0000000001")
    mover_after = Station(there.link, "0A0000000001")
    a, b = domain.members
    claims = a.directory.offers((Kind.HOST, mover_after.node, ""))
    assert [(record.owner, record.value) for record in claims] == [(b.identity, Host(mover_after.node, 2))]
    here.send(mover_after.address(), b"where are you?")
    domain.wire.deliver()
    assert [packet.payload for packet in mover_after.heard] == [b"where are you?"]
    assert mover_before.heard == []


async def test_a_packet_places_its_source_before_the_record_comes() -> None:
    domain, here, there = await two_sites()
    b = domain.members[1]
    b.publishing = False
    mover = Station(there.link, "0A0000000001")
    mover.send(here.address(), b"I am new")
    domain.wire.deliver()
    here.send(mover.address(), b"welcome")
    domain.wire.deliver()
    assert [packet.payload for packet in mover.heard] == [b"welcome"]


async def test_a_learned_place_lapses_after_ten_seconds() -> None:
    domain, here, there = await two_sites()
    domain.members[1].publishing = False
    mover = Station(there.link, "0A0000000001")
    mover.send(here.address(), b"I am new")
    domain.wire.deliver()
    domain.pass_time(10.1)
    here.send(mover.address(), b"gone?")
    domain.wire.deliver()
    assert mover.heard == []


async def test_two_gateways_that_each_believe_a_host_at_the_other_do_not_loop() -> None:
    domain, here, _ = await two_sites()
    a, b = domain.members
    ghost = bytes.fromhex("0A00000000FF")
    a.gateway._tables.placement.learn(ghost, b.identity, domain.now)
    b.gateway._tables.placement.learn(ghost, a.identity, domain.now)
    a.gateway._tables.refresh_host(ghost)
    b.gateway._tables.refresh_host(ghost)
    here.send(Address(NETWORK, ghost, 1), b"round and round")
    domain.wire.deliver()
    assert len(domain.wire.carried) < domain.parameters.hop_limit


async def test_what_is_too_large_is_a_counted_drop() -> None:
    domain, here, there = await two_sites()
    here.send(there.address(), bytes(MAXIMUM_SIZE - HEADER_SIZE))
    here.send(there.address(), bytes(MAXIMUM_SIZE - HEADER_SIZE + 1))
    domain.wire.deliver()
    assert [len(packet.payload) for packet in there.heard] == [MAXIMUM_SIZE - HEADER_SIZE]
    assert domain.members[0].gateway.virtual.counters.drops == {"too large": 1}


async def test_strangers_and_false_sources_are_not_let_in() -> None:
    domain, here, there = await two_sites()
    a, b = domain.members
    packet = Packet(there.address(), here.address(), payload=b"!")
    domain.wire.send(("192.0.2.66", 43981), b.endpoint, packet.encode())
    third = await domain.member("10.0.0.3")
    stolen = Address(NETWORK, third.gateway.virtual.node, 1)
    domain.wire.send(a.endpoint, b.endpoint, packet._replace(source=stolen).encode())
    domain.wire.send(a.endpoint, b.endpoint, packet.encode()[:-1])
    domain.wire.send(a.endpoint, b.endpoint, packet.with_checksum().encode())
    domain.wire.send(a.endpoint, b.endpoint, b"")
    domain.wire.deliver()
    assert there.heard == []
    assert b.gateway.virtual.counters.drops == {
        "not a node of the domain": 1,
        "source of another node": 1,
        "malformed": 2,
        "checksum": 1,
    }


async def test_a_packet_that_has_passed_fifteen_routers_goes_no_further() -> None:
    domain, here, there = await two_sites()
    tired = Packet(there.address(), here.address(), transport_control=15)
    here.link.transmit(tired)
    here.link.transmit(tired._replace(transport_control=13))
    domain.wire.deliver()
    assert [packet.transport_control for packet in there.heard] == [15]


async def test_pings_are_answered_by_the_node_itself_and_by_nobody_else() -> None:
    domain, _, _ = await two_sites()
    a, b = domain.members
    answers: list[Address] = []
    a.gateway.ping_listeners.add(answers.append)
    a.gateway.send_ping(Address(NETWORK, b.gateway.virtual.node, 0))
    domain.wire.deliver()
    assert [answer.node for answer in answers] == [b.gateway.virtual.node]
    assert [packet.destination.network for packet in domain.crossed()] == [NETWORK, NETWORK]
