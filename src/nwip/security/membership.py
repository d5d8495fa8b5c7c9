"""What a party to a sealed domain has: its key, what it knows of others, on one DSS the authority. Pure.

A node and the DSS beside it have a key, so a `Membership`, each; roster and secrets are the same objects.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nwip.directory.records import Identity
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitations, Pending
from nwip.security.keys import KeyPair, identity_of
from nwip.security.roster import Roster
from nwip.security.statements import Authority, Member, Revocation


class NotAdmitted(Exception):  # noqa: N818 - reads as what happened
    """Somebody cannot become a member; the message is one sentence for it."""


def _nothing() -> None:
    """Keep nothing: for what lasts as long as the program."""


@dataclass(slots=True)
class Membership:
    """A party to a sealed domain.

    `authority` is the public key by which statements are judged. `signer` and `invitations` are there on the
    DSS that holds the authority's private key, and only there. `keep` returns when all that has changed is on
    the disk, and raises `OSError` when it cannot be.
    """

    key: KeyPair
    domain: str
    authority: bytes
    roster: Roster
    secrets: DomainSecrets
    invitations: Invitations | None = None
    signer: Authority | None = None
    keep: Callable[[], None] = _nothing

    @property
    def identity(self) -> Identity:
        """The identity of its key."""
        return self.key.identity

    def is_member(self, public: bytes) -> bool:
        """Say whether the holder of a key takes part."""
        return self.roster.member_of_key(public) is not None

    def is_dss(self, public: bytes) -> bool:
        """Say whether the holder of a key takes part as a DSS."""
        member = self.roster.member_of_key(public)
        return member is not None and member.role == "dss"

    def admit(self, public: bytes, pending: Pending, now: float, name: str = "") -> bytes:
        """Make the holder of a key a member by an invitation, which is spent; return its signed statement.

        Both are on the disk before. Whoever was let in by it already gets the statement again. `name` is what
        it calls itself, for an invitation that says none. Raises `NotAdmitted`.
        """
        if self.invitations is None or self.signer is None:
            raise NotAdmitted("this DSS makes no members: go to the one that the invitation names")
        if self.roster.is_revoked(identity_of(public)):
            raise NotAdmitted("this key was revoked: make a new one in an empty state directory")
        current = self.invitations.remembered(pending.mark, now)
        fault = "this invitation is not known" if current is None else current.fault(public, now)
        if current is None or fault:
            raise NotAdmitted(fault)
        if self.roster.is_full and self.roster.member_of_key(public) is None:
            raise NotAdmitted("this domain has as many members as a roster holds")
        known = self.roster.signed_of(identity_of(public)) if public in current.spent else None
        role = current.role if public in current.spent[:1] else current.next_role
        self.invitations.spend(current.mark, now, public)
        try:
            self.keep()  # first: a crash costs the guest an answer, and lets no second one in
            if known is not None:
                return known
            return self._say(Member(public, role, current.name or name, current.grants, self._next_serial()))
        except OSError as error:
            raise NotAdmitted(
                f"this DSS cannot keep new members: {error.strerror}; try again later"
            ) from None

    def revoke(self, identity: bytes) -> bytes:
        """End a membership for ever; return the signed statement, which is on the disk.

        Raises `NotAdmitted` where the authority's key is not, and `OSError` when it cannot be kept: it is in
        force even then, until a restart.
        """
        member = self.roster.member(identity)
        return self._say(Revocation(identity, self._next_serial(), member.name if member else ""))

    def rotate(self, secret: bytes, now: float) -> int:
        """Begin the next epoch of the domain's secret, with fresh random octets; return it.

        It is on the disk before anybody is told: who must go back behind what others know lets nobody in any
        more. Raises `OSError` when it cannot be kept; then nothing has changed.
        """
        epoch = self.secrets.rotate(secret, now)
        try:
            self.keep()
        except OSError:
            self.secrets.take_back(epoch)
            raise
        return epoch

    def _say(self, statement: Member | Revocation) -> bytes:
        if self.signer is None:
            raise NotAdmitted("the authority's key is not here: only the DSS that made the domain has it")
        signed = self.signer.sign(statement, self.domain)
        self.roster.merge(signed)
        self.keep()
        return signed

    def _next_serial(self) -> int:
        return self.roster.highest_serial + 1
