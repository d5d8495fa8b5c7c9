"""The X25519 keys of nodes and DSSs, and the identity that follows from one. Pure."""

from hashlib import blake2s
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from nwip.wire import WireError

KEY_SIZE: Final = 32
IDENTITY_SIZE: Final = 16

_PERSON: Final = b"nwip-id"


class KeyPair:
    """A private key (RFC 7748) and the public one that goes with it, `public`, 32 octets."""

    __slots__ = ("_private", "public")

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Self:
        """Return a fresh pair."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_octets(cls, private: bytes) -> Self:
        """Return the pair of a private key of 32 octets. Raises `ValueError` for another size."""
        return cls(X25519PrivateKey.from_private_bytes(private))

    @property
    def identity(self) -> bytes:
        """The identity of whoever has this key."""
        return identity_of(self.public)

    def shared_with(self, public: bytes) -> bytes:
        """Return the secret shared with the holder of a public key, 32 octets.

        Raises `WireError` for octets that are no key, and for a point of small order, which shares nothing.
        """
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise WireError("not a public key that a secret can be shared with") from None


def identity_of(public: bytes) -> bytes:
    """Return the identity, 16 octets, of whoever has the private half of a public key."""
    return blake2s(public, digest_size=IDENTITY_SIZE, person=_PERSON).digest()
