"""What an attacker on the wire can do is drop and delay: nothing is believed, answered at length, or kept."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.sealed_wire import DOMAIN, Datagram, Secrets, Station, Wire, packet
from nwip.security.keys import KeyPair
from nwip.security.noise import Initiator
from nwip.security.sealed import contents
from nwip.security.sealed.contents import Envelope, Part
from nwip.security.sealed.framing import Initiation, member_payload
from nwip.security.sealed.macs import Macs
from nwip.security.sealed.timing import HANDSHAKES_A_SECOND, MOST_PENDING_OF_PEER, PENDING_FOR
from nwip.security.sealed.tunnels import PROLOGUE

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
CHANCE = random.Random(5)  # noqa: S311 - a test wants the same again
ELSEWHERE = ("198.51.100.66", 666)


def on_its_way(kind: int) -> tuple[Wire, Station, Datagram]:
    """Return a wire on which a datagram of a kind has been sent and has not arrived, and who is to get it."""
    wire = Wire()
    one, other = wire.two()
    if kind == COOKIE:
        overload(other)
    wire.route = lambda datagram: [] if datagram.data[0] == kind else [(0.01, datagram)]
    one.send(other, packet(mark=1))
    wire.run(1)
    caught = next(datagram for datagram in wire.passed if datagram.data[0] == kind)
    wire.route = lambda datagram: [(0.01, datagram)]
    return wire, next(station for station in wire.stations if station.endpoint == caught.destination), caught


def overload(station: Station) -> None:
    for _ in range(int(HANDSHAKES_A_SECOND) + 1):
        station.engine.receive([(forged_initiation(station.public), ELSEWHERE)], station.now())
    station.engine.datagrams_to_send()


def forged_initiation(public: bytes, number: int = 0) -> bytes:
    """Return an initiation by somebody who knows a node's public key, and nothing else."""
    return Macs(public).add(Initiation(number, CHANCE.randbytes(101)).encode())


