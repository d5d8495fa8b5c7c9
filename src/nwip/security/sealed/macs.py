"""The two macs of handshakes: who does not know whom it calls, or where it is, costs next to nothing. Pure.

mac1 shows that the sender knows the receiver's public key; mac2 that it got a cookie at its address. Both are
keyed BLAKE2s with 16 octets: mac1 over all before it, mac2 over all before it with mac1.
"""

from hashlib import blake2s
from hmac import compare_digest
from typing import Final

from nwip.security.sealed.framing import MAC_SIZE, MACS_SIZE

NO_COOKIE: Final = bytes(MAC_SIZE)
_LABEL: Final = b"mac1----"


class Macs:
    """The macs of datagrams to the holder of a public key."""

    __slots__ = ("_key",)

    def __init__(self, public: bytes) -> None:
        self._key = blake2s(_LABEL + public).digest()

    def add(self, body: bytes, cookie: bytes | None = None) -> bytes:
        """Return the datagram with its macs behind it; mac2 is zero without a cookie."""
        first = body + _mac(self._key, body)
        return first + (NO_COOKIE if cookie is None else _mac(cookie, first))

    def is_right(self, datagram: bytes) -> bool:
        """Say whether mac1 is right."""
        body, mac = datagram[:-MACS_SIZE], datagram[-MACS_SIZE:-MAC_SIZE]
        return compare_digest(mac, _mac(self._key, body))


def mac1_of(datagram: bytes) -> bytes:
    """Return the mac1 that a datagram carries."""
    return datagram[-MACS_SIZE:-MAC_SIZE]


def has_no_cookie(datagram: bytes) -> bool:
    """Say whether mac2 is zero."""
    return datagram[-MAC_SIZE:] == NO_COOKIE


def has_cookie(datagram: bytes, cookie: bytes) -> bool:
    """Say whether mac2 is the one of a cookie."""
    return compare_digest(datagram[-MAC_SIZE:], _mac(cookie, datagram[:-MAC_SIZE]))


def _mac(key: bytes, octets: bytes) -> bytes:
    return blake2s(octets, digest_size=MAC_SIZE, key=key).digest()
