"""The command that looks a node over, and says what to mend."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwip.cli.failures import NO, UNREACHABLE
from nwip.cli.source import Settings, checked_number, control_option, json_option
from nwip.cli.tables import print_json, say
from nwip.cli.text import example, printable

if TYPE_CHECKING:
    from nwip.doctor import Finding

COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}


@click.command(epilog=example("nwip doctor", "nwip --config nwip.toml doctor --json"))
@click.option(
    "--listen",
    type=click.FloatRange(0.0, 3600.0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    callback=checked_number,
    help="How long to listen on LANs, where no node runs.",
)
@json_option
@control_option
@click.pass_context
def doctor(context: click.Context, listen: float, *, as_json: bool, control: Path | None) -> None:
    """Look a node over, running or not: what is well, what is not, and what mends it.

    Configuration, clock, privileges, ports, firewall, the way to a DSS by each step of discovery, NAT, the
    sizes of packets to each peer, frame types on LANs, and what the node has noticed itself. Nothing is
    changed. Exit code 0 when all is well, 1 when there is something to mend, 3 when no DSS is reached.
    """
    from nwip.cli.remote import own_membership
    from nwip.config import ConfigError
    from nwip.doctor import examine
    from nwip.doctor.findings import is_all_well

    settings: Settings = context.obj
    try:
        membership = own_membership()
    except (ConfigError, OSError):
        membership = None  # what is wrong with the file is among the findings

    def tell(finding: "Finding") -> None:
        if not as_json:
            say(_line(finding))

    done = examine(settings.config, control, listen=listen, membership=membership, say=tell)
    if as_json:
        rows = [finding._asdict() | {"verdict": str(finding.verdict)} for finding in done.findings]
        print_json("findings", rows, reached=done.reached)
    if not done.reached:
        context.exit(UNREACHABLE)
    if not is_all_well(done.findings):
        context.exit(NO)


def _line(finding: "Finding") -> str:
    """Return a finding as people read it: verdict, what it is about, a sentence; below it the mend."""
    word = f"{finding.verdict:8}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        word = click.style(word, fg=COLOURS[finding.verdict])
    text = f"{word}{printable(finding.about)}: {printable(finding.says)}"
    return f"{text}\n{'':8}-> {printable(finding.mend)}" if finding.mend else text
