"""The commands about the configuration file."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from pathlib import Path

import click

from nwip.cli.source import json_option
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import example, printable


@click.group(epilog=example("nwip config example > nwip.toml", "nwip config check nwip.toml"))
def config() -> None:
    """Write and check configuration files."""


@config.command("example", epilog=example("nwip config example > nwip.toml"))
def example_command() -> None:
    """Print a configuration with every key, its default and what it means."""
    from nwip.config import example as text

    say(text().rstrip("\n"))


@config.command(epilog=example("nwip config check nwip.toml"))
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Say whether a configuration can be used; exit code 2 and the first fault if not."""
    from nwip.config import load

    found = load(file)
    links = [link.title for link in found.links]
    if as_json:
        facts = {"file": str(file), "domain": found.domain.known_as, "node": found.node.name, "links": links}
        say(json.dumps({"schema": SCHEMA, **facts, "dss_here": found.dss.serves, "dss": found.dss.servers}))
        return
    asks = f"asks the DSS {', '.join(found.dss.servers)}" if found.dss.servers else "finds its DSS"
    dss = "serves its DSS" if found.dss.serves else asks
    node = (
        f"domain {found.domain.known_as}, node {found.node.name}, {dss}, links: {', '.join(links) or 'none'}"
    )
    say(printable(f"{file}: {node}"))
