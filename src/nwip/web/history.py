"""Traffic over time: a ring of samples for each link and each other node. Pure.

A series is named `all`, `link:NAME` or `peer:NODE`. Its values are packets a second: in, out and dropped; of
a peer nothing is dropped, since what a node drops it counts by link.
"""

import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from nwip.web.facts import Facts, dropped, number, text

KEPT: Final = 900  # samples: half an hour of one every two seconds
MOST_SERIES: Final = 512  # some 6 MB
ALL: Final = "all"
LINES: Final = ("in", "out", "dropped")

Values = tuple[float, float, float]
NOTHING: Final = (math.nan,) * 3


class Curve(NamedTuple):
    """A series: seconds of each sample, oldest first, and the three lines; NaN is unknown."""

    times: list[float]
    lines: tuple[list[float], ...]


class History:
    """The last `kept` samples of every series that has been alive within them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._times = array("d")
        self._rings: dict[str, tuple[array[float], ...]] = {}
        self._last_seen: dict[str, int] = {}
        self._before: tuple[float, dict[str, Values]] | None = None
        self._count = 0

    def take(self, facts: Facts) -> None:
        """Take a sample; `facts.at` is its time. Facts of no new answer add nothing but a gap."""
        if facts.problem or facts.at is None:
            self._before = None
            return
        if self._before is not None and facts.at <= self._before[0]:
            return
        counters = dict(counted(facts))
        rates = {} if self._before is None else _rates(self._before, (facts.at, counters))
        self._before = (facts.at, counters)
        self._put(facts.at, rates, counters)

    def names(self) -> list[str]:
        """Return the series that there are."""
        return list(self._rings)

    def curve(self, name: str) -> Curve:
        """Return a series, empty of values where there is none of that name."""
        ring = self._rings.get(name)
        times = self._ordered(self._times)
        unknown = [math.nan] * len(times)
        return Curve(times, tuple(self._ordered(line) for line in ring) if ring else (unknown,) * 3)

    def latest(self, name: str) -> Values:
        """Return the last sample of a series."""
        ring = self._rings.get(name)
        if ring is None or not self._count:
            return NOTHING
        index = (self._count - 1) % self._kept
        return ring[0][index], ring[1][index], ring[2][index]

    def _put(self, at: float, rates: dict[str, Values], alive: Iterable[str]) -> None:
        index = self._count % self._kept
        self._count += 1
        if index == len(self._times):
            self._times.append(at)
        else:
            self._times[index] = at
        for name in alive:
            if name not in self._rings and len(self._rings) < MOST_SERIES:
                self._rings[name] = tuple(array("f", [math.nan]) * self._kept for _ in LINES)
            self._last_seen[name] = self._count
        for name in [name for name in self._rings if self._count - self._last_seen[name] >= self._kept]:
            del self._rings[name], self._last_seen[name]
        for name, ring in self._rings.items():
            for line, value in zip(ring, rates.get(name, NOTHING), strict=True):
                line[index] = value

    def _ordered(self, ring: "array[float]") -> list[float]:
        count, turn = len(self._times), self._count % self._kept
        values = ring[:count]
        return list(values if count < self._kept else values[turn:] + values[:turn])


def counted(facts: Facts) -> Iterator[tuple[str, Values]]:
    """Yield each series with what it has counted so far."""
    links = [
        (
            text(row, "name"),
            (number(row, "packets_in"), number(row, "packets_out"), sum(dropped(row).values())),
        )
        for row in facts.rows("links")
    ]
    if links:
        came, went, lost = (sum(column) for column in zip(*(counts for _, counts in links), strict=True))
        yield ALL, (came, went, lost)
    yield from ((f"link:{name}", counts) for name, counts in links)
    for row in facts.others:
        yield f"peer:{text(row, 'node')}", (number(row, "packets_in"), number(row, "packets_out"), 0.0)


def _rates(
    before: tuple[float, dict[str, Values]], after: tuple[float, dict[str, Values]]
) -> dict[str, Values]:
    """Return packets a second; a series of which a counter has gone back has begun anew."""
    span = after[0] - before[0]
    found: dict[str, Values] = {}
    for name, counts in after[1].items():
        old = before[1].get(name)
        if old is not None and all(new >= was for new, was in zip(counts, old, strict=True)):
            found[name] = tuple((new - was) / span for new, was in zip(counts, old, strict=True))  # type: ignore[assignment]
    return found
