import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.world import NETWORK, Domain
from nwip.directory.records import Host, Node, Record
from nwip.directory.table import Directory
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.routing.placement import (
    LEARNED_FOR,
    LEARNED_LIMIT,
    WAIT,
    WAITING_HOSTS,
    WAITING_PACKETS,
    Placement,
)

HOST, OTHER = bytes.fromhex("02000000000A"), bytes.fromhex("02000000000B")
A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
NOW = 1000.0


def placement(*records: Record) -> Placement:
    directory = Directory()
    directory.freeze(NOW)
    for record in records:
        assert directory.merge(record, NOW)
    return Placement(directory)


def host(owner: bytes, moves: int) -> Record:
    return Record(owner, 1, 1, Host(HOST, moves))


def number(index: int) -> bytes:
    return index.to_bytes(6, "big")


def test_nothing_is_known_of_a_host_nobody_named() -> None:
    assert placement().owner_of(HOST, NOW) is None
    assert placement().best_host(HOST) is None
    assert placement().next_deadline() is None


def test_a_host_is_behind_the_owner_of_its_record_and_a_node_number_behind_its_node() -> None:
    placed = placement(host(A, 1), Record(B, 1, 1, Node(OTHER, "b", [("192.0.2.1", 43981)])))
    assert placed.owner_of(HOST, NOW) == A
    assert placed.owner_of(OTHER, NOW) == B


@pytest.mark.parametrize(
    ("claims", "stands"),
    [([(A, 2), (B, 1)], (A, 2)), ([(A, 1), (B, 2)], (B, 2)), ([(A, 3), (B, 3)], (B, 3))],
)
def test_the_record_with_most_moves_stands_and_of_equals_the_higher_owner(
    claims: list[tuple[bytes, int]], stands: tuple[bytes, int]
) -> None:
    placed = placement(*(host(owner, moves) for owner, moves in claims))
    assert placed.best_host(HOST) == stands
    assert placed.owner_of(HOST, NOW) == stands[0]


def test_a_packet_places_its_source_for_ten_seconds_before_any_record() -> None:
    placed = placement(host(A, 5))
    placed.learn(HOST, B, NOW)
    assert placed.owner_of(HOST, NOW + LEARNED_FOR - 0.01) == B
    assert placed.owner_of(HOST, NOW + LEARNED_FOR) == A


def test_a_record_of_a_move_after_the_packet_is_believed_before_it() -> None:
    directory = Directory()
    directory.freeze(NOW)
    placed = Placement(directory)
    directory.merge(host(A, 1), NOW)
    placed.learn(HOST, B, NOW)
    assert placed.owner_of(HOST, NOW + 1) == B
    directory.merge(Record(C, 1, 1, Host(HOST, 2)), NOW + 1)
    assert placed.owner_of(HOST, NOW + 1) == C
    placed.learn(HOST, A, NOW + 2)
    assert placed.owner_of(HOST, NOW + 2) == A


def test_no_host_takes_the_number_of_a_node() -> None:
    placed = placement(host(A, 9), Record(B, 1, 1, Node(HOST, "b", [("192.0.2.1", 43981)])))
    assert placed.owner_of(HOST, NOW) == B


def test_the_latest_packet_says_where_a_host_is_and_for_how_long() -> None:
    placed = placement()
    placed.learn(HOST, A, NOW)
    placed.learn(HOST, B, NOW + 4)
    assert placed.owner_of(HOST, NOW + 4) == B
    assert placed.next_deadline() == NOW + 4 + LEARNED_FOR
    assert placed.advance(NOW + LEARNED_FOR) == []
    assert placed.advance(NOW + 4 + LEARNED_FOR) == [HOST]
    assert placed.next_deadline() is None


def test_what_is_placed_is_bounded_and_whoever_is_pushed_out_is_told() -> None:
    placed = placement()
    told = [placed.learn(number(index), A, NOW) for index in range(LEARNED_LIMIT)]
    assert set(told) == {None}
    assert placed.learn(number(0), A, NOW + 1) is None
    assert placed.learn(HOST, B, NOW + 1) == number(1)
    assert placed.owner_of(number(1), NOW + 1) is None
    assert placed.owner_of(number(0), NOW + 1) == A
    assert len(placed.advance(NOW + 2 * LEARNED_FOR)) == LEARNED_LIMIT


