"""When a link is told what: everything every minute, changes at once, losses again, and no bursts."""

import pytest

from nwip.routing.teller import NEVER, SLICE, Teller
from nwip.routing.timers import HOLD_DOWN, PACKET_GAP, REPEAT, REPEATS, UPDATE_INTERVAL

SIZE = 3


class Link:
    """A teller of hops by name, whose packets are lists of them; `sent` is what it sent, and when."""

    def __init__(self, limit: int = 1000) -> None:
        self.now = 0.0
        self.table: dict[str, int] = {}
        self.sent: list[tuple[float, dict[str, int]]] = []
        self.teller: Teller[str, tuple[str, int]] = Teller(
            lambda: list(self.table),
            lambda name: (name, self.table[name]) if name in self.table else None,
            lambda entry: (entry[0], 16),
            lambda entries: repr(dict(entries)).encode(),
            SIZE,
            limit,
        )

    def set(self, name: str, hops: int | None) -> None:
        if hops is None:
            del self.table[name]
        else:
            self.table[name] = hops
        self.teller.change(name)

    def run(self, seconds: float) -> list[tuple[float, dict[str, int]]]:
        """Drive it to its deadlines; return what was sent, times rounded to a thousandth."""
        self.sent.clear()
        end = self.now + seconds
        while (due := self.teller.deadline) <= end:
            self.now = max(self.now, due)
            packet = self.teller.advance(self.now)
            if packet is not None:
                self.sent.append((round(self.now, 3), eval(packet)))  # noqa: S307 - our own dictionary
        self.now = end
        return list(self.sent)


@pytest.fixture
def link() -> Link:
    return Link()


def test_everything_is_told_at_the_start_and_every_minute(link: Link) -> None:
    link.table = {"a": 1, "b": 2}
    assert link.run(10) == []
    link.teller.start(15.0)
    assert link.run(130) == [(15.0 + turn * UPDATE_INTERVAL, {"a": 1, "b": 2}) for turn in range(3)]


def test_a_change_is_told_at_once_and_what_is_no_change_is_not(link: Link) -> None:
    link.table = {"a": 1}
    link.teller.start(0.0)
    link.run(10)
    link.set("b", 3)
    link.teller.change("a")
    link.teller.change("nobody")
    assert link.run(10) == [(10.0, {"b": 3})]
    link.set("b", 2)
    assert link.run(10) == [(20.0, {"b": 2})]


def test_a_loss_is_told_at_once_and_again_and_in_the_updates_of_the_hold_down(link: Link) -> None:
    link.table = {"a": 1, "b": 1}
    link.teller.start(0.0)
    link.run(10)
    link.set("b", None)
    told = link.run(HOLD_DOWN + UPDATE_INTERVAL)
    assert [time for time, packet in told if packet == {"b": 16}] == [
        10.0 + turn * REPEAT for turn in range(REPEATS + 1)
    ]
    updates = [packet for _, packet in told if "a" in packet]
    assert updates == [{"a": 1, "b": 16}, {"a": 1}]


def test_what_returns_is_told_and_its_loss_repeated_no_more(link: Link) -> None:
    link.table = {"a": 1}
    link.teller.start(0.0)
    link.run(10)
    link.set("a", None)
    link.run(1)
    link.set("a", 4)
    assert link.run(20) == [(11.0, {"a": 4})]


def test_what_was_never_told_is_not_said_to_be_lost(link: Link) -> None:
    link.teller.start(0.0)
    link.run(1)
    link.set("a", 1)
    link.set("a", None)
    assert link.run(100) == []


def test_packets_of_an_update_are_a_tick_apart_and_full(link: Link) -> None:
    link.table = {f"n{number}": 1 for number in range(10)}
    link.teller.start(0.0)
    told = link.run(30)
    assert [len(packet) for _, packet in told] == [3, 3, 3, 1]
    assert [time for time, _ in told] == [round(turn * PACKET_GAP, 3) for turn in range(4)]


