"""Finds frames that came by two ways: machines with two interfaces on one LAN hear each other twice. Pure."""

from collections.abc import Hashable
from typing import Final

REMEMBERED: Final = 1.0  # seconds; longer than two ways differ by
CAPACITY: Final = 512  # frames


class Copies:
    """Remembers by which way each frame came first, for `REMEMBERED` seconds; at most `CAPACITY` frames.

    The same frame by the same way is a repetition and passes, by another way it is a copy. When it is full
    the oldest frame is forgotten, whose copies pass then.
    """

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[Hashable, float]] = {}

    def is_copy(self, frame: bytes, way: Hashable, now: float) -> bool:
        """Say whether `frame`, come by `way` at `now` (seconds), came by another way just before."""
        known = self._first.pop(frame, None)
        if known is not None and known[0] != way and now - known[1] < REMEMBERED:
            self._first[frame] = known
            return True
        if len(self._first) >= CAPACITY:
            del self._first[next(iter(self._first))]
        self._first[frame] = (way, now)
        return False
