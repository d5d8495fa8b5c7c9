"""The commands that look for one thing: `ping`, `trace` and `resolve`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path

import click

from nwip.cli.failures import NO, UNREACHABLE, Failure
from nwip.cli.source import (
    PATIENCE,
    Row,
    ask_node,
    checked_number,
    checked_text,
    control_option,
    dss_option,
    json_option,
    rows_of,
)
from nwip.cli.tables import Column, print_json, print_table, say
from nwip.cli.text import example, milliseconds, printable

ANSWERS = (
    Column("From", "from"),
    Column("Replies", "replies", right=True),
    Column("Fastest", "fastest", right=True),
    Column("Mean", "mean", right=True),
    Column("Slowest", "slowest", right=True),
)
STEPS = (
    Column("", "step", right=True),
    Column("What", "what"),
    Column("Name", "name"),
    Column("Address", "address"),
    Column("Where", "where"),
    Column("Ticks", "ticks", right=True),
    Column("Hops", "hops", right=True),
    Column("Answer", "answer", right=True),
)
FOUND = (Column("Kind", "kind"), Column("Name", "name"), Column("Address", "address"))


@click.command(
    epilog=example("nwip ping museum", "nwip ping 00ABCD01.000000000001 --count 10", "nwip ping FFFFFFFFFFFF")
)
@click.argument("address", metavar="ADDR", callback=checked_text)
@click.option("--count", type=click.IntRange(1, 1000), default=3, show_default=True, help="Packets to send.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.05, 60.0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    callback=checked_number,
    help="How long to wait for the replies to each.",
)
@json_option
@control_option
def ping(address: str, count: int, timeout: float, *, as_json: bool, control: Path | None) -> None:
    """See whether an IPX host answers.

    ADDR is NODE, NETWORK.NODE, NETWORK.NODE.SOCKET, or a node's name; FFFFFFFFFFFF asks all hosts. The ping
    is that of Cisco and DOSBox: IPX socket 2.
    """
    question: Row = {"ask": "ping", "address": address, "count": count, "timeout": timeout}
    answer = ask_node(control, question, PATIENCE + count * max(timeout, 1.0))
    if not isinstance(answer, dict):
        answer = {}
    replies = rows_of(answer.get("replies"))
    asked, sent = answer.get("address", address), answer.get("sent", count)
    if as_json:
        print_json("ping", replies, address=asked, sent=sent)
    elif replies:
        print_table(_by_sender(replies), ANSWERS)
        say(printable(f"{asked}: {sent} sent, {len(replies)} received"))
    if not replies:
        raise Failure(NO, f"no reply from {asked}: {sent} sent")


@click.command(
    epilog=example("nwip trace museum", "nwip trace 00ABCD01.000000000001", "nwip trace 7E010A000002 --json")
)
@click.argument("address", metavar="ADDR", callback=checked_text)
@click.option(
    "--count", type=click.IntRange(1, 10), default=3, show_default=True, help="Pings of each step at most."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.05, 60.0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    callback=checked_number,
    help="How long to wait for the answer to each.",
)
@json_option
@control_option
def trace(address: str, count: int, timeout: float, *, as_json: bool, control: Path | None) -> None:
    """Show the way to an IPX host, as far as it can be known.

    IPX routers do not say that a packet has come through, so this is what the node here would do with one,
    what the nodes of the domain have registered, and who on the way answers a ping. Few IPX hosts do but
    DOSBox: one that is silent may be reached all the same. Ticks (1/18 s) and hops count from this node.
    Exit code 1 when the way has a gap, or its end does not answer.
    """
    question: Row = {"ask": "trace", "address": address, "count": count, "timeout": timeout}
    answer = ask_node(control, question, PATIENCE + count * max(timeout, 1.0))
    if not isinstance(answer, dict):
        answer = {}
    steps = rows_of(answer.get("steps"))
    asked, gap, reached = answer.get("address", address), answer.get("gap"), answer.get("reached") is True
    if as_json:
        print_json("trace", steps, address=asked, reached=reached, gap=gap or "")
    else:
        print_table(
            [{**row, "step": step, "answer": _answer(row)} for step, row in enumerate(steps, 1)], STEPS
        )
    if gap:
        raise Failure(NO, f"{asked}: {gap}")
    if not reached:
        raise Failure(NO, f"no answer to a ping from {asked}")


@click.command(epilog=example("nwip resolve MUSEUM", "nwip resolve MUSEUM --dss dss.example.org"))
@click.argument("name", callback=checked_text)
@json_option
@dss_option
@control_option
def resolve(name: str, *, as_json: bool, dss: str | None, control: Path | None) -> None:
    """Find the IPX address of a service or node."""
    rows: list[Row]
    if dss is None:
        rows = rows_of(ask_node(control, {"ask": "resolve", "name": name}))
    else:
        from nwip.cli import remote

        rows = list(remote.resolve(remote.read(dss, PATIENCE, remote.own_membership()), name))
    if as_json:
        print_json("resolve", rows)
    elif rows:
        print_table(rows, FOUND)
    if not rows:
        raise Failure(NO, f"nothing here is called {name}")


def _answer(step: Row) -> str:
    """Return what is known of a step's answer to pings."""
    seconds = step.get("seconds")
    if isinstance(seconds, int | float):
        return milliseconds(seconds)
    return "none" if step.get("answered") is False else ""


def _by_sender(replies: list[Row]) -> list[Row]:
    """Return a row for each host that answered, in the order of their first replies."""
    times: dict[str, list[float]] = {}
    for reply in replies:
        value = reply.get("seconds")
        if not isinstance(value, int | float):
            raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
        times.setdefault(str(reply.get("from")), []).append(value)
    return [
        {
            "from": sender,
            "replies": len(values),
            "fastest": milliseconds(min(values)),
            "mean": milliseconds(sum(values) / len(values)),
            "slowest": milliseconds(max(values)),
        }
        for sender, values in times.items()
    ]
