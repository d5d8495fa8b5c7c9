"""The handshake Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s: two messages, then two keys. Pure.

Source: The Noise Protocol Framework, revision 34, sections 5 and 9. The initiator knows the responder's key
beforehand and tells its own in the first message, which only the responder can read. The preshared key counts
from the second message on, so the responder may choose it by what the first one said. A first message that is
recorded and sent again is answered like any other: nothing may be done on the strength of it but to answer,
until the initiator has shown the keys that come out.

    initiator  -> e, es, s, ss      payload      48 + 48 octets more than the payload
    responder  <- e, ee, se, psk    payload      32 + 16 octets more
"""

import hmac
from collections.abc import Callable
from hashlib import blake2s
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.security.keys import KEY_SIZE, KeyPair
from nwip.wire import WireError

NAME: Final = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
TAG_SIZE: Final = 16
FIRST_OVERHEAD: Final = KEY_SIZE + KEY_SIZE + TAG_SIZE + TAG_SIZE
SECOND_OVERHEAD: Final = KEY_SIZE + TAG_SIZE

_NO_SECRET: Final = b""
_LAST: Final = (1 << 64) - 1  # the nonce that no message may have


class Keys(NamedTuple):
    """What comes out: the keys to send and to receive with, and the hash of all that was said."""

    send: bytes
    receive: bytes
    transcript: bytes


def nonce(counter: int) -> bytes:
    """Return the nonce of a counter: four octets of zero and eight of it, little-endian (section 12.3)."""
    return bytes(4) + counter.to_bytes(8, "little")


def rekeyed(key: bytes) -> bytes:
    """Return the key that follows on a key (REKEY, sections 4.2 and 11.3), and does not betray it."""
    return ChaCha20Poly1305(key).encrypt(nonce(_LAST), bytes(KEY_SIZE), None)[:KEY_SIZE]


class Initiator:
    """The side that speaks first, to whoever has the public key `remote`. Raises `WireError` if that is none.

    `generate` makes the ephemeral key.
    """

    def __init__(
        self,
        static: KeyPair,
        remote: bytes,
        psk: bytes,
        prologue: bytes = b"",
        generate: Callable[[], KeyPair] = KeyPair.generate,
    ) -> None:
        self._static = static
        self._remote = remote
        self._psk = psk
        self._ephemeral = generate()
        self._state = _Transcript(prologue)
        self._state.hash_in(remote)

    def first(self, payload: bytes = b"") -> bytes:
        """Return the first message. Raises `WireError` when the other's key is none."""
        state, ephemeral = self._state, self._ephemeral
        state.add_ephemeral(ephemeral.public)
        state.mix_key(ephemeral.shared_with(self._remote))
        static = state.seal(self._static.public)
        state.mix_key(self._static.shared_with(self._remote))
        return ephemeral.public + static + state.seal(payload)

    def second(self, message: bytes) -> bytes:
        """Read the answer; return its payload. Raises `WireError` unless it answers what was said last."""
        if len(message) < SECOND_OVERHEAD:
            raise WireError("too short for the answer of a handshake")
        state = self._state.copy()
        theirs = message[:KEY_SIZE]
        state.add_ephemeral(theirs)
        state.mix_key(self._ephemeral.shared_with(theirs))
        state.mix_key(self._static.shared_with(theirs))
        state.mix_psk(self._psk)
        payload = state.open(message[KEY_SIZE:])
        self._state = state
        return payload

    def keys(self) -> Keys:
        """Return what came out, after `second`."""
        first, second = self._state.split()
        return Keys(first, second, self._state.hash)


class Responder:
    """The side that answers. `remote` is the other's public key, after `first`."""

    def __init__(
        self, static: KeyPair, prologue: bytes = b"", generate: Callable[[], KeyPair] = KeyPair.generate
    ) -> None:
        self.remote = b""
        self._static = static
        self._theirs = b""
        self._generate = generate
        self._state = _Transcript(prologue)
        self._state.hash_in(static.public)

    def first(self, message: bytes) -> bytes:
        """Read the first message, once; return its payload. Raises `WireError` if it is not for our key."""
        if len(message) < FIRST_OVERHEAD:
            raise WireError("too short for the beginning of a handshake")
        state = self._state
        self._theirs, sealed = message[:KEY_SIZE], message[KEY_SIZE : 2 * KEY_SIZE + TAG_SIZE]
        state.add_ephemeral(self._theirs)
        state.mix_key(self._static.shared_with(self._theirs))
        self.remote = state.open(sealed)
        state.mix_key(self._static.shared_with(self.remote))
        return state.open(message[2 * KEY_SIZE + TAG_SIZE :])

    def second(self, psk: bytes, payload: bytes = b"") -> bytes:
        """Return the answer. Raises `WireError` when the other's key is none."""
        state, ephemeral = self._state, self._generate()
        state.add_ephemeral(ephemeral.public)
        state.mix_key(ephemeral.shared_with(self._theirs))
        state.mix_key(ephemeral.shared_with(self.remote))
        state.mix_psk(psk)
        return ephemeral.public + state.seal(payload)

    def keys(self) -> Keys:
        """Return what came out, after `second`."""
        first, second = self._state.split()
        return Keys(second, first, self._state.hash)


class _Transcript:
    """The symmetric state (section 5.2): the chaining key, the hash of all so far, the key of the moment."""

    __slots__ = ("_chain", "_counter", "_key", "hash")

    def __init__(self, prologue: bytes) -> None:
        self.hash = blake2s(NAME).digest()
        self._chain = self.hash
        self._key = _NO_SECRET
        self._counter = 0
        self.hash_in(prologue)

    def copy(self) -> "_Transcript":
        other = _Transcript(b"")
        other.hash, other._chain = self.hash, self._chain
        other._key, other._counter = self._key, self._counter
        return other

    def hash_in(self, octets: bytes) -> None:
        self.hash = blake2s(self.hash + octets).digest()

    def add_ephemeral(self, public: bytes) -> None:
        """Hash an ephemeral key in, and mix it as the tokens of preshared keys ask (section 9.2)."""
        self.hash_in(public)
        self.mix_key(public)

    def mix_key(self, secret: bytes) -> None:
        self._chain, self._key = _derive(self._chain, secret, 2)
        self._counter = 0

    def mix_psk(self, psk: bytes) -> None:
        self._chain, hashed, self._key = _derive(self._chain, psk, 3)
        self.hash_in(hashed)
        self._counter = 0

    def seal(self, plain: bytes) -> bytes:
        sealed = ChaCha20Poly1305(self._key).encrypt(nonce(self._counter), plain, self.hash)
        self._counter += 1
        self.hash_in(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        try:
            plain = ChaCha20Poly1305(self._key).decrypt(nonce(self._counter), sealed, self.hash)
        except InvalidTag:
            raise WireError("a handshake with other keys") from None
        self._counter += 1
        self.hash_in(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes]:
        first, second = _derive(self._chain, _NO_SECRET, 2)
        return first, second


def _derive(chain: bytes, secret: bytes, count: int) -> list[bytes]:
    """Return HKDF's first outputs (section 4.3), 32 octets each."""
    key = hmac.digest(chain, secret, blake2s)
    outputs = [b""]
    for index in range(1, count + 1):
        outputs.append(hmac.digest(key, outputs[-1] + bytes((index,)), blake2s))
    return outputs[1:]
