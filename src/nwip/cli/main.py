"""The command `nwip`."""

import os
from importlib import import_module
from pathlib import Path
from typing import Literal

import click

from nwip.cli.contents import COMMANDS
from nwip.cli.failures import Commands
from nwip.cli.source import Settings
from nwip.cli.text import example


class AllCommands(Commands):
    """The group of all commands, each of which is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - there are no others elsewhere
        """Return the names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a command, None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"nwip.cli.{entry.module}"), entry.attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of all without importing them."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        told = [
            (name, click.Command(name, help=COMMANDS[name].sentence).get_short_help_str(limit))
            for name in sorted(COMMANDS)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(told)


@click.group(
    cls=AllCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("nwip up", "nwip services --dss dss.example.org", "nwip ping FFFFFFFFFFFF"),
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration, in place of NWIP_CONFIG and the usual places.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens in detail.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="How 'nwip up' writes its log, in place of what the configuration says.",
)
@click.version_option(package_name="nwip", message="nwip %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    config_file: Path | None,
    log_format: Literal["text", "json"] | None,
    *,
    verbose: bool,
) -> None:
    """Join IPX networks over any IP network: NetWare/IP for today.

    'nwip up' runs a node; the other commands ask a running one, or a DSS over the network.
    """
    context.obj = Settings(config_file, verbose, log_format)


def main() -> None:
    """Run the command line and exit: 0 ok, 1 the answer is no, 2 usage, 3 unreachable, 130 interrupted.

    What it writes, keys and captures among them, is for its user alone.
    """
    os.umask(0o077)
    cli(prog_name="nwip")
