"""What a gateway does on a LAN that it shares: with fake links, a fake gateway, and the real rules."""

import logging

import pytest

from gateway.shared_wire import DOMAIN, VIRTUAL, FakeLink, Lan, Site, Town, hellos, station
from nwip.directory.records import Kind, Route
from nwip.gateway.shared_lan import HOSTS_LIMIT, SHOWN_AT_ONCE, Duty
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.hello import MAGIC, Hello, HelloState, domain_mark
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.routing.shared_node import shared_node
from nwip.routing.standby import TAKEOVER_LIMIT

pytestmark = pytest.mark.asyncio

NETWORK, BEHIND = 0xAB12, 0x2E5A0001
HOST, REMOTE = station(0xA1), station(0xB1)


async def two_sites(*, joined: bool = False) -> tuple[Town, Lan, list[tuple[Site, FakeLink]]]:
    """Return two gateways of one LAN, the first of which is active."""
    town, lan = Town(), Lan()
    sites = []
    for number, name in enumerate(("one", "two"), start=1):
        site = Site(town, name)
        link = FakeLink(lan, "lan", VIRTUAL if joined else NETWORK, station(number), joined=joined)
        await site.attach(link, bytes([number]) * 8)
        sites.append((site, link))
        town.run(TAKEOVER_LIMIT)
    assert [site.lans.duty(link) for site, link in sites] == [Duty.ROUTE, Duty.LEARN]
    return town, lan, sites


def request(source: bytes = HOST, network: int = NETWORK, to: bytes = REMOTE) -> Packet:
    return Packet(Address(0x77, to, 0x451), Address(network, source, 0x4003), payload=b"request")


async def test_only_the_active_gateway_forwards_and_the_other_only_learns() -> None:
    _, lan, ((one, _), (two, _)) = await two_sites()
    lan.say(request())
    assert (one.forwarded, one.learned) == ([request()], [])
    assert (two.forwarded, two.learned) == ([], [request()])


async def test_what_gateways_say_to_each_other_goes_no_further() -> None:
    town, _, ((one, link), (two, _)) = await two_sites()
    town.run(10.0)
    assert len(list(hellos(link))) > 10
    assert one.forwarded == one.learned == two.forwarded == two.learned == []


async def test_a_hello_comes_from_the_number_that_a_gateway_has_alone_and_the_rest_from_the_shared_one() -> (
    None
):
    _, lan, ((_, first), (_, second)) = await two_sites()
    assert first.node == second.node == shared_node(DOMAIN, NETWORK)
    senders = {packet.source.node for packet in hellos(first) if packet.payload != MAGIC}
    assert senders == {first.station}
    assert lan.ports[first.node] is first, "the switch has been shown where the shared number is"


async def test_when_the_active_gateway_is_killed_the_other_one_routes_within_three_seconds() -> None:
    town, lan, ((one, _), (two, second)) = await two_sites()
    two.behind = [Route(BEHIND, 1, 2)]
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert two.lans.duty(second) is Duty.ROUTE
    assert lan.ports[second.node] is second
    assert town.routes(NETWORK) == town.routes(BEHIND) == [two.identity]
    assert [record.owner for record in town.directory.claims((Kind.ROUTE, NETWORK, ""))] == [
        one.identity,
        two.identity,
    ], "the lease of the dead one has not ended"
    lan.say(request())
    assert two.forwarded == [request()]


async def test_routes_are_registered_with_the_lan_that_they_go_through_and_the_turn_of_the_lan_itself() -> (
    None
):
    town, _, ((one, first), (two, second)) = await two_sites()
    assert [r.value for r in town.directory.of_owner(one.identity)] == [Route(NETWORK, 0, 1, NETWORK, 1)]
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert two.lans.stamp(second, Route(NETWORK, 0, 1)) == Route(NETWORK, 0, 1, NETWORK, 2)
    assert two.lans.stamp(second, Route(BEHIND, 1, 2)) == Route(BEHIND, 1, 2, NETWORK, 0)
    assert two.lans.stamp(second, Route(NETWORK, 1, 2)) == Route(NETWORK, 1, 2, NETWORK, 0)
    star = FakeLink(Lan(), "star", 7, None)
    assert two.lans.stamp(star, Route(7, 0, 1)) == Route(7, 0, 1)
    first.network = 0
    assert one.lans.stamp(first, Route(BEHIND, 1, 2)) == Route(BEHIND, 1, 2)