def plains_of_each_kind() -> st.SearchStrategy[bytes]:
    """Return what looks like contents of tunnels, and datagrams in envelopes."""
    identities = st.sampled_from(
        [KeyPair.from_octets(bytes((number,)) * 32).identity for number in (1, 2, 3)]
    )
    datagrams = st.builds(
        bytes.__add__,
        st.sampled_from([b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0", b"\4\0\0\0"]),
        st.binary(min_size=28, max_size=150),
    )
    parts = st.builds(Part, st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.binary(max_size=900))
    return st.one_of(
        st.builds(
            bytes.__add__, st.integers(0, 255).map(lambda kind: bytes((kind,))), st.binary(max_size=80)
        ),
        parts.map(Part.encode),
        st.integers(35, 1472).map(contents.probe),
        st.just(contents.WHERE_ARE_WE),
        st.builds(Envelope, identities, datagrams).map(Envelope.to_relay),
        st.builds(Envelope, identities, datagrams).map(Envelope.from_relay),
    )


def state(station: Station) -> list[object]:
    """Return all that a datagram might change."""
    tunnels = station.tunnels
    peers = [
        (peer.address, peer.cookie, peer.sessions[:], peer.attempt, [s.window.top for s in peer.sessions])
        for peer in tunnels._peers
    ]
    return [peers, set(tunnels._indices.sessions), set(tunnels._indices.attempts), station.got[:]]


def altered(data: bytes) -> Iterator[bytes]:
    for place in range(len(data)):
        for bit in (1, 0x80):
            yield data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :]
    for end in range(len(data)):
        yield data[:end]
    yield data + b"\0"


@pytest.mark.parametrize("kind", [INITIATION, RESPONSE, COOKIE, DATA])
def test_no_datagram_with_any_octet_altered_changes_anything_and_the_true_one_is_taken_still(
    kind: int,
) -> None:
    wire, receiver, (source, _, data) = on_its_way(kind)
    before = state(receiver)
    wire.passed.clear()
    for wrong in altered(data):
        assert receiver.take(wrong, source) == []
        assert state(receiver) == before
    assert all(len(answer.data) == 56 for answer in wire.passed)  # to those whose mac2 is wrong
    assert len(wire.passed) == (32 if kind == INITIATION else 0)
    receiver.take(data, source)
    assert state(receiver) != before
    wire.run(20)
    assert any(station.marks() == [1] for station in wire.stations)


def conversation() -> tuple[Wire, Station, Station]:
    """Return a wire over which each kind of datagram, and of contents, has passed."""
    wire = Wire()
    one, other = wire.two()
    overload(other)
    for mark in range(3):
        one.send(other, packet(1500, mark))
        wire.run(0.5)
        other.send(one, packet(mark=mark))
        wire.run(0.5)
    one._put(one.engine.ask_where(other.public, one.now()))
    wire.run(130)
    one.send(other, packet(mark=9))
    wire.run(1)
    other.send(one, packet(mark=9))
    wire.run(1)
    assert {datagram.data[0] for datagram in wire.passed} == {1, 2, 3, 4}
    return wire, one, other


def test_nothing_that_has_passed_is_ever_taken_again_from_anywhere() -> None:
    wire, one, other = conversation()
    recorded = list(wire.passed)
    before = [station.got[:] for station in wire.stations]
    addresses = [
        station.engine.tunnels.address_of(peer.public) for station, peer in ((one, other), (other, one))
    ]
    wire.passed.clear()
    for source, _, data in recorded * 2:
        for station in wire.stations:
            for address in (source, ELSEWHERE):
                assert station.take(data, address) == []
                answer = sum(len(datagram.data) for datagram in wire.passed)
                assert answer <= len(data)
                wire.passed.clear()
    assert [station.got for station in wire.stations] == before
    assert addresses == [s.engine.tunnels.address_of(p.public) for s, p in ((one, other), (other, one))]
    one.send(other, packet(mark=77))
    other.send(one, packet(mark=78))
    wire.run(1)
    assert (other.marks()[-1], one.marks()[-1]) == (77, 78)


def test_a_plain_packet_is_never_taken_not_even_from_where_a_peer_is() -> None:
    wire, one, other = conversation()
    wire.passed.clear()
    for size in range(1501):
        assert other.take(packet(1500, 1)[:size], one.endpoint) == []
    assert wire.passed == []
    assert other.tunnels.refused["not sealed"] == 1501


def test_initiations_that_are_sent_again_leave_nothing_behind_and_keep_nobody_out() -> None:
    wire = Wire()
    one, other = wire.two()
    recorded = []
    for _ in range(20):
        one.tunnels.forget(other.public, one.now())
        one.know(other)
        one.send(other, packet())
        recorded.append(wire.passed[-1].data)
    one.tunnels.forget(other.public, one.now())
    one.know(other)
    wire.run(1)
    assert len(set(recorded)) == 20
    for _ in range(50):
        for data in recorded:
            other.take(data, ELSEWHERE)
            assert len(other.tunnels._handshakes.answerer) <= MOST_PENDING_OF_PEER
        wire.run(0.001)
    assert other.got == []
    one.send(other, packet(mark=5))
    wire.run(0.1)
    assert other.marks() == [5]
    for data in recorded:
        other.take(data, ELSEWHERE)
    assert other.tunnels.address_of(one.public) == one.endpoint
    one.send(other, packet(mark=6))
    other.send(one, packet(mark=7))
    wire.run(0.1)
    assert (other.marks(), one.marks()) == ([5, 6], [7])
    wire.run(PENDING_FOR + 1)
    assert len(other.tunnels._handshakes.answerer) == 0
    assert len(other.tunnels._indices.sessions) == len(one.tunnels._indices.sessions) == 1


def test_the_same_initiation_again_gets_the_same_answer_and_nothing_is_computed_for_it() -> None:
    wire, receiver, (source, _, data) = on_its_way(INITIATION)
    wire.passed.clear()
    for _ in range(int(HANDSHAKES_A_SECOND) * 2):
        receiver.take(data, source)
    answers = {answer.data for answer in wire.passed}
    assert len(answers) == 1
    assert len(answers.pop()) == 92


@settings(deadline=None)
@given(st.data())
def test_an_address_that_has_proven_nothing_gets_no_more_than_it_sent(data: st.DataObject) -> None:
    wire = Wire()
    receiver = wire.station("192.0.2.2")
    member = wire.station("192.0.2.1")
    member.know(receiver)
    if data.draw(st.booleans()):
        overload(receiver)
    member.send(receiver, packet())
    true = wire.passed[-1].data
    forged = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0", b"\4\0\0\0"]).flatmap(
                lambda kind: st.binary(max_size=200).map(kind.__add__)
            ),
            st.just(forged_initiation(receiver.public)),
            st.just(true),
            st.integers(0, 140).map(
                lambda place: true[:place] + bytes((true[place] ^ 1,)) + true[place + 1 :]
            ),
        )
    )
    wire.passed.clear()
    assert receiver.take(forged, ELSEWHERE) == []
    assert sum(len(answer.data) for answer in wire.passed) <= len(forged)
    assert len(wire.passed) <= 1


