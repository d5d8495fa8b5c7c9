"""What a router says on its LANs, what it answers, and what it makes of its neighbours."""

import pytest

from nwip.directory.records import Key, Kind, Route, Service
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE, THIS_NETWORK, PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.routing.alarms import PATIENCE
from nwip.routing.elsewhere import Nowhere
from nwip.routing.port import Port
from nwip.routing.routes import Reach
from nwip.routing.timers import (
    AGE_LIMIT,
    ASK_AGAIN,
    LISTENING,
    QUESTION_REPEATS,
    SETTLING,
    UPDATE_INTERVAL,
)
from nwip.wire import WireError
from routing.lans import NODE, ONE, SERVER, TWO, Lans, broadcast, museum, routes_in, services_in

INTERNAL = 0x2E5A0001


def test_at_the_start_a_link_is_asked_for_everything_and_told_of_everything() -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    lans.port("other", 2)
    sent = [packet for _, name, packet in lans.run() if name == "lan"]
    assert [(packet.destination, packet.source) for packet in sent] == [
        (Address(1, BROADCAST_NODE, socket), Address(1, NODE, socket))
        for socket in (Socket.RIP, Socket.SAP, Socket.RIP)
    ]
    assert [packet.packet_type for packet in sent] == [PacketType.RIP, PacketType.PEP, PacketType.RIP]
    assert RipPacket.decode(sent[0].payload) == RipPacket.request()
    assert SapQuery.decode(sent[1].payload) == SapQuery(SapOperation.GENERAL_QUERY, 0xFFFF)
    assert routes_in(lans.run(UPDATE_INTERVAL), lan) == [RipEntry(2, 1, 2)]


def questions(sent: list[tuple[float, str, Packet]]) -> list[Socket]:
    requests = {RipPacket.request().encode(), SapQuery(SapOperation.GENERAL_QUERY, 0xFFFF).encode()}
    return [Socket(packet.destination.socket) for _, _, packet in sent if packet.payload in requests]


def test_a_question_at_the_start_that_nobody_answers_is_repeated_twice() -> None:
    lans = Lans()
    lans.port("lan", 1)
    lans.run()
    assert questions(lans.run(QUESTION_REPEATS[0])) == [Socket.RIP, Socket.SAP]
    assert questions(lans.run(QUESTION_REPEATS[1])) == [Socket.RIP, Socket.SAP]
    assert questions(lans.run(UPDATE_INTERVAL)) == []


def test_what_a_router_has_answered_is_not_asked_again_be_it_old_news() -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    lans.run()
    lans.rip(lan, SERVER, (INTERNAL, 1, 2))
    assert questions(lans.run(QUESTION_REPEATS[0])) == [Socket.SAP]
    lans.sap(lan, SERVER, museum(1))
    assert questions(lans.run(UPDATE_INTERVAL)) == []
    lans.router.set_active(lan, lans.now, active=False)
    lans.router.set_active(lan, lans.now, active=True)
    assert questions(lans.run(0.1)) == [Socket.RIP, Socket.SAP]
    for _ in range(2):  # the second time it is just what is known
        lans.rip(lan, SERVER, (INTERNAL, 1, 2))
        lans.sap(lan, SERVER, museum(1))
    assert questions(lans.run(UPDATE_INTERVAL)) == []


def test_what_one_lan_says_the_other_is_told_at_once_and_every_minute_one_hop_and_one_tick_further() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run(AGE_LIMIT + 1)
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    told = lans.run(0.01)
    assert routes_in(told, right) == [RipEntry(INTERNAL, 2, 3)]
    assert services_in(told, right) == [("MUSEUM", 2)]
    assert routes_in(told, left) == []
    assert services_in(told, left) == []
    update = lans.run(UPDATE_INTERVAL)
    assert routes_in(update, right) == [RipEntry(1, 1, 2), RipEntry(INTERNAL, 2, 3)]
    assert services_in(update, right) == [("MUSEUM", 2)]
    assert routes_in(update, left) == [RipEntry(2, 1, 2)]


