"""Server-sent events: a snapshot to whoever comes or comes back, then what is new.

Source: HTML Living Standard, 9.2 Server-sent events.

`id` is the version of what was seen. A client that has missed a version, because it was away or slow, gets a
snapshot again. Nothing is queued for anybody.
"""

import math
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from nwip.web.facts import Row
from nwip.web.history import LINES
from nwip.web.picture import Picture
from nwip.web.status import status
from nwip.web.watching import NARROW, Watching

MOST_SERIES: Final = 32  # that one client may follow
RETRY: Final = 2000  # milliseconds until a client that was cut off comes back


async def events(watching: Watching, series: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield one event for each version, the first a snapshot; ends when the watching does."""
    series = list(dict.fromkeys(series))[:MOST_SERIES]
    seen, drawn = -2, None
    yield f"retry: {RETRY}\n\n".encode()
    while not watching.closed:
        version = watching.version
        fresh = version != seen + 1
        pictures = (watching.drawn(), watching.drawn(NARROW))
        told: dict[str, object] = {"status": status(watching)}
        if fresh or pictures != drawn:
            told["pictures"] = {"wide": drawing(pictures[0]), "narrow": drawing(pictures[1])}
        if fresh:
            told["curves"] = {name: curve(watching, name) for name in series}
        else:
            told["samples"] = {name: sample(watching, name) for name in series}
        yield event("snapshot" if fresh else "update", version, told)
        seen, drawn = version, pictures
        await watching.news(version)


def event(name: str, version: int, told: object) -> bytes:
    """Return one event; its data is one line of JSON."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (version, name.encode(), msgspec.json.encode(told))


def drawing(picture: Picture) -> Row:
    """Return a picture as JSON has it."""
    return {
        "width": picture.width,
        "height": picture.height,
        "boxes": [box._asdict() for box in picture.boxes],
        "wires": [wire._asdict() for wire in picture.wires],
    }


def curve(watching: Watching, name: str) -> list[list[float | None]]:
    """Return a series as uPlot takes it: UNIX times, then a list for each line; null is unknown."""
    found = watching.history.curve(name)
    times: list[float | None] = [round(at + watching.epoch, 3) for at in found.times]
    return [times, *([_known(value) for value in line] for line in found.lines)]


def sample(watching: Watching, name: str) -> list[float | None]:
    """Return the last sample of a series: UNIX time, and a value for each line; empty where there is none."""
    at = watching.facts.at
    if at is None or watching.facts.problem:
        return []
    values = watching.history.latest(name)
    assert len(values) == len(LINES)  # noqa: S101 - as `curve` has them
    return [round(at + watching.epoch, 3), *map(_known, values)]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)
