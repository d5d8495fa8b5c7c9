"""When a port lets the kernel join datagrams: after some full batches of equal ones, as long as it pays.

It does not pay for single packets, which are copied once more then; so it begins when a peer sends bursts,
and ends when none has gone on in one piece for a while. If none ever did, the next trial is put off.
"""

import contextlib
import socket
from typing import Final

from nwip.dataplane.arena import STRIDE, Arena
from nwip.dataplane.bursts import BurstArena
from nwip.dataplane.headers import are_equal
from nwip.dataplane.kernel import SOL_UDP, UDP_GRO
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET

MANY: Final = 32  # packets: smaller batches say nothing
ENOUGH: Final = 8  # batches in a row that are many equal packets
IDLE: Final = 16  # wake-ups without a burst: as many packets as may have waited when it began
PUT_OFF: Final = 8  # times as many batches after a trial in vain
LONGEST: Final = ENOUGH * PUT_OFF**4

_LAST_OF_NODE: Final = DESTINATION_SOCKET_OFFSET - 1


class Joining:
    """Whether the kernel joins what comes to a socket. `bursts` is the memory for it, else None.

    A port that nothing comes to any more keeps it.
    """

    def __init__(self, sock: socket.socket, name_size: int) -> None:
        self.bursts: BurstArena | None = None
        self._socket = sock
        self._name_size = name_size
        self._is_known = _joins(sock)
        self._wanted = ENOUGH
        self._seen = 0
        self._idle = 0

    def begins(self, arena: Arena, count: int) -> bool:
        """Look at a batch of at least `MANY`; say whether from now on the kernel joins datagrams."""
        self._seen = self._seen + 1 if _are_equal(arena, count) else 0
        return self._seen >= self._wanted and self.begin()

    def begin(self) -> bool:
        """Let the kernel join datagrams, if it can; say whether it does."""
        if not self._is_known or self._socket.fileno() < 0:
            return False
        self.bursts = BurstArena(self._name_size)
        self._tell(self.bursts, parting=False)
        self._seen = self._idle = 0
        self._wanted = min(self._wanted * PUT_OFF, LONGEST)
        return True

    def judge(self, runs: int, *, is_empty: bool) -> None:
        """Learn of a wake-up: bursts that went on in one piece, and whether nothing waits any more.

        Some may still wait when it has ceased: then it goes on. The memory is given back when none can.
        """
        if self.bursts is None or self._socket.fileno() < 0:
            return
        if runs:
            self._idle, self._wanted = 0, ENOUGH
            if self.bursts.is_parting:
                self._tell(self.bursts, parting=False)
            return
        self._idle += 1
        if self.bursts.is_parting and is_empty:
            self.bursts = None
        elif self._idle >= IDLE and not self.bursts.is_parting:
            self._tell(self.bursts, parting=True)

    def _tell(self, bursts: BurstArena, *, parting: bool) -> None:
        self._socket.setsockopt(SOL_UDP, UDP_GRO, not parting)
        bursts.is_parting = parting


def _are_equal(arena: Arena, count: int) -> bool:
    """Say whether the packets of a batch are from one address, of one length, and as it seems to one node."""
    if arena.buffer[_LAST_OF_NODE] != arena.buffer[(count - 1) * STRIDE + _LAST_OF_NODE]:
        return False
    size = arena.name_size
    high, low = arena.lengths(count)
    nodes = arena.buffer[_LAST_OF_NODE : count * STRIDE : STRIDE]
    return (
        arena.names[: count * size] == arena.names[:size] * count
        and are_equal(high, low)
        and nodes.count(nodes[0]) == count
    )


def _joins(sock: socket.socket) -> bool:
    """Say whether the kernel can (Linux 5.0); it was made to tell only later, so it is told not to."""
    with contextlib.suppress(OSError):
        sock.setsockopt(SOL_UDP, UDP_GRO, 0)
        return True
    return False