async def test_a_gateway_that_stops_hands_over_at_once_and_withdraws_what_it_had() -> None:
    town, _, ((one, first), (two, second)) = await two_sites()
    await one.detach(first)
    assert two.lans.duty(second) is Duty.ROUTE
    assert town.routes(NETWORK) == [two.identity]
    assert town.directory.of_owner(one.identity) == []
    assert one.lans.next_deadline() is None


async def test_a_turn_is_above_what_a_dead_gateway_has_left_in_the_directory() -> None:
    town, lan, ((one, _), (two, _)) = await two_sites()
    for site in (one, two):
        site.kill()
    third, link = Site(town, "abc"), FakeLink(lan, "lan", NETWORK, station(3))
    await third.attach(link)
    town.run(TAKEOVER_LIMIT)
    assert town.routes(NETWORK) == [third.identity]


async def test_a_cable_that_is_pulled_and_put_back_leaves_one_gateway_that_all_agree_on() -> None:
    town, _, ((one, first), (two, second)) = await two_sites()
    first.unplug()
    town.run(TAKEOVER_LIMIT)
    assert [one.lans.duty(first), two.lans.duty(second)] == [Duty.ROUTE, Duty.ROUTE]
    assert town.routes(NETWORK) == [two.identity], "the directory knows the later turn"
    first.plug()
    town.run(1.0)
    duties = {one.identity: one.lans.duty(first), two.identity: two.lans.duty(second)}
    assert sorted(duty.value for duty in duties.values()) == ["active", "standing by"]
    (active,) = town.routes(NETWORK)
    assert duties[active] is Duty.ROUTE


async def test_a_gateway_that_does_not_reach_the_domain_gives_its_lans_to_one_that_does() -> None:
    town, _, ((one, first), (two, second)) = await two_sites()
    one.lans.set_fit(fit=False, now=town.now)
    one.do_turns()
    town.run(1.0)
    assert [one.lans.duty(first), two.lans.duty(second)] == [Duty.LEARN, Duty.ROUTE]
    assert one.lans.why(first).endswith("is active too, and has precedence")
    one.lans.set_fit(fit=True, now=town.now)
    town.run(10.0)
    assert two.lans.duty(second) is Duty.ROUTE, "whoever comes back, the active one stays"


# Joined LANs.


async def test_hosts_that_were_heard_while_standing_by_are_registered_at_the_takeover_as_moved() -> None:
    town, lan, ((one, _), (two, second)) = await two_sites(joined=True)
    lan.say(request(network=VIRTUAL))
    assert town.host(HOST) == (one.identity, 1)
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert second.node == shared_node(DOMAIN, None)
    assert town.host(HOST) == (two.identity, 2)
    assert town.routes(VIRTUAL) == []
    assert two.lans.stamp(second, Route(BEHIND, 1, 2)) == Route(BEHIND, 1, 2)


async def test_a_host_of_another_site_that_was_heard_through_the_active_gateway_is_not_taken() -> None:
    town, _, ((one, _), (two, _)) = await two_sites(joined=True)
    far = Site(town, "far")
    far._register(REMOTE)
    two.host_gained(two.links["lan"], REMOTE, REMOTE)  # the active one sent in its name
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert town.host(REMOTE) == (far.identity, 1)
    assert two.lans.claimable(REMOTE, far.identity) is None
    assert two.lans.claimable(REMOTE, None) == (two.links["lan"], REMOTE), "should its record go"
    assert two.lans.claimable(REMOTE, two.identity) is None
    assert two.lans.claimable(station(0xEE), None) is None


