"""When a port lets the kernel join datagrams: after some full batches from one peer, as long as it pays.

It does not pay for single packets, which are copied once more then; so it begins when a peer sends many of
one size, and ends when hardly any have come joined for a while. If none ever did, the next trial is put off.
Bursts to one node are to go on in one piece, others are scattered into slots.
"""

import contextlib
import socket
from typing import Final

from nwip.dataplane.arena import STRIDE, Arena
from nwip.dataplane.bursts import BurstArena
from nwip.dataplane.headers import are_equal
from nwip.dataplane.kernel import SOL_UDP, UDP_GRO
from nwip.dataplane.scattering import Scatterer
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET

MANY: Final = 32  # packets: smaller batches say nothing
ENOUGH: Final = 8  # batches in a row that are many equal packets
IDLE: Final = 16  # wake-ups without a burst: as many packets as may have waited when it began
PUT_OFF: Final = 8  # times as many batches after a trial in vain
LONGEST: Final = ENOUGH * PUT_OFF**4
PAYS: Final = 4  # datagrams a message, where they are scattered
SINGLES: Final = 256  # messages that hold fewer: as many as may have waited when it began

_LAST_OF_NODE: Final = DESTINATION_SOCKET_OFFSET - 1


class Trial:
    """How many batches in a row speak for something that is tried, and how many are wanted."""

    def __init__(self) -> None:
        self._wanted = ENOUGH
        self._seen = 0

    def see(self, *, speaks: bool) -> bool:
        """Learn of a batch; say whether now is the time. The next time is put off until it has `paid`."""
        self._seen = self._seen + 1 if speaks else 0
        if self._seen < self._wanted:
            return False
        self._seen = 0
        self._wanted = min(self._wanted * PUT_OFF, LONGEST)
        return True

    def paid(self) -> None:
        """Learn that it was worth it."""
        self._wanted = ENOUGH


class Joining:
    """Whether the kernel joins what comes to a socket, to go into memory of its own or slots of `arena`.

    The former is `bursts`, the latter `scatterer`; one of them at most is there. A port that nothing comes to
    any more keeps it.
    """

    def __init__(self, sock: socket.socket, arena: Arena) -> None:
        self.bursts: BurstArena | None = None
        self.scatterer: Scatterer | None = None
        self._socket = sock
        self._arena = arena
        self._is_known = _joins(sock)
        self._to_one, self._to_many = Trial(), Trial()
        self._idle = 0

    def begins(self, count: int) -> bool:
        """Look at a batch of at least `MANY`; say whether from now on the kernel joins datagrams."""
        if not self._is_known or self._socket.fileno() < 0:
            return False
        arena = self._arena
        size = _one_size(arena, count)
        to_one = size > 0 and _are_to_one(arena, count)
        if self._to_one.see(speaks=to_one):
            return self.begin()
        return self._to_many.see(speaks=size > 0 and not to_one) and self.begin_to_scatter(size)

    def begin(self) -> bool:
        """Let the kernel join datagrams that are to go on in one piece, if it can; say whether it does."""
        if self._is_known:
            self.bursts = BurstArena(self._arena.name_size)
            self._tell(self.bursts, parting=False)
            self._idle = 0
        return self._is_known

    def begin_to_scatter(self, size: int) -> bool:
        """Let it join datagrams, now of `size` octets, that are to come into slots; say whether it does."""
        if self._is_known:
            self.scatterer = Scatterer(self._arena, size)
            self._socket.setsockopt(SOL_UDP, UDP_GRO, 1)
            self._idle = 0
        return self._is_known

    def judge(self, runs: int, *, is_empty: bool) -> None:
        """Learn of a wake-up: bursts that went on in one piece, and whether nothing waits any more.

        Some may still wait when it has ceased: then it goes on. The memory is given back when none can.
        """
        if self.bursts is None or self._socket.fileno() < 0:
            return
        if runs:
            self._idle = 0
            self._to_one.paid()
            if self.bursts.is_parting:
                self._tell(self.bursts, parting=False)
            return
        self._idle += 1
        if self.bursts.is_parting and is_empty:
            self.bursts = None
        elif self._idle >= IDLE and not self.bursts.is_parting:
            self._tell(self.bursts, parting=True)

    def judge_scattering(self, messages: int, scattered: int) -> None:
        """Learn of a wake-up: messages, and the datagrams of them that came into slots of their own."""
        if self.scatterer is None or self._socket.fileno() < 0:
            return
        if scattered >= PAYS * messages:
            self._idle = 0
            self._to_many.paid()
            return
        self._idle += messages
        if self._idle >= SINGLES:
            self.scatterer = None
            self.bursts = BurstArena(self._arena.name_size)  # for what is joined already
            self._tell(self.bursts, parting=True)

    def _tell(self, bursts: BurstArena, *, parting: bool) -> None:
        self._socket.setsockopt(SOL_UDP, UDP_GRO, not parting)
        bursts.is_parting = parting


def _one_size(arena: Arena, count: int) -> int:
    """Return the length of the packets of a batch, 0 unless they have one and are from one address."""
    size = arena.name_size
    high, low = arena.lengths(count)
    if arena.names[: count * size] != arena.names[:size] * count or not are_equal(high, low):
        return 0
    length = high[0] << 8 | low[0]
    return length if length < STRIDE else 0


def _are_to_one(arena: Arena, count: int) -> bool:
    """Say whether the packets of a batch are, as it seems, to one node."""
    nodes = arena.buffer[_LAST_OF_NODE : count * STRIDE : STRIDE]
    return nodes.count(nodes[0]) == count


def _joins(sock: socket.socket) -> bool:
    """Say whether the kernel can (Linux 5.0); it was made to tell only later, so it is told not to."""
    with contextlib.suppress(OSError):
        sock.setsockopt(SOL_UDP, UDP_GRO, 0)
        return True
    return False
