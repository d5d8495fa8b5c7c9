"""The facts as tables: which columns each has, and what its cells say and lead to. Pure."""

from typing import Final

from nwip.durations import seconds
from nwip.web.charts import figure
from nwip.web.facts import Facts, Row, dropped, number, text, words
from nwip.web.history import History
from nwip.web.plan import site_of
from nwip.web.tables import Cell, Column, age, count, node_page, plain, search_page


class Tables:
    """The columns of each table, with links that fit the facts, and the latest traffic."""

    def __init__(self, facts: Facts, history: History) -> None:
        self._history = history
        self._pages = {text(row, "name"): node_page(text(row, "node")) for row in facts.rows("nodes")}

    def nodes(self) -> list[Column]:
        """Return those of the nodes."""
        return [
            Column(
                "Name", lambda row: Cell(text(row, "name") or text(row, "node"), node_page(text(row, "node")))
            ),
            plain("Node", "node", "code"),
            Column("Origin", lambda row: Cell(", ".join(words(row, "endpoints")) or "-", kind="code")),
            Column("Site", lambda row: Cell(site_of(row), kind="code")),
            count("Hosts", "hosts"),
            Column("Packets/s", lambda row: self._flow(row, "peer", "node"), right=True),
            age("Age", "age"),
            Column("", lambda row: Cell("this node", kind="tag") if row.get("self") is True else Cell("")),
        ]

    def services(self) -> list[Column]:
        """Return those of the services."""
        return [
            plain("Name", "name"),
            Column("Type", lambda row: Cell(f"{int(number(row, 'type')):04X}", kind="code")),
            plain("Kind", "type_name"),
            plain("Address", "address", "code"),
            count("Hops", "hops"),
            Column("Owner", self._owner),
            age("Age", "age"),
        ]

    def routes(self) -> list[Column]:
        """Return those of the networks."""
        return [
            plain("Network", "network", "code"),
            count("Hops", "hops"),
            count("Ticks", "ticks"),
            Column("Owner", self._owner),
            plain("By node", "next", "code"),
        ]

    def links(self) -> list[Column]:
        """Return those of the links of this node."""
        return [
            plain("Name", "name"),
            plain("Kind", "kind"),
            plain("Network", "network", "code"),
            Column("How", lambda row: Cell("joined" if row.get("joined") is True else "routed")),
            Column("State", _state),
            count("Hosts", "hosts"),
            Column("Packets/s", lambda row: self._flow(row, "link", "name"), right=True),
            count("In", "packets_in"),
            count("Out", "packets_out"),
            Column("Dropped", lambda row: Cell(_drops(row), kind="warn" if dropped(row) else "")),
            Column("Where", lambda row: Cell(_where(row), kind="where")),
        ]

    def clients(self) -> list[Column]:
        """Return those of the players on this node's links."""
        return [
            plain("Node", "node", "code"),
            plain("Link", "link"),
            plain("Address", "address", "code"),
            age("Since", "since"),
            age("Silent", "silent"),
            count("In", "packets_in"),
            count("Out", "packets_out"),
        ]

    def servers(self) -> list[Column]:
        """Return those of the DSSs in the directory."""
        return [
            Column(
                "Name", lambda row: Cell(text(row, "name") or "-", self._pages.get(text(row, "name"), ""))
            ),
            Column("Sessions at", lambda row: Cell(", ".join(words(row, "sessions")) or "-", kind="code")),
            plain("Identity", "identity", "code"),
            Column("", lambda row: Cell(_part(row), kind="tag" if _part(row) else "")),
        ]

    def _owner(self, row: Row) -> Cell:
        owner = text(row, "owner")
        return Cell(owner or "-", self._pages.get(owner, ""))

    def _flow(self, row: Row, kind: str, field: str) -> Cell:
        if row.get("self") is True:
            return Cell("-")
        came, went, _ = self._history.latest(f"{kind}:{text(row, field)}")
        return Cell(figure(came + went))


PEERS: Final = (
    plain("Name", "name"),
    plain("Address", "address", "code"),
    age("Since", "since"),
    age("Last heard", "last_heard"),
    Column("Lag", lambda row: Cell(seconds(row.get("lag")) if number(row, "lag") else "in step"), right=True),
    count("Records in", "records_in"),
    count("Records out", "records_out"),
)
CONFLICTS: Final = (plain("About", "about"), Column("Claims", lambda row: Cell(_claims(row))))
ALARMS: Final = (
    Column("State", lambda row: Cell(text(row, "state"), kind=f"tag {text(row, 'state')}")),
    plain("Alarm", "sentence"),
    plain("Kind", "kind"),
    Column("About", lambda row: _sought(text(row, "about"))),
    age("Age", "since"),
    Column("Last seen", lambda row: Cell(f"{seconds(row.get('last'))} ago", kind="age"), right=True),
)
TRAFFIC: Final = (
    plain("Of", "of"),
    Column("In/s", lambda row: Cell(text(row, "in")), right=True),
    Column("Out/s", lambda row: Cell(text(row, "out")), right=True),
    Column("Dropped/s", lambda row: Cell(text(row, "dropped")), right=True),
    Column("Most in half an hour", lambda row: Cell(text(row, "most")), right=True),
)


def _sought(about: str) -> Cell:
    return Cell(about or "-", search_page(about) if about else "")


def _state(row: Row) -> Cell:
    state, why = text(row, "state"), text(row, "why")
    said = ": ".join(filter(None, (state, why)))
    return Cell(said or "up", kind="bad" if said else "")


def _drops(row: Row) -> str:
    return ", ".join(f"{reason} {count_:,}" for reason, count_ in dropped(row).items()) or "-"


def _where(row: Row) -> str:
    where = row.get("where")
    pairs = where.items() if isinstance(where, dict) else ()
    return "; ".join(f"{label}: {', '.join(str(value).splitlines())}" for label, value in pairs) or "-"


def _part(row: Row) -> str:
    if row.get("here") is True:
        return "in this node"
    return "this node asks it" if row.get("asked") is True else ""


def _claims(row: Row) -> str:
    claims = row.get("claims")
    rows = [claim for claim in claims if isinstance(claim, dict)] if isinstance(claims, list) else []
    return "; ".join(f"{text(claim, 'owner')}: {text(claim, 'value')}" for claim in rows) or "-"
