import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.directory.records import Key, Kind, Route, Service
from nwip.ipx.address import NULL_NODE, Address
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE, THIS_NETWORK
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.routing.learning import AGE_LIMIT, LinkKnowledge, News
from nwip.wire import WireError

LAN, VIRTUAL, FAR = 0x0000AB12, 0x00C0FFEE, 0x2E5A0001
ROUTER, OTHER = b"\0\0\0\0\0\x01", b"\0\0\0\0\0\x02"
SERVER = Address(FAR, b"\0\0\0\0\0\x01", 0x0451)
ROUTE_KEY: Key = (Kind.ROUTE, FAR, "")
SERVICE_KEY: Key = (Kind.SERVICE, 4, "MUSEUM")
NOTHING = News([], [])
NOW = 1000.0


@pytest.fixture
def link() -> LinkKnowledge:
    return LinkKnowledge(frozenset({LAN, VIRTUAL}))


def rip(*entries: tuple[int, int, int], operation: RipOperation = RipOperation.RESPONSE) -> bytes:
    return RipPacket(operation, tuple(RipEntry(*entry) for entry in entries)).encode()


def sap(
    hops: int = 1,
    *,
    address: Address = SERVER,
    name: str = "MUSEUM",
    operation: SapOperation = SapOperation.GENERAL_RESPONSE,
) -> bytes:
    return SapResponse(operation, (SapEntry.of(4, name, address, hops),)).encode()


def museum(hops: int = 1) -> Service:
    return Service(4, "MUSEUM", SERVER.network, SERVER.node, SERVER.socket, hops)


def test_a_network_is_learned_with_its_metrics_and_the_station_that_leads_to_it(link: LinkKnowledge) -> None:
    assert link.hear_rip(rip((FAR, 1, 2), (FAR + 1, 2, 9)), ROUTER, NOW) == News(
        [Route(FAR, 1, 2), Route(FAR + 1, 2, 9)], []
    )
    assert link.station_towards(FAR) == ROUTER
    assert link.station_towards(FAR + 2) is None
    assert link.value(ROUTE_KEY) == Route(FAR, 1, 2)
    assert link.value((Kind.ROUTE, FAR + 2, "")) is None
    assert list(link.keys()) == [ROUTE_KEY, (Kind.ROUTE, FAR + 1, "")]


def test_a_service_is_learned_with_its_address_and_hops(link: LinkKnowledge) -> None:
    assert link.hear_sap(sap(), ROUTER, NOW) == News([museum()], [])
    assert link.value(SERVICE_KEY) == museum()
    assert list(link.keys()) == [SERVICE_KEY]


def test_what_is_repeated_is_no_news_and_what_changes_is(link: LinkKnowledge) -> None:
    link.hear_rip(rip((FAR, 1, 2)), ROUTER, NOW)
    link.hear_sap(sap(), ROUTER, NOW)
    assert link.hear_rip(rip((FAR, 1, 2)), ROUTER, NOW + 60) == NOTHING
    assert link.hear_sap(sap(), ROUTER, NOW + 60) == NOTHING
    assert link.hear_rip(rip((FAR, 5, 9)), ROUTER, NOW + 120) == News([Route(FAR, 5, 9)], [])
    assert link.hear_sap(sap(3), ROUTER, NOW + 120) == News([museum(3)], [])


@pytest.mark.parametrize("network", [THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE, LAN, VIRTUAL])
def test_networks_we_are_on_and_numbers_that_are_none_are_not_learned(
    link: LinkKnowledge, network: int
) -> None:
    assert link.hear_rip(rip((network, 1, 2), (FAR, 1, 2)), ROUTER, NOW).offers == [Route(FAR, 1, 2)]
    assert link.hear_rip(rip((network, 16, 2)), ROUTER, NOW) == NOTHING


@pytest.mark.parametrize(
    "address",
    [SERVER._replace(network=network) for network in (THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE)]
    + [SERVER._replace(node=NULL_NODE)],
)
def test_a_service_without_an_address_is_not_learned(link: LinkKnowledge, address: Address) -> None:
    assert link.hear_sap(sap(address=address), ROUTER, NOW) == NOTHING


