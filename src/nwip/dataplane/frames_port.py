"""A card of a LAN link, drained in batches as a UDP port is, and sent by from all ports.

Fast path. What `flows` knows goes on without a look at single frames; the rest is reported, frame by frame.
"""

import errno
import os
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from nwip.dataplane.arena import SLOTS
from nwip.dataplane.batched import BATCHES
from nwip.dataplane.batches import forward
from nwip.dataplane.flows import Books, Exit, Flows
from nwip.dataplane.frames import Standing
from nwip.dataplane.frames_arena import FrameArena
from nwip.dataplane.frames_outbox import FrameOutbox
from nwip.dataplane.kernel import errno_of
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.portable import BUDGET
from nwip.dataplane.tally import Tally
from nwip.dataplane.traffic import traffic
from nwip.ipx.frames import MAC_SIZE, FrameType

REVIEW_INTERVAL: Final = 1.0  # seconds: how exactly it is known when a host sent something last
TALLIED: Final = 65536  # MAC addresses; beyond it they are counted anew


class Observer(Protocol):
    """Who knows which frames may pass a port without a look, and is told of those that do."""

    def admits(self, source: bytes, mac: bytes, destination: bytes) -> bool:
        """Say whether packets from a source, which a MAC address sends, to a destination may pass."""
        ...

    def note_sending(self, senders: Collection[bytes], now: float) -> None:
        """Learn that frames go out from some MAC addresses, at a time in seconds."""
        ...

    def review(self) -> None:
        """Learn from the tally who was heard: called about once a second, before new frames are taken."""
        ...


class FramePort:
    """The frames of a card, whose descriptor comes and goes: -1 while there is none.

    It is also the `Target` for what our own node sends on; `by_source` is that for packets that are sent as
    if their sources were on the LAN. `taken_at` says, in seconds, when frames last came in.
    """

    kind = "batched"
    name_size = MAC_SIZE
    takes_groups = False

    def __init__(
        self,
        standing: Standing,
        books: Books,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = Tally()
        self.descriptor = -1
        self.frame_type = FrameType.ETHERNET_II
        self.taken_at = -REVIEW_INTERVAL
        self.by_source = BySource(self)
        self._standing = standing
        self._arena = FrameArena(standing)
        self._most = BUDGET  # frames that the next call takes: few while most are to be looked at
        self.flows: Flows = FrameFlows(self._arena, books, self.tally, observer)
        self._observer = observer
        self._reviewed_at = self.taken_at
        self._clock = clock

    def fileno(self) -> int:
        """Return the descriptor, -1 when there is none."""
        return self.descriptor

    def expect(self, frame_type: FrameType) -> None:
        """Speak a frame type from now on. What was remembered must be forgotten before."""
        if frame_type is not self.frame_type:
            self.frame_type = frame_type
            self._arena.expect(frame_type)

    def outbox(self, base: int) -> Outbox:
        """Return what sends packets in slots from an address on, with our own node as the sender."""
        return FrameOutbox(base, self.frame_type, self._standing.node, self.note_sending)

    def note_sending(self, senders: Collection[bytes]) -> None:
        """Note that frames go out now."""
        self._observer.note_sending(senders, self._clock())
        if len(self.tally.packets_out) > TALLIED:
            self.tally.packets_out.clear()
            self.tally.octets_out.clear()

    def drain(self, received: Callable[[Sequence[bytes]], None]) -> OSError | None:
        """Take what waits, within a budget; report what is to be looked at; return why the card is lost."""
        arena, descriptor = self._arena, self.descriptor
        self._begin()
        for _ in range(BATCHES):
            most = self._most
            count = arena.receive(descriptor, most)
            if count <= 0:
                reason = errno_of()
                usual = count == 0 or reason in (errno.EAGAIN, errno.EINTR)
                return None if usual else OSError(reason, os.strerror(reason))
            traffic.datagrams += count
            left = forward(self.flows, count)
            self._most = BUDGET if 2 * len(left) > count else SLOTS
            if left:
                received([arena.datagram(slot) for slot in left])
            if count < most or 2 * len(left) > BUDGET or self.descriptor != descriptor:
                return None
        return None

    def _begin(self) -> None:
        now = self._clock()
        if now - self._reviewed_at >= REVIEW_INTERVAL:
            self._observer.review()
            self._reviewed_at = now
        self.taken_at = now
        if len(self.tally.packets_in) > TALLIED:
            self.tally.packets_in.clear()
            self.tally.octets_in.clear()


class BySource:
    """The `Target` for packets that a `FramePort` sends with their sources' own numbers."""

    name_size = MAC_SIZE
    takes_groups = False

    def __init__(self, port: FramePort) -> None:
        self.tally = port.tally
        self._port = port

    def fileno(self) -> int:
        """Return the descriptor, -1 when there is none."""
        return self._port.descriptor

    def outbox(self, base: int) -> Outbox:
        """Return what sends packets in slots from an address on."""
        return FrameOutbox(base, self._port.frame_type, None, self._port.note_sending)


class FrameFlows(Flows):
    """`Flows` of what comes from a LAN, of which not all may be remembered."""

    def __init__(self, arena: FrameArena, books: Books, tally: Tally, observer: Observer) -> None:
        super().__init__(arena, books, tally)
        self._observer = observer

    def learn(
        self, source: bytes, name: bytes, destination: bytes, place: bytes, way: Exit, *, routed: bool
    ) -> None:
        """Remember that packets from `source` at `name` are believed, and go by `way` to `place`."""
        if self._observer.admits(source, name, destination):
            super().learn(source, name, destination, place, way, routed=routed)
