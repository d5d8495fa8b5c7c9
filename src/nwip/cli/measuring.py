"""What the commands that measure have in common: what they are told, how it goes, and their table."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

import click

from nwip.cli.failures import NO, UNREACHABLE, USAGE, Failure
from nwip.cli.source import Command, json_option
from nwip.cli.tables import Column, print_json, print_table

if TYPE_CHECKING:
    from nwip.bench.trials import Figure, Plan

Answer = TypeVar("Answer")

TERMINATED: Final = 128 + signal.SIGTERM


class Asked(TypedDict):
    """What every measurement is told."""

    rounds: int
    seconds: float
    as_json: bool


def number(value: object) -> str:
    """Return a figure as people read it."""
    return f"{value:.0f}" if isinstance(value, float) and value >= 100 else f"{value:.1f}"


COLUMNS = (
    Column("what", "of"),
    Column("octets", "octets", right=True),
    Column("peers", "peers", right=True),
    Column("nwip/bare", "ratio", right=True, form=lambda value: f"{value:.2f}"),
    Column("nwip", "nwip", right=True, form=number),
    Column("bare", "yardstick", right=True, form=number),
    Column("unit", "unit"),
    Column("packets", "packets", right=True),
    Column("lost", "lost", right=True),
)


def asked_options(command: Command) -> Command:
    """Add the options of `Asked`."""
    seconds = click.FloatRange(0.05, 10)
    for option in (
        json_option,
        click.option("--seconds", type=seconds, default=0.5, show_default=True, help="For each measurement."),
        click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True),
    ):
        command = option(command)
    return command


def sizes_option(command: Command) -> Command:
    """Add --size."""
    size = click.IntRange(31, 1424)
    return click.option(
        "--size", "sizes", type=size, multiple=True, help="Octets, IPX header included; may be repeated."
    )(command)


def peers_option(command: Command) -> Command:
    """Add --peers, where there is one number of them."""
    peers = click.IntRange(1, 10_000)
    return click.option("--peers", type=peers, default=64, show_default=True, help="Who receives.")(command)


def run(measure: "Callable[[Plan], Answer]", asked: Asked) -> Answer:
    """Measure, and say on a terminal how it goes. Raises `Failure` where it cannot be done."""
    if sys.platform != "linux":
        raise Failure(USAGE, "this system does not tell what a process spends: measure on Linux")
    from nwip.bench.error import BenchError
    from nwip.bench.trials import Plan

    def say(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that processes are ended
    try:
        return measure(Plan(asked["rounds"], asked["seconds"], say))
    except BenchError as error:
        raise Failure(UNREACHABLE, str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def tell(name: str, figures: "Sequence[Figure]", asked: Asked, **more: float) -> None:
    """Print the figures. Raises `Failure` when a packet was lost."""
    rows = [figure._asdict() for figure in figures]
    if asked["as_json"]:
        print_json(name, rows, rounds=asked["rounds"], seconds=asked["seconds"], **more)
    else:
        print_table(rows, COLUMNS)
    lost = {(figure.octets, figure.peers): figure.lost + figure.yardstick_lost for figure in figures}
    if any(lost.values()):
        raise Failure(NO, f"packets were lost: {sum(lost.values())}")