def test_a_service_without_a_name_is_not_learned_but_one_on_the_lan_itself_is(link: LinkKnowledge) -> None:
    nameless = SapResponse(SapOperation.GENERAL_RESPONSE, (SapEntry(4, bytes(48), SERVER, 1),))
    assert link.hear_sap(nameless.encode(), ROUTER, NOW) == NOTHING
    assert len(link.hear_sap(sap(address=SERVER._replace(network=LAN)), ROUTER, NOW).offers) == 1


@pytest.mark.parametrize(
    "payload",
    [rip((FAR, 1, 2), operation=RipOperation.REQUEST), rip()],
)
def test_other_rip_packets_teach_nothing(link: LinkKnowledge, payload: bytes) -> None:
    assert link.hear_rip(payload, ROUTER, NOW) == NOTHING
    assert not list(link.keys())


@pytest.mark.parametrize(
    "payload",
    [SapQuery(SapOperation.GENERAL_QUERY, 4).encode(), sap(operation=SapOperation.NEAREST_RESPONSE)],
)
def test_other_sap_packets_teach_nothing(link: LinkKnowledge, payload: bytes) -> None:
    assert link.hear_sap(payload, ROUTER, NOW) == NOTHING
    assert not list(link.keys())


def test_a_malformed_packet_is_a_wire_error_and_teaches_nothing(link: LinkKnowledge) -> None:
    with pytest.raises(WireError):
        link.hear_rip(rip((FAR, 1, 2)) + b"\0", ROUTER, NOW)
    with pytest.raises(WireError):
        link.hear_sap(sap()[:-1], ROUTER, NOW)
    assert not list(link.keys())


@pytest.mark.parametrize(("hops", "ticks"), [(1, 3), (1, 4), (2, 3)])
def test_another_station_is_believed_only_if_it_is_nearer(link: LinkKnowledge, hops: int, ticks: int) -> None:
    link.hear_rip(rip((FAR, 1, 3)), ROUTER, NOW)
    assert link.hear_rip(rip((FAR, hops, ticks)), OTHER, NOW) == NOTHING
    assert link.station_towards(FAR) == ROUTER


@pytest.mark.parametrize(("hops", "ticks"), [(0, 3), (9, 2)])
def test_ticks_decide_which_station_is_nearer_and_hops_only_after_them(
    link: LinkKnowledge, hops: int, ticks: int
) -> None:
    link.hear_rip(rip((FAR, 1, 3)), ROUTER, NOW)
    assert link.hear_rip(rip((FAR, hops, ticks)), OTHER, NOW) == News([Route(FAR, hops, ticks)], [])
    assert link.station_towards(FAR) == OTHER


def test_of_services_hops_decide_which_station_is_nearer(link: LinkKnowledge) -> None:
    link.hear_sap(sap(2), ROUTER, NOW)
    assert link.hear_sap(sap(2), OTHER, NOW) == NOTHING
    assert link.hear_sap(sap(1), OTHER, NOW) == News([museum(1)], [])


def test_another_station_that_is_no_nearer_does_not_keep_a_value_alive(link: LinkKnowledge) -> None:
    link.hear_rip(rip((FAR, 1, 3)), ROUTER, NOW)
    link.hear_rip(rip((FAR, 1, 3)), OTHER, NOW + 100)
    assert link.advance(NOW + AGE_LIMIT) == News([], [ROUTE_KEY])


def test_sixteen_hops_take_a_value_back_if_they_come_from_its_station(link: LinkKnowledge) -> None:
    link.hear_rip(rip((FAR, 15, 2)), ROUTER, NOW)
    link.hear_sap(sap(15), ROUTER, NOW)
    assert link.hear_rip(rip((FAR, 16, 2)), OTHER, NOW) == NOTHING
    assert link.hear_sap(sap(16), OTHER, NOW) == NOTHING
    assert link.hear_rip(rip((FAR, 16, 2)), ROUTER, NOW) == News([], [ROUTE_KEY])
    assert link.hear_sap(sap(16), ROUTER, NOW) == News([], [SERVICE_KEY])
    assert link.hear_rip(rip((FAR, 16, 2)), ROUTER, NOW) == NOTHING
    assert link.station_towards(FAR) is None