@pytest.mark.parametrize("stranger", ["no member", "other domain", "our own key"])
def test_who_is_no_member_gets_no_answer(stranger: str) -> None:
    wire = Wire()
    receiver = wire.station("192.0.2.2")
    key = receiver.key if stranger == "our own key" else KeyPair.generate()
    prologue = PROLOGUE + (b"elsewhere" if stranger == "other domain" else DOMAIN.encode())
    if stranger == "other domain":
        wire.members.add(key.public)
    noise = Initiator(key, receiver.public, Secrets().known[1], prologue).first(member_payload(1))
    receiver.take(Macs(receiver.public).add(Initiation(1, noise).encode()), ELSEWHERE)
    assert wire.passed == []


def test_under_load_a_member_shows_its_cookie_and_is_let_in_at_once() -> None:
    wire = Wire()
    one, other = wire.two()
    overload(other)
    one.send(other, packet(mark=1))
    wire.run(0.2)
    assert other.marks() == [1]
    assert [datagram.data[0] for datagram in wire.passed] == [INITIATION, COOKIE, INITIATION, RESPONSE, DATA]
    assert {len(datagram.data) for datagram in wire.passed} == {141, 56, 92}
    assert wire.passed[0].data[:-16] == wire.passed[2].data[:-16]


def test_a_cookie_that_is_good_no_more_costs_a_round_trip_and_a_wrong_one_brings_no_second_one() -> None:
    wire = Wire()
    one, other = wire.two()
    overload(other)
    one.send(other, packet())
    wire.run(1)
    other.restart()
    other.know(one)
    one.tunnels._peers.get(other.public).sessions.clear()  # type: ignore[union-attr]
    wire.run(5)
    wire.passed.clear()
    one.send(other, packet(mark=4))
    wire.run(1)
    assert [datagram.data[0] for datagram in wire.passed] == [INITIATION, COOKIE, INITIATION, RESPONSE, DATA]
    assert other.marks()[-1] == 4
    wire.route = lambda datagram: [] if datagram.data[0] == RESPONSE else [(0.01, datagram)]
    other.tunnels._handshakes.answerer._cookies.proves = lambda *_: False  # type: ignore[method-assign]
    one.restart()
    one.know(other)
    wire.passed.clear()
    overload(other)
    one.send(other, packet(mark=5))
    wire.run(4.9)
    assert [datagram.data[0] for datagram in wire.passed] == [INITIATION, COOKIE, INITIATION, COOKIE]


def answers_to(station: Station, mallory: KeyPair, addresses: list[tuple[str, int]]) -> int:
    """Begin a handshake from each address, with a cookie for it; return how many are answered."""
    giver = station.tunnels._handshakes.answerer._cookies
    answers = 0
    for number, address in enumerate(addresses):
        noise = Initiator(mallory, station.public, Secrets().known[1], PROLOGUE + DOMAIN.encode())
        body = Initiation(number, noise.first(member_payload(1))).encode()
        datagram = Macs(station.public).add(body, giver._cookie(address, station.now()))
        station.engine.receive([(datagram, address)], station.now())
        answers += len(station.engine.datagrams_to_send())
    return answers


