"""The window of counters: each datagram is taken once, and late ones within reason. Pure."""

from typing import Final

from nwip.wire import WireError

WINDOW: Final = 4096
_MASK: Final = WINDOW - 1


class ReplayWindow:
    """Remembers which of the last 4096 counters up to the highest, `top`, have been taken.

    One octet for each, in a ring: the next counter, which is what mostly comes, costs one look and one mark.
    """

    __slots__ = ("_taken", "top")

    def __init__(self) -> None:
        self.top = -1
        self._taken = bytearray(WINDOW)

    def check(self, counter: int) -> None:
        """Raise `WireError` for a counter that has been taken, or is too old for us to know."""
        top = self.top
        if counter <= top and (counter <= top - WINDOW or self._taken[counter & _MASK]):
            raise WireError("seen before, or too late to tell")

    def take(self, counter: int) -> bool:
        """Mark a counter that `check` let pass; say whether it is the highest so far."""
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