async def test_switches_are_shown_where_remote_numbers_are_from_now_on_a_few_at_a_time() -> None:
    town, lan, ((one, _), (two, second)) = await two_sites(joined=True)
    two.remote = [b"\x02\0\0\1" + number.to_bytes(2, "big") for number in range(100)]
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert all(lan.ports[node] is second for node in two.remote)
    shown = [packet for packet in hellos(second) if packet.payload == MAGIC]
    assert {packet.source.node for packet in shown} == {*two.remote, second.node}
    assert {packet.destination for packet in shown} == {Address(VIRTUAL, BROADCAST_NODE, Socket.HELLO)}


async def test_what_is_to_be_shown_is_paced_and_left_when_another_takes_over() -> None:
    town, _, ((one, first), _) = await two_sites(joined=True)
    lan = one.lans.lan(first)
    assert lan is not None
    before = len(first.sent)
    lan.show([station(number) for number in range(100)], town.now)
    assert len(first.sent) - before == SHOWN_AT_ONCE
    rival = Hello(domain_mark(DOMAIN), b"r" * 16, b"rival..1", HelloState.ACTIVE, 100, 99, 1)
    one.lans.hear(first, rival.packet(VIRTUAL, station(9)).encode(), station(9), town.now)
    one.do_turns()
    town.run(0.5)
    shown = [packet for packet in hellos(first) if packet.payload == MAGIC]
    assert len(shown) == SHOWN_AT_ONCE + 1


async def test_a_host_that_leaves_is_forgotten_whatever_the_duty() -> None:
    town, lan, ((one, _), (two, second)) = await two_sites(joined=True)
    lan.say(request(network=VIRTUAL))
    for site in (one, two):
        site.host_lost(site.links["lan"], HOST)
    assert town.host(HOST) is None
    one.kill()
    town.run(TAKEOVER_LIMIT)
    assert town.host(HOST) is None
    assert two.lans.duty(second) is Duty.ROUTE


async def test_hosts_beyond_the_limit_are_counted_and_registered_while_active_all_the_same() -> None:
    _, _, ((one, first), _) = await two_sites(joined=True)
    for number in range(HOSTS_LIMIT):
        one.lans.host_gained(first, number.to_bytes(6, "big"), b"")
    assert one.lans.host_gained(first, HOST, HOST)
    assert first.counters.drops == {"too many hosts to remember while standing by": 1}


# Loops, and links on which no other gateway can stand.


async def test_a_link_that_leads_back_through_a_star_link_of_the_domain_is_blocked_and_says_why() -> None:
    town, lan = Town(), Lan()
    server, client = Site(town, "server"), Site(town, "client")
    star = FakeLink(lan, "players", VIRTUAL, None, joined=True)
    uplink = FakeLink(lan, "uplink", VIRTUAL, station(5), joined=True)
    await server.attach(star)
    assert server.lans.duty(star) is Duty.ROUTE
    await client.attach(uplink, switched=False)
    town.run(5.0)
    assert client.lans.duty(uplink) is Duty.NOTHING
    assert client.lans.why(uplink).startswith("leads back into the domain")
    assert uplink.node == uplink.station, "on an uplink nobody's number is shared"
    lan.say(request(network=VIRTUAL))
    assert client.forwarded == client.learned == []
    answers = [(packet, hop) for packet, hop in star.sent if packet.destination.socket == Socket.HELLO]
    assert {(packet.destination.node, hop) for packet, hop in answers} == {(uplink.station, uplink.station)}


async def test_two_links_of_one_gateway_on_one_lan_are_not_both_used() -> None:
    town, lan = Town(), Lan()
    site = Site(town, "one")
    cards = [FakeLink(lan, f"card{number}", NETWORK, station(number)) for number in (1, 2)]
    for number, card in enumerate(cards):
        await site.attach(card, bytes([number]) * 8)
    town.run(TAKEOVER_LIMIT)
    assert [site.lans.duty(card) for card in cards] == [Duty.ROUTE, Duty.NOTHING]
    assert site.lans.host_gained(cards[0], HOST, HOST)
    assert site.lans.claimable(HOST, site.identity) is None, "it is ours already"


