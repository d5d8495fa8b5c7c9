"""How `nwip dss` shows what it was told: the columns, and the lines of `status`."""

from collections.abc import Iterable, Mapping

from nwip.cli.failures import UNREACHABLE, Failure
from nwip.cli.source import Row
from nwip.cli.tables import Column
from nwip.cli.text import printable, seconds
from nwip.store_words import store_text


def _sequence(value: object) -> str:
    return ".".join(map(str, value)) if isinstance(value, list | tuple) else "-"


def listed(value: object) -> str:
    """Write a parameter's value: a list on one line."""
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


RECORDS = (
    Column("Kind", "kind"),
    Column("What", "what"),
    Column("Value", "value"),
    Column("Owner", "owner"),
    Column("Identity", "owner_id", form=lambda value: str(value)[:8]),
    Column("Sequence", "sequence", form=_sequence),
    Column("Age", "age", right=True, form=seconds),
    Column("Left", "left", right=True, form=seconds),
    Column("From", "from"),
    Column("", "hidden", form=lambda value: "hidden" if value else ""),
)
PEERS = (
    Column("DSS", "name"),
    Column("Identity", "identity", form=lambda value: str(value)[:8]),
    Column("Address", "address"),
    Column("Since", "since", right=True, form=seconds),
    Column("Heard", "last_heard", right=True, form=seconds),
    Column("Lag", "lag", right=True, form=seconds),
    Column("In", "records_in", right=True),
    Column("Out", "records_out", right=True),
    Column("Repairs", "repairs", right=True),
    Column("", "synchronised", form=lambda value: "" if value else "not yet synchronised"),
)
DIFFERENCES = (
    Column("Difference", "difference"),
    Column("Kind", "kind"),
    Column("What", "what"),
    Column("Owner", "owner"),
    Column("Left", "left", form=_sequence),
    Column("Right", "right", form=_sequence),
)
PARAMETER_DIFFERENCES = (
    Column("Parameter", "key"),
    Column("Left", "left", form=listed),
    Column("Right", "right", form=listed),
)
PARAMETERS = (
    Column("Key", "key"),
    Column("Value", "value", form=listed),
    Column("Default", "default", form=listed),
)
CHANGES = (
    Column("Key", "key"),
    Column("Before", "before", form=listed),
    Column("After", "after", form=listed),
)
VANISHING = (Column("Vanishes", "what"), Column("Owner", "owner"))

ROLES = {
    "primary": "primary: it owns the domain's parameters",
    "secondary": "secondary",
    "new": "secondary that has not met its primary yet",
}


def mapping(value: object) -> Mapping[str, object]:
    """Return an object of an answer, empty for anything else."""
    return value if isinstance(value, dict) else {}


def object_of(answer: object) -> Row:
    """Return an answer that is one object. Raises `Failure` for any other."""
    if not isinstance(answer, dict):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    return answer


def status_lines(row: Row) -> list[str]:
    """Return the lines of `nwip dss status`, but for the table of the other DSSs."""
    primary, rank, sessions, store = (
        mapping(row.get(key)) for key in ("primary", "rank", "sessions", "store")
    )
    records, owners = dict(mapping(row.get("records"))), mapping(row.get("owners"))
    hidden = records.pop("hidden", 0)
    of_kinds = ", ".join(f"{count} {kind}" for kind, count in records.items() if count) or "none"
    pairs = [
        ("dss", f"{row.get('name') or '-'}, {row.get('identity')}"),
        ("domain", row.get("domain")),
        ("role", ROLES.get(str(row.get("role")), row.get("role"))),
        (
            "primary",
            f"{primary.get('name')}, {primary.get('identity')}" if primary.get("name") else "not known",
        ),
        ("parameters", f"term {rank.get('term')}, version {rank.get('version')}"),
        ("sessions", f"{sessions.get('nodes')} nodes, {sessions.get('readers')} readers"),
        ("records", of_kinds + (f"; {hidden} hidden by filters" if hidden else "")),
        (
            "owners",
            f"{owners.get('live')} live: {owners.get('heard')} heard, {owners.get('unheard')} not yet heard",
        ),
        ("store", store_text(store)),
    ]
    if row.get("refused"):
        pairs.append(("refused", f"{row['refused']} records found no room"))
    if row.get("waiting"):
        pairs.append(("waiting", "for the other DSSs: readers are let in when they have been met"))
    alarms = row.get("alarms")
    pairs += [("ALARM", alarm) for alarm in (alarms if isinstance(alarms, list) else ())]
    return [f"{printable(name):<11} {printable(text)}" for name, text in pairs]


def with_sequences(rows: Iterable[Row]) -> list[Row]:
    """Return rows of records with their sequence in one field, for the table."""
    return [{**row, "sequence": (row.get("incarnation"), row.get("counter"))} for row in rows]
