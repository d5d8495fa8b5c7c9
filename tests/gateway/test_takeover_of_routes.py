"""Whose routes other nodes use when a LAN's active gateway dies: the new one's, before the old lease ends."""

import pytest

from gateway.world import Domain, Member, Station
from nwip.directory.records import Route
from nwip.ipx.address import Address

pytestmark = pytest.mark.asyncio

LAN, BEHIND = 0x0000AB12, 0x2E5A0001
SERVER = Address(BEHIND, bytes.fromhex("000000000001"), 0x0451)


async def a_lan_with_two_gateways() -> tuple[Domain, Member, Member, Station]:
    """Return the active gateway of a LAN, another that stands by, and a player elsewhere."""
    domain = Domain()
    first, second = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    far = await domain.member("172.16.0.3")
    player = Station(await far.lan("players", star=True), "02000000000B")
    first.offer(Route(LAN, 0, 1, LAN, 1))
    first.offer(Route(BEHIND, 1, 2, LAN))
    return domain, first, second, player


def bring_up(domain: Domain) -> None:
    """Let every member take in what takeovers mean, as it does when its directory says that it is due."""
    for member in domain.members:
        while member.directory.next_deadline() == 0.0:
            member.gateway.directory_changed(member.directory.expire(domain.now))


def way_of(domain: Domain, player: Station) -> list[str]:
    """Return the members to which a packet of the player for the server behind the LAN goes."""
    bring_up(domain)
    domain.wire.carried.clear()
    player.send(SERVER, b"request")
    return [to[0] for _, to, _ in domain.wire.carried]


async def test_packets_go_to_the_gateway_that_took_over_while_the_dead_ones_lease_runs() -> None:
    domain, _, second, player = await a_lan_with_two_gateways()
    assert way_of(domain, player) == ["10.0.0.1"]
    second.offer(Route(BEHIND, 1, 9, LAN))
    second.offer(Route(LAN, 0, 1, LAN, 2))
    assert way_of(domain, player) == ["10.0.0.2"], "although the other says that it is nearer"


async def test_what_the_new_one_does_not_know_is_not_sent_to_the_dead_one() -> None:
    domain, _, second, player = await a_lan_with_two_gateways()
    second.offer(Route(LAN, 0, 1, LAN, 2))
    assert way_of(domain, player) == []
    second.offer(Route(BEHIND, 1, 2, LAN))
    assert way_of(domain, player) == ["10.0.0.2"]


async def test_another_way_that_does_not_lead_through_the_lan_is_taken_at_once() -> None:
    domain, _, second, player = await a_lan_with_two_gateways()
    other = await domain.member("10.0.0.4")
    other.offer(Route(BEHIND, 3, 50))
    assert way_of(domain, player) == ["10.0.0.1"]
    second.offer(Route(LAN, 0, 1, LAN, 2))
    assert way_of(domain, player) == ["10.0.0.4"]


async def test_when_the_new_one_goes_the_one_before_is_used_again() -> None:
    domain, _, second, player = await a_lan_with_two_gateways()
    turn = Route(LAN, 0, 1, LAN, 2)
    second.offer(turn)
    assert way_of(domain, player) == []
    second.retract(turn.key)
    assert way_of(domain, player) == ["10.0.0.1"]