def test_a_way_that_turns_round_is_taken_back_where_it_now_comes_from() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run(AGE_LIMIT + 1)
    lans.rip(left, ONE, (INTERNAL, 3, 9))
    lans.run(1.0)
    lans.rip(right, TWO, (INTERNAL, 1, 2))
    told = lans.run(0.01)
    assert routes_in(told, right) == [RipEntry(INTERNAL, 16, 10)]
    assert routes_in(told, left) == [RipEntry(INTERNAL, 2, 3)]


def test_what_is_silent_for_four_intervals_is_lost_and_said_to_be() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    lans.run(AGE_LIMIT - 1)
    assert lans.ask_rip(right, INTERNAL) == [RipEntry(INTERNAL, 2, 3)]
    told = lans.run(2)
    assert RipEntry(INTERNAL, 16, 3) in routes_in(told, right)
    assert ("MUSEUM", 16) in services_in(told, right)
    assert lans.ask_rip(right, INTERNAL) == []


def test_a_repeated_update_keeps_everything_alive_that_it_says() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    for _ in range(10):
        lans.rip(left, SERVER, (INTERNAL, 1, 2))
        lans.sap(left, SERVER, museum(1))
        lans.run(UPDATE_INTERVAL)
    assert lans.ask_rip(right, INTERNAL) == [RipEntry(INTERNAL, 2, 3)]
    assert [entry.name for entry in lans.ask_nearest(right, 4)] == ["MUSEUM"]


def test_sixteen_hops_take_a_network_and_a_service_back_from_who_said_it_and_from_nobody_else() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    lans.rip(left, TWO, (INTERNAL, 16, 2))
    lans.sap(left, TWO, museum(16))
    assert lans.ask_rip(right, INTERNAL) == [RipEntry(INTERNAL, 2, 3)]
    lans.run(1)
    lans.sap(left, SERVER, museum(16))
    lans.rip(left, SERVER, (INTERNAL, 16, 2))
    told = lans.run(0.01)
    assert routes_in(told, right) == [RipEntry(INTERNAL, 16, 3)]
    assert services_in(told, right) == [("MUSEUM", 16)]


@pytest.mark.parametrize(("hops", "told"), [(14, 15), (15, None)])
def test_what_would_be_sixteen_hops_away_is_not_told(hops: int, told: int | None) -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, hops, 20))
    lans.sap(left, SERVER, museum(hops))
    lans.run(16 * SETTLING)
    assert [entry.hops for entry in lans.ask_rip(right, INTERNAL)] == ([told] if told else [])
    assert [entry.hops for entry in lans.ask_nearest(right, 4)] == ([told] if told else [])


def test_a_service_is_believed_from_the_next_router_to_its_network_only() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.sap(left, TWO, museum(3))
    assert lans.ask_nearest(right, 4) == []
    lans.rip(left, ONE, (INTERNAL, 1, 2))
    assert lans.ask_nearest(right, 4) == []
    lans.sap(left, ONE, museum(1))
    assert [entry.hops for entry in lans.ask_nearest(right, 4)] == [2]
    lans.rip(left, TWO, (INTERNAL, 1, 2))
    lans.rip(left, ONE, (INTERNAL, 16, 2))
    assert [entry.hops for entry in lans.ask_nearest(right, 4)] == [4]


def test_a_service_on_the_lan_itself_is_believed_from_anyone_there() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.sap(left, TWO, museum(1, network=1, name="JETDIRECT", service_type=0x030C))
    assert [entry.name for entry in lans.ask_nearest(right, 0x030C)] == ["JETDIRECT"]
    lans.sap(right, TWO, museum(1, network=1, name="STRANGE", service_type=7))
    assert lans.ask_nearest(left, 7) == []


def test_a_nearest_query_is_left_to_a_server_on_the_askers_own_network() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    lans.rip(right, TWO, (INTERNAL + 1, 1, 2), (INTERNAL + 2, 2, 3))
    lans.sap(right, TWO, museum(1, INTERNAL + 1, "LOCAL"), museum(2, INTERNAL + 2, "BEHIND", 7))
    assert lans.ask_nearest(right, 4) == []
    assert lans.ask_nearest(left, 4) == []
    lans.rip(left, SERVER, (INTERNAL + 3, 1, 2))
    lans.sap(left, SERVER, museum(1, INTERNAL + 3, "PRINTER", 7))
    assert [entry.name for entry in lans.ask_nearest(right, 7)] == ["PRINTER"]


