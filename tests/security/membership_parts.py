"""Parties to a sealed domain for tests: keys that are the same in every run."""

from hashlib import blake2s

from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitations
from nwip.security.keys import KeyPair
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Authority, Member, Revocation, Role

DOMAIN = "nwip.example.org"
AUTHORITY = Authority.from_octets(blake2s(b"authority").digest())
STRANGER = Authority.from_octets(blake2s(b"another authority").digest())


def key(name: str) -> KeyPair:
    return KeyPair.from_octets(blake2s(name.encode()).digest())


def member(name: str, serial: int = 1, role: Role = "node") -> Member:
    return Member(key(name).public, role, name, (), serial)


def revocation(name: str, serial: int = 1) -> Revocation:
    return Revocation(key(name).identity, serial, name)


def signed(statement: Member | Revocation) -> bytes:
    return AUTHORITY.sign(statement, DOMAIN)


class Chance:
    """Random octets, another time the same."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return blake2s(self._count.to_bytes(4, "big"), digest_size=size).digest()


def founder() -> Membership:
    """Return the DSS that holds the authority's key."""
    roster = Roster(AUTHORITY.public, DOMAIN)
    return Membership(
        key("dss"), DOMAIN, AUTHORITY.public, roster, DomainSecrets(), Invitations(Chance()), AUTHORITY
    )
