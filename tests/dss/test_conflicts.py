"""Claims that contradict each other raise an alarm with both origins, and it ends with them."""

import logging
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.directory.conflicts import conflict_of
from nwip.directory.filters import Filter
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Node, Record, Route, Service, Value
from nwip.directory.tombstones import Withdrawal
from nwip.dss.conflict_watch import TAKEOVER_LEASES, WATCHED, sentence
from nwip.dss.messages import Delta
from nwip.dss.server_engine import ServerEngine

A, B, C = (letter * 16 for letter in (b"A", b"B", b"C"))
PARAMETERS = Parameters(domain="lab.test", network=0x4E574950)
LEASE = PARAMETERS.lease


def engine(parameters: Parameters = PARAMETERS) -> ServerEngine:
    return ServerEngine(parameters, identity=b"D" * 16, boot=b"d" * 16, admit=lambda _: True)


def tell(dss: ServerEngine, owner: bytes, counter: int, *values: Value, now: float = 0.0) -> None:
    records = [Record(owner, 1, counter + number, value) for number, value in enumerate(values)]
    dss.take_in(Delta([Lease(owner, 1, counter, LEASE, 0.0)], records), b"", now)


def service(name: str = "MUSEUM", network: int = 1, hops: int = 1) -> Service:
    return Service(4, name, network, b"\0\0\0\0\0\1", 0x451, hops)


def sentences(dss: ServerEngine) -> list[str]:
    return [sentence(conflict, dss.directory) for conflict in dss.conflicts.standing()]


def named(name: str, host: int) -> Node:
    return Node(bytes([0x7E, 1, 192, 0, 2, host]), name, [(f"192.0.2.{host}", 43981)])


def test_a_service_at_two_addresses_names_both_origins() -> None:
    dss = engine()
    tell(dss, A, 1, named("east", 1), service(network=0x11))
    assert sentences(dss) == []
    tell(dss, B, 1, named("west", 2), service(network=0x22))
    assert sentences(dss) == [
        (
            "service 0004 MUSEUM is claimed at two addresses, by node east at 192.0.2.1:43981"
            " (00000011.000000000001.0451) and node west at 192.0.2.2:43981 (00000022.000000000001.0451):"
            " rename one of the two servers"
        )
    ]


def test_two_nodes_with_one_network_of_their_own_are_named() -> None:
    dss = engine()
    tell(dss, A, 1, named("east", 1), Route(0xC0FFEE, 0, 1))
    tell(dss, B, 1, Route(0xC0FFEE, 0, 1))
    assert sentences(dss) == [
        "network 00C0FFEE is the own segment of node east at 192.0.2.1:43981 and node " + B.hex() + ":"
        " give one another number, unless they are on one LAN together"
    ]


def test_a_segment_with_the_number_of_the_virtual_network_is_named() -> None:
    dss = engine()
    tell(dss, A, 1, named("east", 1), Route(PARAMETERS.network, 0, 1))
    (text,) = sentences(dss)
    assert text.startswith("network 4E574950 is the virtual network, but node east at")


def a_takeover(dss: ServerEngine, turns: tuple[int, int] = (1, 2)) -> None:
    tell(dss, A, 1, named("east", 1), Route(0xC0FFEE, 0, 1, 0xC0FFEE, turns[0]))
    tell(dss, B, 1, named("west", 2), Route(0xC0FFEE, 0, 1, 0xC0FFEE, turns[1]))


def advance(dss: ServerEngine, now: float) -> None:
    """Let both owners renew and the DSS do what is due."""
    for owner in (A, B):
        dss.take_in(Delta([Lease(owner, 1, 100 + int(now), LEASE, 0.0)]), b"", now)
    while (due := dss.next_deadline()) is not None and due <= now:
        dss.advance(now)


def test_a_takeover_on_a_lan_is_no_conflict_while_the_dead_ones_lease_runs() -> None:
    dss = engine()
    a_takeover(dss)
    assert dss.next_deadline() == 0.0
    dss.advance(0.0)
    assert sentences(dss) == []
    dss.advance(LEASE)
    assert dss.directory.claims((Kind.ROUTE, 0xC0FFEE, "")) == []
    assert dss.conflicts.next_deadline() is None


