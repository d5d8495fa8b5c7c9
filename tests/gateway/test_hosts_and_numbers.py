"""What records of other members may and may not do to the places of hosts and nodes."""

import msgspec
import pytest

from gateway.world import NETWORK, Domain, Member, Station
from nwip.directory.records import Change, Host, Kind, Node, Record, Route
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet

pytestmark = pytest.mark.asyncio

PLAYER = "02000000000A"


async def sites(count: int) -> tuple[Domain, list[Member]]:
    domain = Domain()
    return domain, [await domain.member(f"10.0.0.{number + 1}") for number in range(count)]


async def test_nobody_draws_all_broadcasts_to_himself_by_registering_the_broadcast_node() -> None:
    domain, (a, b, thief) = await sites(3)
    here = Station(await a.lan("players", star=True), PLAYER)
    there = Station(await b.lan("players", star=True), "02000000000B")
    thief.offer(Host(BROADCAST_NODE, 9))
    thief.offer(Node(BROADCAST_NODE, "thief", [thief.endpoint]))
    here.broadcast(b"who is there?")
    domain.wire.deliver()
    assert [packet.payload for packet in there.heard] == [b"who is there?"]


async def test_a_host_record_does_not_take_a_node_its_number() -> None:
    domain, (a, b, thief) = await sites(3)
    thief.offer(Host(b.gateway.virtual.node, 9))
    answers: list[Address] = []
    a.gateway.ping_listeners.add(answers.append)
    a.gateway.send_ping(Address(NETWORK, b.gateway.virtual.node, 0))
    domain.wire.deliver()
    assert [answer.node for answer in answers] == [b.gateway.virtual.node]


@pytest.mark.parametrize("number", ["7E010A000009", "7E0600000009"])
async def test_a_packet_does_not_take_a_node_its_number(number: str) -> None:
    domain, (a, thief) = await sites(2)
    here = Station(await a.lan("players", star=True), PLAYER)
    claimed = Address(NETWORK, bytes.fromhex(number), 1)
    packet = Packet(here.address(), claimed, payload=b"I am a node that is not there yet")
    domain.wire.send(thief.endpoint, a.endpoint, packet.encode())
    domain.wire.deliver()
    domain.wire.carried.clear()
    here.send(claimed)
    domain.wire.deliver()
    assert domain.wire.carried == []
    real = await domain.member("10.0.0.9")
    real.offer(Node(claimed.node, "real", [real.endpoint]))
    domain.wire.send(thief.endpoint, a.endpoint, packet.encode())
    domain.wire.deliver()
    domain.wire.carried.clear()
    here.send(claimed)
    domain.wire.deliver()
    assert [to for _, to, _ in domain.wire.carried] == [real.endpoint]


async def test_all_hosts_behind_a_node_share_one_way() -> None:
    _, (a, b) = await sites(2)
    hosts = [bytes.fromhex(PLAYER), bytes.fromhex("02000000000B")]
    for node in hosts:
        b.offer(Host(node, 1))
    one, other = (a.gateway.way_to(Address(NETWORK, node, 0)) for node in hosts)
    assert one is not None
    assert one is other
    assert one.hop == b.endpoint


async def test_a_host_that_has_moved_as_often_as_can_be_counted_still_fits_a_record() -> None:
    _, (a, b) = await sites(2)
    b.offer(Host(bytes.fromhex(PLAYER), 2**63 - 1))
    Station(await a.lan("players", star=True), PLAYER)
    mine = a.own[Kind.HOST, bytes.fromhex(PLAYER), ""]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(mine), type=Record) == mine


async def test_a_move_is_believed_at_once_though_a_packet_came_from_the_old_place_just_now() -> None:
    domain, (watcher, a, b) = await sites(3)
    asker = Station(await watcher.lan("players", star=True), "02000000000C")
    a.publishing = False
    before = Station(await a.lan("players", star=True), PLAYER)
    before.send(asker.address(), b"my packet outruns my record")
    domain.wire.deliver()
    a.publishing = True
    a.offer(a.own[Kind.HOST, before.node, ""].value)
    after = Station(await b.lan("players", star=True), PLAYER)
    domain.wire.deliver()
    domain.wire.carried.clear()
    asker.send(after.address(), b"found?")
    domain.wire.deliver()
    assert [packet.payload for packet in after.heard] == [b"found?"]
    assert [to for _, to, _ in domain.wire.carried] == [b.endpoint]


async def test_who_yields_a_node_number_reaches_the_one_who_has_it_now() -> None:
    domain, (a, b) = await sites(2)
    number = b.gateway.virtual.node
    a.offer(Node(number, "first", [a.endpoint]))
    b.gateway.renumber(bytes.fromhex("7E0600000001"))
    b.retract((Kind.NODE, number, ""))
    b.offer(Node(b.gateway.virtual.node, "second", [b.endpoint]))
    a.gateway.renumber(number)
    answers: list[Address] = []
    b.gateway.ping_listeners.add(answers.append)
    b.gateway.send_ping(Address(NETWORK, number, 0))
    domain.wire.deliver()
    assert [answer.node for answer in answers] == [number]


async def test_what_a_node_left_behind_in_an_earlier_life_does_not_bring_its_broadcasts_back() -> None:
    domain, (a, b) = await sites(2)
    here = Station(await a.lan("players", star=True), PLAYER)
    a.take(Change(Record(b"earlier life----", 1, 1, Node(a.gateway.virtual.node, "a", [a.endpoint]))), 0.0)
    domain.wire.carried.clear()
    here.broadcast(b"once")
    domain.wire.deliver()
    assert [to for _, to, _ in domain.wire.carried] == [b.endpoint]


async def test_a_node_that_is_only_numbered_anew_makes_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    _, (a, b) = await sites(2)
    b.offer(Route(7, 1, 2))
    looked_up: list[int] = []
    routes = a.gateway._agents.router.routes
    monkeypatch.setattr(routes, "refresh", lambda network, _now: looked_up.append(network))
    node = b.own[Kind.NODE, b.gateway.virtual.node, ""].value
    assert isinstance(node, Node)
    b.offer(node)
    assert looked_up == []
    b.offer(Node(node.node, node.name, [("10.0.0.77", 43981)]))
    assert looked_up == [7]
