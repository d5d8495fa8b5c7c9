"""Datagrams through a relay, and what nodes tell each other of where they are."""

from fixtures.sealed_wire import Datagram, Station, Wire, packet
from nwip.directory.records import Endpoint
from nwip.security.sealed.address import Via
from nwip.security.sealed.contents import Envelope


def three(*, relays: bool = True) -> tuple[Wire, Station, Station, Station]:
    """Return two nodes that hear nothing of each other but through a third."""
    wire = Wire()
    one, other, relay = (wire.station(f"192.0.2.{number}") for number in (1, 2, 3))
    apart = {one.endpoint, other.endpoint}

    def route(datagram: Datagram) -> list[tuple[float, Datagram]]:
        return [] if {datagram.source, datagram.destination} == apart else [(0.01, datagram)]

    wire.route = route
    relay.know(one, other)
    relay.engine.may_relay = lambda _sender, _receiver: relays
    one.engine.know({relay.public: relay.endpoint, other.public: Via(relay.public, other.key.identity)}, 0.0)
    other.engine.know({relay.public: relay.endpoint}, 0.0)
    return wire, one, other, relay


def test_two_nodes_talk_through_a_third_that_cannot_read_it() -> None:
    wire, one, other, relay = three()
    one.send(other, packet(60, 1))
    wire.run(12)
    assert other.got == [(one.public, packet(60, 1))]
    other.send(one, packet(1500, 2))
    one.send(other, packet(1500, 3))
    wire.run(1)
    assert one.got == [(other.public, packet(1500, 2))]
    assert other.marks() == [1, 3]
    assert relay.got == []
    assert other.tunnels.address_of(one.public) == Via(relay.public, one.key.identity)
    assert max(len(datagram.data) for datagram in wire.passed) <= 1232


def test_who_relays_for_nobody_passes_nothing_on() -> None:
    wire, one, other, relay = three(relays=False)
    one.send(other, packet(60, 1))
    wire.run(30)
    assert other.got == []
    assert relay.tunnels.refused["contents"] > 0
    assert not relay.tunnels.is_open(other.public, relay.now())


def test_when_they_can_reach_each_other_again_they_do_without_the_relay() -> None:
    wire, one, other, relay = three()
    one.send(other, packet(60, 1))
    wire.run(12)
    wire.route = lambda datagram: [(0.01, datagram)]
    one.know(other, relay)
    other.know(one, relay)
    one.send(other, packet(60, 2))
    wire.run(1)
    assert other.tunnels.address_of(one.public) == one.endpoint
    wire.passed.clear()
    other.send(one, packet(60, 3))
    wire.run(1)
    assert {datagram.destination for datagram in wire.passed} == {one.endpoint}
    assert (other.marks(), one.marks()) == ([1, 2], [3])


def test_a_relay_is_not_reached_through_a_relay() -> None:
    wire, one, other, relay = three()
    third = wire.station("192.0.2.4")
    one.engine.know(
        {
            relay.public: relay.endpoint,
            other.public: Via(relay.public, other.key.identity),
            third.public: Via(other.public, third.key.identity),
        },
        0.0,
    )
    other.engine.may_relay = lambda _sender, _receiver: True
    one.send(other, packet(60, 1))
    wire.run(12)
    one.send(third, packet(60, 2))
    wire.run(30)
    assert one.tunnels.refused["no such relay"] > 0
    assert third.got == []
    assert other.marks() == [1]


def test_who_is_no_member_any_more_is_not_heard_through_a_relay_either() -> None:
    wire, one, other, _ = three()
    one.send(other, packet(60, 1))
    wire.run(12)
    other.members = wire.members - {one.public}
    one.send(other, packet(60, 2))
    wire.run(30)
    assert other.marks() == [1]


def test_a_node_learns_where_others_see_it() -> None:
    wire = Wire()
    one, other = wire.two()
    outside = ("203.0.113.9", 5555)

    def nat(datagram: Datagram) -> list[tuple[float, Datagram]]:
        source, destination, data = datagram
        there = Datagram(
            outside if source == one.endpoint else source,
            one.endpoint if destination == outside else destination,
            data,
        )
        return [(0.01, there)]

    wire.route = nat
    seen: list[tuple[bytes, Endpoint]] = []
    one.engine.seen = lambda public, endpoint: seen.append((public, endpoint))
    one._put(one.engine.ask_where(other.public, one.now()))
    wire.run(1)
    assert seen == [(other.public, outside)]
    question, answer = (datagram.data for datagram in wire.passed[-2:])
    assert len(answer) <= len(question)


def test_who_is_reached_through_a_relay_passes_nothing_on_itself() -> None:
    wire, one, other, relay = three()
    third = wire.station("192.0.2.4")
    other.know(relay, third)
    other.engine.may_relay = lambda _sender, _receiver: True
    one.send(other, packet(60, 1))
    wire.run(12)
    wire.passed.clear()
    envelope = Envelope(third.key.identity, bytes(40)).to_relay()
    one._put(one.tunnels.seal(other.public, [envelope], one.now()))
    wire.run(1)
    assert other.tunnels.refused["contents"] == 1
    assert third.endpoint not in {datagram.destination for datagram in wire.passed}


def test_a_relay_does_not_pass_on_to_another_relay() -> None:
    wire, one, other, relay = three()
    third = wire.station("192.0.2.4")
    relay.engine.know(
        {
            one.public: one.endpoint,
            other.public: Via(third.public, other.key.identity),
            third.public: third.endpoint,
        },
        0.0,
    )
    third.know(relay, other)
    third.engine.may_relay = lambda _sender, _receiver: True
    one.send(other, packet(60, 1))
    wire.run(12)
    assert relay.tunnels.refused["contents"] > 0
    assert third.tunnels.refused == {}
    assert other.got == []


def test_an_envelope_within_an_envelope_is_not_opened() -> None:
    wire, one, other, relay = three()
    third = wire.station("192.0.2.4")
    third.know(other)
    third.send(other, packet(60, 1))
    wire.run(1)
    one.send(other, packet(60, 2))
    wire.run(12)
    (sealed,) = third.engine.send(other.public, [packet(60, 3)], third.now()).datagrams
    inner = Envelope(third.key.identity, sealed).from_relay()
    one._put(one.tunnels.seal(other.public, [inner], one.now()))
    wire.run(1)
    assert other.marks() == [1, 2]
    assert other.tunnels.address_of(third.public) == third.endpoint
    relay._put(relay.tunnels.seal(other.public, [inner], relay.now()))
    wire.run(1)
    assert other.marks() == [1, 2, 3]
