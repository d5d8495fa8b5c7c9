"""When to try again, and with which server. Pure; randomness is passed in."""

from random import Random
from typing import Final

FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 1.0  # seconds: a domain is whole again within two seconds of its DSS's return


class BackOff:
    """Pauses that double from `FIRST_PAUSE` to `LONGEST_PAUSE`, each shortened by up to half at random.

    The jitter keeps the nodes of a domain from coming back all at once.
    """

    __slots__ = ("_pause", "_random")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._pause = FIRST_PAUSE

    def next(self) -> float:
        """Return how many seconds to wait before the next try."""
        pause = self._pause * self._random.uniform(0.5, 1.0)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def reset(self) -> None:
        """Begin again with the shortest pause: a server has let us in."""
        self._pause = FIRST_PAUSE