def test_two_that_are_active_on_one_lan_for_two_leases_are_named(caplog: pytest.LogCaptureFixture) -> None:
    dss = engine()
    a_takeover(dss)
    for now in (0.0, 10.0, 20.0, TAKEOVER_LEASES * LEASE - 0.1):
        advance(dss, now)
        assert sentences(dss) == []
    with caplog.at_level(logging.INFO, logger="nwip.dss.conflict_watch"):
        advance(dss, TAKEOVER_LEASES * LEASE)
        advance(dss, TAKEOVER_LEASES * LEASE + 10.0)
        told = (
            "network 00C0FFEE has two active gateways, node east at 192.0.2.1:43981 and node west at"
            " 192.0.2.2:43981: mend the cable if it is one LAN, or give one of two LANs another number"
        )
        assert sentences(dss) == [told]
        dss.take_in(Delta(withdrawals=[Withdrawal(A, 1, 9, (Kind.ROUTE, 0xC0FFEE, ""))]), b"", 50.0)
    assert sentences(dss) == []
    assert [record.message for record in caplog.records] == [
        told,
        "the conflict about network 00C0FFEE has ended",
    ]


def test_the_time_of_a_takeover_begins_anew_with_each() -> None:
    dss = engine()
    a_takeover(dss)
    for now in (0.0, 10.0):
        advance(dss, now)
    dss.take_in(Delta(withdrawals=[Withdrawal(A, 1, 9, (Kind.ROUTE, 0xC0FFEE, ""))]), b"", 20.0)
    tell(dss, A, 10, Route(0xC0FFEE, 0, 1, 0xC0FFEE, 3), now=20.0)
    for now in (20.0, 30.0, 40.0):
        advance(dss, now)
        assert sentences(dss) == []
    advance(dss, 50.0)
    assert len(sentences(dss)) == 1


@pytest.mark.parametrize("turns", [(0, 0), (4, 4)])
def test_two_that_are_active_in_one_turn_are_named_at_once(turns: tuple[int, int]) -> None:
    dss = engine()
    a_takeover(dss, turns)
    (text,) = sentences(dss)
    assert text.startswith("network 00C0FFEE has two active gateways, node east at")


def test_a_segment_of_a_node_that_takes_no_turns_is_no_takeover() -> None:
    dss = engine()
    tell(dss, A, 1, Route(0xC0FFEE, 0, 1))
    tell(dss, B, 1, Route(0xC0FFEE, 0, 1, 0xC0FFEE, 2))
    (text,) = sentences(dss)
    assert "is the own segment of" in text


def test_a_flood_of_takeovers_fills_no_table() -> None:
    dss = engine()
    for owner, turn in ((A, 1), (B, 2)):
        tell(dss, owner, 1, *(Route(lan, 0, 1, lan, turn) for lan in range(1, WATCHED + 100)))
    advance(dss, 0.0)
    assert len(dss.conflicts) == 0
    for now in (10.0, 20.0, 30.0):
        advance(dss, now)
    assert len(dss.conflicts) == WATCHED


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (service(hops=1), service(hops=3)),  # one server, seen by two gateways
        (Route(7, 1, 2), Route(7, 2, 3)),  # two ways to one network
        (Route(7, 0, 1), Route(7, 1, 2)),  # a segment, and a way to it
        (service("A"), service("B", network=2)),
    ],
)
def test_alternates_are_no_conflict(first: Value, second: Value) -> None:
    dss = engine()
    tell(dss, A, 1, first)
    tell(dss, B, 1, second)
    assert sentences(dss) == []
    assert len(dss.directory.offers(first.key)) == 1 + (first.key == second.key), "both are kept"


def test_the_best_of_the_alternates_answers_and_the_next_when_it_goes() -> None:
    dss = engine()
    tell(dss, A, 1, Route(7, 3, 9))
    tell(dss, B, 1, Route(7, 1, 20))
    tell(dss, C, 1, Route(7, 1, 4))
    for owner in (C, B, A):
        best = dss.directory.best((Kind.ROUTE, 7, ""))
        assert best is not None
        assert best.owner == owner
        dss.take_in(Delta(withdrawals=[Withdrawal(owner, 1, 9, (Kind.ROUTE, 7, ""))]), b"", 1.0)
    assert dss.directory.best((Kind.ROUTE, 7, "")) is None


