"""Ethernet frames on a stream: four octets of length, big-endian, then the frame, again and again. Pure.

So QEMU's netdevs `stream` and `socket` carry them, over TCP and UNIX sockets. The length does not count
itself. Source: QEMU, documentation of `-netdev`; seen with QEMU 7.2.
"""

from typing import Final

from nwip.ipx.frames import MAC_SIZE

LENGTH_SIZE: Final = 4
LARGEST_FRAME: Final = 65535  # octets; QEMU itself takes some 69,000
SMALLEST_FRAME: Final = 2 * MAC_SIZE + 2  # two addresses and a type: less is nobody's frame
TOO_LONG: Final = f"announces a frame of more than {LARGEST_FRAME} octets"


def prefixed(frame: bytes) -> bytes:
    """Return a frame with its length before it."""
    return len(frame).to_bytes(LENGTH_SIZE, "big") + frame


class FrameSplitter:
    """Cuts a stream into frames. Between calls it holds at most one unfinished frame of `LARGEST_FRAME`.

    `flaw` is None until a length is announced that no frame has: the place of the next one is unknown from
    there on, so nothing more is read and the connection is to be closed. `runts` counts frames of fewer than
    14 octets, which are left out.
    """

    __slots__ = ("_buffer", "flaw", "runts")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.flaw: str | None = None
        self.runts = 0

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """Add what has arrived; return each whole frame, in order."""
        if self.flaw:
            return []
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        start = 0
        while len(buffer) - start >= LENGTH_SIZE:
            body = start + LENGTH_SIZE
            size = int.from_bytes(buffer[start:body], "big")
            if size > LARGEST_FRAME:
                self.flaw = TOO_LONG
                buffer.clear()
                return frames
            if len(buffer) - body < size:
                break
            start = body + size
            if size < SMALLEST_FRAME:
                self.runts += 1
            else:
                frames.append(bytes(buffer[body:start]))
        del buffer[:start]
        return frames
