"""One deadline for each of many keys, cheap to push back: leases are renewed all the time. Pure."""

from collections.abc import Hashable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Deadlines by key, in seconds of the caller's clock.

    A deadline that is pushed back costs one dict entry: the heap keeps the earlier time and is put right
    when that time comes. So a flood of renewals does not make it grow.
    """

    __slots__ = ("_due", "_heap", "_order", "_queued")

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._queued: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = 0

    def set(self, key: K, due: float) -> None:
        """Give `key` the deadline `due` in place of any other."""
        self._due[key] = due
        if due < self._queued.get(key, float("inf")):
            self._push(key, due)

    def discard(self, key: K) -> None:
        """Let `key` have no deadline."""
        self._due.pop(key, None)

    def next(self) -> float | None:
        """Return the earliest deadline, or None."""
        while self._heap:
            queued, _, key = self._heap[0]
            due = self._due.get(key)
            if queued == due:
                return due
            heappop(self._heap)
            if self._queued.get(key) == queued:
                del self._queued[key]
                if due is not None:
                    self._push(key, due)
        return None

    def pop_due(self, now: float) -> Iterator[K]:
        """Give out, and forget, every key whose deadline has come."""
        while (due := self.next()) is not None and due <= now:
            _, _, key = heappop(self._heap)
            del self._queued[key]
            del self._due[key]
            yield key

    def _push(self, key: K, due: float) -> None:
        self._order += 1  # keys need no order of their own
        self._queued[key] = due
        heappush(self._heap, (due, self._order, key))
