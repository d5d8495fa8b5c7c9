"""The commands that list what a node or a DSS knows."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from nwip.cli.failures import NO, Failure
from nwip.cli.source import PATIENCE, Row, ask_node, control_option, dss_option, json_option, rows_of
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, printable, seconds


def _drops(value: object) -> str:
    """Write reasons with their counts, the zeros left out."""
    pairs = value.items() if isinstance(value, dict) else ()
    return ", ".join(f"{reason} {count}" for reason, count in pairs if count) or "-"


def _pairs(value: object) -> str:
    pairs = value.items() if isinstance(value, dict) else ()
    return "; ".join(f"{label}: {', '.join(str(text).splitlines())}" for label, text in pairs) or "-"


def _list(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _type(value: object) -> str:
    return f"{value:04X}" if isinstance(value, int) else str(value)


SERVICES = (
    Column("Type", "type", form=_type),
    Column("Kind", "type_name"),
    Column("Name", "name"),
    Column("Address", "address"),
    Column("Hops", "hops", right=True),
    Column("Owner", "owner"),
    Column("Age", "age", right=True, form=seconds),
)
ROUTES = (
    Column("Network", "network"),
    Column("Hops", "hops", right=True),
    Column("Ticks", "ticks", right=True),
    Column("Owner", "owner"),
    Column("Next", "next"),
)
NODES = (
    Column("Name", "name"),
    Column("Node", "node"),
    Column("Endpoints", "endpoints", form=_list),
    Column("Hosts", "hosts", right=True),
    Column("Age", "age", right=True, form=seconds),
    Column("", "self", form=lambda value: "this node" if value else ""),
)
LINKS = (
    Column("Name", "name"),
    Column("Kind", "kind"),
    Column("Network", "network"),
    Column("How", "joined", form=lambda value: "joined" if value else "routed"),
    Column("State", "state", form=lambda value: str(value or "up")),
    Column("Hosts", "hosts", right=True),
    Column("In", "packets_in", right=True),
    Column("Out", "packets_out", right=True),
    Column("Dropped", "drops", form=_drops),
    Column("Where", "where", form=_pairs),
)
CLIENTS = (
    Column("Link", "link"),
    Column("Node", "node"),
    Column("Address", "address"),
    Column("Since", "since", right=True, form=seconds),
    Column("Silent", "silent", right=True, form=seconds),
    Column("In", "packets_in", right=True),
    Column("Out", "packets_out", right=True),
)


@click.command(
    epilog=example(
        "nwip services", "nwip services --type 4", "nwip services --type 'print queue' --name 'HP*'"
    )
)
@click.option("--type", "service_type", metavar="HEX|NAME", help="Only services of this type.")
@click.option(
    "--name", "pattern", metavar="PATTERN", help="Only services with such a name; * and ? stand for any."
)
@json_option
@dss_option
@control_option
def services(
    service_type: str | None, pattern: str | None, *, as_json: bool, dss: str | None, control: Path | None
) -> None:
    """List the services of the domain: servers, printers.

    The hops count from the owner, the node that registered the service. With --dss every owner's offer is
    listed, not only the nearest.
    """
    wanted = service_type_of(service_type) if service_type is not None else None
    rows = [
        row
        for row in _rows("services", dss, control)
        if (wanted is None or row.get("type") == wanted)
        and (pattern is None or fnmatchcase(str(row.get("name")).upper(), pattern.upper()))
    ]
    _show("services", rows, SERVICES, as_json=as_json)


@click.command(epilog=example("nwip routes", "nwip routes --json --dss dss.example.org"))
@json_option
@dss_option
@control_option
def routes(*, as_json: bool, dss: str | None, control: Path | None) -> None:
    """List the IPX networks of the domain, and who leads there.

    The hops and ticks count from the owner, the node that registered the network.
    """
    _show("routes", _rows("routes", dss, control), ROUTES, as_json=as_json)


@click.command(epilog=example("nwip nodes", "nwip nodes --dss '[2001:db8::1]:10396'"))
@json_option
@dss_option
@control_option
def nodes(*, as_json: bool, dss: str | None, control: Path | None) -> None:
    """List the nodes of the domain, and where they are."""
    _show("nodes", _rows("nodes", dss, control), NODES, as_json=as_json)


@click.command(epilog=example("nwip links", "nwip links --json"))
@json_option
@control_option
def links(*, as_json: bool, control: Path | None) -> None:
    """List the links of the node here, their traffic, and what is wrong with their networks."""
    rows = _rows("links", None, control)
    alarms = _rows("alarms", None, control) if rows else []
    sentences = [str(row.get("alarm")) for row in alarms if not row.get("is_over")]
    if as_json:
        print_json("links", rows, alarms=sentences)
    elif rows:
        print_table(rows, LINKS)
        for sentence in sentences:
            say(printable(f"! {sentence}"))
    if not rows:
        raise Failure(NO, "no links found")


@click.command(epilog=example("nwip clients", "nwip clients --json"))
@json_option
@control_option
def clients(*, as_json: bool, control: Path | None) -> None:
    """List the players on the DOSBox servers here."""
    _show("clients", _rows("clients", None, control), CLIENTS, as_json=as_json)


def _rows(name: str, dss: str | None, control: Path | None) -> list[Row]:
    if dss is None:
        return rows_of(ask_node(control, {"ask": name}))
    from nwip.cli import remote

    return list(remote.TABLES[name](remote.read(dss, PATIENCE, remote.own_membership())))


def _show(name: str, rows: Sequence[Row], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print the rows; no rows are the answer no."""
    if as_json:
        print_json(name, rows)
    elif rows:
        print_table(rows, columns)
    if not rows:
        raise Failure(NO, f"no {name} found")


def service_type_of(text: str) -> int:
    """Return the number of a type given in hexadecimal, or by the name that the table shows."""
    from nwip.ipx.numbers import SERVICE_TYPE_NAMES

    named = text.strip().casefold().replace("-", " ")
    for number, name in SERVICE_TYPE_NAMES.items():
        if name.casefold() == named:
            return int(number)
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        names = ", ".join(SERVICE_TYPE_NAMES.values())
        raise click.BadParameter(
            f"{text!r} is neither 1 to 4 hexadecimal digits nor one of: {names}", param_hint="'--type'"
        )
    return number