def test_under_load_many_proven_addresses_do_not_take_all_of_the_machine() -> None:
    wire = Wire()
    _, other = wire.two()
    mallory = KeyPair.generate()
    wire.members.add(mallory.public)
    overload(other)
    addresses = [(f"198.51.{number >> 8}.{number & 255}", 1) for number in range(700)]
    assert answers_to(other, mallory, addresses) == 500


def test_under_load_one_proven_address_does_not_take_all() -> None:
    wire = Wire()
    one, other = wire.two()
    mallory = KeyPair.generate()
    wire.members.add(mallory.public)
    overload(other)
    assert answers_to(other, mallory, [("198.51.100.66", port) for port in range(1, 500)]) == 20
    one.send(other, packet(mark=1))
    wire.run(0.2)
    assert other.marks() == [1]


def test_a_hundred_thousand_forged_datagrams_leave_every_table_small() -> None:
    wire, one, other = conversation()
    chance = CHANCE
    tunnels = other.tunnels
    session = tunnels._indices.sessions.copy().popitem()[0]
    now = other.now()
    for number in range(100_000):
        data = (
            chance.randbytes(chance.randrange(200)),
            forged_initiation(other.public, number),
            session + chance.randbytes(60),
            b"\4\0\0\0" + chance.randbytes(60),
            b"\2\0\0\0" + chance.randbytes(88),
        )[number % 5]
        source = (f"198.51.{number >> 8 & 255}.{number & 255}", number & 0xFFFF)
        assert other.engine.receive([(data, source)], now) == []
        assert len(other.engine.datagrams_to_send()) <= 1
        now += 1e-5
    answerer = tunnels._handshakes.answerer
    assert len(tunnels._peers) == 1
    assert len(tunnels._indices.sessions) <= 3
    assert len(answerer) == 0
    assert answerer._proven.size <= 4096
    assert len(tunnels.refused) <= 6
    assert len(other.engine._flows) <= 1
    wire.now += now - other.now()
    one.send(other, packet(mark=1000))
    wire.run(1)
    assert other.marks()[-1] == 1000


def test_members_that_the_directory_does_not_name_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.security.sealed.peers.MOST_STRANGERS", 4)
    wire = Wire()
    other = wire.station("192.0.2.99")
    members = [wire.station(f"192.0.2.{number}") for number in range(8)]
    for member in members:
        member.know(other)
        member.send(other, packet(mark=1))
        wire.run(0.1)
    assert len(other.got) == 4
    assert len(other.tunnels._peers) == 4
    assert len(other.tunnels._indices.sessions) == 4
    wire.run(200)
    members[-1].send(other, packet(mark=2))
    wire.run(10)
    assert other.marks()[-1] == 2
    assert len(other.tunnels._peers) == 4


def test_contents_that_make_no_sense_are_counted_and_nothing_else() -> None:
    wire = Wire()
    one, other = wire.two()
    one.send(other, packet())
    wire.run(1)
    wire.passed.clear()
    nonsense = [bytes((kind,)) + b"x" * 8 for kind in range(255)]
    nonsense += [contents.WHERE_ARE_WE + b"\0", contents.WHERE_ARE_WE[:-1], contents.probe(1232)[:-1]]
    for plain in nonsense:
        one._put(one.tunnels.seal(other.public, [plain], one.now()))
    wire.run(1)
    assert other.tunnels.refused["contents"] == len(nonsense)
    assert [datagram for datagram in wire.passed if datagram.source == other.endpoint] == []
    assert len(other.got) == 1


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), plains_of_each_kind()), max_size=8))
def test_whatever_a_member_says_raises_nothing_and_is_answered_with_no_more(plains: list[bytes]) -> None:
    wire = Wire()
    one, other = wire.two()
    other.engine.may_relay = lambda _sender, _receiver: True
    one.send(other, packet())
    wire.run(1)
    wire.passed.clear()
    sealed = one.tunnels.seal(other.public, plains, one.now())
    for data in sealed.datagrams:
        wire.passed.clear()
        other.take(data, one.endpoint)
        assert sum(len(datagram.data) for datagram in wire.passed) <= len(data)
    assert len(other.engine._flows) <= 1
