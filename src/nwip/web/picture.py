"""Where everything of a domain stands in its picture: boxes and wires. Pure.

The virtual network is a bar across, as an Ethernet was drawn. Above it stand the DSSs, below it the sites in
rows, each row with a bar of its own, joined at the left; in a site each gateway has a column, with what hangs
on it underneath.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.web.plan import Gateway, Plan, Server, Site

COLUMN: Final = 208.0  # width of a gateway with what hangs on it
GAP: Final = 24.0
EDGE: Final = 16.0
TRUNK: Final = 20.0  # room at the left for the bars' joint
BAR: Final = 30.0  # height of the bar
HEAD: Final = 54.0  # height of a gateway
ITEM: Final = 40.0
CLIENT: Final = 36.0
STEP: Final = 8.0  # between two items
INDENT: Final = 18.0
TITLE: Final = 26.0  # room for a site's title
WIDE: Final = 4  # gateways in a row
LETTER: Final = 7.2  # width of a letter, for what must be cut
SMALL_LETTER: Final = 6.2


class Box(NamedTuple):
    """A rectangle: `title` and `note` are cut to fit, `full` is not; `page` is what it leads to."""

    name: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str = ""
    note: str = ""
    state: str = ""
    full: str = ""
    page: str = ""


class Wire(NamedTuple):
    """A line from one point to another; `rate` is packets a second on it."""

    name: str
    kind: str
    x1: float
    y1: float
    x2: float
    y2: float
    state: str = ""
    rate: float = 0.0


class Picture(NamedTuple):
    """What to draw, in order: boxes over wires over nothing. Widths are in CSS pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


def picture(plan: Plan, columns: int = WIDE) -> Picture:
    """Return the picture of a domain with at most `columns` gateways beside each other."""
    drawing = _Drawing(columns)
    drawing.servers(plan.servers)
    label = f"{plan.domain} · network {plan.network}" if plan.network else plan.domain
    for place, row in enumerate(_rows(plan.sites, columns) or [[]]):
        drawing.row(row, label if not place else "")
    if plan.more:
        drawing.say(f"and {plan.more} nodes more")
    return drawing.done()


def _rows(sites: tuple[Site, ...], columns: int) -> list[list[Site]]:
    """Spread sites over rows; one that is wider than a row is cut into several."""
    rows: list[list[Site]] = []
    left = 0
    for site in sites:
        parts = [site.gateways[at : at + columns] for at in range(0, len(site.gateways), columns)]
        for part in parts:
            if len(part) > left:
                rows.append([])
                left = columns
            rows[-1].append(Site(site.title, part))
            left -= len(part)
    return rows


