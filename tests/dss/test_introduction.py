"""Who is let in at a sealed DSS, and what becomes of guests, on a simulated clock."""

from __future__ import annotations

import pytest

from dss.sealed_engines import come, engine_of, last_reason, told
from dss.sealed_parties import SECRET, inviting, party, revoked, statement
from nwip.dss.introduction import NotLetInError, guest_seal, judge, member_seal
from nwip.dss.messages import (
    Goodbye,
    Joined,
    Reason,
    Roster,
)
from nwip.dss.session import Proof
from nwip.security import statements
from nwip.security.invitations import Invitation
from nwip.security.keys import KeyPair
from nwip.security.membership import Membership
from nwip.security.stream import Hint, of_guest, of_member
from nwip.wire import WireError
from security.membership_parts import STRANGER, key, member


def guest_of(membership: Membership, guest: KeyPair, secret: bytes) -> Proof:
    assert membership.invitations is not None
    seal = guest_seal(invitation_of(membership, secret), guest)
    payload, psk = seal.choose(Hint(membership.key.public))
    found, proof = judge(membership, guest.public, payload, 0.0, only_dss=False)
    assert found == psk
    return proof


def invitation_of(membership: Membership, secret: bytes) -> Invitation:
    return Invitation(
        domain=membership.domain,
        servers=[("127.0.0.1", 396)],
        dss_key=membership.key.public,
        authority=membership.authority,
        secret=secret,
    )


def invite(membership: Membership) -> bytes:
    assert membership.invitations is not None
    return membership.invitations.issue("node", "guest", (), 0.0)


def test_a_guest_becomes_a_member_and_is_sent_away() -> None:
    membership = inviting()
    server = engine_of(membership)
    ann_in = come(server, Proof(key("ann").identity))
    told(ann_in)
    proof = guest_of(membership, key("guest"), invite(membership))
    assert not membership.is_member(key("guest").public)  # the handshake alone does nothing
    guest = come(server, proof, role="reader")
    assert membership.is_member(key("guest").public)
    heard = told(guest)
    assert list(dict.fromkeys(type(m).__name__ for m in heard)) == [
        "Hello", "DomainParameters", "Joined", "Roster", "DomainSecret", "Goodbye",
    ]  # fmt: skip
    joined = heard[2]
    assert isinstance(joined, Joined)
    found = statements.read_statement(joined.statement, membership.authority, membership.domain)
    assert isinstance(found, statements.Member)
    assert found.public == key("guest").public
    assert guest.closing
    server.advance(0.0)
    assert told(ann_in) == [Roster([joined.statement])]


def test_of_two_guests_with_one_invitation_one_wins() -> None:
    membership = inviting()
    server = engine_of(membership)
    secret = invite(membership)
    proofs = [guest_of(membership, key(name), secret) for name in ("one", "two")]  # both before either is in
    first, second = (come(server, proof, role="reader") for proof in proofs)
    assert isinstance(told(first)[-1], Goodbye)
    assert last_reason(second) == Reason.NOT_ADMITTED
    assert membership.is_member(key("one").public)
    assert not membership.is_member(key("two").public)
    with pytest.raises(NotLetInError, match="has been used"):
        guest_of(membership, key("two"), secret)


def test_a_guest_whose_answer_was_lost_gets_it_again() -> None:
    membership = inviting()
    server = engine_of(membership)
    secret = invite(membership)
    first, again = (
        told(come(server, guest_of(membership, key("one"), secret), role="reader")) for _ in range(2)
    )
    assert first == again


def test_a_guest_does_nothing_else() -> None:
    membership = inviting()
    server = engine_of(membership)
    proof = guest_of(membership, key("one"), invite(membership))
    assert last_reason(come(server, proof, role="node")) == Reason.NOT_ALLOWED
    assert not membership.is_member(key("one").public)
    come(server, proof, role="reader")
    assert membership.is_member(key("one").public)
    assert last_reason(come(server, proof, role="node")) == Reason.NOT_ALLOWED  # it has to come as a member


def judged(membership: Membership, name: str, payload: bytes, *, only_dss: bool = False) -> Reason | None:
    try:
        judge(membership, key(name).public, payload, 0.0, only_dss=only_dss)
    except NotLetInError as error:
        return Reason(error.refusal.reason)
    return None


def test_who_is_let_in_and_why_others_are_not() -> None:
    membership = inviting()
    membership.roster.merge(revoked("bob"))
    secret = invite(membership)
    guest = guest_seal(invitation_of(membership, secret), key("x")).choose(Hint(b"")).payload
    assert judged(membership, "ann", of_member(1)) is None
    assert judged(membership, "dss2", of_member(1), only_dss=True) is None
    assert judged(membership, "x", guest) is None
    assert judged(membership, "ann", of_member(1), only_dss=True) == Reason.ROLE
    assert judged(membership, "ann", of_member(2)) == Reason.NOT_ADMITTED
    assert judged(membership, "x", of_member(1)) == Reason.NOT_ADMITTED
    assert judged(membership, "x", of_guest(b"m" * 16)) == Reason.NOT_ADMITTED
    assert judged(membership, "x", guest, only_dss=True) == Reason.NOT_ADMITTED
    assert judged(party("dss2"), "x", guest) == Reason.NOT_ADMITTED
    assert judged(membership, "bob", of_member(1)) is None, "it is told why behind its hello"
    assert judged(membership, "bob", of_member(9)) == Reason.REVOKED
    assert judged(membership, "bob", guest) == Reason.REVOKED
    with pytest.raises(WireError):
        judge(membership, key("ann").public, b"\7", 0.0, only_dss=False)


def test_a_client_uses_the_secret_that_the_dss_has() -> None:
    membership = party("ann")
    membership.secrets.rotate(b"2" * 32, 0.0)
    choose = member_seal(membership).choose
    public = key("dss").public
    assert choose(Hint(public, 2)) == (of_member(2), b"2" * 32)
    assert choose(Hint(public, 1)) == (of_member(1), SECRET)  # a DSS that has not heard of the change yet
    assert choose(Hint(public, 3)) == choose(Hint(public)) == (of_member(2), b"2" * 32)
    for stranger in ("bob", "nobody"):
        with pytest.raises(WireError, match="no DSS"):
            choose(Hint(key(stranger).public, 2))
    membership.roster.merge(revoked("dss"))
    with pytest.raises(WireError, match="revoked"):
        choose(Hint(public, 2))


def test_a_dss_that_has_come_meanwhile_shows_that_it_is_one() -> None:
    membership = party("ann", knows=("ann",))
    choose = member_seal(membership).choose
    public = key("dss").public
    with pytest.raises(WireError, match="no DSS"):
        choose(Hint(public, 1))
    with pytest.raises(WireError, match="no DSS"):  # the statement of another
        choose(Hint(key("eve").public, 1, statement("dss2")))
    with pytest.raises(WireError, match="not signed"):
        choose(Hint(public, 1, STRANGER.sign(member("dss", 1, "dss"), membership.domain)))
    assert choose(Hint(public, 1, statement("dss"))) == (of_member(1), SECRET)
    membership.roster.merge(revoked("dss"))
    with pytest.raises(WireError, match="revoked"):
        choose(Hint(public, 1, statement("dss")))


def test_a_dss_takes_members_that_slept_through_a_change() -> None:
    membership = party("dss")
    for number in range(2, 6):
        membership.secrets.rotate(bytes([number]) * 32, 0.0)
    psk, proof = judge(membership, key("ann").public, of_member(1), 1e6, only_dss=False)
    assert (psk, proof) == (SECRET, Proof(key("ann").identity))
