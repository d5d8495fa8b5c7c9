"""The keys of one session: seals and opens datagrams of data. Pure.

Hot path: beside the AEAD itself a packet costs its counter, and its place in the window. Every batch comes
here.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.security.noise import Keys
from nwip.security.sealed.framing import DATA, DATA_HEADER_SIZE
from nwip.security.sealed.replay import WINDOW_MASK, ReplayWindow
from nwip.security.sealed.timing import (
    REJECT_AFTER,
    REJECT_AFTER_MESSAGES,
    REKEY_AFTER,
    REKEY_AFTER_MESSAGES,
)

PREFIX_SIZE: Final = 8
_NONCE_BEGINS: Final = bytes(4)
_COUNTER: Final = Struct("<Q")


class Opened(NamedTuple):
    """Plaintexts in the order of their datagrams, and which datagram had the highest counter of all.

    It is -1 when an earlier call has opened a higher one.
    """

    plains: list[bytes]
    latest: int


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

    def open(self, datagrams: Sequence[bytes]) -> Opened:
        """Open those datagrams that are sealed under these keys and new; all begin with our `prefix`."""
        decrypt, window = self._decrypt, self.window
        top, taken = window.top, window.taken
        plains, latest = [], -1
        for place, data in enumerate(datagrams):
            octets = data[PREFIX_SIZE:DATA_HEADER_SIZE]
            counter = int.from_bytes(octets, "little")
            if counter <= top and not window.admits(counter):
                continue
            try:
                plain = decrypt(_NONCE_BEGINS + octets, data[DATA_HEADER_SIZE:], None)
            except (InvalidTag, ValueError):  # a nonce cut short is no value
                continue
            plains.append(plain)
            if counter == top + 1:  # as it mostly is
                taken[counter & WINDOW_MASK] = 1
                window.top = top = counter
                latest = place
            elif window.take(counter):
                top, taken, latest = counter, window.taken, place
        return Opened(plains, latest)


def data_prefix(index: int) -> bytes:
    """Return how data for an index begins."""
    return DATA + index.to_bytes(4, "little")
