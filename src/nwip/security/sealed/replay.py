"""The window of counters: each datagram is taken once, and late ones within reason. Pure."""

from typing import Final

WINDOW: Final = 4096
WINDOW_MASK: Final = WINDOW - 1


class ReplayWindow:
    """Remembers which of the last 4096 counters up to the highest, `top`, have been taken.

    `taken` has an octet for each, in a ring: the next counter, which is what mostly comes, costs one mark.
    """

    __slots__ = ("taken", "top")

    def __init__(self) -> None:
        self.top = -1
        self.taken = bytearray(WINDOW)

    def admits(self, counter: int) -> bool:
        """Say whether a counter is neither taken nor too old for us to know."""
        top = self.top
        return counter > top or (counter > top - WINDOW and not self.taken[counter & WINDOW_MASK])

    def take(self, counter: int) -> bool:
        """Mark a counter that is admitted; say whether it is the highest so far."""
        taken, top = self.taken, self.top
        if counter <= top:
            taken[counter & WINDOW_MASK] = 1
            return False
        if counter - top > WINDOW:
            self.taken = taken = bytearray(WINDOW)
        else:
            for skipped in range(top + 1, counter):
                taken[skipped & WINDOW_MASK] = 0
        taken[counter & WINDOW_MASK] = 1
        self.top = counter
        return True