def test_the_nearest_of_several_services_is_answered() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, ONE, (INTERNAL, 4, 5), (INTERNAL + 1, 2, 3))
    lans.sap(left, ONE, museum(4, INTERNAL, "FAR"), museum(2, INTERNAL + 1, "NEAR"))
    lans.run(16 * SETTLING)
    assert [entry.name for entry in lans.ask_nearest(right, 4)] == ["NEAR"]


@pytest.mark.parametrize("network", [THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE, 1])
def test_networks_that_are_none_or_our_own_are_not_learned(network: int) -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(right, TWO, (network, 2, 3))
    assert lans.router.routes.ways(network) == []
    del left


@pytest.mark.parametrize(
    ("network", "node", "name"),
    [(THIS_NETWORK, SERVER, "X"), (ALL_NETWORKS, SERVER, "X"), (1, NULL_NODE, "X"), (1, SERVER, "")],
)
def test_a_service_without_name_or_address_is_not_learned(network: int, node: bytes, name: str) -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    entry = SapEntry(4, name.encode().ljust(48, b"\0"), Address(network, node, 1), 1)
    said = SapResponse(SapOperation.GENERAL_RESPONSE, (entry,))
    lans.say(lan, broadcast(1, SERVER, Socket.SAP, said.encode()))
    assert list(lans.router.services) == []


@pytest.mark.parametrize("payload", [b"\0\2\0", b"", b"\0\3"])
def test_a_malformed_packet_is_a_wire_error(payload: bytes) -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    for socket in (Socket.RIP, Socket.SAP):
        with pytest.raises(WireError):
            lans.say(lan, broadcast(1, SERVER, socket, payload + b"\0"))


def test_what_we_say_ourselves_teaches_nothing() -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    lans.rip(lan, NODE, (INTERNAL, 1, 2))
    assert lans.router.routes.ways(INTERNAL) == []


def test_a_port_that_is_detached_takes_with_it_what_was_heard_there() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    lans.run(1)
    lans.router.detach(left, lans.now)
    told = lans.run(0.1)
    assert sorted(routes_in(told, right)) == [RipEntry(1, 16, 2), RipEntry(INTERNAL, 16, 3)]
    assert services_in(told, right) == [("MUSEUM", 16)]
    assert len(lans.router.hearings.of(left)) == 0


def test_a_port_that_goes_down_says_that_everything_is_lost() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    lans.run(1)
    lans.router.go_down(right, lans.now)
    told = lans.run(0.0)
    assert sorted(routes_in(told, right)) == [RipEntry(1, 16, 2), RipEntry(INTERNAL, 16, 3)]
    assert services_in(told, right) == [("MUSEUM", 16)]
    assert lans.router.is_quiet(right)
    assert routes_in(lans.run(200), right) == []


def test_players_are_told_nothing_by_themselves_but_answered() -> None:
    lans = Lans()
    left = lans.port("left", 1)
    players = lans.port("players", 7, joined=True, talks=False)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    assert [name for _, name, _ in lans.run(200)].count("players") == 0
    assert lans.ask_rip(players, INTERNAL) == [RipEntry(INTERNAL, 2, 3)]


class Domain(Nowhere):
    """A domain that offers one network, two hops away, with one service on it."""

    def route(self, network: int) -> Reach | None:
        return Reach(6, 2, None, "there") if network == INTERNAL else None

    def service(self, key: Key) -> Service | None:
        return museum(2) if key == museum().key else None

    def services(self, service_type: int | None) -> list[Key]:
        return [museum().key] if service_type in (None, 4) else []


def test_what_the_domain_offers_is_told_on_lans_as_by_a_router_and_to_players_as_by_a_neighbour() -> None:
    lans = Lans(Domain())
    lan = lans.port("lan", 1)
    joined = lans.port("joined", 7, joined=True)
    players = lans.port("players", 7, joined=True, talks=False)
    told = lans.run()
    lans.router.domain_changed([INTERNAL], [museum().key], lans.now)
    told += lans.run(0.01)
    for port in (lan, joined):
        assert [entry for entry in routes_in(told, port) if entry.network == INTERNAL] == [
            RipEntry(INTERNAL, 3, 7)
        ]
        assert services_in(told, port) == [("MUSEUM", 3)]
    assert lans.ask_rip(players, INTERNAL) == [RipEntry(INTERNAL, 2, 6)]
    assert [entry.hops for entry in lans.ask_nearest(players, 4)] == [2]


