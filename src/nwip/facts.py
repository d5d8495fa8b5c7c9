"""Everything that a node tells of itself, asked at once: what `nwip watch`, metrics and the web page show."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from nwip.control import NodeRefused

QUESTIONS: Final = ("node", "links", "nodes", "alarms", "dss-status")
"""The questions that cost little however large the domain is, but for its nodes."""

Row = Mapping[str, object]


def gather(ask: Callable[[str], object], names: Iterable[str] = QUESTIONS) -> dict[str, object]:
    """Return the answers by name; those that the node has none for are left out.

    A node without a DSS has no `dss-status`, and before it has joined a domain it has no links. Raises what
    `ask` raises, but for `NodeRefused`.
    """
    facts = {}
    for name in names:
        try:
            facts[name] = ask(name)
        except NodeRefused:
            continue
    return facts


def rows_in(facts: Mapping[str, object], name: str) -> list[Row]:
    """Return an answer that is a list of objects; what is none is left out."""
    return rows_of(facts.get(name))


def rows_of(value: object) -> list[Row]:
    """Return the objects in a list, none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def row_in(facts: Mapping[str, object], name: str) -> Row:
    """Return an answer, or a member of one, that is one object; an empty one where it is none."""
    value = facts.get(name)
    return value if isinstance(value, dict) else {}


def number_in(row: Row, name: str) -> float:
    """Return a member that is a number, 0 where it is none."""
    value = row.get(name)
    return value if isinstance(value, int | float) else 0
