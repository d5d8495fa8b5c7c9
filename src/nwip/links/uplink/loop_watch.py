"""Finds uplinks whose server is a DOSBox link of this very gateway, before a packet crosses. Pure.

Our own registration is then a host of ours. So after each new number nothing crosses for a moment, in which
a gateway that gave it has heard our probe, and knows. Ways back through other gateways are found by hellos.
"""

from collections.abc import Callable
from typing import Final

PROBATION: Final = 1.0  # seconds


class LoopWatch:
    """`elsewhere` says whether a node number is a host on another link of this gateway.

    `ends_at` is when the probation ends, None when there is none.
    """

    def __init__(self, elsewhere: Callable[[bytes], bool]) -> None:
        self.is_loop = False
        self.ends_at: float | None = None
        self._elsewhere = elsewhere

    def begin(self, now: float) -> None:
        """Begin the probation: the server has given our registration a new number."""
        self.ends_at = now + PROBATION

    def reset(self) -> None:
        """Begin with another server."""
        self.is_loop = False
        self.ends_at = None

    def is_due(self, now: float) -> bool:
        """Say whether the probation ends now, and end it."""
        if self.ends_at is None or now < self.ends_at:
            return False
        self.ends_at = None
        return True

    def look(self, number: bytes | None) -> bool:
        """Look whether our number is a host of ours; say whether that is another answer than before."""
        if self.ends_at is not None:
            return False
        was_loop, self.is_loop = self.is_loop, number is not None and self._elsewhere(number)
        return was_loop != self.is_loop
