import pytest

from nwip.security.invitations import Pending, mark_of
from nwip.security.membership import Membership, NotAdmitted
from nwip.security.roster import Roster
from nwip.security.statements import Member, read_statement
from security.membership_parts import AUTHORITY, DOMAIN, founder, key

GUEST, OTHER = key("guest"), key("other")


def invite(dss: Membership, role: str = "node") -> Pending:
    assert dss.invitations is not None
    secret = dss.invitations.issue(role, "museum", (0xC0FFEE,), 0.0)  # type: ignore[arg-type]
    found = dss.invitations.find(mark_of(secret), 0.0)
    assert found is not None
    return found


def test_an_invitation_buys_a_membership() -> None:
    dss = founder()
    signed = dss.admit(GUEST.public, invite(dss), 1.0)
    said = read_statement(signed, AUTHORITY.public, DOMAIN)
    assert said == Member(GUEST.public, "node", "museum", (0xC0FFEE,), 1)
    assert dss.roster.member(GUEST.identity) == said
    assert dss.is_member(GUEST.public)
    assert not dss.is_dss(GUEST.public)


def test_it_buys_one_only_however_often_it_is_shown() -> None:
    dss = founder()
    pending = invite(dss)
    signed = dss.admit(GUEST.public, pending, 1.0)
    assert dss.admit(GUEST.public, pending, 2.0) == signed
    with pytest.raises(NotAdmitted, match="has been used"):
        dss.admit(OTHER.public, pending, 2.0)
    with pytest.raises(NotAdmitted, match="24 hours"):
        dss.admit(GUEST.public, pending, 86_400.0)
    assert not dss.is_member(OTHER.public)


def test_that_of_a_dss_buys_one_for_the_node_beside_it_too() -> None:
    dss = founder()
    pending = invite(dss, "dss")
    for _ in range(2):
        dss.admit(GUEST.public, pending, 1.0)
        dss.admit(OTHER.public, pending, 1.0)
    assert dss.is_dss(GUEST.public)
    assert dss.is_member(OTHER.public)
    assert not dss.is_dss(OTHER.public)


def test_a_member_that_is_invited_again_is_what_the_new_invitation_says() -> None:
    dss = founder()
    dss.admit(GUEST.public, invite(dss), 1.0)
    again = invite(dss, "dss")
    dss.admit(GUEST.public, again, 1.0)
    assert dss.is_dss(GUEST.public)
    assert dss.invitations is not None
    assert dss.invitations.find(again.mark, 1.0, OTHER.public).spent == (GUEST.public,)  # type: ignore[union-attr]


def test_a_dss_whose_invitation_was_spent_before_a_crash_is_a_dss_when_it_comes_again() -> None:
    dss = founder()
    pending = invite(dss, "dss")
    assert dss.invitations is not None
    dss.invitations.spend(pending.mark, 1.0, GUEST.public)
    dss.admit(GUEST.public, pending, 1.0)
    assert dss.is_dss(GUEST.public)


def test_a_full_domain_says_so_and_the_invitation_stays_good() -> None:
    dss = founder()
    dss.roster = Roster(AUTHORITY.public, DOMAIN, limit=1)
    dss.admit(key("first").public, invite(dss), 1.0)
    pending = invite(dss)
    with pytest.raises(NotAdmitted, match="as many members"):
        dss.admit(GUEST.public, pending, 1.0)
    assert dss.invitations is not None
    assert dss.invitations.find(pending.mark, 1.0, OTHER.public) is not None
    assert dss.admit(key("first").public, pending, 1.0), "whoever is there already takes no room"


def test_a_revoked_key_stays_out_with_its_old_invitation_and_with_a_new_one() -> None:
    dss = founder()
    old = invite(dss)
    dss.admit(GUEST.public, old, 1.0)
    dss.revoke(GUEST.identity)
    for pending in (old, invite(dss)):
        with pytest.raises(NotAdmitted, match="revoked"):
            dss.admit(GUEST.public, pending, 2.0)
    with pytest.raises(NotAdmitted, match="has been used"):
        dss.admit(OTHER.public, old, 2.0)
    (gone,) = dss.roster.revocations()
    assert (gone.identity, gone.name) == (GUEST.identity, "museum")


def test_the_invitation_is_spent_on_the_disk_before_the_member_is_made() -> None:
    dss = founder()
    pending = invite(dss)
    kept: list[tuple[bool, bool]] = []

    def keep() -> None:
        assert dss.invitations is not None
        kept.append(
            (dss.invitations.find(pending.mark, 1.0, OTHER.public) is None, dss.is_member(GUEST.public))
        )

    dss.keep = keep
    dss.admit(GUEST.public, pending, 1.0)
    assert kept == [(True, False), (True, True)]


def test_a_disk_that_is_full_lets_nobody_in_and_the_guest_may_try_again() -> None:
    dss = founder()
    pending = invite(dss)

    def keep() -> None:
        raise OSError(28, "No space left on device")

    dss.keep = keep
    with pytest.raises(NotAdmitted, match="No space left"):
        dss.admit(GUEST.public, pending, 1.0)
    assert not dss.is_member(GUEST.public)
    dss.keep = lambda: None
    assert dss.admit(GUEST.public, pending, 1.0)
    dss.keep = keep
    with pytest.raises(NotAdmitted, match="No space left"):
        dss.admit(GUEST.public, pending, 1.0)


def test_a_secret_that_cannot_be_kept_changes_nothing() -> None:
    dss = founder()
    assert dss.rotate(b"1" * 32, 0.0) == 1

    def keep() -> None:
        raise OSError(28, "No space left on device")

    dss.keep = keep
    with pytest.raises(OSError, match="No space left"):
        dss.rotate(b"2" * 32, 0.0)
    assert dss.secrets.current == (1, b"1" * 32)
    dss.keep = lambda: None
    assert dss.rotate(b"3" * 32, 1.0) == 2
    assert dss.secrets.of_epoch(1, 1.0) == b"1" * 32


def test_without_the_authoritys_key_nobody_is_admitted_or_revoked() -> None:
    dss = founder()
    pending = invite(dss)
    dss.signer = None
    with pytest.raises(NotAdmitted, match="makes no members"):
        dss.admit(GUEST.public, pending, 1.0)
    with pytest.raises(NotAdmitted, match="authority's key"):
        dss.revoke(GUEST.identity)


def test_an_invitation_that_is_not_known_buys_nothing() -> None:
    with pytest.raises(NotAdmitted, match="not known"):
        founder().admit(GUEST.public, invite(founder()), 1.0)


def test_serials_grow() -> None:
    dss = founder()
    for name in ("a", "b"):
        dss.admit(key(name).public, invite(dss), 1.0)
    dss.revoke(key("a").identity)
    assert [each.serial for each in dss.roster.members()] == [2]
    assert [each.serial for each in dss.roster.revocations()] == [3]
