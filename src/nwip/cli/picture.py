"""What `nwip watch` shows: the facts of a node as lines that fit a terminal. Pure.

A picture has a head of two lines, sections, and a foot. Lines that do not fit are cut with an ellipsis, and
sections that do not fit say how many lines are missing: each gets as many as the others, or all it wants.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Final, NamedTuple

from nwip.cli.tables import Column, aligned
from nwip.cli.text import printable, seconds
from nwip.facts import Row, number_in, row_in, rows_in, rows_of

FOOT: Final = "q ends"
BOLD, DIM, ALARM, NOTICE, PLAIN = "bold", "dim", "bold red", "yellow", ""

Facts = Mapping[str, object]


class Line(NamedTuple):
    """A line and its style, as Rich names styles."""

    text: str
    style: str = PLAIN


class Section(NamedTuple):
    """A heading and the lines below it."""

    heading: str
    lines: Sequence[Line]


def _rate(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else "-"


SITES: Final = (
    Column("Site", "name"),
    Column("In/s", "rate_in", right=True, form=_rate),
    Column("Out/s", "rate_out", right=True, form=_rate),
    Column("Hosts", "hosts", right=True),
    Column("Age", "age", right=True, form=seconds),
    Column("Node", "node"),
    Column("Where", "place"),
)
LINKS: Final = (
    Column("Link", "name"),
    Column("In/s", "rate_in", right=True, form=_rate),
    Column("Out/s", "rate_out", right=True, form=_rate),
    Column("Lost/s", "rate_lost", right=True, form=_rate),
    Column("Hosts", "hosts", right=True),
    Column("Kind", "kind"),
    Column("State", "state", form=str),
)
PLAYERS: Final = (
    Column("Player", "node"),
    Column("In/s", "rate_in", right=True, form=_rate),
    Column("Out/s", "rate_out", right=True, form=_rate),
    Column("Silent", "silent", right=True, form=seconds),
    Column("Link", "link"),
    Column("Address", "address"),
)
SERVERS: Final = (
    Column("DSS", "name"),
    Column("Role", "role"),
    Column("Differs", "lag", right=True, form=seconds),
    Column("Heard", "last_heard", right=True, form=seconds),
    Column("Address", "address"),
)


def picture(facts: Facts, before: Facts, elapsed: float, width: int, height: int) -> list[Line]:
    """Return at most `height` lines; rates are against the facts `before`, of `elapsed` seconds ago."""
    head = _head(facts)
    sections = [section for section in _sections(facts, before, elapsed, width) if section.lines]
    left = height - len(head) - 1 - len(sections)
    lines = list(head)
    for section, room in zip(sections, allot(left, [len(each.lines) for each in sections]), strict=True):
        lines.append(Line(section.heading, BOLD))
        lines += _cut(section.lines, room)
    return [*lines[: height - 1], Line(FOOT, DIM)]


def allot(room: int, wanted: Sequence[int]) -> list[int]:
    """Share lines out: to each what it wants, and where that is too much, the same to all that want more."""
    given = [0] * len(wanted)
    while room > 0 and given != list(wanted):
        for index, most in enumerate(wanted):
            if given[index] < most and room > 0:
                given[index] += 1
                room -= 1
    return given


def with_rates(rows: Iterable[Row], before: Iterable[Row], key: str, elapsed: float) -> list[Row]:
    """Return rows with packets a second since the same rows `before`; without, where there were none."""
    known = {row.get(key): row for row in before}
    return [{**row, **_rates(row, known.get(row.get(key)), elapsed)} for row in rows]


def _rates(row: Row, was: Row | None, elapsed: float) -> dict[str, object]:
    if was is None or elapsed <= 0:
        return {}
    rates = {
        f"rate_{way}": max(0.0, number_in(row, f"packets_{way}") - number_in(was, f"packets_{way}")) / elapsed
        for way in ("in", "out")
    }
    lost = [
        sum(number_in(drops, reason) for reason in drops)
        for drops in (row_in(row, "drops"), row_in(was, "drops"))
    ]
    return {**rates, "rate_lost": max(0.0, lost[0] - lost[1]) / elapsed}


def _head(facts: Facts) -> list[Line]:
    node = row_in(facts, "node")
    if not node:
        return [Line("the node does not answer", ALARM), Line("")]
    counts = row_in(node, "counts")
    sealed = " (sealed)" if node.get("sealed") else ""
    domain = f"{node.get('domain')}{sealed}" if node.get("domain") else "no domain joined yet"
    dss = node.get("dss") or "none"
    numbers = {
        "nodes": number_in(counts, "node"),
        "services": number_in(counts, "service"),
        "networks": number_in(counts, "route"),
        "players here": number_in(node, "players"),
        "DSSs": number_in(counts, "dss"),
    }
    told = [f"{name} {number:.0f}" for name, number in numbers.items()] + [f"up {seconds(node.get('up'))}"]
    return [
        Line(
            printable(f"{domain}  network {node.get('network') or '-'}  node {node.get('name')}  DSS {dss}"),
            BOLD,
        ),
        Line("  ".join(told)),
    ]


def _sections(facts: Facts, before: Facts, elapsed: float, width: int) -> list[Section]:
    sites = with_rates(rows_in(facts, "nodes"), rows_in(before, "nodes"), "node", elapsed)
    links = with_rates(rows_in(facts, "links"), rows_in(before, "links"), "name", elapsed)
    players = with_rates(rows_in(facts, "clients"), rows_in(before, "clients"), "address", elapsed)
    return [
        _alarms(rows_in(facts, "alarms"), width),
        _table([{**row, "place": _place(row)} for row in sites], SITES),
        _table([{**row, "state": row.get("state") or "up"} for row in links], LINKS, notice="state"),
        _table(_servers(facts), SERVERS),
        _table(players, PLAYERS),
        _events(rows_in(facts, "events")),
    ]


def _table(rows: Sequence[Row], columns: Sequence[Column], notice: str = "") -> Section:
    """Return rows as a section; those whose field `notice` is not "up" are marked."""
    heading, *lines = aligned([[column.text(row) for column in columns] for row in rows], columns).split("\n")
    marked = [NOTICE if notice and row.get(notice) != "up" else PLAIN for row in rows]
    return Section(heading, [Line(*each) for each in zip(lines, marked, strict=True)])


def _alarms(rows: Sequence[Row], width: int) -> Section:
    """Return those that stand, the newest first, then those that are over."""
    standing = [row for row in reversed(rows) if row.get("is_over") is not True]
    ended = [row for row in reversed(rows) if row.get("is_over") is True]
    lines = []
    for row in (*standing, *ended):
        over = row.get("is_over") is True
        age = f"over {seconds(row.get('last'))} ago" if over else f"for {seconds(row.get('since'))}"
        text = printable(f"{age}: {row.get('alarm')}")
        parts = [text] if over else wrap(text, max(width, 20), subsequent_indent="  ")
        lines += [Line(part, DIM if over else ALARM) for part in parts]
    return Section(
        f"ALARMS: {len(standing) or 'none'}", lines or [Line("nothing is wrong that this node knows of", DIM)]
    )


def _servers(facts: Facts) -> list[Row]:
    """Return a row for the DSS here, and one for each other that it has a session with."""
    status = row_in(facts, "dss-status")
    if not status:
        return []
    name, primary = status.get("name") or "this one", row_in(status, "primary")
    here = {"name": name, "role": f"{status.get('role')}, here"}
    others = [
        {**row, "role": "primary" if row.get("identity") == primary.get("identity") else "secondary"}
        for row in rows_of(status.get("peers"))
    ]
    return [here, *others]


def _events(rows: Sequence[Row]) -> Section:
    """Return the newest first, so that a short terminal shows them."""
    return Section("EVENTS", [Line(printable(f"{_clock(row)}  {row.get('text')}")) for row in reversed(rows)])


def _place(row: Row) -> str:
    endpoints = row.get("endpoints")
    where = ", ".join(map(str, endpoints)) if isinstance(endpoints, list) else "-"
    return f"{where} (this node)" if row.get("self") is True else where


def _clock(row: Row) -> str:
    moment = number_in(row, "time")
    return datetime.fromtimestamp(moment).astimezone().strftime("%H:%M:%S") if 0 < moment < 1e11 else "-"


def _cut(lines: Sequence[Line], room: int) -> list[Line]:
    if len(lines) <= room:
        return list(lines)
    kept = max(room - 1, 0)
    return [*lines[:kept], Line(f"... {len(lines) - kept} more", DIM)][:room]
