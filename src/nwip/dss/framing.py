"""Frames on a TCP stream: four octets of length, big-endian, then one message. Pure."""

from collections.abc import Iterator
from typing import Final

from nwip.wire import WireError

LENGTH_SIZE: Final = 4
FRAME_LIMIT: Final = 1 << 20  # octets of one message, its length field not counted


def frame(message: bytes) -> bytes:
    """Return a message with its length before it. Raises `WireError` when it is empty or over the limit."""
    return _checked(len(message)).to_bytes(LENGTH_SIZE, "big") + message


class Splitter:
    """Cuts a stream into messages; holds at most one unfinished frame and what was fed last."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waiting(self) -> int:
        """Octets of an unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what has arrived, then yield each whole message.

        Raises `WireError`, behind the messages before it, for a length of 0 or over the limit; the stream
        cannot be read on after that.
        """
        self._buffer += data
        while len(self._buffer) >= LENGTH_SIZE:
            end = LENGTH_SIZE + _checked(int.from_bytes(self._buffer[:LENGTH_SIZE], "big"))
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[LENGTH_SIZE:end])
            del self._buffer[:end]
            yield message


def _checked(length: int) -> int:
    if not 0 < length <= FRAME_LIMIT:
        raise WireError(f"a frame of {length} octets: 1 to {FRAME_LIMIT} are allowed")
    return length
