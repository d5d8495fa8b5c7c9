"""The routing table: which way is in force, what follows it, and what must wait."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.port import Port
from nwip.routing.routes import Reach, RouteTable
from nwip.routing.timers import AGE_LIMIT, HOLD_DOWN, SETTLING

NET = 0x2E5A0001
A, B = b"\0\0\0\0\0\x0a", b"\0\0\0\0\0\x0b"


class Table:
    """A routing table with two ports, a clock, and a domain that offers what `offered` says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.left, self.right = Port("left", 1, b"\1" * 6), Port("right", 2, b"\1" * 6)
        self.hearings: Hearings[object] = Hearings()
        self.offered: Reach | None = None
        self.routes = RouteTable(self.hearings, lambda network: self.offered if network == NET else None)

    def hear(self, ticks: int, hops: int, station: bytes = A, port: Port | None = None) -> bool:
        port = port or self.left
        hearing: Hearing[object] = Hearing(port, station, b"%d %d" % (ticks, hops), self.now)
        return self.routes.hear(NET, Reach(ticks, hops, port, station), hearing, self.now)

    def lose(self, station: bytes = A, port: Port | None = None) -> None:
        self.routes.lose(NET, port or self.left, station, self.now)

    def offer(self, ticks: int, hops: int) -> None:
        self.offered = Reach(ticks, hops, None, "there")
        self.routes.refresh(NET, self.now)

    def withdraw(self) -> None:
        self.offered = None
        self.routes.refresh(NET, self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass as a driver would: `advance` is called at each deadline."""
        end = self.now + seconds
        while (due := self.routes.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.routes.advance(self.now)
        self.now = end

    def way(self) -> tuple[object, ...] | None:
        reach = self.routes.best(NET)
        return (reach.ticks, reach.hops, reach.station) if reach else None


@pytest.fixture
def table() -> Table:
    return Table()


def test_fewer_ticks_go_before_fewer_hops(table: Table) -> None:
    table.hear(4, 1, A)
    table.hear(3, 3, B)
    assert table.way() == (3, 3, B)


def test_of_equal_ways_the_one_in_force_stays(table: Table) -> None:
    table.hear(3, 2, B)
    table.hear(3, 2, A)
    assert table.way() == (3, 2, B)
    table.hear(3, 2, B)
    assert table.way() == (3, 2, B)


def test_loss_of_the_best_falls_at_once_to_a_neighbour_that_is_nearer_than_we_were(table: Table) -> None:
    table.hear(3, 2, A)
    table.hear(3, 2, B, table.right)
    table.lose(A)
    assert table.way() == (3, 2, B)


@pytest.mark.parametrize(("hops", "waits"), [(3, 1), (4, 2), (9, 7), (15, 13)])
def test_what_may_be_an_echo_of_us_waits_as_long_as_it_takes_to_die_out(hops: int, waits: int) -> None:
    table = Table()
    table.hear(3, 2, A)
    table.hear(hops + 1, hops, B, table.right)
    table.lose(A)
    assert table.way() is None
    table.wait(waits * SETTLING - 0.1)
    assert table.way() is None
    table.wait(0.2)
    assert table.way() == (hops + 1, hops, B)


def test_an_echo_that_dies_out_meanwhile_is_never_taken(table: Table) -> None:
    table.hear(3, 2, A)
    table.hear(5, 4, B, table.right)
    table.lose(A)
    table.wait(SETTLING)
    table.lose(B, table.right)
    table.wait(2 * HOLD_DOWN)
    assert table.way() is None
    assert len(table.routes) == 0
    assert table.routes.next_deadline() is None


def test_a_neighbour_that_counts_up_is_lost_like_one_that_goes(table: Table) -> None:
    table.hear(3, 2, A)
    for count in range(4, 16):
        table.hear(count + 1, count, A)
        table.wait(1.0)
        assert table.way() is None
    table.lose(A)
    table.wait(2 * HOLD_DOWN)
    assert table.way() is None


def test_the_same_way_is_taken_back_at_once_when_it_returns(table: Table) -> None:
    table.hear(3, 2, A)
    table.lose(A)
    table.wait(1.0)
    table.hear(3, 2, A)
    assert table.way() == (3, 2, A)


def test_after_the_hold_down_the_longer_way_in_force_is_the_measure_of_things(table: Table) -> None:
    table.hear(3, 2, A)
    table.lose(A)
    table.wait(HOLD_DOWN)
    table.hear(9, 8, B, table.right)
    table.hear(9, 8, A)
    assert table.way() == (9, 8, B)
    table.lose(B, table.right)
    assert table.way() == (9, 8, A)


def test_a_second_loss_while_a_longer_way_is_in_force_begins_the_wait_anew(table: Table) -> None:
    table.hear(3, 2, A)
    table.hear(4, 3, B, table.right)
    table.lose(A)
    table.wait(SETTLING + 40)
    assert table.way() == (4, 3, B)
    table.hear(5, 4, A)
    table.lose(B, table.right)
    assert table.way() is None
    table.wait(2 * SETTLING - 0.1)
    assert table.way() is None
    table.wait(0.2)
    assert table.way() == (5, 4, A)


def test_what_the_domain_offers_is_believed_at_once_also_when_it_is_longer(table: Table) -> None:
    table.hear(3, 2, A)
    table.offer(9, 4)
    assert table.way() == (3, 2, A)
    table.lose(A)
    assert table.way() == (9, 4, "there")
    table.offer(12, 5)
    assert table.way() == (12, 5, "there")


def test_a_longer_offer_of_the_domain_does_not_make_echoes_credible(table: Table) -> None:
    table.hear(3, 2, A)
    table.lose(A)
    table.offer(9, 4)
    table.hear(5, 4, B, table.right)
    assert table.way() == (9, 4, "there")
    table.wait(2 * SETTLING)
    assert table.way() == (5, 4, B)


def test_the_loss_of_an_offer_is_a_loss_before_the_next_way_is_looked_for(table: Table) -> None:
    table.hear(3, 2, A)
    table.lose(A)
    table.offer(5, 1)
    table.wait(60.0)
    table.hear(7, 3, B, table.right)
    assert table.way() == (5, 1, "there")
    table.withdraw()
    assert table.way() is None
    table.wait(2 * SETTLING - 0.1)
    assert table.way() is None


def test_an_attached_network_goes_before_everything_and_is_lost_with_its_port(table: Table) -> None:
    table.hear(2, 1, A)
    table.routes.attach(NET, table.right, table.now)
    assert table.way() == (1, 0, None)
    table.right.active = False
    table.routes.refresh(NET, table.now)
    assert table.way() is None
    table.wait(SETTLING)
    assert table.way() == (2, 1, A)
    table.routes.detach(NET, table.now)
    assert table.way() == (2, 1, A)


def test_a_port_that_is_not_active_leads_nowhere_but_remembers(table: Table) -> None:
    table.left.active = False
    table.hear(2, 1, A)
    assert table.way() is None
    table.left.active = True
    table.routes.refresh(NET, table.now)
    assert table.way() == (2, 1, A)


def test_the_best_way_through_our_links_is_known_beside_a_better_one_through_the_domain(table: Table) -> None:
    table.hear(4, 2, A)
    table.offer(4, 1)
    assert table.way() == (4, 1, "there")
    through = table.routes.through_links(NET, table.now)
    assert through is not None
    assert through.station == A
    table.lose(A)
    assert table.routes.through_links(NET, table.now) is None


def test_who_may_have_forgotten_what_it_told_takes_at_once_only_what_cannot_be_its_own(table: Table) -> None:
    table.routes.forgetful = lambda _port, _now: True
    table.hear(3, 2, A)
    assert table.way() is None
    assert table.routes.denied == {NET}
    table.hear(2, 1, B)
    assert table.way() == (2, 1, B)
    other = Table()
    other.routes.forgetful = lambda _port, _now: True
    other.hear(3, 2, A)
    other.wait(SETTLING)
    assert other.way() == (3, 2, A)


def test_who_takes_over_answers_for_what_was_said_before(table: Table) -> None:
    shared = table.left.node
    table.left.active = False
    table.hear(3, 2, shared)
    table.left.active = True
    table.hear(4, 3, B, table.right)
    said = table.routes.inherit(NET, table.left, shared, table.now)
    assert said is not None
    assert said[:2] == (3, 2)
    assert table.way() is None
    table.wait(2 * SETTLING)
    assert table.way() == (4, 3, B)


def test_who_takes_over_waits_for_what_was_said_until_then_and_not_for_an_earlier_loss(table: Table) -> None:
    shared = table.left.node
    table.hear(2, 1, A)
    table.lose(A)
    table.wait(2 * SETTLING)
    table.left.active = False
    table.hear(3, 2, shared)
    table.left.active = True
    table.routes.inherit(NET, table.left, shared, table.now)
    table.hear(4, 3, B, table.right)
    assert table.way() is None
    table.wait(2 * SETTLING)
    assert table.way() == (4, 3, B)


def test_who_takes_over_without_having_listened_doubts_what_other_lans_say(table: Table) -> None:
    table.hear(4, 3, B, table.right)
    table.routes.doubt(table.right, table.now)
    assert table.way() == (4, 3, B)
    table.routes.doubt(table.left, table.now)
    assert table.way() is None
    assert table.routes.denied == {NET}
    table.wait(2 * SETTLING)
    assert table.way() == (4, 3, B)


def test_changes_are_told_apart_from_mere_news(table: Table) -> None:
    table.hear(3, 2, A)
    assert (table.routes.moved, table.routes.touched) == ({NET}, {NET})
    table.routes.moved.clear()
    table.routes.touched.clear()
    table.hear(5, 4, B)
    assert (table.routes.moved, table.routes.touched) == (set(), {NET})
    table.routes.touched.clear()
    table.hear(5, 4, B)
    assert (table.routes.moved, table.routes.touched) == (set(), set())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), st.integers(1, 9), st.integers(1, 9), st.sampled_from([A, B])),
        st.tuples(st.just("lose"), st.just(0), st.just(0), st.sampled_from([A, B])),
        st.tuples(st.just("offer"), st.integers(1, 9), st.integers(1, 9), st.just(A)),
        st.tuples(st.just("withdraw"), st.just(0), st.just(0), st.just(A)),
        st.tuples(st.just("wait"), st.integers(0, 90), st.just(0), st.just(A)),
    ),
    max_size=40,
)


@given(STEPS)
def test_nothing_is_kept_for_ever_and_what_is_there_is_found(
    steps: list[tuple[str, int, int, bytes]],
) -> None:
    table = Table()
    actions: dict[str, Callable[[int, int, bytes], object]] = {
        "hear": table.hear,
        "lose": lambda _ticks, _hops, station: table.lose(station),
        "offer": lambda ticks, hops, _station: table.offer(ticks, hops),
        "withdraw": lambda _ticks, _hops, _station: table.withdraw(),
        "wait": lambda seconds, _hops, _station: table.wait(seconds),
    }
    for action, ticks, hops, station in steps:
        actions[action](ticks, hops, station)
    table.wait(2 * HOLD_DOWN)
    ways = [(way.ticks, way.hops) for way in table.routes.ways(NET)]
    if table.offered is not None:
        ways.append(table.offered[:2])
    assert (way[:2] if (way := table.way()) else None) == min(ways, default=None)
    table.withdraw()
    for station in (A, B):
        table.lose(station)
    table.wait(2 * HOLD_DOWN)
    assert len(table.routes) == 0
    assert table.routes.next_deadline() is None


def test_what_is_not_repeated_for_four_intervals_is_up(table: Table) -> None:
    table.hear(3, 2, A)
    table.now += AGE_LIMIT - 1
    assert list(table.hearings.expired(table.now)) == []
    table.now += 1
    (old,) = table.hearings.expired(table.now)
    assert list(old.keys) == [NET]