def test_a_change_does_not_wait_for_the_end_of_a_long_update(link: Link) -> None:
    link.table = {f"n{number:02}": 1 for number in range(30)}
    link.teller.start(0.0)
    link.run(PACKET_GAP / 2)
    link.set("n29", 2)
    told = link.run(3)
    assert told[0] == (PACKET_GAP, {"n29": 2})
    assert sum(len(packet) for _, packet in told) == 28


def test_an_unchanged_update_is_made_only_once(link: Link) -> None:
    made: list[int] = []
    link.table = {"a": 1, "b": 2}
    entry_of = link.teller._entry_of
    link.teller._entry_of = lambda name: (made.append(1), entry_of(name))[1]  # type: ignore[func-returns-value]
    link.teller.start(0.0)
    assert len(link.run(5 * UPDATE_INTERVAL)) == 6
    assert len(made) == 2
    link.teller.renew()
    link.run(UPDATE_INTERVAL)
    assert len(made) == 4


def test_going_down_takes_everything_back_once_and_ends(link: Link) -> None:
    link.table = {"a": 1, "b": 2, "c": 3, "d": 4}
    link.teller.start(0.0)
    link.run(10)
    link.teller.go_down()
    told = link.run(200)
    assert [packet for _, packet in told] == [{"a": 16, "b": 16, "c": 16}, {"d": 16}]
    assert told[-1][0] - told[0][0] == pytest.approx(PACKET_GAP)
    assert link.teller.idle
    assert link.teller.deadline == NEVER
    link.teller.change("a")
    assert link.run(200) == []


def test_what_another_told_in_our_name_is_put_right(link: Link) -> None:
    link.table = {"a": 1, "b": 2}
    link.teller.start(0.0)
    link.teller.inherit("a", ("a", 7))
    link.teller.inherit("gone", ("gone", 3))
    told = link.run(1.0)
    assert told[0][1] == {"a": 1, "gone": 16}


def test_what_we_may_have_told_of_is_denied_as_often_as_a_loss(link: Link) -> None:
    link.teller.start(0.0)
    link.run(1)
    link.teller.deny("a", ("a", 1), link.now)
    assert [packet for _, packet in link.run(20)] == [{"a": 16}] * (REPEATS + 1)
    link.table["b"] = 1
    link.teller.change("b")
    link.run(1)
    link.teller.deny("b", ("b", 1), link.now)
    assert link.run(20) == []


def test_no_more_is_told_than_the_limit() -> None:
    link = Link(limit=2)
    link.table = {f"n{number}": 1 for number in range(5)}
    link.teller.start(0.0)
    (told,) = link.run(10)
    assert told[1] == {"n0": 1, "n1": 1}


def test_a_stopped_teller_forgets_what_it_told(link: Link) -> None:
    link.table = {"a": 1}
    link.teller.start(0.0)
    link.run(10)
    link.teller.stop()
    link.set("a", None)
    assert link.run(200) == []
    link.teller.start(link.now)
    assert link.run(10) == []


def test_a_loss_in_the_middle_of_an_unchanged_update_is_not_said_to_be_there_by_its_rest(link: Link) -> None:
    link.table = {f"n{number:02}": 1 for number in range(30)}
    link.teller.start(0.0)
    link.run(UPDATE_INTERVAL + 2 * PACKET_GAP)
    link.set("n29", None)
    told = [packet["n29"] for _, packet in link.run(10) if "n29" in packet]
    assert set(told) == {16}


def test_a_large_table_is_looked_through_in_slices() -> None:
    link = Link(limit=100_000)
    link.table = {f"n{number}": 1 for number in range(5 * SLICE)}
    entry_of, looked_at = link.teller._entry_of, [0]

    def quiet(name: str) -> tuple[str, int] | None:
        looked_at[0] += 1
        return None if name != "n0" else entry_of(name)

    link.teller._entry_of = quiet
    link.teller.start(0.0)
    most = 0
    for turn in range(20):
        looked_at[0] = 0
        link.teller.advance(float(turn))
        most = max(most, looked_at[0])
    assert most == SLICE
    for name in link.table:
        link.teller.change(name)
    looked_at[0] = 0
    assert link.teller.advance(30.0) is None
    assert looked_at[0] == SLICE
    assert link.teller.deadline <= 30.0
