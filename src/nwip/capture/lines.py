"""Writes decoded packets as lines for people: number, seconds, from, to, protocol, and what it says. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from nwip.capture.decoding import Row

MOST_ENTRIES: Final = 4  # of a RIP or SAP response; the rest is counted

_ADDRESS_WIDTH: Final = 26
_PROTOCOL_WIDTH: Final = 11


def line_of(row: Row, start: float) -> str:
    """Return the line of a packet; `start` is the time of the first. May hold what does not print."""
    time = row["time"]
    seconds = time - start if isinstance(time, float) else 0.0
    source, destination = _ends(row)
    where = " ".join(str(row[key]) for key in ("direction", "link") if row.get(key))
    return " ".join(
        part
        for part in (
            f"{row['number']:>6} {seconds:>11.6f} ",
            f"{where:<12}" if where else "",
            f"{source:<{_ADDRESS_WIDTH}} > {destination:<{_ADDRESS_WIDTH}} ",
            f"{row['protocol']:<{_PROTOCOL_WIDTH}}",
            _said(row),
            f"[{row['frame']}]" if row["frame"] else "",
        )
        if part
    ).rstrip()


def _ends(row: Row) -> tuple[str, str]:
    carrier = row.get("carrier")
    if row["src"] is None and isinstance(carrier, dict):
        return str(carrier["source"] or "-"), str(carrier["destination"] or "-")
    return str(row["src"] or "-"), str(row["dst"] or "-")


def _said(row: Row) -> str:
    parts = []
    fields = row.get(str(row["protocol"]))
    if isinstance(fields, dict):
        parts.append(_WRITERS.get(str(row["protocol"]), _pairs)(fields))
    elif "length" in row and "error" not in row:
        parts.append(f"type {row['type']}, {row['length']} octets")
    networks = row.get("networks")
    if isinstance(networks, list) and networks:
        parts.append("through " + ", ".join(map(str, networks)))
    if row.get("checksum") == "wrong":
        parts.append("wrong checksum")
    if "error" in row:
        parts.append(f"MALFORMED: {row['error']}")
    return "; ".join(parts)


def _pairs(fields: Mapping[str, object]) -> str:
    return ", ".join(
        str(value) if key in ("kind", "operation") else f"{key.replace('_', ' ')} {_value(value)}"
        for key, value in fields.items()
        if value not in ("", []) and value is not False
    )


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _list(fields: Mapping[str, object], write: Callable[[Mapping[str, object]], str]) -> str:
    entries = fields.get("entries")
    if not isinstance(entries, list):
        return ""
    rest = f", {len(entries) - MOST_ENTRIES} more" if len(entries) > MOST_ENTRIES else ""
    return ", ".join(write(entry) for entry in entries[:MOST_ENTRIES]) + rest


def _rip(fields: Mapping[str, object]) -> str:
    def write(entry: Mapping[str, object]) -> str:
        if "hops" not in entry:
            return "all networks" if entry["network"] == "FFFFFFFF" else str(entry["network"])
        return f"{entry['network']} hops {entry['hops']} ticks {entry['ticks']}"

    return f"{fields['operation']} {_list(fields, write)}".rstrip()


def _sap(fields: Mapping[str, object]) -> str:
    if "entries" not in fields:
        name = f" {fields['name']}" if "name" in fields else ""
        return f"{fields['operation']} {_service_type(fields)}{name}"

    def write(entry: Mapping[str, object]) -> str:
        return f"{_service_type(entry)} {entry['name']} at {entry['address']} hops {entry['hops']}"

    return f"{fields['operation']} {_list(fields, write)}".rstrip()


def _service_type(fields: Mapping[str, object]) -> str:
    number = fields["type"]
    if number == 0xFFFF:
        return "all types"
    return str(fields["type_name"] or (f"{number:04X}" if isinstance(number, int) else number))


def _ncp(fields: Mapping[str, object]) -> str:
    rest = {key: value for key, value in fields.items() if not key.startswith("type")}
    for key in ("function", "completion", "status"):
        if isinstance(rest.get(key), int):
            rest[key] = f"{rest[key]:02X}"
    name = fields["type_name"] or f"type {fields['type']:04X}"
    return f"{name} {_pairs(rest)}".rstrip()


def _spx(fields: Mapping[str, object]) -> str:
    return _pairs(fields | {"control": f"{fields['control']:02X}"} if isinstance(fields, dict) else fields)


_WRITERS: Final[dict[str, Callable[[Mapping[str, object]], str]]] = {
    "rip": _rip,
    "sap": _sap,
    "ncp": _ncp,
    "spx": _spx,
}
