"""How far services are, as one node sees them."""

import pytest

from gateway.test_agents import INTERNAL, MUSEUM, a_server_and_a_client
from gateway.world import Domain, Member
from nwip.directory.records import Key, Kind, Service
from nwip.gateway.nearest import Distances
from nwip.ipx.numbers import ServiceType

pytestmark = pytest.mark.asyncio

KEY: Key = (Kind.SERVICE, ServiceType.FILE_SERVER, "MUSEUM")


def seen(member: Member) -> list[tuple[int, int, bytes]]:
    offers = Distances(member.gateway, member.identity).nearest([KEY])
    return [(offer.ticks, offer.hops, offer.owner) for offer in offers]


async def test_the_ticks_to_a_service_are_those_to_its_owner_and_behind_it() -> None:
    domain, _, _ = await a_server_and_a_client()
    a, b = domain.members
    assert seen(b) == [(4, 2, a.identity)]
    assert seen(a) == [(2, 1, a.identity)]


async def test_of_several_offers_the_nearest_counts_and_owners_out_of_reach_do_not() -> None:
    domain = Domain()
    a, b, c = [await domain.member(ip) for ip in ("10.0.0.1", "10.0.0.2", "10.9.0.3")]
    offer = Service(ServiceType.FILE_SERVER, "MUSEUM", INTERNAL, MUSEUM.node, MUSEUM.socket, 1)
    for member in (b, c):
        member.offer(offer)
    assert seen(a) == [(2, 2, b.identity)]
    b.retract((Kind.NODE, b.gateway.virtual.node, ""))
    assert seen(a) == [(domain.parameters.ticks_same_network, 2, c.identity)]
    c.retract((Kind.NODE, c.gateway.virtual.node, ""))
    assert seen(a) == []
