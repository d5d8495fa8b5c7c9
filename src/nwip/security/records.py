"""The records of a sealed stream, each direction for itself. Pure.

    offset  octets
    0       2       length of what follows, big-endian
    2       length  in the handshake one of its messages; then ChaCha20-Poly1305 of up to 65,519 octets,
                    without associated data; the nonce is the number of records before it

An empty text ends the direction. The key is changed (REKEY of Noise, section 4.2) behind every 65,536th
record; the count goes on.
"""

from collections.abc import Container
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.security.noise import TAG_SIZE, nonce, rekeyed
from nwip.wire import WireError

LENGTH_SIZE: Final = 2
RECORD_LIMIT: Final = 65_535
TEXT_LIMIT: Final = RECORD_LIMIT - TAG_SIZE
SEALED_LENGTHS: Final = range(TAG_SIZE, RECORD_LIMIT + 1)
RECORDS_PER_KEY: Final = 65_536


def record(octets: bytes) -> bytes:
    """Return octets, at most 65,535, with their length before them."""
    return len(octets).to_bytes(LENGTH_SIZE, "big") + octets


class RecordKey:
    """Seals or opens the records of one direction, in order: an instance does only one of the two."""

    __slots__ = ("_cipher", "_count", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = ChaCha20Poly1305(key)
        self._count = 0

    def seal(self, text: bytes) -> bytes:
        """Return the next record of up to 65,519 octets, with its length."""
        sealed = self._cipher.encrypt(nonce(self._count), text, None)
        self._counted()
        return record(sealed)

    def open(self, sealed: bytes) -> bytes:
        """Return the text of the next record, without its length. Raises `WireError` if it is not that."""
        try:
            text = self._cipher.decrypt(nonce(self._count), sealed, None)
        except InvalidTag:
            raise WireError("a record that is not the next one of this stream") from None
        self._counted()
        return text

    def _counted(self) -> None:
        self._count += 1
        if self._count % RECORDS_PER_KEY == 0:
            self._key = rekeyed(self._key)
            self._cipher = ChaCha20Poly1305(self._key)


class RecordCutter:
    """Cuts a stream into records; holds at most one that is unfinished, and what was fed last."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        """Return how many octets wait."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        self._buffer += data

    def peek(self, count: int) -> bytes:
        """Return the first octets that wait, at most `count`."""
        return bytes(self._buffer[:count])

    def skip(self, count: int) -> None:
        """Drop the first octets that wait."""
        del self._buffer[:count]

    def next(self, lengths: Container[int]) -> bytes | None:
        """Return the next record, None while it is unfinished.

        Raises `WireError` as soon as it is seen to have none of these lengths: so no more than the longest of
        them is ever held.
        """
        if len(self._buffer) < LENGTH_SIZE:
            return None
        length = int.from_bytes(self._buffer[:LENGTH_SIZE], "big")
        if length not in lengths:
            raise WireError(f"a record of {length} octets is not expected here")
        end = LENGTH_SIZE + length
        if len(self._buffer) < end:
            return None
        octets = bytes(self._buffer[LENGTH_SIZE:end])
        del self._buffer[:end]
        return octets
