"""The keys of one session: seals and opens datagrams of data. Pure.

Hot path: beside the AEAD itself a packet costs its counter, and its place in the window. Every batch comes
here.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.security.noise import Keys
from nwip.security.sealed.framing import DATA, DATA_HEADER_SIZE, DATA_OVERHEAD
from nwip.security.sealed.replay import ReplayWindow
from nwip.security.sealed.timing import (
    REJECT_AFTER,
    REJECT_AFTER_MESSAGES,
    REKEY_AFTER,
    REKEY_AFTER_MESSAGES,
)
from nwip.wire import WireError

PREFIX_SIZE: Final = 8
_NONCE_BEGINS: Final = bytes(4)
_COUNTER: Final = Struct("<Q")


class Session:
    """A session with the holder of `public`, from `created` on; `initiated` tells whether we began it.

    `prefix` is how datagrams to us begin: type and our index. `is_confirmed` is for the owner to set, when
    the other side has shown that it is there.
    """

    __slots__ = (
        "_decrypt",
        "_encrypt",
        "_outward",
        "created",
        "initiated",
        "is_confirmed",
        "prefix",
        "public",
        "sent",
        "window",
    )

    def __init__(
        self, public: bytes, keys: Keys, indices: tuple[int, int], created: float, *, initiated: bool
    ) -> None:
        ours, theirs = indices
        self.public = public
        self.created = created
        self.initiated = initiated
        self.is_confirmed = False
        self.prefix = data_prefix(ours)
        self.sent = 0
        self.window = ReplayWindow()
        self._outward = data_prefix(theirs)
        self._encrypt = ChaCha20Poly1305(keys.send).encrypt
        self._decrypt = ChaCha20Poly1305(keys.receive).decrypt

    def is_alive(self, now: float) -> bool:
        """Say whether its keys may still be used."""
        return now - self.created < REJECT_AFTER and self.sent < REJECT_AFTER_MESSAGES

    def is_old(self, now: float) -> bool:
        """Say whether it is time for another session."""
        return (self.initiated and now - self.created >= REKEY_AFTER) or self.sent >= REKEY_AFTER_MESSAGES

    def seal(self, plains: Iterable[bytes]) -> list[bytes]:
        """Return a datagram for each plaintext; what is over the limit of counters is left out."""
        encrypt, outward, counter = self._encrypt, self._outward, self.sent
        pack, limit = _COUNTER.pack, REJECT_AFTER_MESSAGES
        sealed = []
        for plain in plains:
            if counter >= limit:
                break
            octets = pack(counter)
            sealed.append(outward + octets + encrypt(_NONCE_BEGINS + octets, plain, None))
            counter += 1
        self.sent = counter
        return sealed

    def open(self, data: bytes) -> bytes:
        """Return the plaintext of a datagram that begins with our `prefix`.

        Raises `WireError` if it was not sealed for us under these keys, or has come before.
        """
        if len(data) < DATA_OVERHEAD:
            raise WireError("too short for sealed data")
        octets = data[PREFIX_SIZE:DATA_HEADER_SIZE]
        (counter,) = _COUNTER.unpack(octets)
        window = self.window
        if counter <= window.top:  # the next one, as it mostly is, need not be looked up
            window.check(counter)
        elif counter >= REJECT_AFTER_MESSAGES:
            raise WireError("beyond the last counter")
        try:
            plain = self._decrypt(_NONCE_BEGINS + octets, data[DATA_HEADER_SIZE:], None)
        except InvalidTag:
            raise WireError("not sealed under the keys of this session") from None
        window.take(counter)
        return plain

    def is_latest(self, data: bytes) -> bool:
        """Say whether a datagram that was opened has the highest counter of all."""
        (counter,) = _COUNTER.unpack_from(data, PREFIX_SIZE)
        return bool(counter == self.window.top)


def data_prefix(index: int) -> bytes:
    """Return how data for an index begins."""
    return DATA + index.to_bytes(4, "little")