def test_what_the_filters_of_the_domain_hide_is_not_told_though_it_is_used() -> None:
    class Strict(Nowhere):
        def hides(self, value: Route | Service) -> bool:
            return value.key in (museum().key, (Kind.ROUTE, INTERNAL, ""))

    lans = Lans(Strict())
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    assert lans.ask_rip(right, INTERNAL) == []
    assert lans.ask_nearest(right, 4) == []
    assert lans.router.routes.best(INTERNAL) is not None


def test_a_lan_without_a_number_is_asked_and_its_routers_number_is_heard() -> None:
    lans = Lans()
    lan, other = lans.port("lan", 0), lans.port("other", 2)
    heard: list[tuple[Port, int]] = []
    lans.router.numbered = lambda port, network: heard.append((port, network))
    asked = [packet for _, name, packet in lans.run(2 * ASK_AGAIN) if name == "lan"]
    assert [RipPacket.decode(packet.payload) for packet in asked] == [RipPacket.request()] * 2
    assert {packet.source for packet in asked} == {Address(0, NODE, Socket.RIP)}
    assert lans.ask_rip(lan, 2) == []
    answer = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, 1, 2),)).encode()
    lans.say(lan, broadcast(5, SERVER, Socket.RIP, answer))
    assert heard == [(lan, 5)]
    lans.router.number(lan, 5, lans.now)
    told = lans.run(0.9)
    assert routes_in(told, lan) == [RipEntry(2, 1, 2)]
    assert routes_in(told, other) == [RipEntry(5, 1, 2)]
    assert [packet.source.network for _, name, packet in told if name == "lan"] == [5, 5, 5]


def test_a_router_that_gives_the_network_another_number_is_not_believed() -> None:
    lans = Lans()
    lan = lans.port("lan", 1)
    complaints: list[int] = []
    lans.router.disagreed = lambda _port, packet: complaints.append(packet.source.network)
    said = RipPacket(RipOperation.RESPONSE, (RipEntry(INTERNAL, 1, 2),)).encode()
    packet = broadcast(9, SERVER, Socket.RIP, said)
    lans.say(lan, packet)
    lans.say(lan, packet._replace(transport_control=2))
    assert complaints == [9]
    assert lans.router.routes.ways(INTERNAL) == []


def test_who_has_a_network_of_ours_on_another_lan_is_named_if_no_router_stands_on_ours() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(right, TWO, (1, 1, 2))
    assert list(lans.router.alarms.sentences) == []
    lans.run(PATIENCE)
    lans.rip(right, TWO, (1, 1, 2))
    (sentence,) = lans.router.alarms.sentences
    assert sentence.startswith(
        "020000000002 on link right has a network 00000001 of its own, which is that of"
    )
    lans.rip(right, TWO, (1, 1, 2))
    assert len(lans.router.alarms.sentences) == 1
    del left


def test_who_may_stand_on_our_network_as_well_is_not_accused() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    third = lans.port("third", 3)
    lans.run(PATIENCE)
    lans.rip(left, ONE, (2, 1, 2))
    lans.rip(right, TWO, (1, 1, 2), (3, 2, 3))
    lans.router.share(third)
    lans.rip(left, ONE, (3, 1, 2))
    assert [sentence[:12] for sentence in lans.router.alarms.sentences] == ["020000000001"]


def standing_by() -> tuple[Lans, Port, Port]:
    """A router that listens on one LAN, where another gateway routes under their common node number."""
    lans = Lans()
    lan = Port("lan", 1, NODE, b"\x02\x00\x00\x00\x00\x77", active=False)
    lans.router.attach(lan, lans.now)
    other = lans.port("other", 2)
    lans.run()
    return lans, lan, other


