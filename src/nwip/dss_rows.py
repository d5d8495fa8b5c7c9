"""What a DSS holds as rows for people and for `--json`: the records of every owner, and the parameters. Pure.

The same rows whether the DSS here was asked or one over the network.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from msgspec.structs import fields

from nwip.directory.filters import Filter
from nwip.directory.grants import Grant
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Host, Key, Kind, Node, Record, Route, Service, Value, endpoint_text
from nwip.ipx.address import format_network, format_node

Row = dict[str, object]

OWN_KEYS: Final = ("term", "version", "identity", "domain")
"""Parameters that nobody sets: the rank, and the domain itself."""

_AGE: Final = re.compile(r"([<>])\s*(\d{1,9}(?:\.\d{1,6})?)\s*(s|min|m|h|d|)\Z")
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Told(NamedTuple):
    """A record, and what is known of its owner besides.

    `age` and `left` are seconds of its lease; `source` is where it was heard from, empty when that is not
    known; a record is `heard` when its owner has renewed, and is not only remembered or imported.
    """

    record: Record
    owner: str
    age: float
    left: float
    source: str = ""
    hidden: bool = False
    heard: bool = True


class Wanted(NamedTuple):
    """Which records to show. None fits everything; `age` is '<' or '>' and seconds."""

    owner: str | None = None
    service_type: int | None = None
    age: tuple[str, float] | None = None
    kind: str | None = None

    def fits(self, told: Told) -> bool:
        """Say whether a record is wanted; an owner is named by its name or the start of its identity."""
        value = told.record.value
        if self.kind is not None and kind_text(told.record.key[0]) != self.kind:
            return False
        if self.service_type is not None and (
            not isinstance(value, Service) or value.service_type != self.service_type
        ):
            return False
        if self.age is not None and not (
            told.age < self.age[1] if self.age[0] == "<" else told.age > self.age[1]
        ):
            return False
        return self.owner is None or is_called(self.owner, told.record.owner, told.owner)


def is_called(text: str, identity: bytes, name: str) -> bool:
    """Say whether an owner goes by that name (any case; * and ? for any) or start of its identity."""
    wanted = text.casefold()
    return fnmatchcase(name.casefold(), wanted) or (len(wanted) > 1 and identity.hex().startswith(wanted))


def parse_age(text: str) -> tuple[str, float]:
    """Read `>30s`, `<5 min`; without a unit seconds. Raises `ValueError`."""
    match = _AGE.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no age: write '>30s' or '<5min' (units s, min, h, d)")
    return match[1], float(match[2]) * _UNITS[match[3]]


def kind_text(kind: Kind) -> str:
    """Return what people call a kind: `service`."""
    return kind.name.lower()


def key_text(key: Key) -> str:
    """Return what a record is about: `0004 MUSEUM`, `00ABCD01`."""
    kind, what, name = key
    if isinstance(what, bytes):
        return format_node(what) if len(what) == 6 else what.hex()
    return format_network(what) if kind is Kind.ROUTE else f"{what:04X} {name}"


def value_text(value: Value) -> str:
    """Return what a record says beyond its key."""
    match value:
        case Service():
            return f"{value.address}, {value.hops} hops"
        case Route():
            way = f", through LAN {format_network(value.lan)}" if value.lan else ""
            turn = f", turn {value.turn}" if value.turn else ""
            return f"{value.hops} hops, {value.ticks} ticks{way}{turn}"
        case Host():
            return f"{value.moves} moves"
        case Node():
            return f"{value.name} at {', '.join(map(endpoint_text, value.endpoints))}"
        case Dss():
            return f"{value.name} at {', '.join(map(endpoint_text, value.sessions)) or 'no address'}"


def record_row(told: Told) -> Row:
    """Return the row of a record."""
    record = told.record
    return {
        "kind": kind_text(record.key[0]),
        "what": key_text(record.key),
        "value": value_text(record.value),
        "owner": told.owner,
        "owner_id": record.owner.hex(),
        "incarnation": record.incarnation,
        "counter": record.counter,
        "age": round(told.age, 3),
        "left": round(max(told.left, 0.0), 3),
        "from": told.source,
        "hidden": told.hidden,
        "heard": told.heard,
    }


def record_order(row: Mapping[str, object]) -> tuple[str, str, str]:
    """Return what orders the rows of records."""
    return (str(row["kind"]), str(row["what"]), str(row["owner_id"]))


def owner_names(records: Iterable[Record]) -> dict[bytes, str]:
    """Return the names of owners by what their nodes and DSSs are called; an owner may have none."""
    names: dict[bytes, str] = {}
    for record in records:
        if isinstance(record.value, Node):
            names[record.owner] = record.value.name
        elif isinstance(record.value, Dss):
            names.setdefault(record.owner, record.value.name)
    return names


def parameter_rows(parameters: Parameters) -> list[Row]:
    """Return each parameter with its value and default, under the key that `nwip.toml` has for it."""
    defaults = Parameters(domain=parameters.domain)
    return [
        {
            "key": field.name.replace("_", "-"),
            "value": plain(field.name, getattr(parameters, field.name)),
            "default": (None if field.name in OWN_KEYS else plain(field.name, getattr(defaults, field.name))),
        }
        for field in fields(Parameters)
    ]


def plain(name: str, value: object) -> object:
    """Return a parameter as JSON can hold it: octets in hexadecimal, filters and grants as sentences."""
    match value:
        case bytes():
            return value.hex() if len(value) == 16 else value.hex().upper()
        case int() if name == "network":
            return format_network(value)
        case tuple():
            return [filter_text(item) if isinstance(item, Filter) else grant_text(item) for item in value]
    return value


def grant_text(grant: Grant) -> str:
    """Return a grant in one line: `networks 00C0FFEE owner museum source 192.0.2.7`."""
    parts = ["networks", ",".join(map(format_network, grant.networks))]
    if grant.owner:
        parts += ["owner", grant.owner]
    if grant.source:
        parts += ["source", grant.source]
    return " ".join(parts)


def filter_text(rule: Filter) -> str:
    """Return a filter in one line: `deny service types 0007 name LAB*`."""
    parts: list[str] = [rule.action, rule.kind]
    if rule.types:
        parts += ["types", ",".join(f"{number:04X}" for number in rule.types)]
    if rule.name:
        parts += ["name", rule.name]
    if rule.networks:
        parts += ["networks", ",".join(map(format_network, rule.networks))]
    if rule.owner:
        parts += ["owner", rule.owner]
    return " ".join(parts)
