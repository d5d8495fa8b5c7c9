"""The simulated time: what is to happen, in order. Pure."""

from collections.abc import Callable
from heapq import heappop, heappush


class Clock:
    """Events by time, in seconds from the start; of equal times the first set comes first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self.events = 0

    def at(self, time: float, event: Callable[[], None]) -> None:
        """Let something happen at `time`, or now if that has passed."""
        self._order += 1
        heappush(self._heap, (max(time, self.now), self._order, event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen in `seconds`."""
        self.at(self.now + seconds, event)

    def run(self, until: float) -> None:
        """Let everything happen up to and including `until`."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, event = heappop(self._heap)
            self.events += 1
            event()
        self.now = until
