"""What waits to be written to a program: packets in a bounded queue, and what must not be lost. Pure."""

from collections import deque
from typing import Final

from nwip.programs.frames import LOST, PACKET, Frame

QUEUE_SIZE: Final = 256  # packets of one program; when it is full the oldest is dropped, and counted
BATCH: Final = 32  # packets that are taken out at once


class Outbox:
    """Packets and notices for one program that may read slowly, or not at all.

    Of notices there is room for one of each kind: a later one replaces it.
    """

    def __init__(self, size: int = QUEUE_SIZE) -> None:
        self._packets: deque[bytes] = deque()
        self._notices: dict[bytes, Frame] = {}
        self._size = size
        self._lost = 0

    def __bool__(self) -> bool:
        """Say whether anything waits."""
        return bool(self._packets or self._notices)

    def put(self, packet: bytes) -> bool:
        """Add an IPX packet; False when the oldest was dropped for it."""
        full = len(self._packets) >= self._size
        if full:
            self._packets.popleft()
            self._lost += 1
        self._packets.append(packet)
        return not full

    def notify(self, notice: Frame) -> None:
        """Add a notice: it goes before the packets."""
        self._notices[notice.kind] = notice

    def take(self) -> bytes:
        """Return the octets to write next: the notices, the number of lost packets, then some packets."""
        frames = list(self._notices.values())
        self._notices.clear()
        if self._lost:
            frames.append(Frame(LOST, min(self._lost, 0xFFFFFFFF).to_bytes(4, "big")))
            self._lost = 0
        count = min(BATCH, len(self._packets))
        frames += [Frame(PACKET, self._packets.popleft()) for _ in range(count)]
        return b"".join(frame.encode() for frame in frames)