def test_a_conflict_is_told_once_when_it_begins_and_once_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dss = engine()
    with caplog.at_level(logging.INFO, logger="nwip.dss.conflict_watch"):
        for counter in range(3):
            tell(dss, A, counter + 1, service(network=1))
            tell(dss, B, counter + 1, service(network=2))
        dss.take_in(Delta(withdrawals=[Withdrawal(B, 1, 9, service().key)]), b"", 1.0)
    assert [record.message.partition(", by")[0] for record in caplog.records] == [
        "service 0004 MUSEUM is claimed at two addresses",
        "the conflict about service 0004 MUSEUM has ended",
    ]
    assert sentences(dss) == []


def test_a_conflict_ends_when_one_of_the_two_dies() -> None:
    dss = engine()
    tell(dss, A, 1, service(network=1))
    tell(dss, B, 1, service(network=2), now=5.0)
    dss.advance(LEASE + 1.0)
    assert len(dss.directory.offers(service().key)) == 1
    assert sentences(dss) == []


def test_what_a_filter_hides_is_in_no_conflict_until_it_is_shown_again() -> None:
    dss = engine()
    tell(dss, A, 1, service(network=1))
    tell(dss, B, 1, service(network=2))
    hiding = Parameters(domain="lab.test", version=2, filters=(Filter("deny", "service", (), "", (2,), ""),))
    dss.set_parameters(hiding)
    assert sentences(dss) == []
    dss.set_parameters(Parameters(domain="lab.test", version=3))
    assert len(sentences(dss)) == 1


def test_what_came_without_a_word_is_found_by_looking_again() -> None:
    dss = engine()
    for owner, network in ((A, 1), (B, 2)):
        dss.directory.heard(owner, 1, 1, LEASE, 0.0, 0.0)
        dss.directory.merge(Record(owner, 1, 1, service(network=network)), 0.0)
    assert sentences(dss) == []
    dss.conflicts.look_again()
    assert len(sentences(dss)) == 1


def test_a_flood_of_conflicts_fills_no_table() -> None:
    dss = engine()
    for owner, network in ((A, 1), (B, 2)):
        tell(dss, owner, 1, *(service(f"S{number}", network) for number in range(WATCHED + 100)))
    assert len(dss.conflicts) == WATCHED


VALUES = st.one_of(
    st.builds(service, st.sampled_from("PQ"), st.integers(1, 2), st.integers(1, 2)),
    st.builds(Route, st.sampled_from([7, 8, PARAMETERS.network]), st.integers(0, 1), st.just(1)),
)


def contradict(one: Record, other: Record) -> bool:
    left, right = one.value, other.value
    if isinstance(left, Service) and isinstance(right, Service):
        return left.address != right.address
    return isinstance(left, Route) and isinstance(right, Route) and left.hops == right.hops == 0


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.one_of(st.none(), VALUES), VALUES), max_size=25))
def test_what_stands_is_what_a_look_at_everything_finds(
    steps: list[tuple[bytes, Value | None, Value]],
) -> None:
    dss = engine()
    for counter, (owner, gone, value) in enumerate(steps, start=1):
        if gone is not None:
            dss.take_in(Delta(withdrawals=[Withdrawal(owner, 1, counter, gone.key)]), b"", 0.0)
        else:
            tell(dss, owner, counter, value)
        expected = set()
        for kind in (Kind.SERVICE, Kind.ROUTE):
            for key in dss.directory.keys(kind):
                offers = dss.directory.offers(key)
                if key == (Kind.ROUTE, PARAMETERS.network, "") or any(
                    contradict(*pair) for pair in combinations(offers, 2)
                ):
                    expected.add(key)
        assert {conflict.key for conflict in dss.conflicts.standing()} == expected
        assert len(dss.conflicts) == len(expected)


def test_no_offers_are_no_conflict() -> None:
    assert conflict_of([], PARAMETERS.network) is None