class _Drawing:
    def __init__(self, columns: int) -> None:
        self._width = EDGE * 2 + TRUNK + columns * (COLUMN + GAP)
        self._y = EDGE
        self._frames: list[Box] = []
        self._boxes: list[Box] = []
        self._wires: list[Wire] = []
        self._columns = columns
        self._bars: list[float] = []
        self._right = 0.0

    def servers(self, servers: tuple[Server, ...]) -> None:
        """Draw the DSSs, each on a wire to the first bar."""
        step = COLUMN + GAP
        for place, server in enumerate(servers):
            row, column = divmod(place, self._columns)
            x, y = EDGE + TRUNK + GAP / 2 + column * step, self._y + row * (HEAD + GAP)
            name = f"dss:{place}:{server.title}"
            box = Box(name, "dss", x, y, COLUMN, HEAD, f"DSS {server.title}", server.note, server.state)
            self._put(box._replace(page="/dss"))
        rows = -(-len(servers) // self._columns)
        self._y += rows * (HEAD + GAP)
        for place in range(max(0, (rows - 1) * self._columns), len(servers)):
            x = EDGE + TRUNK + GAP / 2 + place % self._columns * step + COLUMN / 2
            self._wires.append(Wire(f"dss-wire:{place}", "dss", x, self._y - GAP, x, self._y))

    def row(self, sites: list[Site], label: str) -> None:
        """Draw a bar and the sites below it."""
        bar = self._y
        self._bars.append(bar)
        self._y += BAR + GAP
        x, bottom = EDGE + TRUNK, self._y
        for site in sites:
            width = len(site.gateways) * (COLUMN + GAP)
            lowest = self._y
            for place, gateway in enumerate(site.gateways):
                left = x + GAP / 2 + place * (COLUMN + GAP)
                middle, top = left + COLUMN / 2, self._y + TITLE
                self._wires.append(
                    Wire(
                        f"wire:{gateway.node}",
                        "node",
                        middle,
                        bar + BAR,
                        middle,
                        top,
                        gateway.state,
                        gateway.rate,
                    )
                )
                lowest = max(lowest, self._gateway(gateway, left, top))
            self._frames.append(
                Box(f"site:{site.title}:{bar}:{x}", "site", x + 4, self._y, width - 8, lowest - self._y + 12,
                    f"site {site.title}")
            )  # fmt: skip
            x, bottom = x + width, max(bottom, lowest + 12)
        self._right = max(self._right, x, EDGE + TRUNK + COLUMN + GAP)
        self._y = bottom + GAP
        self._boxes.append(Box(f"bar:{bar}", "bar", EDGE, bar, 0, BAR, label, full=label, page="/routes"))

    def say(self, sentence: str) -> None:
        """Write a line below everything."""
        box = Box("more", "more", EDGE + TRUNK, self._y - GAP / 2, COLUMN + GAP, CLIENT, sentence)
        self._put(box._replace(page="/nodes"))
        self._y += CLIENT

    def done(self) -> Picture:
        """Return it all; a bar is as long as the picture is wide."""
        right = max(self._right, *(box.x + box.width for box in self._boxes)) if self._boxes else self._width
        boxes = [
            box._replace(width=right - EDGE, title=_cut(box.title, right - EDGE))
            if box.kind == "bar"
            else box
            for box in self._boxes
        ]
        trunk = [
            Wire(f"trunk:{bar}", "trunk", EDGE + 6, above + BAR, EDGE + 6, bar)
            for above, bar in zip(self._bars, self._bars[1:], strict=False)
        ]
        return Picture(right + EDGE, self._y, (*self._frames, *boxes), (*trunk, *self._wires))

    def _gateway(self, gateway: Gateway, x: float, y: float) -> float:
        page = f"/nodes/{gateway.node}"
        head = Box(
            f"node:{gateway.node}", "node", x, y, COLUMN, HEAD, gateway.title, gateway.note, gateway.state
        )
        self._put(head._replace(page=page))
        bottom, root = y + HEAD, (x + INDENT / 2, y + HEAD)
        link = root
        for place, item in enumerate(gateway.items):
            deep = item.kind == "client" or (item.kind == "more" and link != root)
            height = CLIENT if deep else ITEM
            left, top = x + INDENT * (2 if deep else 1), bottom + STEP
            name, middle = f"{item.kind}:{gateway.node}:{place}:{item.title}", top + height / 2
            box = Box(
                name, item.kind, left, top, x + COLUMN - left, height, item.title, item.note, item.state
            )
            self._put(box._replace(page=page))
            self._wires += _branch(name, link if deep else root, left, middle)
            bottom = top + height
            if item.kind == "link":
                link = (left + INDENT / 2, bottom)
        return bottom

    def _put(self, box: Box) -> None:
        room = box.width - 24
        full = ": ".join(filter(None, (box.title, box.note)))
        cut = box._replace(title=_cut(box.title, room), note=_cut(box.note, room, SMALL_LETTER), full=full)
        self._boxes.append(cut)


def _branch(name: str, start: tuple[float, float], left: float, middle: float) -> Iterator[Wire]:
    """Yield the two lines of an elbow: down, and to the right."""
    yield Wire(f"down:{name}", "item", start[0], start[1], start[0], middle)
    yield Wire(f"to:{name}", "item", start[0], middle, left, middle)


def _cut(text: str, room: float, letter: float = LETTER) -> str:
    """Return a text that fits, with an ellipsis where it did not."""
    most = max(1, int(room / letter))
    return text if len(text) <= most else text[: most - 1] + "…"
