"""The commands about a sealed domain and its members, and `nwip join`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nwip.cli.dss_tables import object_of
from nwip.cli.failures import NO, USAGE, Failure
from nwip.cli.source import Row, Settings, ask_node, checked_text, control_option, json_option, rows_of
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, printable

if TYPE_CHECKING:
    from nwip.charter import Charter

MEMBERS: Final = (
    Column("Name", "name"),
    Column("Role", "role"),
    Column("Identity", "identity"),
    Column(
        "Networks",
        "networks",
        form=lambda value: " ".join(value) if isinstance(value, list) and value else "-",
    ),
    Column("State", "state"),
)
LONGEST_LINE: Final = 8192
LOOPBACK: Final = ("127.", "[::1]")


@click.group(epilog=example("nwip domain create nwip.example.org", "nwip domain invite --name museum"))
def domain() -> None:
    """Make a sealed domain, and say who its members are."""


@domain.command(epilog=example("nwip domain create nwip.example.org"))
@click.argument("name", callback=checked_text)
@json_option
@click.pass_context
def create(context: click.Context, name: str, *, as_json: bool) -> None:
    """Make a sealed domain, whose DSS runs on this machine.

    Writes keys, authority and the domain's secret to the state directory; from then on 'nwip up' serves the
    sealed domain. A node that runs already does so when it is started again.
    """
    from nwip.config import load
    from nwip.discovery.steps import is_domain_name
    from nwip.enrolment import EnrolmentError
    from nwip.enrolment import create as found

    if not is_domain_name(name):
        raise click.UsageError(
            f"{printable(name)} is no domain's name: write letters, digits, dots and hyphens"
        )
    settings: Settings = context.obj
    config = load(settings.config)
    try:
        charter = found(config, name)
    except EnrolmentError as error:
        raise Failure(NO, str(error)) from None
    directory = config.node.state_directory
    if as_json:
        print_json("domain", [_charter_row(charter, directory)])
        return
    say(printable(f"{name} is a sealed domain, and this machine holds its authority, in {directory}"))
    say("keep a copy of that directory in a safe place: without it nobody can be invited or revoked")
    say("next: nwip up, here (a node that runs already, start again); then nwip domain invite")


@domain.command(
    epilog=example(
        "nwip domain invite", "nwip domain invite --name museum --network C0FFEE --server dss.example.org"
    )
)
@click.option("--name", default="", metavar="NAME", help="What the new member is called; else as it says.")
@click.option(
    "--role",
    type=click.Choice(["node", "dss"]),
    default="node",
    help="A node, or a further DSS with its node.",
)
@click.option(
    "--network", "networks", multiple=True, metavar="HEX", help="A network that it may register; repeatable."
)
@click.option(
    "--server", "servers", multiple=True, metavar="HOST[:PORT]", help="Where it reaches this DSS; repeatable."
)
@json_option
@control_option
def invite(
    *,
    name: str,
    role: str,
    networks: Sequence[str],
    servers: Sequence[str],
    as_json: bool,
    control: Path | None,
) -> None:
    """Print a line with which one more machine can join, once, within 24 hours.

    Without --server the line names this machine's own addresses: behind NAT name the outer one.
    """
    question: Row = {
        "ask": "domain-invite",
        "name": name,
        "role": role,
        "networks": [_network(text) for text in networks],
        "servers": list(servers),
    }
    row = object_of(ask_node(control, question))
    if as_json:
        print_json("invite", [row])
        return
    say(printable(f"nwip join {row.get('invitation')}"))
    what = "DSS, and the node beside it," if row.get("role") == "dss" else "node"
    who = f"one {what} called {row.get('name')}" if row.get("name") else f"one {what}"
    say("")
    say(
        printable(
            f"Type this on the new machine, within {_hours(row.get('seconds'))}. It lets in {who}, once:"
        )
    )
    say("whoever has the line can use it, so send it by a way that others do not read.")
    reached = row.get("servers")
    if isinstance(reached, list) and all(str(server).startswith(LOOPBACK) for server in reached):
        say("It leads to this machine itself only: see dss.listen, or name an address with --server.")


@domain.command(epilog=example("nwip domain members", "nwip domain members --json"))
@json_option
@control_option
def members(*, as_json: bool, control: Path | None) -> None:
    """List the members of the sealed domain, and those that were revoked."""
    rows = rows_of(ask_node(control, {"ask": "domain-members"}))
    if as_json:
        print_json("members", rows)
        return
    print_table(rows, MEMBERS)


@domain.command(epilog=example("nwip domain revoke museum", "nwip domain revoke 3f0a51"))
@click.argument("member", metavar="NODE", callback=checked_text)
@json_option
@control_option
def revoke(member: str, *, as_json: bool, control: Path | None) -> None:
    """End a membership for ever, everywhere within a second.

    NODE is a member's name, or the first digits of its identity. Its sessions and tunnels end, its records
    go, and its key never comes back: to let the machine in again, invite it, and 'nwip join --anew' there.
    """
    row = object_of(ask_node(control, {"ask": "domain-revoke", "member": member}))
    if as_json:
        print_json("revoke", [row])
        return
    say(printable(f"{row.get('name') or 'the member'} ({row.get('identity')}) is revoked"))


@domain.command(epilog=example("nwip domain rotate"))
@json_option
@control_option
def rotate(*, as_json: bool, control: Path | None) -> None:
    """Change the secret that all members share.

    Members learn the new one from their DSS at once, those that are down when they come back. The old one is
    good between nodes for ten minutes more.
    """
    row = object_of(ask_node(control, {"ask": "domain-rotate"}))
    if as_json:
        print_json("rotate", [row])
        return
    say(printable(f"the secret of {row.get('domain')} is another now: epoch {row.get('epoch')}"))


@click.command(epilog=example("nwip join nwip1:lQGrbndpcC5leGFtcGxl...", "nwip join - < invitation.txt"))
@click.argument("token")
@click.option("--anew", is_flag=True, help="Put aside the membership that is there, and its keys.")
@json_option
@click.pass_context
def join(context: click.Context, token: str, *, anew: bool, as_json: bool) -> None:
    """Become a member of a sealed domain, with the line that 'nwip domain invite' printed there.

    TOKEN is what begins with nwip1: ('-' reads it from standard input). Makes this machine's key, goes to
    the DSS, and writes the membership to the state directory; then 'nwip up' takes part, without further
    settings. A machine that was revoked joins again with --anew, and has a new key then.
    """
    import asyncio

    from nwip.config import load
    from nwip.dss.guest import join_domain
    from nwip.enrolment import EnrolmentError
    from nwip.enrolment import join as enrol
    from nwip.security.invitations import Invitation
    from nwip.wire import WireError

    text = sys.stdin.read(LONGEST_LINE) if token == "-" else token  # noqa: S105 - a dash is no secret
    try:
        invitation = Invitation.decode(text.strip().removeprefix("nwip join "))
    except WireError as error:
        raise Failure(USAGE, str(error)) from None
    settings: Settings = context.obj
    config = load(settings.config)
    try:
        charter = asyncio.run(enrol(config, invitation, join_domain, anew=anew))
    except EnrolmentError as error:
        raise Failure(NO, str(error)) from None
    directory = config.node.state_directory
    if as_json:
        print_json("join", [_charter_row(charter, directory)])
        return
    what = "a DSS" if charter.role == "dss" else "a member"
    say(printable(f"{config.node.name} is {what} of {charter.domain}; its key is kept in {directory}"))
    say("next: nwip up (a node that runs already, start again)")


def _hours(value: object) -> str:
    return f"{value / 3600:g} hours" if isinstance(value, int | float) else "its time"


def _charter_row(charter: "Charter", directory: Path) -> Row:
    from nwip.directory.records import endpoint_text

    return {
        "domain": charter.domain,
        "authority": charter.authority,
        "role": charter.role,
        "servers": list(map(endpoint_text, charter.servers)),
        "peers": list(map(endpoint_text, charter.peers)),
        "state": str(directory),
    }


def _network(text: str) -> int:
    from nwip.ipx.address import parse_network

    number = 0
    with contextlib.suppress(ValueError):
        number = parse_network(text)
    if not 1 <= number <= 0xFFFFFFFE:
        raise click.BadParameter(
            f"{printable(text)} is no network: 1 to 8 hexadecimal digits, for example C0FFEE",
            param_hint="'--network'",
        )
    return number