@pytest.mark.asyncio
async def test_a_node_that_invents_hosts_does_not_make_the_forwarding_table_grow_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nwip.routing.placement.LEARNED_LIMIT", 10)
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    before = len(a.gateway._forwarder.hosts)
    for index in range(100):
        packet = Packet(Address(NETWORK, OTHER, 1), Address(NETWORK, number(index), 1))
        domain.wire.send(b.endpoint, a.endpoint, packet.encode())
    domain.wire.deliver()
    assert len(a.gateway._forwarder.hosts) == before + 10
    domain.pass_time(LEARNED_FOR)
    assert len(a.gateway._forwarder.hosts) == before


def test_packets_wait_for_their_host_in_order_and_are_handed_back_once() -> None:
    placed = placement()
    assert all(placed.wait(HOST, packet, NOW) for packet in (b"1", b"2", b"3"))
    assert placed.release(OTHER) == []
    assert placed.release(HOST) == [b"1", b"2", b"3"]
    assert placed.release(HOST) == []
    assert placed.advance(NOW + WAIT) == []
    assert placed.given_up == 0


def test_a_host_holds_four_waiting_packets_and_the_fifth_is_dropped() -> None:
    placed = placement()
    room = [placed.wait(HOST, b"", NOW) for _ in range(WAITING_PACKETS + 2)]
    assert room == [True] * 4 + [False] * 2
    assert len(placed.release(HOST)) == 4
    assert placed.wait(HOST, b"", NOW)


def test_packets_wait_for_a_bounded_number_of_hosts() -> None:
    placed = placement()
    assert all(placed.wait(number(index), b"", NOW) for index in range(WAITING_HOSTS))
    assert not placed.wait(HOST, b"", NOW)
    assert placed.wait(number(0), b"again", NOW)
    placed.release(number(7))
    assert placed.wait(HOST, b"", NOW)


def test_what_waited_a_quarter_of_a_second_since_its_first_packet_is_given_up_and_counted() -> None:
    placed = placement()
    placed.wait(HOST, b"1", NOW)
    placed.wait(OTHER, b"2", NOW + 0.1)
    placed.wait(HOST, b"3", NOW + 0.2)
    assert placed.next_deadline() == NOW + WAIT
    placed.advance(NOW + WAIT - 0.01)
    assert placed.given_up == 0
    placed.advance(NOW + WAIT)
    assert placed.given_up == 2
    assert placed.release(HOST) == []
    assert placed.next_deadline() == NOW + 0.1 + WAIT
    assert placed.release(OTHER) == [b"2"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["learn", "wait", "release", "advance"]), st.integers(0, 6), st.floats(0, 6)),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_nothing_outlives_its_deadline_and_no_deadline_is_missed(
    steps: list[tuple[str, int, float]],
) -> None:
    """The tables are emptied from their fronts, so they must stay in the order of their deadlines."""
    placed, now = placement(), NOW
    learned: dict[bytes, float] = {}
    waiting: dict[bytes, tuple[float, int]] = {}
    given_up = 0
    for what, index, pause in steps:
        now += pause
        node = number(index)
        if what == "learn":
            placed.learn(node, A, now)
            learned[node] = now + LEARNED_FOR
        elif what == "wait":
            due, count = waiting.get(node, (now + WAIT, 0))
            kept = placed.wait(node, b"", now)
            assert kept is (count < WAITING_PACKETS)
            waiting[node] = (due, count + kept)
        elif what == "release":
            assert len(placed.release(node)) == waiting.pop(node, (0, 0))[1]
        else:
            lapsed = [each for each, due in learned.items() if due <= now]
            assert sorted(placed.advance(now)) == sorted(lapsed)
            for each in lapsed:
                del learned[each]
            given_up += sum(count for due, count in waiting.values() if due <= now)
            waiting = {each: (due, count) for each, (due, count) in waiting.items() if due > now}
        deadlines = [*learned.values(), *(due for due, _ in waiting.values())]
        assert placed.next_deadline() == min(deadlines, default=None)
        assert placed.given_up == given_up
