"""Tables: columns that make cells of rows, pages of them, and rows that have a text. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from nwip.durations import seconds
from nwip.web.facts import Row, number, text

PAGE_SIZE: Final = 200  # rows of a page


class Cell(NamedTuple):
    """What stands in a cell; `href` leads on, `kind` is a class of the style sheet."""

    text: str
    href: str = ""
    kind: str = ""


class Column(NamedTuple):
    """A column: its heading, and how a row's cell is made."""

    heading: str
    cell: Callable[[Row], Cell]
    right: bool = False


class Table(NamedTuple):
    """A table; `rows` are those of page `page` of `pages`, `total` counts all."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: list[list[Cell]]
    total: int
    page: int = 1
    pages: int = 1
    nothing: str = "None."
    block: str = "table"


def table(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    page: int = 1,
    nothing: str = "None.",
) -> Table:
    """Return a table of one page of the rows; a page that is not there is the nearest."""
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    shown = rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    cells = [[column.cell(row) for column in columns] for row in shown]
    return Table(name, caption, columns, cells, len(rows), page, pages, nothing)


def plain(heading: str, field: str, kind: str = "") -> Column:
    """Return a column of texts."""
    return Column(heading, lambda row: Cell(text(row, field) or "-", kind=kind if text(row, field) else ""))


def count(heading: str, field: str) -> Column:
    """Return a column of numbers."""
    return Column(heading, lambda row: Cell(f"{number(row, field):,.0f}"), right=True)


def age(heading: str, field: str) -> Column:
    """Return a column of durations."""
    return Column(heading, lambda row: Cell(seconds(row.get(field)), kind="age"), right=True)


def node_page(node: str) -> str:
    """Return the page of a node."""
    return f"/nodes/{quote(node, safe='')}"


def search_page(wanted: str) -> str:
    """Return the page that searches for a text."""
    return f"/search?q={quote(wanted, safe='')}"


def matching(rows: Iterable[Row], wanted: str) -> list[Row]:
    """Return the rows that have a text somewhere, in any case of letters."""
    sought = wanted.casefold()
    return [row for row in rows if any(sought in part.casefold() for part in _parts(row))]


def _parts(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        for field, part in value.items():
            if field == "type" and isinstance(part, int):
                yield f"{part:04X}"
            elif not isinstance(part, float | bool):
                yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, str):
        yield value
