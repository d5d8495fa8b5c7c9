"""Which TCP connections are talked with at all: a flood of them costs an accept and a close each. Pure.

It stands before the engines, whose own limits are narrower: an engine still tells whom it refuses why, and
this says how many of those there may be.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.security.limits import TokenBuckets
from nwip.security.sources import plain_address, source_of

STRANGERS: Final = 256  # connections of those that are told why they may not join: they take no one's place
SPARE: Final = 256  # connections beyond the sessions of an engine, for those that are told that it is full
SPARE_PER_SOURCE: Final = 8
RATE: Final = 50.0  # connections a second of one source
BURST: Final = 500.0


class Place(NamedTuple):
    """What an open connection counts as, until it is left."""

    source: str
    is_stranger: bool


class Doorkeeper:
    """Counts open connections: at most `most` in all, `most_per_source` of one source, and some to spare.

    A source is an IPv4 address or an IPv6 /64. Whom `admit` does not admit is a stranger; of those there are
    at most `STRANGERS`. `turned_away` counts what did not get in, by reason.
    """

    def __init__(
        self,
        most: int,
        most_per_source: int,
        admit: Callable[[str], bool],
        rate: float = RATE,
        burst: float = BURST,
    ) -> None:
        self.turned_away: Counter[str] = Counter()
        self._most = most + SPARE
        self._most_per_source = most_per_source + SPARE_PER_SOURCE
        self._admit = admit
        self._open: Counter[str] = Counter()
        self._members = self._strangers = 0
        self._buckets = TokenBuckets(rate, burst)

    def __len__(self) -> int:
        """Return how many connections are open."""
        return self._members + self._strangers

    def enter(self, ip: str, now: float) -> Place | None:
        """Count a connection in; None, and not counted, for one that is to be cut at once."""
        place = Place(source_of(ip), not self._admit(plain_address(ip)))
        flaw = self._flaw(place, now)
        if flaw is not None:
            self.turned_away[flaw] += 1
            return None
        self._count(place, 1)
        return place

    def leave(self, place: Place) -> None:
        """Count a connection out."""
        self._count(place, -1)
        if not self._open[place.source]:
            del self._open[place.source]

    def _flaw(self, place: Place, now: float) -> str | None:
        if not self._buckets.allow(place.source, now):
            return "connections too fast"
        if self._open[place.source] >= self._most_per_source:
            return "too many connections of one source"
        if place.is_stranger and self._strangers >= STRANGERS:
            return "too many connections of strangers"
        if not place.is_stranger and self._members >= self._most:
            return "too many connections"
        return None

    def _count(self, place: Place, change: int) -> None:
        self._open[place.source] += change
        if place.is_stranger:
            self._strangers += change
        else:
            self._members += change
