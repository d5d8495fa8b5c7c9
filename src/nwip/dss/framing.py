"""Frames on a TCP stream: four octets of length, big-endian, then one message. Pure."""

from collections.abc import Iterator
from typing import Final

from nwip.wire import WireError

LENGTH_SIZE: Final = 4
FRAME_LIMIT: Final = 1 << 20  # octets of one message, its length field not counted
HELLO_LIMIT: Final = 1024  # of the first message of a session: nobody is given more room before it


def frame(message: bytes) -> bytes:
    """Return a message with its length before it. Raises `WireError` when it is empty or over the limit."""
    return _checked(len(message)).to_bytes(LENGTH_SIZE, "big") + message


class Splitter:
    """Cuts a stream into messages; holds at most one unfinished frame and what was fed last.

    `limit`, the octets of the largest message that is taken, may change from one message to the next.
    """

    __slots__ = ("_buffer", "limit")

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._buffer = bytearray()
        self.limit = limit

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
            end = LENGTH_SIZE + _checked(int.from_bytes(self._buffer[:LENGTH_SIZE], "big"), self.limit)
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[LENGTH_SIZE:end])
            del self._buffer[:end]
            yield message


def _checked(length: int, limit: int = FRAME_LIMIT) -> int:
    if not 0 < length <= limit:
        raise WireError(f"a frame of {length} octets: 1 to {limit} are allowed")
    return length
