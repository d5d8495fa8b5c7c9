"""The commands about the configuration file."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path

import click

from nwip.cli.tables import say
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
def check(file: Path) -> None:
    """Say whether a configuration can be used; exit code 2 and the first fault if not."""
    from nwip.config import load

    found = load(file)
    dss = "serves its DSS" if found.dss.serves else f"asks the DSS {', '.join(found.dss.servers)}"
    links = ", ".join(link.name for link in found.links) or "none"
    say(printable(f"{file}: domain {found.domain.name}, node {found.node.name}, {dss}, links: {links}"))
