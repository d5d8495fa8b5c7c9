"""Who is a member of a sealed domain: all that its authority has said, in whatever order. Pure.

Copies merge without conflict: of two statements about one key the later serial stands, and a revocation
stands for ever over any of them, whichever came first. Bounded: a full roster takes no further members;
revocations, of which the authority makes one for each key that it ever admitted, it always takes.
"""

from collections.abc import Callable
from typing import Final

from nwip.security.keys import identity_of
from nwip.security.statements import Member, Revocation, Statement, read_statement

ROSTER_LIMIT: Final = 65_536

Listener = Callable[[Statement], None]


class Roster:
    """The statements of the authority (public key, 32 octets) of a domain.

    `listeners` are called with each statement that is new, after it is in force.
    """

    def __init__(self, authority: bytes, domain: str, *, limit: int = ROSTER_LIMIT) -> None:
        self.listeners: list[Listener] = []
        self.highest_serial = 0
        self._authority = authority
        self._domain = domain
        self._limit = limit
        self._members: dict[bytes, Member] = {}
        self._revocations: dict[bytes, Revocation] = {}
        self._signed: dict[bytes, bytes] = {}  # of each identity, the statement that stands
        self._held: set[bytes] = set()

    def merge(self, signed: bytes) -> Statement | None:
        """Take a signed statement in; return it, or None when it changes nothing.

        Raises `WireError` for what the authority has not signed.
        """
        if signed in self._held:
            return None
        statement = read_statement(signed, self._authority, self._domain)
        identity = statement.identity
        if not self._stands(statement, identity, signed):
            return None
        self.highest_serial = max(self.highest_serial, statement.serial)
        if isinstance(statement, Revocation):
            self._members.pop(identity, None)
            self._revocations[identity] = statement
        else:
            self._members[identity] = statement
        self._held.discard(self._signed.get(identity, b""))
        self._held.add(signed)
        self._signed[identity] = signed
        for listener in tuple(self.listeners):
            listener(statement)
        return statement

    def member(self, identity: bytes) -> Member | None:
        """Return what is said of a member; None for a stranger and for one that was revoked."""
        return self._members.get(identity)

    def member_of_key(self, public: bytes) -> Member | None:
        """Return what is said of the holder of a public key; None as for `member`."""
        return self._members.get(identity_of(public))

    def is_revoked(self, identity: bytes) -> bool:
        """Say whether the authority has revoked an identity."""
        return identity in self._revocations

    def members(self) -> list[Member]:
        """Return all members, by serial."""
        return sorted(self._members.values(), key=lambda member: member.serial)

    def revocations(self) -> list[Revocation]:
        """Return all revocations, by serial."""
        return sorted(self._revocations.values(), key=lambda revocation: revocation.serial)

    def signed_of(self, identity: bytes) -> bytes | None:
        """Return the signed statement that stands about an identity, None when there is none."""
        return self._signed.get(identity)

    def signed(self) -> list[bytes]:
        """Return the signed statements that stand, revocations first: who hears half of it trusts too few."""
        return [self._signed[identity] for part in (self._revocations, self._members) for identity in part]

    @property
    def is_full(self) -> bool:
        """Whether no further member finds room."""
        return len(self) >= self._limit

    def __len__(self) -> int:
        return len(self._signed)

    def _stands(self, statement: Statement, identity: bytes, signed: bytes) -> bool:
        """Say whether a statement takes the place of what is held about its identity."""
        revoked, member = self._revocations.get(identity), self._members.get(identity)
        if isinstance(statement, Revocation):
            held: Statement | None = revoked
        elif revoked is not None or (member is None and self.is_full):
            return False
        else:
            held = member
        return held is None or (statement.serial, signed) > (held.serial, self._signed[identity])
