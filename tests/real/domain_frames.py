"""Messages of TCP 396 read and written by `docs/protocol.md` alone: plain lists, nothing of nwip.

So what a test learns from them does not rest on the code that it judges.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

HELLO: Final = 1
REFUSED: Final = 2
PARAMETERS: Final = 3
REGISTER: Final = 4
ACKNOWLEDGE: Final = 5
RENEW: Final = 6
WITHDRAW: Final = 7
COMPLETE: Final = 8
SUBSCRIBE: Final = 9
DELTA: Final = 10
SNAPSHOT_END: Final = 11
GOODBYE: Final = 12
RENEWED: Final = 18

SERVICE: Final = 1
DSS: Final = 5

Key = tuple[int, int | bytes, str]
"""Kind, then type and name of a service, or the number of anything else and no name."""

Sequence = tuple[int, int]

Message = list[Any]


def framed(*message: object) -> bytes:
    """Return one message as a frame."""
    octets = msgspec.msgpack.encode(message)
    return len(octets).to_bytes(4, "big") + octets


def hello(domain: str, identity: bytes, name: str) -> bytes:
    """Return the first message of a reader."""
    return framed(HELLO, 1, domain, identity, identity, "reader", name, 0, 0)


class Frames:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add octets, then yield each message that is whole."""
        self._waiting += data
        while len(self._waiting) >= 4:
            end = 4 + int.from_bytes(self._waiting[:4], "big")
            if len(self._waiting) < end:
                return
            message: Message = msgspec.msgpack.decode(bytes(self._waiting[4:end]))
            del self._waiting[:end]
            yield message


def key_of(value: Message) -> Key:
    """Return the key of a record's value."""
    if value[0] == SERVICE:
        return (SERVICE, value[1], value[2])
    return (value[0], value[1], "")


def version_of(value: Message) -> int:
    """Return which of its service's values this is: the nodes of the test count it in the node number."""
    return int.from_bytes(value[4], "big") if value[0] == SERVICE else 0
