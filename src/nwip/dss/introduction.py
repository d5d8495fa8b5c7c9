"""Who is let in at a sealed DSS, and how one introduces oneself there. Pure.

Both sides judge keys by the same roster. A DSS lets members in that know an older domain secret too: they
come for the new one. What a client is told before the handshake's end is not proven: it is for people.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.dss.messages import Reason, Refused
from nwip.dss.session import Proof
from nwip.security.invitations import Invitation, guest_psk, mark_of
from nwip.security.keys import KeyPair, identity_of
from nwip.security.membership import Membership
from nwip.security.stream import Choice, Hint, of_guest, of_member, read_payload
from nwip.wire import WireError

REVOKED_TEXT: Final = "this node was revoked: join again with an invitation, nwip join --anew TOKEN"


class NotLetInError(WireError):
    """Somebody is not let in; `refusal` says why."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.refusal = Refused(reason, text)


class Seal(NamedTuple):
    """What a client needs to call a sealed DSS: see `CallingStream`."""

    key: KeyPair
    domain: str
    choose: Callable[[Hint], Choice]
    server: bytes | None = None


def member_seal(membership: Membership) -> Seal:
    """Return how a member calls any DSS of its domain, with a secret that this one knows.

    A DSS that has become a member meanwhile shows the authority's statement.
    """

    def choose(hint: Hint) -> Choice:
        roster, secrets, epoch = membership.roster, membership.secrets, hint.epoch
        if hint.statement:
            roster.merge(hint.statement)
        if roster.is_revoked(identity_of(hint.public)):
            raise WireError("the DSS there was revoked: it is no member of this domain any more")
        if not membership.is_dss(hint.public):
            raise WireError("what answers there has the key of no DSS of this domain")
        if secrets.current is None:
            raise WireError("the domain's secret is not known here: join the domain with an invitation")
        newest, secret = secrets.current
        older = secrets.for_session(epoch) if epoch is not None and epoch < newest else None
        if epoch is not None and older is not None:
            return Choice(of_member(epoch), older)
        return Choice(of_member(newest), secret)

    return Seal(membership.key, membership.domain, choose)


def guest_seal(invitation: Invitation, key: KeyPair) -> Seal:
    """Return how the holder of a key calls the DSS that has invited it."""

    def choose(hint: Hint) -> Choice:
        del hint  # the invitation names the key, so it was not asked for
        return Choice(of_guest(mark_of(invitation.secret)), guest_psk(invitation.secret))

    return Seal(key, invitation.domain, choose, invitation.dss_key)


def judge(
    membership: Membership, public: bytes, payload: bytes, now: float, *, only_dss: bool
) -> tuple[bytes, Proof]:
    """Return the key shared with whoever comes with a public key and a payload, and whom it proves.

    Who was revoked is let in as far as its Hello, to be shown what the authority has said: what it is told in
    plain it need not believe. `only_dss`: other DSSs are served here, not nodes. Raises `NotLetInError`, or
    `WireError` for a payload that is none.
    """
    identity = identity_of(public)
    introduced = read_payload(payload)
    if membership.roster.is_revoked(identity):
        secret = None if isinstance(introduced, bytes) else membership.secrets.for_session(introduced)
        if secret is None:
            raise NotLetInError(Reason.REVOKED, REVOKED_TEXT)
        return secret, Proof(identity)
    if isinstance(introduced, bytes):
        return _judge_guest(membership, public, introduced, now, only_dss=only_dss)
    member = membership.roster.member(identity)
    if member is None:
        raise NotLetInError(
            Reason.NOT_ADMITTED, "this key is no member's: join with an invitation, nwip join TOKEN"
        )
    if only_dss and member.role != "dss":
        raise NotLetInError(Reason.ROLE, "only sessions between DSS are held on this port")
    secret = membership.secrets.for_session(introduced)
    if secret is None:
        raise NotLetInError(
            Reason.NOT_ADMITTED,
            f"the domain's secret of epoch {introduced} is not known here: join again with an invitation",
        )
    return secret, Proof(identity)


def _judge_guest(
    membership: Membership, public: bytes, mark: bytes, now: float, *, only_dss: bool
) -> tuple[bytes, Proof]:
    if only_dss or membership.invitations is None:
        raise NotLetInError(
            Reason.NOT_ADMITTED, "no guests are let in here: go to the address that the invitation names"
        )
    pending = membership.invitations.remembered(mark, now)
    fault = "this invitation is not known here" if pending is None else pending.fault(public, now)
    if pending is None or fault:
        raise NotLetInError(Reason.NOT_ADMITTED, fault)
    return pending.psk, Proof(identity_of(public), public, pending)
