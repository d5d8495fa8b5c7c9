"""The frames of the conversation `socket` on the control socket. Pure.

    offset  octets  field
         0       2  length of what follows, big-endian, 1 to 2048
         2       1  kind, an ASCII letter
         3          the rest, by kind

    from the program                        from the node
    P  an IPX packet to send                P  an IPX packet that has arrived
    A  advertise: type 2, name 1 to 47      Y  done: the answer to the oldest A or W without one
    W  withdraw: type 2, name 1 to 47       N  refused, likewise: exit code 1, sentence in UTF-8
                                            L  lost: packets 4, dropped since the last L
                                            R  renumbered: the socket's address now, 12

Names are Latin-1. The same in docs/api.md, with examples.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.ipx.packet import HEADER_SIZE, LENGTH_OFFSET, MAXIMUM_SIZE
from nwip.wire import Reader, WireError, Writer

LENGTH_SIZE: Final = 2
FRAME_LIMIT: Final = 2048  # octets of a frame, its length field not counted

PACKET: Final = b"P"
ADVERTISE: Final = b"A"
WITHDRAW: Final = b"W"
DONE: Final = b"Y"
REFUSED: Final = b"N"
LOST: Final = b"L"
RENUMBERED: Final = b"R"


class Frame(NamedTuple):
    """One frame: its kind, one octet, and the rest."""

    kind: bytes
    rest: bytes = b""

    def encode(self) -> bytes:
        """Write the frame with its length. Raises `WireError` when it is over the limit."""
        body = self.kind + self.rest
        return _checked(len(body)).to_bytes(LENGTH_SIZE, "big") + body


class Splitter:
    """Cuts a stream into frames; holds at most one unfinished frame and what was fed last."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add what has arrived, then yield each whole frame.

        Raises `WireError`, behind the frames before it, for a length of 0 or over the limit; the stream
        cannot be read on after that.
        """
        self._buffer += data
        start, end_of_data = 0, len(self._buffer)
        try:
            while end_of_data - start >= LENGTH_SIZE:
                body = start + LENGTH_SIZE
                end = body + _checked(int.from_bytes(self._buffer[start:body], "big"))
                if end > end_of_data:
                    return
                start = end
                yield Frame(bytes(self._buffer[body : body + 1]), bytes(self._buffer[body + 1 : end]))
        finally:
            del self._buffer[:start]


def service(kind: bytes, service_type: int, name: str) -> Frame:
    """Make an A or a W. Raises `WireError` for a type of more than two octets or a name out of Latin-1."""
    try:
        octets = name.encode("latin-1")
    except UnicodeEncodeError:
        raise WireError(f"service name {name!r} is not Latin-1") from None
    return Frame(kind, Writer().u16(service_type).octets(octets).getvalue())


def read_service(rest: bytes) -> tuple[int, str]:
    """Return type and name of an A or a W. Raises `WireError`."""
    reader = Reader(rest)
    return reader.u16(), reader.rest().decode("latin-1")


def refusal(code: int, sentence: str) -> Frame:
    """Make an N; a sentence that is too long is cut."""
    return Frame(REFUSED, bytes([code]) + sentence.encode()[: FRAME_LIMIT - 2])


def read_refusal(rest: bytes) -> tuple[int, str]:
    """Return code and sentence of an N. Raises `WireError`."""
    reader = Reader(rest)
    return reader.u8(), reader.rest().decode("utf-8", "replace")


def checked_packet(rest: bytes) -> bytes:
    """Return the IPX packet of a P. Raises `WireError` unless its length field is right and at most 1500."""
    length = int.from_bytes(rest[LENGTH_OFFSET : LENGTH_OFFSET + 2], "big")
    if not HEADER_SIZE <= len(rest) <= MAXIMUM_SIZE or length != len(rest):
        raise WireError(f"an IPX packet of {len(rest)} octets with a length field of {length}")
    return rest


def _checked(length: int) -> int:
    if not 0 < length <= FRAME_LIMIT:
        raise WireError(f"a frame of {length} octets: 1 to {FRAME_LIMIT} are allowed")
    return length
