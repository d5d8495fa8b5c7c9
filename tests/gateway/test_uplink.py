"""A gateway that loses its DSS goes on; one that loses its cable says so on its LANs."""

import pytest

from gateway.test_agents import INTERNAL, LAN, MUSEUM, SERVER, announce, ask_nearest, ask_route
from gateway.world import NETWORK, Domain, Member, Station
from nwip.gateway.local import PING_SOCKET, PROBES
from nwip.gateway.uplink import PROBE_INTERVAL, SILENCE
from nwip.ipx.address import Address
from nwip.ipx.numbers import PacketType
from nwip.ipx.rip import RipEntry

pytestmark = pytest.mark.asyncio

OTHER_LAN = 0x0000CD34


async def sites() -> tuple[Domain, Member, Station]:
    """A server on a LAN of one site; the gateway and a host of the LAN of another, which has no players."""
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    server = Station(await a.lan("lan", LAN, joined=False), SERVER)
    host = Station(await b.lan("lan", OTHER_LAN, joined=False), "00001B000002")
    announce(server)
    return domain, b, host


def cut(domain: Domain, member: Member) -> None:
    domain.wire.ports.pop(member.endpoint)


async def test_while_other_nodes_answer_the_loss_of_the_dss_changes_nothing() -> None:
    domain, member, host = await sites()
    member.gateway.session_lost()
    domain.live(3 * SILENCE - 1)
    pings = [packet for packet in domain.crossed() if packet.source.socket == PING_SOCKET]
    assert len(pings) == 3 * SILENCE / PROBE_INTERVAL
    assert ask_route(host, INTERNAL) == [RipEntry(INTERNAL, 3, 5)]
    member.gateway.session_found()
    domain.wire.carried.clear()
    domain.live(SILENCE)
    assert domain.wire.carried == []


async def test_when_nobody_answers_the_lan_is_told_that_the_domain_is_lost_and_when_it_is_back() -> None:
    domain, member, host = await sites()
    port = domain.wire.ports[member.endpoint]
    cut(domain, member)
    member.gateway.session_lost()
    domain.live(SILENCE - 1)
    assert ask_route(host, INTERNAL) != []
    domain.live(2)
    assert ask_route(host, INTERNAL) == []
    assert ask_route(host, NETWORK) == []
    assert ask_nearest(host) == []
    domain.wire.ports[member.endpoint] = port
    domain.live(PROBE_INTERVAL)
    assert ask_route(host, INTERNAL) == [RipEntry(INTERNAL, 3, 5)]
    assert ask_route(host, NETWORK) == [RipEntry(NETWORK, 1, 2)]
    assert len(ask_nearest(host)) == 1


async def test_players_of_a_site_that_is_cut_off_still_have_their_lan() -> None:
    domain, member, host = await sites()
    player = Station(await member.lan("players", star=True), "02000000000B")
    cut(domain, member)
    member.gateway.session_lost()
    domain.live(2 * SILENCE)
    assert ask_route(host, NETWORK) == [RipEntry(NETWORK, 1, 2)]
    host.send(player.address(), b"still there?")
    assert player.heard[-1].payload == b"still there?"


async def test_a_session_brings_everything_back_at_once() -> None:
    domain, member, host = await sites()
    cut(domain, member)
    member.gateway.session_lost()
    domain.live(2 * SILENCE)
    member.gateway.session_found()
    assert ask_route(host, INTERNAL) == [RipEntry(INTERNAL, 3, 5)]
    host.send(MUSEUM, b"request", PacketType.NCP)
    assert domain.crossed()[-1].destination == MUSEUM


async def test_few_of_many_nodes_are_asked_at_a_time_and_all_in_turn() -> None:
    domain = Domain()
    asker = await domain.member("10.0.0.1")
    others = [await domain.member(f"10.0.0.{number}") for number in range(2, 2 + PROBES + 3)]
    asker.gateway.session_lost()
    asker.gateway.advance(domain.now)
    first = [to for _, to, _ in domain.wire.carried]
    assert len(first) == PROBES
    domain.now += PROBE_INTERVAL
    asker.gateway.advance(domain.now)
    asked = {to for _, to, _ in domain.wire.carried}
    assert asked == {other.endpoint for other in others}


async def test_a_node_without_others_asks_nobody() -> None:
    domain = Domain()
    alone = await domain.member("10.0.0.1")
    alone.gateway.session_lost()
    domain.live(2 * SILENCE)
    assert domain.wire.carried == []
    assert alone.gateway.address == Address(NETWORK, alone.gateway.virtual.node, 0)
