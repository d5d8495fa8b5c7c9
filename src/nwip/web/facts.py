"""What a node has answered, as the pages take it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

Row = Mapping[str, object]
Rows = tuple[Row, ...]

ABOUT: Final = "about"
DSS: Final = "dss-status"
LISTS: Final = ("nodes", "links", "clients", "alarms", "services", "routes")
NODE: Final = "node"  # of which the metrics tell
QUESTIONS: Final = (ABOUT, NODE, *LISTS, DSS)


class Facts(NamedTuple):
    """The last answer to each question; none is empty. Times are seconds of one monotonic clock.

    `problem` is a sentence while the node does not answer, empty otherwise; `at` is when it last did, None
    before that. `answers` are the answers as they came, by question.
    """

    answers: Mapping[str, object] = {}
    at: float | None = None
    problem: str = ""

    def rows(self, question: str) -> Rows:
        """Return an answer that is a list of objects; what in it is none is left out."""
        answer = self.answers.get(question)
        return tuple(row for row in answer if isinstance(row, dict)) if isinstance(answer, list) else ()

    def row(self, question: str) -> Row:
        """Return an answer that is one object."""
        answer = self.answers.get(question)
        return answer if isinstance(answer, dict) else {}

    @property
    def about(self) -> Row:
        """Which node this is, of which domain; empty until it has joined one."""
        return self.row(ABOUT)

    @property
    def dss(self) -> Row:
        """How it stands with the DSS of this node; empty where it runs none."""
        return self.row(DSS)

    @property
    def others(self) -> Iterator[Row]:
        """The nodes of the domain but this one."""
        return (row for row in self.rows("nodes") if row.get("self") is not True)


def text(row: Row, field: str) -> str:
    """Return a field as text, empty where it is not there."""
    value = row.get(field)
    return "" if value is None else str(value)


def number(row: Row, field: str) -> float:
    """Return a field that is a number, 0 where it is none."""
    value = row.get(field)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def objects(row: Row, field: str) -> Rows:
    """Return a field that is a list of objects; what in it is none is left out."""
    value = row.get(field)
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def words(row: Row, field: str) -> tuple[str, ...]:
    """Return a field that is a list of texts."""
    value = row.get(field)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def dropped(link: Row) -> dict[str, int]:
    """Return how many packets a link has dropped, by reason, without the reasons that never were."""
    drops = link.get("drops")
    pairs = drops.items() if isinstance(drops, dict) else ()
    return {str(reason): count for reason, count in pairs if isinstance(count, int) and count > 0}
