"""Traffic over time as lines in a box: what `/traffic.svg` draws. Pure."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from nwip.web.history import LINES, Curve

WIDTH: Final = 640.0
HEIGHT: Final = 200.0
LEFT: Final = 64.0
TOP: Final = 30.0
BOTTOM: Final = 26.0
SPAN: Final = 1800.0  # seconds from left to right at most
SHORTEST: Final = 60.0  # and at least
STEPS: Final = (1.0, 2.0, 5.0)


class Tick(NamedTuple):
    """A mark on an axis: where it is, and what it says."""

    at: float
    says: str


class Line(NamedTuple):
    """A line: its name, the `d` of an SVG path, and its last value in words."""

    name: str
    path: str
    says: str


class Chart(NamedTuple):
    """All that is drawn, in CSS pixels."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Tick, ...]
    moments: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def chart(title: str, curve: Curve, now: float) -> Chart:
    """Return the chart of a series: packets a second, up to `now` at the right."""
    known = [value for line in curve.lines for value in line if not math.isnan(value)]
    ceiling = nice_ceiling(max(known, default=0.0))
    first = curve.times[0] if curve.times else now
    span = min(SPAN, max(SHORTEST, now - first))

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * (1 - (now - at) / span)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / ceiling

    lines = [
        Line(name, path([(x(at), y(value)) for at, value in zip(curve.times, line, strict=True)]), last(line))
        for name, line in zip(LINES, curve.lines, strict=True)
    ]
    levels = [Tick(y(ceiling * part / 2), figure(ceiling * part / 2)) for part in range(3)]
    moments = [Tick(x(now - span * part / 3), ago(span * part / 3)) for part in range(4)]
    return Chart(title, tuple(lines), tuple(levels), tuple(moments))


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return the `d` of a path through points; one without a value (NaN), or left of the box, breaks it."""
    parts, begun = [], False
    for x, y in points:
        if math.isnan(y) or x < LEFT - 1:
            begun = False
            continue
        parts.append(f"{'L' if begun else 'M'}{x:.1f} {y:.1f}")
        begun = True
    return "".join(parts)


def nice_ceiling(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is no less than a value; at least 1."""
    power = 10.0 ** math.floor(math.log10(max(value, 1.0)))
    return next((step * power for step in STEPS if step * power >= value), 10 * power)


def figure(value: float) -> str:
    """Return a rate as a person reads it: `0`, `0.5`, `12`, `3,400`; a dash for what is not known."""
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if 0 < value < 10 and value != int(value) else f"{value:,.0f}"


def ago(span: float) -> str:
    """Return a time before now for the axis."""
    if span < 1:
        return "now"
    return f"{span:.0f} s ago" if span < 120 else f"{span / 60:.0f} min ago"


def last(line: Sequence[float]) -> str:
    """Return the last value of a line in words."""
    return figure(line[-1]) if line else "-"
