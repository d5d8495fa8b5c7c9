"""Of the gateways of a LAN the one in the highest turn counts; what the others offer through it does not."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.directory.filters import Filter, Policy
from nwip.directory.lans import is_turn
from nwip.directory.records import Change, Key, Kind, Record, Route, Value
from nwip.directory.table import SLICE, Directory

A, B, C = (letter * 16 for letter in (b"A", b"B", b"C"))
LAN, OTHER_LAN, BEHIND = 0xC0FFEE, 0xBEEF, 0x2E5A0001
TO_LAN: Key = (Kind.ROUTE, LAN, "")
TO_BEHIND: Key = (Kind.ROUTE, BEHIND, "")


class Copy:
    """A directory with what its changes say is in use, as a gateway keeps it."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.directory.freeze(0.0)
        self.directory.thaw(0.0)
        self.used: dict[tuple[bytes, Key], Value] = {}
        self._counter = 0

    def merge(self, owner: bytes, *values: Value) -> None:
        for value in values:
            self._counter += 1
            self._apply(self.directory.merge(Record(owner, 1, self._counter, value), 0.0))
        self.settle()

    def withdraw(self, owner: bytes, *keys: Key) -> None:
        for key in keys:
            self._counter += 1
            self._apply(self.directory.withdraw(owner, key, (1, self._counter), 0.0))
        self.settle()

    def settle(self) -> list[Change]:
        told = []
        while self.directory.next_deadline() == 0.0:
            for change in self.directory.expire(0.0):
                self._apply(change)
                told.append(change)
        return told

    def users(self, key: Key) -> list[bytes]:
        return [record.owner for record in self.directory.offers(key)]

    def _apply(self, change: Change | None) -> None:
        if change is None:
            return
        place = (change.record.owner, change.record.key)
        if change.removed or change.hidden:
            self.used.pop(place, None)
        else:
            self.used[place] = change.record.value


def two_gateways() -> Copy:
    """Return a copy in which A is active on the LAN, and B was before it, or will be."""
    copy = Copy()
    copy.merge(A, Route(LAN, 0, 1, LAN, 1), Route(BEHIND, 1, 2, LAN))
    copy.merge(B, Route(BEHIND, 1, 2, LAN))
    return copy


def test_who_takes_over_supersedes_every_route_of_the_other_through_that_lan_at_once() -> None:
    copy = two_gateways()
    assert (copy.users(TO_LAN), copy.users(TO_BEHIND)) == ([A], [A])
    copy.directory.merge(Record(B, 1, 9, Route(LAN, 0, 1, LAN, 2)), 0.0)
    assert (copy.users(TO_LAN), copy.users(TO_BEHIND)) == ([B], [B])
    best = copy.directory.best(TO_LAN)
    assert best is not None
    assert best.owner == B


def test_what_is_superseded_is_kept_and_told_as_a_claim() -> None:
    copy = two_gateways()
    copy.merge(B, Route(LAN, 0, 1, LAN, 2))
    assert [record.owner for record in copy.directory.claims(TO_LAN)] == [A, B]
    assert [record.value for record in copy.directory.of_owner(A)] == [
        Route(LAN, 0, 1, LAN, 1),
        Route(BEHIND, 1, 2, LAN),
    ]
    assert copy.directory.count_of(A) == 2


def test_a_takeover_is_told_as_a_change_of_every_route_that_it_concerns() -> None:
    copy = two_gateways()
    copy.directory.merge(Record(B, 1, 9, Route(LAN, 0, 1, LAN, 2)), 0.0)
    assert copy.directory.next_deadline() == 0.0
    assert {(change.record.owner, change.record.key, change.hidden) for change in copy.settle()} == {
        (A, TO_LAN, True),
        (A, TO_BEHIND, True),
        (B, TO_LAN, False),
        (B, TO_BEHIND, False),
    }
    assert copy.directory.next_deadline() != 0.0


def test_when_the_one_that_took_over_withdraws_the_one_before_counts_again() -> None:
    copy = two_gateways()
    copy.merge(B, Route(LAN, 0, 1, LAN, 2))
    copy.withdraw(B, TO_LAN)
    assert (copy.users(TO_LAN), copy.users(TO_BEHIND)) == ([A], [A])
    copy.withdraw(A, TO_LAN)
    assert copy.users(TO_BEHIND) == [A, B], "nobody says that it is active, so nobody is superseded"


def test_when_the_dead_ones_lease_ends_nothing_is_left_of_it() -> None:
    copy = Copy()
    directory = copy.directory
    for owner, turn in ((A, 1), (B, 2)):
        directory.heard(owner, 1, 1, 15.0 * turn, 0.0, 0.0)
        copy.merge(owner, Route(LAN, 0, 1, LAN, turn), Route(BEHIND, 1, 2, LAN))
    directory.expire(15.0)
    assert directory.of_owner(A) == []
    assert directory.lans.active(LAN) == B
    directory.expire(30.0)
    assert directory.lans.active(LAN) is None
    assert directory.lans._routes == directory.lans._turns == {}


def test_in_one_turn_the_higher_owner_counts_and_a_route_of_an_older_program_is_never_superseded() -> None:
    copy = Copy()
    copy.merge(A, Route(LAN, 0, 1, LAN, 5))
    copy.merge(B, Route(LAN, 0, 1, LAN, 5))
    copy.merge(C, Route(LAN, 0, 1))
    assert copy.users(TO_LAN) == [B, C]


