"""Parties to a sealed domain: each with a roster and secrets of its own, as on machines of their own."""

from __future__ import annotations

from nwip.security.domain_secrets import DomainSecrets
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Role
from security.membership_parts import AUTHORITY, founder, key, member, revocation, signed

SECRET = b"1" * 32
ROLES: dict[str, Role] = {
    "dss": "dss", "dss2": "dss", "dss3": "dss", "ann": "node", "bob": "node", "cy": "node",
}  # fmt: skip


def statement(name: str) -> bytes:
    """Return the statement by which somebody is a member."""
    return signed(member(name, list(ROLES).index(name) + 1, ROLES[name]))


def revoked(name: str) -> bytes:
    """Return the statement by which it is one no more."""
    return signed(revocation(name, 100 + list(ROLES).index(name)))


def party(name: str, *, knows: tuple[str, ...] = tuple(ROLES)) -> Membership:
    """Return what somebody has that knows these members and the first secret."""
    roster = Roster(AUTHORITY.public, founder().domain)
    for other in knows:
        roster.merge(statement(other))
    return Membership(key(name), founder().domain, AUTHORITY.public, roster, DomainSecrets([(1, SECRET)]))


def inviting(name: str = "dss") -> Membership:
    """Return what the DSS has that holds the authority's key."""
    known, holder = party(name), founder()
    known.signer, known.invitations = holder.signer, holder.invitations
    return known
