"""The commands about services: `sap advertise` and `sap find`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path

import click

from nwip.cli.failures import NO, Failure
from nwip.cli.queries import SERVICES, service_type_of
from nwip.cli.source import (
    Row,
    ask_node,
    checked_text,
    control_option,
    control_path,
    json_option,
    rows_of,
)
from nwip.cli.tables import Column, print_json, print_table
from nwip.cli.text import example

FOUND = (
    *(column for column in SERVICES if column.field in {"type", "type_name", "name", "address"}),
    Column("Ticks", "ticks", right=True),
    Column("Hops", "hops", right=True),
    Column("Owner", "owner"),
)


def _checked_type(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return the number of a service type."""
    if value is None:
        return None
    try:
        return service_type_of(value)
    except click.BadParameter as error:
        raise click.BadParameter(error.message, context, parameter) from None


def _checked_socket(context: click.Context, parameter: click.Parameter, value: str | None) -> int:
    """Return the number of a socket, 0 for any."""
    if value is None:
        return 0
    try:
        number = int(value, 16)
    except ValueError:
        number = 0
    if not 0 < number <= 0xFFFF:
        sentence = f"{value!r} is not a socket: write 1 to 4 hexadecimal digits, such as 4545"
        raise click.BadParameter(sentence, context, parameter)
    return number


@click.group(epilog=example("nwip sap advertise MYSERVER 9000", "nwip sap find 'file server'"))
def sap() -> None:
    """Advertise and find services: SAP, as the programs of IPX know it."""


@sap.command(
    epilog=example("nwip sap advertise MYSERVER 9000", "nwip sap advertise HALL 'print queue' --socket 4545")
)
@click.argument("name", callback=checked_text)
@click.argument("service_type", metavar="TYPE", callback=_checked_type)
@click.option(
    "--socket",
    "number",
    callback=_checked_socket,
    metavar="HEX",
    help="The IPX socket to advertise; without it the node chooses one.",
)
@json_option
@control_option
def advertise(name: str, service_type: int, number: int, *, as_json: bool, control: Path | None) -> None:
    """Advertise a service of this machine until Ctrl-C.

    The whole domain finds it at a socket of the node here, and every link is told by SAP. TYPE is
    hexadecimal, or a name that 'nwip services' shows. Nothing is answered: what arrives is shown, a line
    each. With --json it prints one object when the service is known to the node, and one more for each
    packet.
    """
    from nwip.cli import advertising

    code = advertising.run(name, service_type, number, control_path(control), as_json=as_json)
    click.get_current_context().exit(code)


@sap.command(
    epilog=example("nwip sap find", "nwip sap find 4", "nwip sap find 'print queue' 'HP*' --nearest")
)
@click.argument("service_type", metavar="[TYPE]", callback=_checked_type, required=False)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--nearest", is_flag=True, help="Only the nearest.")
@json_option
@control_option
def find(
    service_type: int | None, name: str | None, *, nearest: bool, as_json: bool, control: Path | None
) -> None:
    """Find services, the nearest to this node first.

    Each once, as its nearest owner offers it, with ticks (1/18 s) and hops from here. TYPE is hexadecimal or
    a name, FFFF any; in NAME * and ? stand for any. 'nwip services' lists every owner's offer.
    """
    question: Row = {
        "ask": "find",
        "type": None if service_type == 0xFFFF else service_type,
        "name": name,
        "limit": 1 if nearest else 1000,
    }
    rows = rows_of(ask_node(control, question))
    if as_json:
        print_json("services", rows)
    elif rows:
        print_table(rows, FOUND)
    if not rows:
        raise Failure(NO, "no services found")
