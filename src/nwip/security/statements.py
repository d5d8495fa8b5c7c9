"""What the authority of a sealed domain says of a key: that it is a member, or is one no more. Pure.

A signed statement is its octets, a MessagePack array that starts with a tag, and behind them 64 octets of
Ed25519 signature (RFC 8032) over `nwip statement 1`, the domain's name in UTF-8, a zero and those octets: it
is worth nothing in another domain, nor for any other use of the key.
"""

from typing import Annotated, Final, Literal, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from nwip.directory.records import Counter, Identity, Name, Network
from nwip.security.keys import KEY_SIZE, identity_of
from nwip.wire import WireError

SIGNATURE_SIZE: Final = 64
GRANT_LIMIT: Final = 64
STATEMENT_LIMIT: Final = 1024  # octets with the signature; the largest that can be said has 727

Role = Literal["node", "dss"]
PublicKey = Annotated[bytes, Meta(min_length=KEY_SIZE, max_length=KEY_SIZE)]
Grants = Annotated[tuple[Network, ...], Meta(max_length=GRANT_LIMIT)]


class Member(Struct, frozen=True, array_like=True, tag=1):
    """The holder of a public key takes part, as a node or as a DSS.

    `grants` are the networks that it may register; none means that the domain's policy decides. Of two about
    one key the one with the higher `serial` stands.
    """

    public: PublicKey
    role: Role
    name: Name
    grants: Grants
    serial: Counter

    @property
    def identity(self) -> bytes:
        """The identity of the key's holder."""
        return identity_of(self.public)


class Revocation(Struct, frozen=True, array_like=True, tag=2):
    """Whoever has this identity is a member no more, for ever. `name` is for people: what it was called."""

    identity: Identity
    serial: Counter
    name: Name = ""


Statement = Member | Revocation

_PURPOSE: Final = b"nwip statement 1"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Statement)


class Authority:
    """The key that signs a domain's statements; `public`, 32 octets, is what its members know it by."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Self:
        """Return a fresh one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_octets(cls, private: bytes) -> Self:
        """Return the authority with a private key of 32 octets. Raises `ValueError` for another size."""
        return cls(Ed25519PrivateKey.from_private_bytes(private))

    def sign(self, statement: Statement, domain: str) -> bytes:
        """Return a statement signed for a domain."""
        octets = _encoder.encode(statement)
        return octets + self._private.sign(_signed_text(octets, domain))


def read_statement(signed: bytes, authority: bytes, domain: str) -> Statement:
    """Return what was signed.

    Raises `WireError` unless the holder of the key `authority` has signed it for this domain, and for what is
    no statement.
    """
    if not SIGNATURE_SIZE < len(signed) <= STATEMENT_LIMIT:
        raise WireError(f"a statement has at most {STATEMENT_LIMIT} octets, {len(signed)} given")
    octets, signature = signed[:-SIGNATURE_SIZE], signed[-SIGNATURE_SIZE:]
    try:
        Ed25519PublicKey.from_public_bytes(authority).verify(signature, _signed_text(octets, domain))
    except (InvalidSignature, ValueError):
        raise WireError("a statement that the domain's authority has not signed") from None
    try:
        statement: Statement = _decoder.decode(octets)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not a statement: {error}") from None
    return statement


def _signed_text(octets: bytes, domain: str) -> bytes:
    return _PURPOSE + domain.encode() + b"\0" + octets
