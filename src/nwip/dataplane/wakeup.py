"""Drives pure engines from the event loop: one timer for each, set to the engine's own next deadline."""

import asyncio
from collections.abc import Callable


class Wakeup:
    """Calls `advance(now)` when the deadline that `next_deadline()` names has come.

    Times are seconds of the loop's clock. Call `arm` after anything that may have changed the deadline.
    """

    def __init__(self, next_deadline: Callable[[], float | None], advance: Callable[[float], None]) -> None:
        self._next_deadline = next_deadline
        self._advance = advance
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def now(self) -> float:
        """Return the time, in seconds, that engines are given."""
        return self._loop.time()

    def arm(self) -> None:
        """Set the timer to the engine's present deadline."""
        due = self._next_deadline()
        if due == self._due:
            return
        self.cancel()
        if due is not None:
            self._due = due
            self._timer = self._loop.call_at(due, self._fire)

    def cancel(self) -> None:
        """Set no timer until `arm` is called again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._due = None

    def _fire(self) -> None:
        self._timer = None
        self._due = None
        try:
            self._advance(self._loop.time())
        finally:  # a fault in one turn must not be the last
            self.arm()
