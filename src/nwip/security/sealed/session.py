"""The keys of one session: seals and opens datagrams of data. Pure.

Hot path: every batch comes here. What comes without loss and in order, as it mostly does, is looked at as a
whole, so that a packet costs little beside the AEAD itself. A *head* is the 16 octets that data begin with:
type, index and counter. A *room* is memory for what a call of the AEAD gives.
"""

import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import repeat
from operator import add
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
KEPT: Final = 256  # counts of heads for which it is kept how they are laid out

_NONCE_BEGINS: Final = bytes(4)
_ORDER: Final = sys.byteorder
# goes through an iterator and keeps nothing, without a step of Python's
_run: Final[Callable[[Iterable[object]], object]] = partial(deque, maxlen=0)

Came = tuple[bytes, Address]


class Run(NamedTuple):
    """Datagrams that came together from one address, taken apart: their heads, joined, and what is sealed."""

    heads: bytes
    sealed: Sequence[bytes]
    address: Address


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
        "_decrypt_into",
        "_encrypt",
        "_encrypt_into",
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
        outward, inward = ChaCha20Poly1305(keys.send), ChaCha20Poly1305(keys.receive)
        self._encrypt, self._encrypt_into = outward.encrypt, outward.encrypt_into
        self._decrypt, self._decrypt_into = inward.decrypt, inward.decrypt_into

    def is_alive(self, now: float) -> bool:
        """Say whether its keys may still be used."""
        return now - self.created < REJECT_AFTER and self.sent < REJECT_AFTER_MESSAGES

    def is_old(self, now: float) -> bool:
        """Say whether it is time for another session."""
        return (self.initiated and now - self.created >= REKEY_AFTER) or self.sent >= REKEY_AFTER_MESSAGES

    def seal(self, plains: Sequence[bytes]) -> list[bytes]:
        """Return a datagram for each plaintext; what is over the limit of counters is left out."""
        count = min(len(plains), REJECT_AFTER_MESSAGES - self.sent)
        heads = _heads(self._outward, self.sent, count)
        self.sent += count
        sealed = map(self._encrypt, _nonces(heads, count), plains, repeat(None))
        return [*map(add, _layout(count).unpack(heads), sealed)]

    def seal_into(self, plains: Sequence[memoryview], rooms: Sequence[memoryview]) -> bytes:
        """Seal each plaintext into its room, which is 16 octets larger; return the heads, joined.

        `has_counters` must be true of them.
        """
        count = len(plains)
        heads = _heads(self._outward, self.sent, count)
        self.sent += count
        _run(map(self._encrypt_into, _nonces(heads, count), plains, repeat(None), rooms))
        return heads

    def has_counters(self, count: int) -> bool:
        """Say whether so many more can be sealed."""
        return self.sent + count <= REJECT_AFTER_MESSAGES

    def open(self, came: Sequence[Came]) -> Opened:
        """Open those datagrams that are sealed under these keys and new; all begin with our `prefix`."""
        count = len(came)
        heads = b"".join([data[:DATA_HEADER_SIZE] for data, _ in came])
        if self._are_next(heads, count):
            sealed = [data[DATA_HEADER_SIZE:] for data, _ in came]
            try:
                plains = [*map(self._decrypt, _nonces(heads, count), sealed, repeat(None))]
            except InvalidTag:
                return self._open_each(came)
            self.window.take_next(count)
            return Opened(plains, came[-1][1])
        return self._open_each(came)

    def open_into(self, heads: bytes, sealed: Sequence[bytes], rooms: Sequence[memoryview]) -> bool:
        """Open each of what is sealed into its room, which is 16 octets smaller.

        False, and no counter is taken, if they do not follow on what came before, or one is not authentic:
        what is in the rooms then is nothing.
        """
        count = len(sealed)
        if not self._are_next(heads, count):
            return False
        try:
            _run(map(self._decrypt_into, _nonces(heads, count), sealed, repeat(None), rooms))
        except InvalidTag:
            return False
        self.window.take_next(count)
        return True

    def _are_next(self, heads: bytes, count: int) -> bool:
        """Say whether heads are those of the counters that follow on the highest."""
        first = self.window.top + 1
        return first + count <= REJECT_AFTER_MESSAGES and heads == _heads(self.prefix, first, count)

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


def _heads(prefix: bytes, first: int, count: int) -> bytes:
    """Return the heads of so many counters, joined."""
    counters = array("Q", range(first, first + count))
    if _ORDER == "big":
        counters.byteswap()
    words = array("Q", [int.from_bytes(prefix, _ORDER)]) * (2 * count)
    words[1::2] = counters
    return words.tobytes()


def _nonces(heads: bytes, count: int) -> tuple[bytes, ...]:
    """Return the nonces for such heads: four octets of zero, and the counter."""
    words = array("Q", heads)
    words[::2] = array("Q", [0]) * count
    return _ends(count).unpack(words)


@lru_cache(KEPT)
def _layout(count: int) -> Struct:
    """Return what takes so many heads apart."""
    return Struct(f"{DATA_HEADER_SIZE}s" * count)


@lru_cache(KEPT)
def _ends(count: int) -> Struct:
    """Return what takes the last 12 octets of so many heads."""
    return Struct("4x12s" * count)
