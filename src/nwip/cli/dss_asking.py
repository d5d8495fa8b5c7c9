"""`nwip dss ask`: one question over UDP, as programs of IPX ask it, and what comes back."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import asyncio
from typing import TYPE_CHECKING

import click

from nwip.cli.failures import NO, UNREACHABLE, Failure
from nwip.cli.queries import ROUTES, SERVICES, service_type_of
from nwip.cli.source import PATIENCE, Row, checked_server, json_option
from nwip.cli.tables import print_json, print_table
from nwip.cli.text import example

if TYPE_CHECKING:
    from nwip.dss.asking import Answers
    from nwip.ipx.packet import Packet
    from nwip.security.membership import Membership

ASKED_SERVICES = tuple(
    column for column in SERVICES if column.field in {"type", "type_name", "name", "address", "hops"}
)
ASKED_ROUTES = tuple(column for column in ROUTES if column.field in {"network", "hops", "ticks"})


def _checked_network(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a network's number."""
    if value is None:
        return None
    try:
        number = int(value, 16)
    except ValueError:
        number = 0
    if not 0 < number <= 0xFFFF_FFFF:
        sentence = f"{value!r} is not a network: write 1 to 8 hexadecimal digits, FFFFFFFF for all"
        raise click.BadParameter(sentence, context, parameter)
    return number


@click.command(
    "ask",
    epilog=example(
        "nwip dss ask dss.example.org",
        "nwip dss ask dss.example.org --type 4 --nearest",
        "nwip dss ask 192.0.2.1:10396 --network FFFFFFFF",
    ),
)
@click.argument("server", metavar="HOST[:PORT]", callback=checked_server)
@click.option("--type", "service_type", metavar="HEX|NAME", help="Only services of this type.")
@click.option("--nearest", is_flag=True, help="Only the nearest of that type.")
@click.option(
    "--network",
    callback=_checked_network,
    metavar="HEX",
    help="Ask by RIP, for a network; FFFFFFFF: for all.",
)
@json_option
def ask_command(
    server: str, service_type: str | None, network: int | None, *, nearest: bool, as_json: bool
) -> None:
    """Ask a DSS over UDP, with one RIP or SAP packet as programs of IPX send it.

    Hops and ticks count from here. A member of a sealed domain asks sealed, with its key; nobody else is
    answered there. In an open domain a stranger gets as many octets as it sends, some 14 services: 'nwip
    services --dss' lists all, over TCP.
    """
    if network is not None and (service_type is not None or nearest):
        raise click.UsageError("ask for a network or for services: --network goes with no other option")
    from nwip.cli.remote import own_membership
    from nwip.ipx.numbers import Socket
    from nwip.ipx.rip import RipPacket
    from nwip.ipx.sap import SapOperation, SapQuery

    if network is not None:
        number, payload = Socket.RIP, RipPacket.request(network).encode()
    else:
        wanted = service_type_of(service_type) if service_type is not None else 0xFFFF
        operation = SapOperation.NEAREST_QUERY if nearest else SapOperation.GENERAL_QUERY
        number, payload = Socket.SAP, SapQuery(operation, wanted).encode()
    answers = asyncio.run(_ask(server, payload, number, own_membership()))
    what = "services" if network is None else "routes"
    rows = [row for packet in answers.packets for row in _rows(packet)]
    if as_json:
        print_json(what, rows)
    elif rows:
        print_table(rows, ASKED_SERVICES if network is None else ASKED_ROUTES)
    if not rows:
        raise Failure(NO, f"{server} knows of no such {what}")


async def _ask(server: str, payload: bytes, number: int, membership: "Membership | None") -> "Answers":
    """Ask each address of a DSS in turn. Raises `Failure` when none answers, and `OSError`."""
    from nwip.discovery.preferred import preferred_servers
    from nwip.dss.asking import ask

    for endpoint in await preferred_servers([server]):
        answers = await ask(endpoint, payload, number, PATIENCE / 2, membership)
        if answers.is_there:
            return answers
    raise Failure(
        UNREACHABLE,
        f"{server} does not answer over UDP: it is not there, has nothing to say, or does not know us",
    )


def _rows(packet: "Packet") -> list[Row]:
    """Return the rows of a response; none of anything else."""
    from nwip.ipx import sap
    from nwip.ipx.numbers import SERVICE_TYPE_NAMES, Socket
    from nwip.ipx.rip import RipPacket
    from nwip.wire import WireError

    try:
        if packet.source.socket == Socket.RIP:
            return [
                {"network": f"{entry.network:08X}", "hops": entry.hops, "ticks": entry.ticks}
                for entry in RipPacket.decode(packet.payload).entries
            ]
        said = sap.decode(packet.payload)
        entries = said.entries if isinstance(said, sap.SapResponse) else ()
        return [
            {
                "type": entry.service_type,
                "type_name": SERVICE_TYPE_NAMES.get(entry.service_type, ""),
                "name": entry.name,
                "address": str(entry.address),
                "hops": entry.hops,
            }
            for entry in entries
        ]
    except WireError:
        return []
