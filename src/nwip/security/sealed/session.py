"""The keys of one session: seals and opens datagrams of data. Pure.

Hot path: every batch comes here. What comes without loss and in order, as it mostly does, is looked at as a
whole, so that a packet costs its counter beside the AEAD itself.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.security.noise import Keys
from nwip.security.sealed.address import Address
from nwip.security.sealed.framing import DATA, DATA_HEADER_SIZE, DATA_OVERHEAD
from nwip.security.sealed.replay import ReplayWindow
from nwip.security.sealed.timing import (
    REJECT_AFTER,
    REJECT_AFTER_MESSAGES,
    REKEY_AFTER,
    REKEY_AFTER_MESSAGES,
)

PREFIX_SIZE: Final = 8
_NONCE_BEGINS: Final = bytes(4)
_pack: Final = Struct("<Q").pack


Came = tuple[bytes, Address]


class Opened(NamedTuple):
    """Plaintexts in the order of their datagrams, and where that with the highest counter of all came from.

    It is None when an earlier call has opened a higher one.
    """

    plains: list[bytes]
    latest: Address | None


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

    def seal(self, plains: Sequence[bytes]) -> list[bytes]:
        """Return a datagram for each plaintext; what is over the limit of counters is left out."""
        first = self.sent
        self.sent = end = min(first + len(plains), REJECT_AFTER_MESSAGES)
        encrypt, outward = self._encrypt, self._outward
        return [
            outward + octets + encrypt(_NONCE_BEGINS + octets, plain, None)
            for octets, plain in zip(map(_pack, range(first, end)), plains, strict=False)
        ]

    def open(self, came: Sequence[Came]) -> Opened:
        """Open those datagrams that are sealed under these keys and new; all begin with our `prefix`."""
        window, decrypt = self.window, self._decrypt
        first, end = window.top + 1, window.top + 1 + len(came)
        counters = [data[PREFIX_SIZE:DATA_HEADER_SIZE] for data, _ in came]
        if end <= REJECT_AFTER_MESSAGES and counters == [*map(_pack, range(first, end))]:
            try:
                plains = [
                    decrypt(_NONCE_BEGINS + octets, data[DATA_HEADER_SIZE:], None)
                    for octets, (data, _) in zip(counters, came, strict=True)
                ]
            except InvalidTag:
                return self._open_each(came)
            window.take_next(len(came))
            return Opened(plains, came[-1][1])
        return self._open_each(came)

    def _open_each(self, came: Sequence[Came]) -> Opened:
        """Do the same where a datagram does not follow on the one before, or is not authentic."""
        window, decrypt = self.window, self._decrypt
        opened = Opened([], None)
        for data, address in came:
            octets = data[PREFIX_SIZE:DATA_HEADER_SIZE]
            counter = int.from_bytes(octets, "little")
            if len(data) < DATA_OVERHEAD or counter >= REJECT_AFTER_MESSAGES or not window.admits(counter):
                continue
            try:
                plain = decrypt(_NONCE_BEGINS + octets, data[DATA_HEADER_SIZE:], None)
            except InvalidTag:
                continue
            opened.plains.append(plain)
            if window.take(counter):
                opened = Opened(opened.plains, address)
        return opened


def data_prefix(index: int) -> bytes:
    """Return how data for an index begins."""
    return DATA + index.to_bytes(4, "little")
