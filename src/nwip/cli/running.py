"""The commands that run nodes: `up` and `demo`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from collections.abc import Sequence

import click

from nwip.cli.failures import USAGE, Failure, error_text
from nwip.cli.source import Row, Settings, json_option
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import example


@click.command(epilog=example("nwip up", "nwip up --join", "nwip --config nwip.toml --verbose up"))
@click.option("--join", is_flag=True, help="Run no DSS: find that of a domain, and join it.")
@click.option("--portable", "plain", is_flag=True, help="Take no calls of Linux alone for data: slower.")
@json_option
@click.pass_context
def up(context: click.Context, *, join: bool, plain: bool, as_json: bool) -> None:
    """Run a node until Ctrl-C; says how to reach it.

    Without a configuration file it is a domain on this machine alone, with a DSS and a DOSBox server; with
    --join it finds a domain by DHCP, DNS, or asking the subnet ('nwip discover --explain' shows how). With
    --json it prints one object when it is ready, and what else there is to say goes to the log.
    """
    from nwip import running
    from nwip.banner import Facts, banner
    from nwip.cli import logs
    from nwip.config import joining, load, portable

    settings: Settings = context.obj
    logs.set_up(verbose=settings.verbose, form=settings.log_format or "text")
    config = joining(load(settings.config)) if join else load(settings.config)
    logs.set_up(verbose=settings.verbose, form=settings.log_format or config.log.format)
    if plain:
        config = portable(config)

    def notice(text: str) -> None:
        click.echo(text, err=as_json)

    def announce(found: Facts) -> None:
        say(json.dumps({"schema": SCHEMA, **found}) if as_json else banner(found))

    try:
        code = running.run(config, notice, announce)
    except BrokenPipeError:
        raise
    except OSError as error:  # an address, port or file of the configuration that cannot be had
        raise Failure(USAGE, error_text(error)) from None
    context.exit(code)


@click.command(epilog=example("nwip demo", "nwip demo --keep", "nwip demo --dosbox"))
@click.option("--keep", is_flag=True, help="Leave the domain running until Ctrl-C.")
@click.option("--dosbox", is_flag=True, help="Let real DOSBox programs take part.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def demo(context: click.Context, *, keep: bool, dosbox: bool, as_json: bool) -> None:
    """Show a whole domain at work, on loopback."""
    from nwip import demo as domain
    from nwip.cli import logs
    from nwip.cli.queries import CLIENTS, NODES, SERVICES
    from nwip.cli.tables import print_table

    settings: Settings = context.obj
    logs.set_up(verbose=settings.verbose, quiet=True)
    columns = {"nodes": NODES, "clients": CLIENTS, "services": SERVICES}

    def show(name: str, rows: Sequence[Row]) -> None:
        print_table(rows, columns[name])

    context.exit(domain.run(show, keep=keep, dosbox=dosbox, as_json=as_json))
