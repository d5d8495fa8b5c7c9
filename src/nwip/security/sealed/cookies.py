"""Cookies: who gets one at an address, and shows it in mac2, is at that address. Pure.

Nothing is kept for those who ask. The cookie is a keyed hash of the address under a secret that lasts 120
seconds. It travels sealed under a key that follows from the responder's public key, bound to the mac1 that it
answers, so only whoever asked, and saw the answer, can take it.
"""

from collections.abc import Callable
from hashlib import blake2s
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.directory.records import Endpoint
from nwip.security.noise import nonce
from nwip.security.sealed.framing import COOKIE_NONCE_SIZE, MAC_SIZE, CookieReply
from nwip.security.sealed.macs import has_cookie, mac1_of
from nwip.wire import WireError

COOKIE_LASTS: Final = 120.0  # seconds
_LABEL: Final = b"cookie--"
_SECRET_SIZE: Final = 32


class CookieGiver:
    """Gives cookies for our public key and knows them again. `token` returns so many random octets."""

    def __init__(self, public: bytes, token: Callable[[int], bytes]) -> None:
        self._public = public
        self._token = token
        self._secret = b""
        self._renewed = float("-inf")

    def reply(self, datagram: bytes, sender: int, address: Endpoint, now: float) -> bytes:
        """Return the cookie reply to an initiation of the index `sender` that came from an address."""
        fresh = self._token(COOKIE_NONCE_SIZE)
        sealed = _cipher(self._public, fresh).encrypt(nonce(0), self._cookie(address, now), mac1_of(datagram))
        return CookieReply(sender, fresh, sealed).encode()

    def proves(self, datagram: bytes, address: Endpoint, now: float) -> bool:
        """Say whether a datagram shows the cookie of the address that it came from."""
        return has_cookie(datagram, self._cookie(address, now))

    def _cookie(self, address: Endpoint, now: float) -> bytes:
        if now - self._renewed >= COOKIE_LASTS:
            self._secret = self._token(_SECRET_SIZE)
            self._renewed = now
        host, port = address
        text = port.to_bytes(2, "big") + host.encode()
        return blake2s(text, digest_size=MAC_SIZE, key=self._secret).digest()


def read_cookie(reply: CookieReply, public: bytes, mac1: bytes) -> bytes:
    """Return the cookie in a reply by the holder of a public key to the datagram with that mac1.

    Raises `WireError` if it is not one.
    """
    try:
        return _cipher(public, reply.nonce).decrypt(nonce(0), reply.sealed, mac1)
    except InvalidTag:
        raise WireError("not a cookie for what was sent last") from None


def _cipher(public: bytes, fresh: bytes) -> ChaCha20Poly1305:
    key = blake2s(_LABEL + public).digest()
    return ChaCha20Poly1305(blake2s(fresh, key=key).digest())
