"""How `nwip check` shows what it has found to people."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from nwip.cli.tables import Column, print_table, say
from nwip.cli.text import printable

if TYPE_CHECKING:
    from nwip.check.findings import Finding, Process
    from nwip.check.ports import Story

WIDTH: Final = 96
COMMAND_LIMIT: Final = 200  # characters of a command line that are told

COLUMNS: Final = (
    Column("Port", "port"),
    Column("State", "state"),
    Column("Process", "process"),
    Column("Protocol", "protocol"),
    Column("Verdict", "verdict"),
)
OTHERS: Final = (Column("Host", "host"), *(column for column in COLUMNS if column.field != "process"))


def print_findings(
    found: "Sequence[Finding]", notes: Sequence[str], *, others: bool = False, briefly: bool = False
) -> None:
    """Print a table, the reasons behind each verdict that needs any, the processes, and notes.

    `others`: of other hosts. `briefly` leaves out ports of which nothing is known but that they are not open.
    """
    from nwip.check.findings import State

    told = [one for one in found if not briefly or one.state in {State.OPEN, State.HELD}]
    rows = [
        {**one.row(), "port": _port(one), "process": _process(one.process) if one.process else ""}
        for one in told
    ]
    if rows:
        print_table(rows, OTHERS if others else COLUMNS)
    elif found:
        say("none of these ports is open")
    for one in told:
        if one.reasons and (one.to_look_at or not one.protocol):
            say("\n" + "\n".join(_reasons(one)))
    for process in dict.fromkeys(one.process for one in told if one.process):
        say("\n" + "\n".join(_facts(process, [one for one in told if one.process == process])))
    for note in notes:
        click.echo(f"nwip: {printable(note)}", err=True)


def story_text(port: int, story: "Story") -> str:
    """Return what there is to tell of a port."""
    paragraphs = (f"{port}: {story.name}", story.history, f"Today: {story.today}")
    return "\n\n".join(textwrap.fill(paragraph, WIDTH) for paragraph in paragraphs)


@contextmanager
def progress(hosts: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many hosts are through; the body calls what it is given as each is."""
    if not shown or hosts < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("hosts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=hosts)
        yield lambda: bar.advance(task)


def _port(one: "Finding") -> str:
    return f"{one.port}/{one.transport}"


def _process(process: "Process") -> str:
    return f"{process.name or '?'} ({process.pid})"


def _reasons(one: "Finding") -> Iterator[str]:
    where = f"{one.host}, " if one.process is None and one.address else ""
    yield printable(f"{where}{_port(one)}: {one.verdict}")
    yield from (printable(f"  - {reason}") for reason in one.reasons)


def _facts(process: "Process", its: "Sequence[Finding]") -> Iterator[str]:
    """Return lines on a process, which may hold several ports."""
    yield printable(f"{_process(process)} of {process.user or 'an unknown user'}")
    facts = {
        "holds": ", ".join(f"{_port(one)} at {one.address}" for one in its),
        "since": process.started,
        "executable": process.executable,
        "package": "none of this system" if process.package == "" else process.package,
        "parent": process.parent,
        "command": textwrap.shorten(" ".join(process.command), COMMAND_LIMIT, placeholder=" ..."),
    }
    for name, value in facts.items():
        if value:
            yield printable(f"  {name:11}{value}")
