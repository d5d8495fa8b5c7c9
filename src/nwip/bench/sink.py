"""Where the packets of a load end: counted by batch, and only those that belong to it."""

import socket
from array import array
from typing import Final

from nwip.bench.messages import BATCH, Messages
from nwip.dataplane.kernel import MSG_DONTWAIT
from nwip.ipx.packet import HEADER_SIZE

SLOT: Final = 2048  # octets for each packet


class Sink:
    """Counts packets of `size` octets with the mark `mark`; a gateway's own pings are not counted.

    Two columns are compared over a whole batch; its packets are looked at one by one only if one differs.
    """

    def __init__(self, sock: socket.socket, size: int, mark: int) -> None:
        self._descriptor = sock.fileno()
        self._size, self._mark = size, mark
        buffer = bytearray(BATCH * SLOT)
        self._messages = Messages(BATCH, buffer, SLOT, SLOT)
        marks = memoryview(buffer)[HEADER_SIZE::SLOT]
        self._sizes = [self._messages.came[:count] for count in range(BATCH + 1)]
        self._marks = [marks[:count] for count in range(BATCH + 1)]
        self._right_sizes = [memoryview(array("I", [size] * count)) for count in range(BATCH + 1)]
        self._right_marks = [bytes([mark]) * count for count in range(BATCH + 1)]

    def take(self) -> int:
        """Take what waits, at most a batch; return how many were ours. Never waits."""
        came = self._messages.receive(self._descriptor, MSG_DONTWAIT)
        if came <= 0:
            return 0
        sizes, marks = self._sizes[came], self._marks[came]
        if sizes == self._right_sizes[came] and marks == self._right_marks[came]:
            return came
        ours = (self._size, self._mark)
        return sum(pair == ours for pair in zip(sizes, marks, strict=True))
