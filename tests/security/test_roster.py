import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security.roster import Roster
from nwip.security.statements import Member, Revocation
from nwip.wire import WireError
from security.membership_parts import AUTHORITY, DOMAIN, STRANGER, key, member, revocation, signed

NAMES = ("a", "b", "c")
STATEMENTS = [signed(member(name, serial)) for name in NAMES for serial in (1, 2, 3)] + [
    signed(revocation(name, serial)) for name in NAMES for serial in (1, 4)
]
some_statements = st.lists(st.sampled_from(STATEMENTS), max_size=12)


def roster(*statements: bytes, limit: int = 100) -> Roster:
    made = Roster(AUTHORITY.public, DOMAIN, limit=limit)
    for each in statements:
        made.merge(each)
    return made


def standing(found: Roster) -> set[bytes]:
    return set(found.signed())


@given(some_statements, st.randoms())
def test_copies_that_heard_the_same_hold_the_same_in_whatever_order_and_how_often(
    heard: list[bytes], chance: st.DataObject
) -> None:
    again = heard + heard[: len(heard) // 2]
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert standing(roster(*again)) == standing(roster(*heard))


@given(some_statements, some_statements)
def test_merging_copies_is_the_same_either_way(left: list[bytes], right: list[bytes]) -> None:
    one, other = roster(*left), roster(*right)
    assert standing(roster(*one.signed(), *other.signed())) == standing(roster(*left, *right))
    assert standing(roster(*other.signed(), *one.signed())) == standing(roster(*left, *right))


@given(some_statements)
def test_a_revocation_wins_whenever_it_comes(heard: list[bytes]) -> None:
    made = roster(*heard)
    for name in NAMES:
        revoked = any(signed(revocation(name, serial)) in heard for serial in (1, 4))
        identity, public = key(name).identity, key(name).public
        assert made.is_revoked(identity) == revoked
        said = any(signed(member(name, serial)) in heard for serial in (1, 2, 3))
        assert (made.member(identity) is not None) == (said and not revoked)
        assert made.member_of_key(public) == made.member(identity)


def test_a_later_word_about_a_member_stands() -> None:
    made = roster(signed(member("a", 1)))
    later = Member(key("a").public, "dss", "renamed", (5,), 2)
    assert made.merge(signed(later)) == later
    assert made.member(key("a").identity) == later
    assert made.merge(signed(member("a", 1))) is None
    assert len(made) == len(made._held) == 1


def test_only_what_is_new_is_told_and_is_in_force_by_then() -> None:
    made = roster()
    told: list[Member | Revocation] = []
    made.listeners.append(told.append)
    made.listeners.append(lambda _: told.append(made.members()))  # type: ignore[arg-type]
    first, gone = member("a"), revocation("a", 2)
    for statement in (first, first, gone, first, gone):
        made.merge(signed(statement))
    assert told == [first, [first], gone, []]


def test_what_another_authority_says_changes_nothing() -> None:
    made = roster(signed(member("a")))
    with pytest.raises(WireError):
        made.merge(STRANGER.sign(revocation("a"), DOMAIN))
    with pytest.raises(WireError):
        made.merge(AUTHORITY.sign(revocation("a"), "other.example.org"))
    assert made.member(key("a").identity)


def test_a_full_roster_refuses_members_and_no_revocation() -> None:
    made = roster(signed(member("a")), signed(member("b")), limit=2)
    assert made.is_full
    assert made.merge(signed(member("c"))) is None
    assert made.merge(signed(member("a", 9))), "a later word about one that is there takes no room"
    assert made.merge(signed(revocation("b", 2))) == revocation("b", 2)
    assert made.merge(signed(revocation("unknown", 3))) == revocation("unknown", 3)
    assert made.is_revoked(key("unknown").identity)
    assert not made.member(key("c").identity)


def test_it_knows_the_highest_serial_and_lists_by_it_with_revocations_first() -> None:
    made = roster(signed(member("b", 4)), signed(revocation("c", 7)), signed(member("a", 2)))
    assert made.highest_serial == 7
    assert [each.name for each in made.members()] == ["a", "b"]
    assert [each.name for each in made.revocations()] == ["c"]
    assert made.signed()[0] == signed(revocation("c", 7))
    assert made.signed_of(key("a").identity) == signed(member("a", 2))
