"""Who is banned takes no part: no host by its number on any link, no node of the domain by its address."""

from collections.abc import Sequence

import pytest

from gateway.world import NETWORK, Domain, Member, Station, Wire
from nwip.dataplane.port import Datagram
from nwip.directory.records import Host, Kind
from nwip.ipx.address import Address
from nwip.security.bans import Bans
from nwip.security.guarding import guarded

pytestmark = pytest.mark.asyncio

PLAYER, OTHER = "02000000000A", "02000000000B"


async def sites() -> tuple[Domain, Member, Member, Bans]:
    domain = Domain()
    bans = Bans(lambda: domain.now)
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    a.gateway.heed(bans)
    return domain, a, b, bans


def node(number: str) -> bytes:
    return bytes.fromhex(number)


@pytest.mark.parametrize("star", [True, False])
async def test_a_host_is_barred_by_its_number_and_nothing_goes_to_it(star: bool) -> None:
    domain, a, b, bans = await sites()
    here = Station(await a.lan("lan", star=star), PLAYER)
    there = Station(await b.lan("players", star=True), OTHER)
    here.send(there.address(), b"before")
    domain.wire.deliver()
    assert [packet.payload for packet in there.heard] == [b"before"]
    bans.add(PLAYER)
    a.gateway.bans_changed()
    here.send(there.address(), b"from him")
    here.broadcast(b"to all")
    there.send(Address(NETWORK, node(PLAYER), 0x4000), b"to him")
    domain.wire.deliver()
    assert [packet.payload for packet in there.heard] == [b"before"]
    assert b"to him" not in [packet.payload for packet in here.heard]
    link = next(link for link in a.gateway.links)
    assert link.counters.drops["banned"] == 2
    bans.lift(PLAYER)
    a.gateway.bans_changed()
    here.send(there.address(), b"after")
    domain.wire.deliver()
    assert [packet.payload for packet in there.heard] == [b"before", b"after"]


async def test_a_host_behind_another_node_is_barred_here_and_not_there() -> None:
    domain, a, b, bans = await sites()
    here = Station(await a.lan("players", star=True), PLAYER)
    there = Station(await b.lan("players", star=True), OTHER)
    friend = Station(await b.lan("more", star=True), "02000000000C")
    bans.add(OTHER)
    a.gateway.bans_changed()
    there.send(here.address(), b"no")
    there.send(friend.address(), b"yes")
    domain.wire.deliver()
    assert here.heard == []
    assert [packet.payload for packet in friend.heard] == [b"yes"]
    assert a.gateway.virtual.counters.drops["banned"] == 1


@pytest.mark.parametrize("what", ["10.0.0.2", "10.0.0.0/30", "7E010A000002"])
async def test_a_node_of_the_domain_is_barred_with_all_that_it_has_registered(what: str) -> None:
    domain, a, b, bans = await sites()
    third = await domain.member("10.0.0.9")
    here = Station(await a.lan("players", star=True), PLAYER)
    there = Station(await b.lan("players", star=True), OTHER)
    friend = Station(await third.lan("players", star=True), "02000000000C")
    lan = Station(await b.lan("lan", joined=False, network=0xAB), "000000000001")
    here.send(Address(0xAB, lan.node, 1), b"before")
    domain.wire.deliver()
    assert [packet.payload for packet in lan.heard] == [b"before"]
    bans.add(what)
    a.gateway.bans_changed()
    domain.wire.carried.clear()
    here.send(Address(0xAB, lan.node, 1), b"no")
    here.broadcast(b"to all")
    domain.wire.deliver()
    assert [to for _, to, _ in domain.wire.carried] == [third.endpoint]
    assert [packet.payload for packet in friend.heard] == [b"to all"]
    there.send(here.address(), b"no")
    domain.wire.deliver()
    assert here.heard == []
    assert a.gateway.virtual.counters.drops["not a node of the domain"] == 1
    bans.lift(what)
    a.gateway.bans_changed()
    here.send(Address(0xAB, lan.node, 1), b"after")
    there.send(here.address(), b"yes")
    domain.wire.deliver()
    assert [packet.payload for packet in lan.heard] == [b"before", b"after"]
    assert [packet.payload for packet in here.heard] == [b"yes"]


async def test_a_ban_that_has_ended_holds_no_more() -> None:
    domain, a, b, bans = await sites()
    here = Station(await a.lan("players", star=True), PLAYER)
    there = Station(await b.lan("players", star=True), OTHER)
    bans.add("10.0.0.2", 60)
    a.gateway.bans_changed()
    assert bans.next_end() == 60
    domain.now += 60
    assert bans.next_end() is None
    a.gateway.bans_changed()
    there.send(here.address(), b"yes")
    domain.wire.deliver()
    assert [packet.payload for packet in here.heard] == [b"yes"]


async def test_a_guarded_port_hears_nothing_from_who_is_banned() -> None:
    wire, bans = Wire(), Bans(lambda: 0.0)
    heard: list[Sequence[Datagram]] = []
    at, good, bad = ("10.0.0.1", 1), ("10.0.0.2", 2), ("10.0.0.3", 3)
    guarded(wire.open, bans)(at, heard.append)
    bans.add("10.0.0.3")
    for source in (good, bad, good):
        wire.send(source, at, b"x")
    wire.deliver()
    assert heard == [[(b"x", good)]] * 2
    assert bans.all()[0].kept_out == 1
    bans.lift("10.0.0.3")
    wire.send(bad, at, b"x")
    wire.deliver()
    assert heard[-1] == [(b"x", bad)]


async def test_a_banned_host_is_no_host_of_the_domain_any_more() -> None:
    domain, a, b, bans = await sites()
    here = Station(await a.lan("players", star=True), PLAYER)
    here.send(Address(NETWORK, a.gateway.virtual.node, 1), b"here I am")
    domain.wire.deliver()
    assert Host(node(PLAYER), 1) in [record.value for record in b.directory.records(Kind.HOST)]
    bans.add(PLAYER)
    a.gateway.bans_changed()
    assert not list(b.directory.records(Kind.HOST))
