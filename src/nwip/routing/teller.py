"""What one link is told of one table, networks or services, and when. Pure.

Every `UPDATE_INTERVAL` everything; between, at once, whatever has changed; never two packets within
`PACKET_GAP`, so that a large table does not burst. What was told and can be told no longer is said to be 16
hops away: at once, twice again, and in every update until the hold-down has passed.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, Generic, TypeVar

from nwip.routing.timers import HOLD_DOWN, PACKET_GAP, REPEAT, REPEATS, TOLD_LIMIT, UPDATE_INTERVAL

K = TypeVar("K")
E = TypeVar("E")

NEVER: Final = math.inf
SLICE: Final = 500  # things looked at by one `advance`: about a millisecond
NOTHING_YET: Final = b""


class Teller(Generic[K, E]):
    """The updates of one kind on one link.

    `keys` gives out all that there is; `entry_of` returns what is to be said of one now, None when nothing
    is; `lost` makes an entry say 16 hops; `packet` makes a packet of at most `size` entries. At most `limit`
    things are told of, and as many said to be lost. `deadline` says when `advance` must be called next; it is
    infinite when it need not be.
    """

    def __init__(  # noqa: PLR0917 - what a kind of update is made of
        self,
        keys: Callable[[], Iterable[K]],
        entry_of: Callable[[K], E | None],
        lost: Callable[[E], E],
        packet: Callable[[Sequence[E]], bytes],
        size: int,
        limit: int = TOLD_LIMIT,
    ) -> None:
        self._keys = keys
        self._entry_of = entry_of
        self._lost = lost
        self._packet = packet
        self._size = size
        self._limit = limit
        self._told: dict[K, E] = {}
        self._gone: dict[K, tuple[float, E]] = {}
        self._changed: dict[K, None] = {}
        self._again: deque[tuple[float, K, int]] = deque()
        self._due = NEVER
        self._free = -NEVER
        self._running: Iterator[bytes] | None = None
        self._kept: list[bytes] | None = None
        self._ending = False
        self.deadline = NEVER

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be told but the next periodic update."""
        return not self._changed and self._running is None

    def start(self, at: float) -> None:
        """Tell everything at `at`, and then every interval."""
        self._due = self._free = at
        self._ending = False
        self._plan()

    def stop(self) -> None:
        """Tell nothing any more, and forget what was told."""
        self._due = NEVER
        self._running = self._kept = None
        for table in (self._told, self._gone, self._changed, self._again):
            table.clear()
        self._plan()

    def go_down(self) -> None:
        """Say of everything that was told that it is 16 hops away, and then nothing any more."""
        self._ending = True
        self._due = NEVER
        self._running = self._kept = None
        self._again.clear()
        self._changed = dict.fromkeys(self._told)
        self._plan()

    def change(self, key: K) -> None:
        """Learn that what is to be said of a thing may have changed."""
        if self._due != NEVER:
            self._changed[key] = None
            self.deadline = self._free

    def inherit(self, key: K, entry: E) -> None:
        """Learn that another has told a thing in our name."""
        if len(self._told) < self._limit:
            self._told[key] = entry
            self._changed[key] = None
            self.deadline = self._free

    def deny(self, key: K, entry: E, now: float) -> None:
        """Say of a thing that we may have told of and do not know that it is lost."""
        if self._due != NEVER and key not in self._told and len(self._gone) < self._limit:
            self._gone[key] = (now + HOLD_DOWN, self._lost(entry))
            self._changed[key] = None
            self._repeat(key, REPEATS, now)
            self.deadline = self._free

    def renew(self) -> None:
        """Learn that the packets themselves look otherwise, since our address has changed."""
        self._kept = None

    def advance(self, now: float) -> bytes | None:
        """Return the packet that is to be sent now."""
        if now < self._free:
            return None
        packet = self._next(now)
        if packet is not None:
            self._free = now + PACKET_GAP
        self._plan()
        return packet

    def _plan(self) -> None:
        """Set the deadline."""
        if not self.idle:
            self.deadline = self._free
        else:
            first = self._again[0][0] if self._again else NEVER
            self.deadline = max(min(first, self._due), self._free)

    def _next(self, now: float) -> bytes | None:
        while self._again and self._again[0][0] <= now:
            _, key, count = self._again.popleft()
            if key in self._gone:
                self._changed[key] = None
                self._repeat(key, count, now)
        if now >= self._due and not self._told and not self._gone:
            self._changed.clear()  # the first update says it all
        entries = self._changes(now)
        if entries:
            return self._packet(entries)
        if self._changed:
            return None
        if now >= self._due and self._running is None:
            self._due = max(self._due + UPDATE_INTERVAL, now)
            self._running = self._everything(now)
        if self._running is not None:
            packet = next(self._running, None)
            if packet is None:
                self._running = None
            return packet or None
        return None

    def _changes(self, now: float) -> list[E]:
        """Return what is new of the things that may have changed, as far as one packet and one slice go."""
        entries: list[E] = []
        for key in list(islice(self._changed, SLICE)):
            del self._changed[key]
            before = self._told.get(key)
            entry = self._say(key, now)
            if entry is not None and entry != before:
                self._kept = None
                entries.append(entry)
                if len(entries) == self._size:
                    break
        return entries

    def _say(self, key: K, now: float) -> E | None:
        """Return what is said of a thing now, and note that it was."""
        entry = None if self._ending else self._entry_of(key)
        if entry is None:
            before = self._told.pop(key, None)
            if before is not None and len(self._gone) < self._limit:
                self._gone[key] = (now + HOLD_DOWN, self._lost(before))
                self._repeat(key, REPEATS, now)
            return self._gone[key][1] if key in self._gone else None
        if key not in self._told and len(self._told) >= self._limit:
            return None
        self._told[key] = entry
        self._gone.pop(key, None)
        return entry

    def _repeat(self, key: K, count: int, now: float) -> None:
        if count and not self._ending:
            self._again.append((now + REPEAT, key, count - 1))

    def _everything(self, now: float) -> Iterator[bytes]:
        """Yield the packets of a periodic update, from those of the last one if nothing has changed."""
        for key in [key for key, (until, _) in self._gone.items() if until <= now]:
            del self._gone[key]
            self._kept = None
        if self._kept is not None:
            kept = self._kept
            for packet in kept:
                if self._kept is not kept:
                    break  # something has changed: say everything as it is now
                yield packet
            else:
                return
        self._kept = kept = []
        entries: list[E] = []
        keys = chain(self._told, self._gone, islice(self._keys(), self._limit))
        for count, key in enumerate(dict.fromkeys(keys), start=1):
            entry = self._say(key, now)
            if entry is not None:
                entries.append(entry)
            if len(entries) == self._size:
                kept.append(self._packet(entries))
                entries.clear()
                yield kept[-1]
            elif count % SLICE == 0:
                yield NOTHING_YET
        if entries:
            kept.append(self._packet(entries))
            yield kept[-1]
