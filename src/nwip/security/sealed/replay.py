"""The window of counters: each datagram is taken once, and late ones within reason. Pure."""

from typing import Final

WINDOW: Final = 4096
_MASK: Final = WINDOW - 1


class ReplayWindow:
    """Remembers which of the last 4096 counters up to the highest, `top`, have been taken.

    There is an octet for each, in a ring.
    """

    __slots__ = ("_taken", "top")

    def __init__(self) -> None:
        self.top = -1
        self._taken = bytearray(WINDOW)

    def admits(self, counter: int) -> bool:
        """Say whether a counter is neither taken nor too old for us to know."""
        top = self.top
        return counter > top or (counter > top - WINDOW and not self._taken[counter & _MASK])

    def take_next(self, count: int) -> None:
        """Mark the counters that follow on the highest."""
        taken, begin = self._taken, self.top + 1 & _MASK
        end = begin + count
        if end <= WINDOW:
            taken[begin:end] = b"\1" * count
        elif count < WINDOW:
            taken[begin:] = b"\1" * (WINDOW - begin)
            taken[: end - WINDOW] = b"\1" * (end - WINDOW)
        else:
            taken[:] = b"\1" * WINDOW
        self.top += count

    def take(self, counter: int) -> bool:
        """Mark a counter that is admitted; say whether it is the highest so far."""
        taken, top = self._taken, self.top
        if counter <= top:
            taken[counter & _MASK] = 1
            return False
        if counter - top > WINDOW:
            self._taken = taken = bytearray(WINDOW)
        else:
            for skipped in range(top + 1, counter):
                taken[skipped & _MASK] = 0
        taken[counter & _MASK] = 1
        self.top = counter
        return True
