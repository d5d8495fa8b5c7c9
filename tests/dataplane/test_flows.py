"""What a port remembers, and how it forgets: too much is slow, too little is a fault."""

import pytest

from dataplane.closed_port import SIZE, Port
from nwip.dataplane import flows as module
from nwip.dataplane.arena import Arena
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.tally import Tally
from nwip.links.base import Counters

HERE, THERE, AWAY = b"\1" * 16, b"\2" * 16, b"\3" * 16
NET, OTHER_NET = b"\0\0\0\1", b"\0\0\0\2"
A, B, C = (NET + bytes([number]) * 6 for number in (1, 2, 3))
FAR = OTHER_NET + b"\7" * 6


@pytest.fixture
def flows() -> Flows:
    return Flows(Arena(SIZE), Counters(), Tally())


@pytest.fixture
def way(flows: Flows) -> Exit:
    return flows.exit(Port(), Counters(), 1424, raises=True)


def test_there_is_one_exit_for_a_port_and_what_it_does_to_hops(flows: Flows) -> None:
    port, other, books = Port(), Port(), Counters()
    raising = flows.exit(port, books, 1424, raises=True)
    assert flows.exit(port, books, 1424, raises=True) is raising
    assert (
        len({raising, flows.exit(port, books, 1424, raises=False), flows.exit(other, books, 1, raises=True)})
        == 3
    )
    assert (raising.target, raising.books, raising.maximum, raising.raises) == (port, books, 1424, True)


def test_a_packet_teaches_its_source_and_its_destination(flows: Flows, way: Exit) -> None:
    flows.learn(A, HERE, B, THERE, way, routed=False)
    assert (way.sources, way.names) == ({A: HERE}, {B: THERE})
    flows.learn(A, AWAY, B, HERE, way, routed=False)
    assert (way.sources, way.names) == ({A: AWAY}, {B: HERE})


def test_an_address_is_forgotten_as_source_and_destination_of_every_exit(flows: Flows, way: Exit) -> None:
    other = flows.exit(Port(), Counters(), 1424, raises=False)
    for each in (way, other):
        flows.learn(A, HERE, B, THERE, each, routed=False)
        flows.learn(B, THERE, A, HERE, each, routed=False)
    flows.learn_broadcast(A, HERE, NET + b"\xff" * 6, lambda *_: None)
    flows.forget(A)
    for each in (way, other):
        assert (each.sources, each.names) == ({B: THERE}, {B: THERE})
    assert flows.speakers == {}


def test_a_network_is_forgotten_with_what_was_looked_up_by_it_alone(flows: Flows, way: Exit) -> None:
    other = flows.exit(Port(), Counters(), 1424, raises=False)
    flows.learn(A, HERE, B, THERE, way, routed=False)
    flows.learn(A, HERE, C, THERE, way, routed=True)
    flows.learn(A, HERE, C, THERE, other, routed=True)
    flows.learn(A, HERE, FAR, THERE, way, routed=True)
    flows.forget_network(NET)
    assert (way.names, other.names) == ({B: THERE, FAR: THERE}, {})
    flows.forget_network(OTHER_NET)
    assert way.names == {B: THERE}
    assert way.sources == {A: HERE}


def test_what_was_forgotten_and_learned_again_is_forgotten_again(flows: Flows, way: Exit) -> None:
    for _ in range(3):
        flows.learn(A, HERE, FAR, THERE, way, routed=True)
        flows.forget(FAR)
        flows.learn(A, HERE, FAR, THERE, way, routed=True)
        flows.forget_network(OTHER_NET)
        assert way.names == {}


def test_sources_are_forgotten_by_where_they_are_and_by_their_number(flows: Flows, way: Exit) -> None:
    for source, name in ((A, HERE), (B, THERE), (C, AWAY)):
        flows.learn(source, name, FAR, THERE, way, routed=False)
        flows.learn_broadcast(source, name, NET + b"\xff" * 6, lambda *_: None)
    flows.forget_sources({HERE}, {B[4:]})
    assert way.sources == flows.speakers == {C: AWAY}
    assert way.names == {FAR: THERE}


def test_all_is_forgotten_at_once(flows: Flows, way: Exit) -> None:
    flows.learn(A, HERE, FAR, THERE, way, routed=True)
    flows.learn_broadcast(A, HERE, NET + b"\xff" * 6, lambda *_: None)
    flows.clear()
    assert (flows.exits, flows.speakers, flows.repeat, flows._routed) == ([], {}, None, {})


def test_what_is_remembered_has_a_bound(flows: Flows, way: Exit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 100)
    for number in range(1050):
        source, destination = NET + number.to_bytes(6, "big"), OTHER_NET + number.to_bytes(6, "big")
        flows.learn(source, HERE, destination, THERE, way, routed=True)
        flows.learn_broadcast(source, HERE, NET + b"\xff" * 6, lambda *_: None)
        remembered = sum(map(len, flows._routed.values()))
        assert max(len(way.sources), len(way.names), len(flows.speakers), remembered) <= 100
        assert way.names[destination] == THERE
    flows.forget_network(OTHER_NET)
    assert way.names == {}


def test_the_bound_of_one_exit_leaves_nothing_at_another_that_could_not_be_forgotten(
    flows: Flows, way: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT", 3)
    other = flows.exit(Port(), Counters(), 1424, raises=False)
    flows.learn(A, HERE, FAR, THERE, other, routed=True)
    for number in range(4):
        flows.learn(A, HERE, NET + number.to_bytes(6, "big"), THERE, way, routed=False)
    flows.forget_network(OTHER_NET)
    assert FAR not in other.names


def test_destinations_that_come_and_go_are_not_remembered_for_ever(flows: Flows, way: Exit) -> None:
    for number in range(100):
        destination = OTHER_NET + number.to_bytes(6, "big")
        flows.learn(A, HERE, destination, THERE, way, routed=True)
        flows.forget(destination)
    assert not any(flows._routed.values())


def test_the_judgement_of_a_broadcast_ends_when_one_is_learned(flows: Flows) -> None:
    flows.learn_broadcast(A, HERE, NET + b"\xff" * 6, lambda *_: None)
    flows.said = b"judged"
    flows.clear()
    flows.learn_broadcast(B, THERE, OTHER_NET + b"\xff" * 6, lambda *_: None)
    assert flows.said == b""
