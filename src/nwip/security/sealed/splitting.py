"""Packets larger than the path carries go in parts, each sealed for itself, and IP has none to make. Pure."""

from collections import OrderedDict
from typing import Final

from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.security.sealed.contents import PACKET, PART_HEADER_SIZE, Part
from nwip.wire import WireError

MOST_PARTS: Final = 8
MOST_UNFINISHED: Final = 8
LASTS: Final = 2.0  # seconds: later than that no protocol waits for the rest


def split(packet: bytes, limit: int, number: int) -> list[bytes]:
    """Return a packet as plaintexts of at most `limit` octets, alike in size; its number is a u16."""
    room = limit - PART_HEADER_SIZE
    count = -(-len(packet) // room)
    size = -(-len(packet) // count)
    return [
        Part(number, index, count, packet[index * size : (index + 1) * size]).encode()
        for index in range(count)
    ]


class Joiner:
    """Puts together the packets of one peer; holds at most 8 unfinished ones, for two seconds."""

    __slots__ = ("_unfinished",)

    def __init__(self) -> None:
        self._unfinished: OrderedDict[int, tuple[float, list[bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._unfinished)

    def add(self, part: Part, now: float) -> bytes | None:
        """Take a part; return the packet that it completes, if it does.

        Raises `WireError`, and forgets the packet, if its parts do not make one.
        """
        if part.of > MOST_PARTS:
            raise WireError(f"a packet in {part.of} parts")
        began, parts = self._unfinished.get(part.number, (now, [b""] * part.of))
        if now - began > LASTS:
            began, parts = now, [b""] * part.of
            del self._unfinished[part.number]
        if len(parts) != part.of:
            del self._unfinished[part.number]
            raise WireError("parts of two packets under one number")
        parts[part.place] = part.octets
        if sum(map(len, parts)) > MAXIMUM_SIZE:
            self._unfinished.pop(part.number, None)
            raise WireError("parts of more than a packet")
        if not all(parts):
            self._keep(part.number, began, parts)
            return None
        self._unfinished.pop(part.number, None)
        packet = b"".join(parts)
        if packet[0] != PACKET:
            raise WireError("parts of something else than a packet")
        return packet

    def _keep(self, number: int, began: float, parts: list[bytes]) -> None:
        self._unfinished[number] = (began, parts)
        if len(self._unfinished) > MOST_UNFINISHED:
            self._unfinished.popitem(last=False)