async def test_a_link_without_a_station_number_routes_always_and_answers_hellos_of_its_domain_only() -> None:
    town, lan = Town(), Lan()
    site, star = Site(town, "one"), FakeLink(lan, "players", VIRTUAL, None, joined=True)
    await site.attach(star)
    assert (site.lans.duty(star), site.lans.why(star), site.lans.lan(star)) == (Duty.ROUTE, "", None)
    assert site.lans.next_deadline() is None
    hello = Hello(domain_mark("other.test"), b"o" * 16, b"other..1", HelloState.ACTIVE)
    for packet in (
        hello.packet(VIRTUAL, HOST),
        hello._replace(domain=domain_mark(DOMAIN)).packet(VIRTUAL, bytes(6)),
        hello.packet(VIRTUAL, HOST)._replace(payload=MAGIC + b"!"),
    ):
        lan.say(packet)
    assert star.sent == []
    assert site.forwarded == []


async def test_a_hello_where_no_gateway_can_stand_is_a_counted_drop() -> None:
    town, lan = Town(), Lan()
    site, link = Site(town, "one"), FakeLink(lan, "memory", NETWORK, None)
    link.star = False
    await site.attach(link)
    hello = Hello(domain_mark(DOMAIN), b"o" * 16, b"other..1", HelloState.ACTIVE)
    lan.say(hello.packet(NETWORK, HOST))
    assert link.counters.drops == {"hello where no gateway can stand": 1}
    assert link.sent == []


async def test_a_malformed_hello_is_a_counted_drop_and_a_programs_packet_on_that_socket_is_its_own() -> None:
    _, lan, ((one, first), _) = await two_sites()
    to = Address(NETWORK, BROADCAST_NODE, Socket.HELLO)
    lan.say(Packet(to, Address(NETWORK, HOST, Socket.HELLO), payload=MAGIC + b"\1"))
    assert first.counters.drops == {"malformed hello": 1}
    program = Packet(to, Address(NETWORK, HOST, 0x4004), payload=b"a game")
    lan.say(program)
    assert one.forwarded == [program]


async def test_the_network_of_a_lan_may_be_learned_late() -> None:
    town, lan = Town(), Lan()
    site, link = Site(town, "one"), FakeLink(lan, "lan", 0, station(1))
    await site.attach(link)
    town.run(TAKEOVER_LIMIT)
    assert {packet.source.network for packet in hellos(link)} == {0}
    assert link.node == link.station
    link.network = NETWORK
    site.lans.network_learned(link, town.now)
    assert link.node == shared_node(DOMAIN, NETWORK)
    assert lan.ports[link.node] is link
    town.run(1.0)
    assert link.sent[-1][0].source.network == NETWORK


async def test_alarms_and_turns_are_logged_with_the_name_of_the_link(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="nwip.gateway.shared_lan"):
        town, lan, _ = await two_sites()
        other = Hello(domain_mark("other.test"), b"o" * 16, b"other..1", HelloState.ACTIVE)
        lan.say(other.packet(NETWORK, HOST))
    texts = [record.message for record in caplog.records]
    assert texts[0] == "lan: active: no other gateway is active"
    assert "lan: a gateway of another domain is on this LAN" in texts[-1]
    assert caplog.records[-1].levelno == logging.WARNING
    found = [alarm for site in town.sites for alarm in site.lans.strangers(town.now)]
    assert {(alarm.kind, alarm.about, alarm.who) for alarm in found} == {
        ("two-domains", "lan", domain_mark("other.test").hex())
    }
    assert [alarm for site in town.sites for alarm in site.lans.strangers(town.now + 3600.0)] == []
