"""Draw what `benchmarks/relay.py --json` has found, for docs/performance.md, as SVG.

    benchmarks/relay.py --json > docs/performance/figures.json
    benchmarks/plots.py

`bars.svg` sets each ratio against its bar; `relay.svg`, `growth.svg` and `latency.svg` show the figures
behind them. Figures that are not there are left out. The same figures give the same octets.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "performance"
WIDTH: Final = 760
LEFT: Final = 170  # of a plot whose rows have names
OURS, THEIRS, BAR = "#2563eb", "#94a3b8", "#dc2626"  # nwip, C, and what must not be passed
INK, FAINT = "#1f2937", "#d1d5db"

Figures = dict[str, Any]  # as JSON gives them: what relay.py prints

BARS: Final = {  # issue by issue what was promised; ratios to C
    "relay_to_c": 1.25,
    "tunnel_to_c": 1.3,
    "burst_to_c from_gso": 0.9,
    "burst_to_c from_plain": 1.1,
    "broadcast_to_c": 1.1,
    "table_100k_to_c": 1.5,
    "lan_to_c": 1.3,
    "mixed_to_clean": 1.25,
}
TITLES: Final = {
    "relay_to_c": "one gateway",
    "tunnel_to_c": "tunnel, dearer gateway",
    "burst_to_c from_gso": "bursts, GSO sender",
    "burst_to_c from_plain": "bursts, plain sender",
    "broadcast_to_c": "broadcast to 64",
    "table_100k_to_c": "100,000 clients",
    "lan_to_c": "LAN to node",
    "mixed_to_clean": "mixed to clean",
}


class Row(NamedTuple):
    """A row of horizontal bars: its name, (value, colour) for each, and the mark not to be passed, if any."""

    name: str
    values: Sequence[tuple[float, str]]
    limit: float | None = None


def svg(title: str, height: int, body: Sequence[str]) -> str:
    """Return a whole picture."""
    box = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" fill="{INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        text(20, 28, title, size=16),
        *body,
        "</svg>\n",
    ]
    return "\n".join(parts)


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13) -> str:
    """Return a line of text."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" fill="{colour}"/>'


def line(x1: float, y1: float, x2: float, y2: float, *, colour: str = FAINT, width: float = 1) -> str:
    """Return a straight line of a colour."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def legend(entries: Sequence[tuple[str, str]], y: float) -> list[str]:
    """Return names of colours, up to the right edge."""
    parts, x = [], WIDTH - 20.0
    for words, colour in reversed(entries):
        x -= 8 * len(words)
        parts.append(text(x, y, words))
        x -= 18
        parts.append(rectangle(x, y - 11, 12, 12, colour))
        x -= 14
    return parts


def steps(most: float) -> list[float]:
    """Return about five round numbers from 0 to at least `most`."""
    unit = 10 ** math.floor(math.log10(most / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor * 5 >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def horizontal(title: str, rows: Sequence[Row], colours: Sequence[tuple[str, str]], form: str) -> str:
    """Return a plot of bars that lie, row by row, with their values behind them."""
    most = max(max(value for value, _ in row.values) for row in rows)
    scale = steps(max(most, *(row.limit or 0 for row in rows)))
    each = max(len(row.values) for row in rows) * 18 + 12
    bottom = 48 + each * len(rows)
    across = (WIDTH - LEFT - 80) / scale[-1]
    body = legend(colours, 28)
    for value in scale:
        body += [line(LEFT + value * across, 44, LEFT + value * across, bottom)]
        body += [text(LEFT + value * across, bottom + 18, f"{value:g}", anchor="middle")]
    for number, row in enumerate(rows):
        top = 50 + each * number
        body.append(text(LEFT - 10, top + each / 2 - 2, row.name, anchor="end"))
        for place, (value, colour) in enumerate(row.values):
            body.append(rectangle(LEFT, top + 18 * place, value * across, 15, colour))
            body.append(text(LEFT + value * across + 6, top + 18 * place + 12, form.format(value)))
        if row.limit is not None:
            x = LEFT + row.limit * across
            body.append(line(x, top - 3, x, top + each - 9, colour=BAR, width=2.5))
    return svg(title, bottom + 30, body)


def curves(title: str, rows: Sequence[Figures], below: str) -> str:
    """Return a plot of both figures over the number of peers, whose scale is logarithmic."""
    scale = steps(max(max(row["nwip"], row["yardstick"]) for row in rows))
    first, last = math.log10(rows[0]["peers"]), math.log10(rows[-1]["peers"])
    right, bottom, left = WIDTH - 40, 300, 70

    def at(row: Figures, field: str) -> tuple[float, float]:
        along = (math.log10(row["peers"]) - first) / ((last - first) or 1)
        return left + along * (right - left), bottom - row[field] / scale[-1] * (bottom - 60)

    body = legend((("nwip", OURS), ("C", THEIRS)), 28)
    for value in scale:
        y = bottom - value / scale[-1] * (bottom - 60)
        body += [line(left, y, right, y), text(left - 8, y + 4, f"{value:g}", anchor="end")]
    for field, colour in (("yardstick", THEIRS), ("nwip", OURS)):
        points = [at(row, field) for row in rows]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
    body += [text(at(row, "nwip")[0], bottom + 20, f"{row['peers']:,}", anchor="middle") for row in rows]
    body.append(text(WIDTH / 2, bottom + 42, below, anchor="middle"))
    return svg(title, bottom + 56, body)


def pairs(rows: Sequence[Figures], name: str) -> list[Row]:
    """Return a row for each figure: nwip's, and that of C."""
    return [Row(name.format(**row), ((row["nwip"], OURS), (row["yardstick"], THEIRS))) for row in rows]


def drawn(found: Figures) -> dict[str, str]:
    """Return the pictures by name."""
    details, pictures = found.get("details", {}), {}
    both = (("nwip", OURS), ("C", THEIRS))
    flat = {**found, **{f"burst_to_c {name}": value for name, value in found.get("burst_to_c", {}).items()}}
    ratios = [Row(TITLES[key], ((flat[key], OURS),), bar) for key, bar in BARS.items() if key in flat]
    if ratios:
        colours = (("nwip", OURS), ("not more than this", BAR))
        pictures["bars.svg"] = horizontal("CPU time for a packet: times that of C", ratios, colours, "{:.2f}")
    if rows := details.get("relay"):
        title = "One gateway: nanoseconds of CPU time for a packet"
        pictures["relay.svg"] = horizontal(title, pairs(rows, "{octets} octets, to {peers}"), both, "{:.0f}")
    if rows := details.get("latency"):
        title = "One packet's way through one gateway: microseconds"
        pictures["latency.svg"] = horizontal(title, pairs(rows, "{of}"), both, "{:.1f}")
    if rows := details.get("table"):
        title = "Nanoseconds of CPU time for a packet, among ever more clients"
        pictures["growth.svg"] = curves(title, rows, "clients of one gateway")
    return pictures


def main() -> int:
    """Draw; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="?", type=Path, default=FOLDER / "figures.json")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the directory of the pictures")
    options = parser.parse_args()
    if not options.figures.exists():
        print("nothing to draw: first run benchmarks/relay.py --json > docs/performance/figures.json")
        return 0
    options.into.mkdir(parents=True, exist_ok=True)
    for name, picture in drawn(json.loads(options.figures.read_text("utf-8"))).items():
        (options.into / name).write_text(picture, "utf-8")
        print(f"drawn: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
