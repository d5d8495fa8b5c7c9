"""The command that finds a domain's DSS as a node would, and says how."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
from typing import Final

import click

from nwip.cli.failures import NO, USAGE, Failure
from nwip.cli.source import Row, Settings, json_option
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, printable

COLUMNS: Final = (
    Column("domain", "domain"),
    Column("dss", "dss"),
    Column("way", "way"),
    Column("state", "state"),
)


@click.command(epilog=example("nwip discover", "nwip discover nwip.example.org --explain"))
@click.argument("domain", required=False)
@click.option("--explain", is_flag=True, help="Show every step: what is asked, and what comes of it.")
@click.option(
    "--way",
    "ways",
    multiple=True,
    type=click.Choice(["preferred", "dhcp", "dns", "nearest"]),
    help="Go this way only; may be repeated.",
)
@json_option
@click.pass_context
def discover(
    context: click.Context, domain: str | None, ways: tuple[str, ...], *, explain: bool, as_json: bool
) -> None:
    """Find a DSS, of DOMAIN or of whichever domain there is.

    Tries in this order: the servers of the configuration, DHCP options 62 and 63, DNS (SRV, then NS), and a
    nearest-server query to the subnet. Stops at the first way that leads to a DSS that answers, as a node
    does. Nothing is changed, and no node need run here.
    """
    import asyncio

    from nwip.cli.remote import own_membership
    from nwip.config import load
    from nwip.directory.records import endpoint_text
    from nwip.discovery.steps import Step, Way, is_domain_name
    from nwip.discovery.ways import find_here

    settings: Settings = context.obj
    config = load(settings.config)
    if domain is not None and not is_domain_name(domain):
        raise Failure(USAGE, f"{domain!r} is not the name of a domain: {'nwip.example.org'!r} would be one")
    steps: list[Step] = []

    def line(step: Step) -> str:
        return printable(f"{step.way:9}  {step.asked}: {step.answer}")

    def learn(step: Step) -> None:
        steps.append(step)
        if explain and not as_json:
            say(line(step))
        elif sys.stderr.isatty() and not as_json:
            click.echo(line(step), err=True)

    found = asyncio.run(
        find_here(
            domain or config.domain.name or "",
            [Way(way) for way in ways] or config.discovery.ways or list(Way),
            preferred=config.dss.servers,
            leases=config.discovery.leases,
            say=learn,
            membership=own_membership(),
        )
    )
    rows: list[Row] = []
    if found is not None:
        rows = [
            {
                "domain": found.domain,
                "dss": endpoint_text(server),
                "way": str(found.way),
                "state": "answers" if server == found.answering else "named",
            }
            for server in found.servers
        ]
    if as_json:
        told = [step._asdict() | {"way": str(step.way)} for step in steps]
        print_json("discover", rows, **({"steps": told} if explain else {}))
    elif rows:
        print_table(rows, COLUMNS)
    if found is None:
        sought = f"of the domain {domain}" if domain else "of any domain"
        more = "" if explain else "; --explain shows what was tried"
        raise Failure(NO, f"no DSS {sought} was found{more}")
