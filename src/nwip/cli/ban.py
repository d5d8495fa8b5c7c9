"""The command that keeps somebody out."""

import math
import re
import time
from pathlib import Path
from typing import Final

import click

from nwip.cli.failures import UNREACHABLE, USAGE, Failure
from nwip.cli.source import ask_node, control_option, json_option, rows_of
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, printable, seconds

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

_SPAN: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])")


class Span(click.ParamType[float]):
    """A length of time, such as 90s, 30m, 1h, 7d or 2w; in seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        if isinstance(value, float):
            return value
        found = _SPAN.fullmatch(str(value))
        span = float(found[1]) * UNITS[found[2]] if found else 0.0
        if span < 1:
            self.fail(f"{value!r} is no length of time: write for example 90s, 30m, 1h, 7d or 2w", param, ctx)
        return span


def _ago(value: object) -> str:
    return seconds(max(0.0, time.time() - value)) if isinstance(value, int | float) else "-"


def _left(value: object) -> str:
    if value is None or value == math.inf:
        return "for good"
    return seconds(max(0.0, value - time.time())) if isinstance(value, int | float) else "-"


BANS: Final = (
    Column("What", "what"),
    Column("Since", "since", right=True, form=_ago),
    Column("Still", "until", right=True, form=_left),
    Column("Kept out", "kept_out", right=True),
    Column("Why", "why", form=lambda value: str(value or "-")),
)


@click.command(
    epilog=example(
        "nwip ban 203.0.113.7 --for 1h",
        "nwip ban 02A0C9123456 --why 'floods the lobby'",
        "nwip ban --list",
        "nwip ban --lift 203.0.113.7",
    )
)
@click.argument("who", required=False, metavar="[ADDRESS|NETWORK|NODE]")
@click.option("--for", "span", type=Span(), help="Until when: 90s, 30m, 1h, 7d. Without it, for good.")
@click.option("--why", default="", metavar="TEXT", help="A note, for the list.")
@click.option("--list", "listed", is_flag=True, help="Show who is banned.")
@click.option("--lift", is_flag=True, help="End the ban.")
@json_option
@control_option
def ban(
    who: str | None,
    *,
    span: float | None,
    why: str,
    listed: bool,
    lift: bool,
    as_json: bool,
    control: Path | None,
) -> None:
    """Keep somebody out of the node here: an IP address, a network, or a player by his node number.

    He goes at once and does not get in again on any port of this node, after a restart neither. A player on a
    DOSBox link who is named by his node number is banned by his IP address, and by the number if he chose it;
    any other host, on a LAN or behind another node, by the number.
    """
    if listed == (who is not None) or (listed and lift) or (lift and span is not None):
        raise Failure(USAGE, "name one address, network or node, or write --list; --lift takes no --for")
    if listed:
        rows = rows_of(ask_node(control, {"ask": "ban-list"}))
        if as_json:
            print_json("bans", rows)
        else:
            endless = [
                row | {"until": math.inf} if row.get("until") is None else row for row in map(dict, rows)
            ]
            print_table(endless, BANS)
        return
    question = (
        {"ask": "ban-lift", "what": who} if lift else {"ask": "ban", "what": who, "seconds": span, "why": why}
    )
    answer = ask_node(control, question)
    if not isinstance(answer, dict):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    if as_json:
        print_json("ban", [answer])
    elif lift:
        say(printable(f"{answer.get('what')} may come again"))
    else:
        for row in rows_of(answer.get("bans")):
            left = _left(row.get("until"))
            say(printable(f"{row.get('what')} is banned {left if left == 'for good' else f'for {left}'}"))
        say(f"sent away: {answer.get('gone')}")
    if not as_json and not answer.get("kept"):
        say("it cannot be kept, and lasts until the node stops: its log says why")
