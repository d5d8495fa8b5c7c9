"""The commands that measure: what packets cost in real nodes, beside a relay that does nothing else."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

import click

from nwip.cli.failures import NO, UNREACHABLE, USAGE, Failure
from nwip.cli.source import Command, json_option
from nwip.cli.tables import Column, print_json, print_table
from nwip.cli.text import example, milliseconds

if TYPE_CHECKING:
    from nwip.bench.overload import Overload
    from nwip.bench.start import Start
    from nwip.bench.table import Growth
    from nwip.bench.trials import Figure, Plan

Answer = TypeVar("Answer")

NODES = 3  # of the domain that is overloaded: a DSS, the gateway, and one that looks on
SLOWEST = 1000.0  # milliseconds


class Asked(TypedDict):
    """What every measurement is told."""

    rounds: int
    seconds: float
    as_json: bool


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value >= 100 else f"{value:.1f}"


COLUMNS = (
    Column("what", "of"),
    Column("octets", "octets", right=True),
    Column("peers", "peers", right=True),
    Column("nwip/bare", "ratio", right=True, form=lambda value: f"{value:.2f}"),
    Column("nwip", "nwip", right=True, form=_number),
    Column("bare", "yardstick", right=True, form=_number),
    Column("unit", "unit"),
    Column("packets", "packets", right=True),
    Column("lost", "lost", right=True),
)


def _asked(command: Command) -> Command:
    """Add the options of `Asked`."""
    seconds = click.FloatRange(0.05, 10)
    for option in (
        json_option,
        click.option("--seconds", type=seconds, default=0.5, show_default=True, help="For each measurement."),
        click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True),
    ):
        command = option(command)
    return command


def _sizes(command: Command) -> Command:
    """Add --size."""
    size = click.IntRange(31, 1424)
    return click.option(
        "--size", "sizes", type=size, multiple=True, help="Octets, IPX header included; may be repeated."
    )(command)


def _peers(command: Command) -> Command:
    """Add --peers, where there is one number of them."""
    peers = click.IntRange(1, 10_000)
    return click.option("--peers", type=peers, default=64, show_default=True, help="Who receives.")(command)


@click.group(epilog=example("nwip bench relay", "nwip bench table --most 10000 --json"))
def bench() -> None:
    """Measure what packets cost on this machine.

    Real nodes on loopback carry a load, and in turn with them a bare relay that looks at nothing. CPU is time
    for a packet, the kernel's share included. The load has the first core and the nodes the last: let the
    machine do nothing else, and compare the ratios. Exits with 1 if a packet was lost.
    """


@bench.command(epilog=example("nwip bench relay", "nwip bench relay --size 576 --peers 64 --rate 20000"))
@_sizes
@click.option(
    "--peers", type=click.IntRange(1, 10_000), multiple=True, help="Who receives, in turn; may be repeated."
)
@click.option("--rate", type=click.FloatRange(1), help="Packets a second; without it, as many as go through.")
@click.option("--bursts", is_flag=True, help="To one client, in bursts that the sender's kernel cuts up.")
@click.option("--network-zero", is_flag=True, help="Write 0, 'this network', as some programs do.")
@_asked
def relay(
    *,
    sizes: tuple[int, ...],
    peers: tuple[int, ...],
    rate: float | None,
    bursts: bool,
    network_zero: bool,
    **asked: Unpack[Asked],
) -> None:
    """Packets between DOSBox clients of one gateway."""
    if bursts and (peers or rate or network_zero):
        raise click.UsageError("--bursts goes with --size alone")

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        wanted = sizes or scenarios.SIZES
        if bursts:
            return scenarios.bursts(plan, relays.bare, wanted)
        network = bytes(4) if network_zero else None
        counts = peers or scenarios.PEERS
        return scenarios.relay(plan, relays.bare, wanted, counts, rate=rate or 0, network=network)

    _tell("relay", _run(measure, asked), asked)


@bench.command(epilog=example("nwip bench tunnel", "nwip bench tunnel --size 1400 --json"))
@_sizes
@_peers
@_asked
def tunnel(*, sizes: tuple[int, ...], peers: int, **asked: Unpack[Asked]) -> None:
    """Packets from a client of one gateway to clients of another.

    The figure of each gateway stands beside that of one bare relay.
    """

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.tunnel(plan, relays.bare, sizes or scenarios.SIZES, peers)

    _tell("tunnel", _run(measure, asked), asked)


@bench.command(epilog=example("nwip bench broadcast", "nwip bench broadcast --peers 16"))
@_sizes
@_peers
@_asked
def broadcast(*, sizes: tuple[int, ...], peers: int, **asked: Unpack[Asked]) -> None:
    """Broadcasts to the DOSBox clients of one gateway: what each copy costs."""

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.broadcast(plan, relays.bare, sizes or scenarios.SIZES[:2], peers)

    _tell("broadcast", _run(measure, asked), asked)


@bench.command(epilog=example("nwip bench latency", "nwip bench latency --size 576 --rounds 9"))
@click.option("--size", type=click.IntRange(31, 1424), default=100, show_default=True, help="Octets.")
@_peers
@_asked
def latency(*, size: int, peers: int, **asked: Unpack[Asked]) -> None:
    """How long one packet takes through a gateway, one way.

    Back to back, and at 1000 packets a second, where the gateway sleeps before each.
    """

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.latency(plan, relays.bare, size, peers)

    _tell("latency", _run(measure, asked), asked)


@bench.command(epilog=example("nwip bench table", "nwip bench table --most 1000"))
@click.option(
    "--most",
    type=click.IntRange(100, 100_000),
    default=100_000,
    show_default=True,
    help="Clients at the end.",
)
@_asked
def table(*, most: int, **asked: Unpack[Asked]) -> None:
    """Packets among ever more clients of one gateway, and how much memory each takes."""

    def measure(plan: "Plan") -> "Growth":
        from nwip.bench import relays
        from nwip.bench.table import SIZES, table

        return table(plan, relays.bare, sorted({*(size for size in SIZES if size < most), most}))

    grown = _run(measure, asked)
    memory = {
        "octets_per_peer": grown.octets_beside_record,
        "octets_per_record": grown.record_octets,
    }
    _tell("table", grown.figures, asked, **memory)
    if not asked["as_json"]:
        click.echo(
            f"octets for each peer: {grown.octets_beside_record:.0f},"
            f" and {grown.record_octets:.0f} for its record in the directory"
        )


@bench.command(epilog=example("nwip bench start", "nwip bench start --rounds 3 --json"))
@_asked
def start(**asked: Unpack[Asked]) -> None:
    """How soon a node is ready, and how often it wakes up when there is nothing to do."""

    def measure(plan: "Plan") -> "Start":
        from nwip.bench.start import start

        return start(plan)

    found = _run(measure, asked)
    if asked["as_json"]:
        print_json("start", [found._asdict()])
    else:
        click.echo(f"seconds until 'nwip up' is ready    {found.ready_seconds:.2f}")
        click.echo(f"seconds for 'nwip --help'           {found.help_seconds:.2f}")
        click.echo(f"wake-ups a second, when idle        {found.wakeups:.1f}")


@bench.command(epilog=example("nwip bench overload", "nwip bench overload --seconds 10 --json"))
@_asked
def overload(**asked: Unpack[Asked]) -> None:
    """Twice as many packets as a gateway can carry: whether it grows, answers, and keeps its lease.

    Packets are lost here, and that is no failure; a lease that ends, or no answer within a second, is one.
    """

    def measure(plan: "Plan") -> "Overload":
        from nwip.bench.overload import overload

        return overload(plan)

    found = _run(measure, asked)
    if asked["as_json"]:
        print_json("overload", [found._asdict()])
    else:
        click.echo(f"packets a second: carried of a flood   {found.capacity:.0f}")
        click.echo(f"                  offered              {found.offered:.0f}")
        click.echo(f"                  carried              {found.carried:.0f}")
        click.echo(f"octets that the gateway grew by        {found.grown}")
        click.echo(f"slowest answer of its control socket   {milliseconds(found.slowest_answer_ms / 1000)}")
        click.echo(f"nodes that the other gateway saw       {found.nodes} of {NODES}")
    if found.nodes < NODES or found.slowest_answer_ms > SLOWEST:
        raise Failure(NO, "the gateway did not keep up with its own affairs")


def _run(measure: "Callable[[Plan], Answer]", asked: Asked) -> Answer:
    """Measure, and say on a terminal how it goes. Raises `Failure` where it cannot be done."""
    if sys.platform != "linux":
        raise Failure(USAGE, "this system does not tell what a process spends: measure on Linux")
    from nwip.bench.error import BenchError
    from nwip.bench.trials import Plan

    def say(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    try:
        return measure(Plan(asked["rounds"], asked["seconds"], say))
    except BenchError as error:
        raise Failure(UNREACHABLE, str(error)) from None


def _tell(name: str, figures: "Sequence[Figure]", asked: Asked, **more: float) -> None:
    """Print the figures. Raises `Failure` when a packet was lost."""
    rows = [figure._asdict() for figure in figures]
    if asked["as_json"]:
        print_json(name, rows, rounds=asked["rounds"], seconds=asked["seconds"], **more)
    else:
        print_table(rows, COLUMNS)
    lost = {(figure.octets, figure.peers): figure.lost + figure.yardstick_lost for figure in figures}
    if any(lost.values()):
        raise Failure(NO, f"packets were lost: {sum(lost.values())}")