def test_what_is_not_heard_for_four_minutes_is_forgotten_and_what_is_renewed_is_not(
    link: LinkKnowledge,
) -> None:
    assert link.next_deadline() is None
    link.hear_rip(rip((FAR, 1, 2), (FAR + 1, 1, 2)), ROUTER, NOW)
    link.hear_rip(rip((FAR, 1, 2)), ROUTER, NOW + 60)
    assert link.next_deadline() == NOW + 240
    assert link.advance(NOW + 239.9) == NOTHING
    assert link.advance(NOW + 240) == News([], [(Kind.ROUTE, FAR + 1, "")])
    assert link.next_deadline() == NOW + 300
    assert link.advance(NOW + 300) == News([], [ROUTE_KEY])
    assert link.next_deadline() is None


def test_the_table_is_bounded_and_what_finds_no_room_is_refused_and_counted() -> None:
    link = LinkKnowledge(frozenset(), limit=2)
    assert len(link.hear_rip(rip(*((FAR + each, 1, 2) for each in range(5))), ROUTER, NOW).offers) == 2
    assert link.refused == 3
    assert link.hear_sap(sap(), ROUTER, NOW) == NOTHING
    assert link.refused == 4
    assert link.hear_rip(rip((FAR, 2, 2)), ROUTER, NOW) == News([Route(FAR, 2, 2)], [])
    link.hear_rip(rip((FAR, 16, 2)), ROUTER, NOW)
    assert link.hear_sap(sap(), ROUTER, NOW) == News([museum()], [])


HEARD = st.lists(
    st.tuples(
        st.integers(FAR, FAR + 2),
        st.integers(0, 17),
        st.integers(0, 5),
        st.sampled_from([ROUTER, OTHER]),
        st.floats(0, 120),
    ),
    max_size=40,
)


@given(HEARD)
def test_whoever_follows_the_news_holds_what_is_believed_and_no_ageing_is_missed(
    heard: list[tuple[int, int, int, bytes, float]],
) -> None:
    link, now = LinkKnowledge(frozenset()), NOW
    follower: dict[Key, Route | Service] = {}
    latest: dict[Key, float] = {}
    for network, hops, ticks, station, pause in heard:
        now += pause
        for news in (link.advance(now), link.hear_rip(rip((network, hops, ticks)), station, now)):
            follower.update({value.key: value for value in news.offers})
            for key in news.retractions:
                del follower[key]
        latest[Kind.ROUTE, network, ""] = now
        assert follower == {key: link.value(key) for key in link.keys()}  # noqa: SIM118 - a method, no mapping
        assert all(now - latest[key] < AGE_LIMIT for key in follower)
        deadline = link.next_deadline()
        assert not follower or (deadline is not None and deadline <= min(latest[k] for k in follower) + 240)


def test_one_station_has_no_more_than_its_share_and_gets_it_back_when_it_withdraws() -> None:
    knowledge = LinkKnowledge(frozenset(), station_limit=2)
    greedy, modest = b"\x02" * 6, b"\x06" * 6

    def say(station: bytes, network: int, hops: int = 1) -> News:
        packet = RipPacket(RipOperation.RESPONSE, (RipEntry(network, hops, 2),))
        return knowledge.hear_rip(packet.encode(), station, 0.0)

    assert [len(say(greedy, network).offers) for network in (1, 2, 3)] == [1, 1, 0]
    assert knowledge.refused == 1
    assert len(say(modest, 4).offers) == 1
    assert say(greedy, 1, hops=16).retractions
    assert len(say(greedy, 3).offers) == 1
    knowledge.advance(1000.0)
    assert [len(say(greedy, network).offers) for network in (5, 6, 7)] == [1, 1, 0]
