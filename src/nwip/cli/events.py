"""The command `events`: what has happened on the node here, and what happens."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwip.cli.failures import NO, UNREACHABLE, Failure
from nwip.cli.source import PATIENCE, Row, ask_node, control_option, control_path, rows_of
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, printable

if TYPE_CHECKING:
    import asyncio


def _moment(value: object) -> str:
    """Write seconds since 1970 as the local date and time."""
    if not isinstance(value, int | float) or not 0 <= value < 1e11:
        return "-"
    return datetime.fromtimestamp(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")


EVENTS = (
    Column("Time", "time", form=_moment),
    Column("Kind", "kind"),
    Column("What", "text"),
)


@click.command(epilog=example("nwip events", "nwip events --follow", "nwip events --follow --last 0 --json"))
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option(
    "--last",
    type=click.IntRange(0, 1024),
    default=20,
    show_default=True,
    metavar="N",
    help="Begin with so many of those that were.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; with --follow one for each event."
)
@control_option
def events(*, follow: bool, last: int, as_json: bool, control: Path | None) -> None:
    """Show what has happened on the node here: alarms, links, nodes, DSSs, players, sessions, bans.

    The node remembers the last 1024 events of its own run. With --follow, whoever is too slow to read them
    all is told how many are missing.
    """
    if follow:
        import asyncio

        asyncio.run(_follow(control_path(control), last, as_json=as_json))
        raise Failure(UNREACHABLE, "the node has stopped")
    rows = rows_of(ask_node(control, {"ask": "events", "last": last}))
    if as_json:
        print_json("events", rows)
    elif rows:
        print_table(rows, EVENTS)
    if not rows:
        raise Failure(NO, "no events found")


async def _follow(path: Path, last: int, *, as_json: bool) -> None:
    """Print events as lines, until the node goes."""
    from nwip.control import converse

    _, reader, writer = await converse(path, {"ask": "follow", "last": last}, PATIENCE)
    try:
        while line := await _line(reader):
            row = _event(line)
            say(json.dumps(row) if as_json else _sentence(row))
    finally:
        writer.close()


async def _line(reader: "asyncio.StreamReader") -> bytes:
    try:
        return await reader.readline()
    except (OSError, ValueError):
        return b""


def _event(line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    return row


def _sentence(row: Row) -> str:
    if "lost" in row:
        return printable(f"... {row['lost']} events are missing here: they came faster than they were read")
    return "  ".join(column.text(row) for column in EVENTS)
