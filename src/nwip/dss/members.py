"""The members of a sealed domain, as the sessions of one DSS hear of them. Pure.

Whoever changes the roster or the secret, be it another DSS or an operator: everybody is told at the next
`advance`, which is due at once.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

from nwip.dss.exchange import OURSELVES
from nwip.dss.messages import Delta, DomainSecret, Goodbye, Hello, Joined, Message, Reason, Refused, Roster
from nwip.dss.session import Session

if TYPE_CHECKING:
    from nwip.security.membership import Membership
    from nwip.security.statements import Member, Statement

PART: Final = 4  # statements in a message: their signatures are checked in about a millisecond
AT_ONCE: Final = 0.0


class Members:
    """What the engines of a DSS ask about members.

    `listeners` are told each Roster and DomainSecret that is new, and the identity of the DSS that told it;
    `revocation_listeners` each identity that was revoked, and the time. `changed` is called when there is
    something to `advance`.
    """

    def __init__(self, membership: "Membership") -> None:
        self.listeners: list[Callable[[Roster | DomainSecret, bytes], None]] = []
        self.revocation_listeners: list[Callable[[bytes, float], None]] = []
        self.changed: Callable[[], None] = lambda: None
        self._membership = membership
        self._origin = OURSELVES
        self._news: dict[
            bytes, bytes
        ] = {}  # identities that something new was said of, and by whom it was told
        self._secret_from: bytes | None = None
        membership.roster.listeners.append(self._said)
        membership.secrets.listeners.append(self._renewed)

    def member(self, identity: bytes) -> "Member | None":
        """Return what the authority says of a member; None for anybody else."""
        return self._membership.roster.member(identity)

    def introduction(self) -> Iterator[Message]:
        """Give out what a member is told first: all statements, then the secret."""
        return chain(map(Roster, _parts(self._membership.roster.signed())), self._secret())

    def introduce(self, session: Session, now: float) -> Refused | None:
        """Begin to tell a session what a member is told; a guest becomes one, and is sent away to come again.

        Return why it cannot become one, None where all is well.
        """
        session.introduction = self.introduction()
        if session.proof is None or session.proof.invitation is None:
            return None
        from nwip.security.membership import NotAdmitted  # noqa: PLC0415 - plain domains need no ciphers

        try:
            name = session.hello.name if session.hello is not None else ""
            signed = self._membership.admit(session.proof.public, session.proof.invitation, now, name)
        except NotAdmitted as error:
            return Refused(Reason.NOT_ADMITTED, str(error))
        session.send(Joined(signed))
        farewell = Goodbye(text="this node is a member now: it comes again as one")
        session.introduction = chain(self.introduction(), [farewell])
        return None

    def objection(self, session: Session, hello: Hello) -> Refused | None:
        """Say why the other side of a session may not speak as it does, None when it may."""
        proof = session.proof
        if proof is None:
            return Refused(Reason.SEALED, "this domain is sealed")
        if hello.identity != proof.identity:
            return Refused(Reason.NOT_ALLOWED, "the identity in the hello is not that of the key")
        if self._membership.roster.is_revoked(proof.identity):
            return Refused(Reason.REVOKED, "this node was revoked")
        if hello.role == "reader":
            return None
        member = self._membership.roster.member(proof.identity)
        if member is None or proof.invitation is not None:
            return Refused(Reason.NOT_ALLOWED, "a guest comes as a reader")
        if member.role != hello.role:
            return Refused(Reason.ROLE, f"this key is that of a {member.role}")
        return None

    def prove_revoked(self, session: Session) -> None:
        """Show whoever was revoked what the authority has said of it; nobody else is shown anything."""
        if session.proof is None or session.closing:
            return
        signed = self._membership.roster.signed_of(session.proof.identity)
        if signed is not None and self._membership.roster.is_revoked(session.proof.identity):
            session.send(Roster([signed]))

    def take_in(self, message: Roster | DomainSecret, origin: bytes, now: float) -> None:
        """Learn what another DSS tells. Raises `WireError` for what the domain's authority has not signed."""
        self._origin = origin
        try:
            if isinstance(message, DomainSecret):
                self._membership.secrets.learn(message.epoch, message.secret, now)
            else:
                for signed in message.statements:
                    self._membership.roster.merge(signed)
        finally:
            self._origin = OURSELVES

    def without_revoked(self, delta: Delta) -> Delta:
        """Return a Delta without what is said of revoked owners: late news must not bring them back."""
        is_revoked = self._membership.roster.is_revoked
        if not any(is_revoked(item.owner) for items in (delta.leases, delta.records) for item in items):
            return delta
        return Delta(
            [lease for lease in delta.leases if not is_revoked(lease.owner)],
            [record for record in delta.records if not is_revoked(record.owner)],
            delta.withdrawals,
        )

    def look_again(self) -> None:
        """Tell of all that were ever revoked once more: a store may have kept their records."""
        for revocation in self._membership.roster.revocations():
            self._news.setdefault(revocation.identity, OURSELVES)
        self.changed()

    def detach(self) -> None:
        """Listen to roster and secrets no more; safe to call twice."""
        roster, secrets = self._membership.roster, self._membership.secrets
        if self._said in roster.listeners:
            roster.listeners.remove(self._said)
            secrets.listeners.remove(self._renewed)

    def next_deadline(self) -> float | None:
        """Return when `advance` has something to do."""
        return AT_ONCE if self._news or self._secret_from is not None else None

    def advance(self, now: float) -> None:
        """Tell what is new."""
        news, self._news = self._news, {}
        origin, self._secret_from = self._secret_from, None
        roster = self._membership.roster
        for identity in news:
            if roster.is_revoked(identity):
                for revoked in self.revocation_listeners:
                    revoked(identity, now)
        for teller in dict.fromkeys(news.values()):
            told = [roster.signed_of(identity) for identity, by in news.items() if by == teller]
            for part in _parts([signed for signed in told if signed is not None]):
                self._tell(Roster(part), teller)
        if origin is not None:
            for message in self._secret():
                self._tell(message, origin)

    def _tell(self, message: Roster | DomainSecret, origin: bytes) -> None:
        for listener in self.listeners:
            listener(message, origin)

    def _secret(self) -> list[DomainSecret]:
        current = self._membership.secrets.current
        return [DomainSecret(*current)] if current is not None else []

    def _said(self, statement: "Statement") -> None:
        self._news[statement.identity] = self._origin
        self.changed()

    def _renewed(self, epoch: int, secret: bytes) -> None:
        del epoch, secret
        self._secret_from = self._origin
        self.changed()


def _parts(statements: list[bytes]) -> Iterator[list[bytes]]:
    return (statements[start : start + PART] for start in range(0, len(statements), PART))
