"""The command `watch`: how it stands with the node here, live in the terminal."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nwip.cli.source import ask_node, control_option
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import example

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

    from nwip.cli.picture import Line

MOST_LISTED: Final = 1000  # nodes, or players, that are asked for; of more there is only the number
EVENTS: Final = 20

Facts = Mapping[str, object]


@click.command(epilog=example("nwip watch", "nwip watch --once", "nwip watch --json --interval 10"))
@click.option(
    "--once", is_flag=True, help="Print one picture and end; so it is too where there is no terminal."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each look.")
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600.0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two looks.",
)
@control_option
def watch(*, once: bool, as_json: bool, interval: float, control: Path | None) -> None:
    """Show alarms, sites, links, DSSs, players and events of the node here, live.

    Rates are packets a second between two looks. 'q' or Ctrl-C ends.
    """
    look = _Looks(control)
    facts = look()
    if as_json:
        _print_objects(look, facts, interval, once=once)
    elif once or not sys.stdout.isatty():
        time.sleep(min(interval, 1.0))
        _print_picture(look(), facts, look.elapsed)
    else:
        _show(look, facts, interval)


class _Looks:
    """Asks the node, and knows how long ago it did so before."""

    def __init__(self, control: Path | None) -> None:
        self._control = control
        self._at = time.monotonic()
        self.elapsed = 0.0

    def __call__(self) -> dict[str, object]:
        """Return the facts. Raises `NodeUnreachable`."""
        from nwip.facts import gather, number_in, row_in

        facts = gather(self._ask, ["node"])
        node = row_in(facts, "node")
        names = ["links", "alarms", "dss-status", "events"]
        names += ["nodes"] if number_in(row_in(node, "counts"), "node") <= MOST_LISTED else []
        names += ["clients"] if 0 < number_in(node, "players") <= MOST_LISTED else []
        facts |= gather(self._ask, names)
        now = time.monotonic()
        self.elapsed, self._at = now - self._at, now
        return facts

    def _ask(self, name: str) -> object:
        return ask_node(self._control, {"ask": name, "last": EVENTS} if name == "events" else {"ask": name})


def _print_objects(look: _Looks, facts: Facts, interval: float, *, once: bool) -> None:
    while True:
        say(json.dumps({"schema": SCHEMA, "time": time.time(), **facts}))
        sys.stdout.flush()
        if once:
            return
        time.sleep(interval)
        facts = look()


def _print_picture(facts: Facts, before: Facts, elapsed: float) -> None:
    from rich.console import Console

    from nwip.cli.picture import FOOT, picture

    console = Console(highlight=False)
    width = console.width if console.is_terminal else 10_000
    lines = [line for line in picture(facts, before, elapsed, width, 10_000) if line.text != FOOT]
    for line in lines:
        console.print(_text(line, width), soft_wrap=True)


def _show(look: _Looks, facts: Facts, interval: float) -> None:
    """Show pictures until somebody has seen enough; a node that goes away may come back."""
    from rich.console import Console
    from rich.live import Live

    from nwip.cli.keys import Keys
    from nwip.control import NodeUnreachable

    console = Console(highlight=False)
    before: Facts = {}
    with Keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        due = time.monotonic() + interval
        while True:
            live.update(_group(console, facts, before, look.elapsed), refresh=True)
            if "q" in keys.wait(due - time.monotonic()).lower():
                return
            if time.monotonic() < due:
                continue
            due = time.monotonic() + interval
            before = facts
            try:
                facts = look()
            except NodeUnreachable:
                facts = {}


def _group(console: "Console", facts: Facts, before: Facts, elapsed: float) -> "Group":
    from rich.console import Group

    from nwip.cli.picture import picture

    width, height = console.size
    return Group(*(_text(line, width) for line in picture(facts, before, elapsed, width, height)))


def _text(line: "Line", width: int) -> "Text":
    from rich.text import Text

    text = Text(line.text, style=line.style, no_wrap=True)
    text.truncate(width, overflow="ellipsis")
    return text