def test_who_stands_by_says_and_answers_nothing_and_leads_nowhere_on_that_lan() -> None:
    lans, lan, other = standing_by()
    lans.rip(lan, SERVER, (INTERNAL, 1, 2))
    assert [name for _, name, _ in lans.run(200) if name == "lan"] == []
    assert lans.ask_rip(lan, 2) == []
    assert lans.ask_rip(other, INTERNAL) == []
    assert lans.ask_rip(other, 1) == []


def test_who_takes_over_serves_at_once_and_takes_back_what_it_cannot_hold() -> None:
    lans, lan, other = standing_by()
    lans.rip(lan, NODE, (INTERNAL, 2, 3), (2, 1, 2))
    lans.sap(lan, NODE, museum(2))
    lans.rip(lan, SERVER, (INTERNAL + 1, 1, 2))
    lans.run(LISTENING)
    lans.router.set_active(lan, lans.now, active=True)
    told = lans.run(0.01)
    assert RipEntry(INTERNAL, 16, 3) in routes_in(told, lan)
    assert ("MUSEUM", 16) in services_in(told, lan)
    assert lans.ask_rip(lan, 2) == [RipEntry(2, 1, 2)]
    assert lans.ask_rip(other, INTERNAL + 1) == [RipEntry(INTERNAL + 1, 2, 3)]
    assert lans.ask_rip(other, 1) == [RipEntry(1, 1, 2)]


def test_after_the_start_a_lan_is_told_that_what_leads_through_it_does_not_lead_through_us() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    told = lans.run(0.1)
    assert routes_in(told, left) == [RipEntry(INTERNAL, 16, 1)]
    assert routes_in(told, right) == [RipEntry(INTERNAL, 2, 3)]


def test_what_the_domain_offers_does_not_make_an_echo_of_an_earlier_life_credible() -> None:
    lans = Lans(Domain())
    left = lans.port("left", 1)
    lans.port("right", 2)
    lans.run()
    lans.router.domain_changed([INTERNAL], [], lans.now)
    lans.rip(left, ONE, (INTERNAL, 3, 4))
    reach = lans.router.routes.best(INTERNAL)
    assert reach is not None
    assert reach.port is None
    lans.run(2 * SETTLING)
    reach = lans.router.routes.best(INTERNAL)
    assert reach is not None
    assert reach.station == ONE


def test_after_the_start_what_may_be_an_echo_of_an_earlier_life_is_denied_and_waits() -> None:
    lans = Lans()
    left, right = lans.port("left", 1), lans.port("right", 2)
    lans.run()
    lans.rip(left, ONE, (INTERNAL, 2, 3), (INTERNAL + 1, 1, 2))
    told = lans.run(0.01)
    assert sorted(routes_in(told, right)) == [RipEntry(INTERNAL, 16, 1), RipEntry(INTERNAL + 1, 2, 3)]
    lans.run(SETTLING)
    assert lans.ask_rip(right, INTERNAL) == [RipEntry(INTERNAL, 3, 4)]
    later = Lans()
    left = later.port("left", 1)
    later.port("right", 2)
    later.run(AGE_LIMIT)
    later.rip(left, ONE, (INTERNAL, 2, 3))
    assert later.router.routes.best(INTERNAL) is not None


def test_news_tells_once_what_has_changed() -> None:
    lans = Lans()
    left = lans.port("left", 1)
    lans.router.news()
    lans.rip(left, SERVER, (INTERNAL, 1, 2))
    lans.sap(left, SERVER, museum(1))
    news = lans.router.news()
    assert (news.moved, news.networks, list(news.services)) == ({INTERNAL}, {INTERNAL}, [museum().key])
    assert lans.router.news().networks == set()


def test_an_answer_goes_to_who_asked_and_comes_from_our_node() -> None:
    lans = Lans()
    left = lans.port("left", 1)
    lans.port("right", 2)
    request = broadcast(1, ONE, 0x4003, RipPacket.request(2).encode())
    request = request._replace(destination=Address(1, BROADCAST_NODE, Socket.RIP))
    (answer,) = lans.say(left, request)
    assert (answer.source, answer.destination) == (Address(1, NODE, Socket.RIP), Address(1, ONE, 0x4003))
    assert isinstance(answer, Packet)
