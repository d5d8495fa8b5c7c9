"""The commands about a DSS: how it stands, what it holds, and what may be done with it."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import Final

import click

from nwip.cli.dss_asking import ask_command
from nwip.cli.dss_parameters import parameters
from nwip.cli.dss_tables import (
    DIFFERENCES,
    PARAMETER_DIFFERENCES,
    PEERS,
    RECORDS,
    mapping,
    object_of,
    status_lines,
    with_sequences,
)
from nwip.cli.dss_transfer import export_command, import_command
from nwip.cli.failures import NO, Failure
from nwip.cli.queries import service_type_of
from nwip.cli.source import (
    Row,
    ask_node,
    checked_text,
    control_option,
    dss_option,
    json_option,
    rows_of,
)
from nwip.cli.tables import print_json, print_table, say
from nwip.cli.text import example, printable

LONG_PATIENCE: Final = 60.0  # seconds for an answer of a whole directory
KINDS: Final = ("service", "route", "host", "node", "dss")


@click.group(epilog=example("nwip dss status", "nwip dss records --owner museum --age '>30s'"))
def dss() -> None:
    """Look at the directory servers of a domain, and run them."""


@dss.command(epilog=example("nwip dss status", "nwip dss status --json"))
@json_option
@control_option
def status(*, as_json: bool, control: Path | None) -> None:
    """Say how it stands with the DSS of the node here, and with the others.

    Lag is for how long another DSS has not been seen to hold the same, 0 while it does; repairs are owners
    that had to be sent whole.
    """
    row = object_of(ask_node(control, {"ask": "dss-status"}))
    if as_json:
        print_json("status", [row])
        return
    for line in status_lines(row):
        say(line)
    peers = rows_of(row.get("peers"))
    if peers:
        say("")
        print_table(peers, PEERS)


@dss.command(
    epilog=example(
        "nwip dss records --owner museum", "nwip dss records --type 4 --age '>30s' --dss dss.example.org"
    )
)
@click.option("--owner", metavar="NAME|HEX", help="Only records of this owner; * and ? stand for any.")
@click.option("--type", "service_type", metavar="HEX|NAME", help="Only services of this type.")
@click.option("--age", metavar="'>30s'", help="Only records renewed longer ago, or '<30s' less long.")
@click.option("--kind", type=click.Choice(KINDS), help="Only records of this kind.")
@json_option
@dss_option
@control_option
def records(
    *,
    owner: str | None,
    service_type: str | None,
    age: str | None,
    kind: str | None,
    as_json: bool,
    dss: str | None,
    control: Path | None,
) -> None:
    """List every owner's records in a DSS, hidden ones too.

    With their sequence (incarnation.counter), their age, what is left of the lease, and where they were heard
    from if that is known: an address of a session here, another DSS, or 'kept' by the store or an import.
    """
    from nwip.dss_rows import Wanted, parse_age

    try:
        limit = parse_age(age) if age is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--age'") from None
    wanted = Wanted(owner, service_type_of(service_type) if service_type is not None else None, limit, kind)
    rows: list[Row]
    if dss is None:
        question: Row = {"ask": "dss-records", "wanted": wanted._asdict()}
        rows = rows_of(ask_node(control, question, LONG_PATIENCE))
    else:
        from nwip.cli import dss_reading

        rows = dss_reading.record_rows(dss_reading.read(dss), wanted)
    if as_json:
        print_json("records", rows)
    elif rows:
        print_table(with_sequences(rows), RECORDS)
    if not rows:
        raise Failure(NO, "no records found")


@dss.command(epilog=example("nwip dss diff dss1.example.org dss2.example.org:10396"))
@click.argument("left", metavar="DSS1", callback=checked_text)
@click.argument("right", metavar="DSS2", callback=checked_text)
@json_option
def diff(left: str, right: str, *, as_json: bool) -> None:
    """Compare what two DSSs hold: HOST[:PORT] of each.

    Records are compared by owner and sequence, and the parameters; ages do not count. Exit code 1 if they
    differ. What changes while they are read shows too: then compare again.
    """
    from nwip.cli import dss_reading

    for server in (left, right):
        _check_server(server)
    found = dss_reading.compare(*dss_reading.read_both(left, right))
    if as_json:
        print_json("diff", found.records, parameters=found.parameters, same=found.same)
    else:
        if found.parameters:
            print_table(found.parameters, PARAMETER_DIFFERENCES)
        if found.records:
            print_table(found.records, DIFFERENCES)
    if found.records or found.parameters:
        count, keys = len(found.records), len(found.parameters)
        raise Failure(NO, f"{left} and {right} differ in {count} records and {keys} parameters")
    if not as_json:
        say(printable(f"{left} and {right} hold the same: {found.same} records"))


@dss.command(epilog=example("nwip dss promote"))
@json_option
@control_option
def promote(*, as_json: bool, control: Path | None) -> None:
    """Make the DSS of the node here the primary of its domain.

    It owns the parameters from now on, with those that it has; no node restarts. The former primary is a
    secondary as soon as it hears of it.
    """
    row = object_of(ask_node(control, {"ask": "dss-promote"}))
    if as_json:
        print_json("promote", [row])
        return
    name, before = mapping(row.get("primary")).get("name"), mapping(row.get("before"))
    if not row.get("changed"):
        say(printable(f"{name} is the primary already (term {row.get('term')})"))
    else:
        old = before.get("name") or "none that it had met"
        say(printable(f"the primary was {old}; now it is {name} (term {row.get('term')})"))


@dss.command(epilog=example("nwip dss forget museum", "nwip dss forget 3f0a51"))
@click.argument("owner", callback=checked_text)
@json_option
@control_option
def forget(owner: str, *, as_json: bool, control: Path | None) -> None:
    """Drop all records of an owner in the whole domain, until it is heard anew.

    OWNER is a name, or the first digits of an identity. An owner that lives comes back by itself, within its
    renewal: to be rid of it, stop it.
    """
    row = object_of(ask_node(control, {"ask": "dss-forget", "owner": owner}))
    if as_json:
        print_json("forget", [row])
        return
    back = (
        "it lives, and comes back by itself"
        if row.get("attached")
        else "if it lives, it comes back by itself"
    )
    owner_text = f"{row.get('owner')} ({row.get('identity')})"
    say(printable(f"{row.get('records')} records of {owner_text} dropped; {back}"))


dss.add_command(ask_command)
dss.add_command(export_command)
dss.add_command(import_command)
dss.add_command(parameters)


def _check_server(text: str) -> None:
    from nwip.discovery.preferred import split_server

    try:
        split_server(text)[0].encode("idna")
    except ValueError as error:
        raise click.UsageError(f"{printable(text)} is no HOST[:PORT]: {error}") from None