def test_only_a_route_to_the_lan_itself_says_who_is_active_there() -> None:
    copy = two_gateways()
    copy.merge(
        B, Route(BEHIND, 0, 1, LAN, 99), Route(OTHER_LAN, 0, 1, OTHER_LAN, 99), Route(LAN, 1, 2, LAN, 99)
    )
    assert copy.directory.lans.active(LAN) == A
    assert copy.directory.lans.active(OTHER_LAN) == B
    assert copy.directory.lans.active(BEHIND) is None
    assert not is_turn(Route(LAN, 0, 1))


def test_a_way_that_does_not_go_through_the_lan_stands_whoever_is_active_there() -> None:
    copy = two_gateways()
    copy.merge(C, Route(BEHIND, 3, 9))
    copy.merge(B, Route(LAN, 0, 1, LAN, 2))
    copy.withdraw(B, TO_BEHIND)
    assert copy.users(TO_BEHIND) == [C]


def test_filters_do_not_change_who_is_active() -> None:
    copy = two_gateways()
    copy.directory.set_policy(Policy([Filter("deny", "route", networks=(LAN,))]))
    copy.merge(B, Route(LAN, 0, 1, LAN, 2))
    assert copy.users(TO_LAN) == []
    assert copy.users(TO_BEHIND) == [B]
    copy.directory.set_policy(Policy(()))
    assert copy.users(TO_LAN) == [B]


def test_the_highest_turn_of_others_is_known() -> None:
    copy = two_gateways()
    copy.merge(B, Route(LAN, 0, 1, LAN, 7))
    lans = copy.directory.lans
    assert [lans.highest_turn(LAN, besides) for besides in (b"", A, B, C)] == [7, 7, 1, 7]
    assert lans.highest_turn(OTHER_LAN) is None


def test_registering_the_same_turn_anew_changes_nothing() -> None:
    copy = two_gateways()
    copy.directory.merge(Record(A, 2, 1, Route(LAN, 0, 1, LAN, 1)), 0.0)
    assert copy.settle() == []
    assert copy.users(TO_BEHIND) == [A]


def test_a_takeover_of_many_routes_is_told_in_slices() -> None:
    copy = Copy()
    copy.merge(A, Route(LAN, 0, 1, LAN, 1), *(Route(number, 1, 2, LAN) for number in range(1, 3 * SLICE)))
    copy.directory.merge(Record(B, 1, 1, Route(LAN, 0, 1, LAN, 2)), 0.0)
    sizes = []
    while copy.directory.next_deadline() == 0.0:
        sizes.append(len(copy.directory.expire(0.0)))
    assert max(sizes) == SLICE
    assert sum(sizes) == 3 * SLICE + 1


def test_a_takeover_is_told_even_while_nothing_expires() -> None:
    copy = two_gateways()
    copy.directory.freeze(0.0)
    copy.directory.merge(Record(B, 1, 9, Route(LAN, 0, 1, LAN, 2)), 0.0)
    assert copy.directory.next_deadline() == 0.0
    assert len(copy.settle()) == 4
    assert copy.directory.next_deadline() is None


def test_a_lookup_looks_at_no_other_network(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = two_gateways()
    copy.merge(B, Route(LAN, 0, 1, LAN, 2))
    monkeypatch.setattr(copy.directory.lans, "_of_owner", None)
    monkeypatch.setattr(copy.directory.lans, "_turns", None)
    monkeypatch.setattr(copy.directory.lans, "_routes", None)
    assert (copy.users(TO_LAN), copy.users(TO_BEHIND)) == ([B], [B])


ROUTES = st.builds(
    Route,
    st.sampled_from([1, 2, 3]),
    st.integers(0, 1),
    st.just(1),
    st.sampled_from([0, 1, 2]),
    st.integers(0, 2),
)
STEPS = st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 3) | ROUTES), max_size=30)


@settings(max_examples=400)
@given(STEPS)
def test_what_is_used_is_what_the_rule_says_and_the_changes_tell_all_of_it(
    steps: list[tuple[bytes, int | Route]],
) -> None:
    copy = Copy()
    for owner, step in steps:
        if isinstance(step, Route):
            copy.merge(owner, step)
        else:
            copy.withdraw(owner, (Kind.ROUTE, step, ""))
    routes = [record for owner in (A, B, C) for record in copy.directory.of_owner(owner)]
    active = {}
    for lan in (1, 2):
        turns = [
            (value.turn, record.owner)
            for record in routes
            if isinstance(value := record.value, Route)
            and (value.network, value.hops, value.lan) == (lan, 0, lan)
        ]
        if turns:
            active[lan] = max(turns)[1]
    expected = {
        (record.owner, record.key): value
        for record in routes
        if isinstance(value := record.value, Route) and active.get(value.lan, record.owner) == record.owner
    }
    offered = {
        (record.owner, key): record.value
        for key in copy.directory.keys(Kind.ROUTE)
        for record in copy.directory.offers(key)
    }
    assert offered == copy.used == expected


@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_of_messages_makes_no_difference(
    steps: list[tuple[bytes, int | Route]], rng: Random
) -> None:
    records = [
        Record(owner, 1, number, value)
        for number, (owner, value) in enumerate(steps, start=1)
        if isinstance(value, Route)
    ]
    first, second = Directory(), Directory()
    for record in records:
        first.merge(record, 0.0)
    rng.shuffle(records)
    for record in records:
        second.merge(record, 0.0)
    for key in first.keys(Kind.ROUTE):
        assert first.offers(key) == second.offers(key)
