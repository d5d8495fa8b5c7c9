"""The commands that measure: what packets cost in real nodes, beside a relay that does nothing else."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Final, Unpack

import click

from nwip.cli.failures import NO, Failure
from nwip.cli.measuring import (
    COLUMNS,
    Asked,
    asked_options,
    number,
    peers_option,
    run,
    sizes_option,
    tell,
)
from nwip.cli.tables import Column, print_json, print_table
from nwip.cli.text import example, milliseconds

if TYPE_CHECKING:
    from nwip.bench.overload import Overload
    from nwip.bench.sealed import Sealing
    from nwip.bench.start import Start
    from nwip.bench.table import Growth
    from nwip.bench.trials import Figure, Plan

SEALED_COLUMNS: Final = (
    *COLUMNS[:3],
    Column("sealed/(plain+AEAD)", "ratio", right=True, form=lambda value: f"{value:.2f}"),
    Column("sealed", "sealed", right=True, form=number),
    Column("plain", "plain", right=True, form=number),
    Column("AEAD", "aead", right=True, form=number),
    *COLUMNS[-2:],
)
NODES: Final = 3  # of the domain that is overloaded: a DSS, the gateway, and one that looks on
SLOWEST: Final = 1000.0  # milliseconds


@click.group(epilog=example("nwip bench relay", "nwip bench table --most 10000 --json"))
def bench() -> None:
    """Measure what packets cost on this machine.

    Real nodes on loopback carry a load, and in turn with them a bare relay that looks at nothing. CPU is time
    for a packet, the kernel's share included. The load has the first core and the nodes the last: let the
    machine do nothing else, and compare the ratios. Exits with 1 if a packet was lost.
    """


@bench.command(epilog=example("nwip bench relay", "nwip bench relay --size 576 --peers 64 --rate 20000"))
@sizes_option
@click.option(
    "--peers", type=click.IntRange(1, 10_000), multiple=True, help="Who receives, in turn; may be repeated."
)
@click.option("--rate", type=click.FloatRange(1), help="Packets a second; without it, as many as go through.")
@click.option("--bursts", is_flag=True, help="To one client, in bursts that the sender's kernel cuts up.")
@click.option("--network-zero", is_flag=True, help="Write 0, 'this network', as some programs do.")
@asked_options
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

    tell("relay", run(measure, asked), asked)


@bench.command(epilog=example("nwip bench tunnel", "nwip bench tunnel --size 1400 --json"))
@sizes_option
@peers_option
@asked_options
def tunnel(*, sizes: tuple[int, ...], peers: int, **asked: Unpack[Asked]) -> None:
    """Packets from a client of one gateway to clients of another.

    The figure of each gateway stands beside that of one bare relay.
    """

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.tunnel(plan, relays.bare, sizes or scenarios.SIZES, peers)

    tell("tunnel", run(measure, asked), asked)


@bench.command(epilog=example("nwip bench sealed", "nwip bench sealed --size 1400 --json"))
@sizes_option
@peers_option
@asked_options
def sealed(*, sizes: tuple[int, ...], peers: int, **asked: Unpack[Asked]) -> None:
    """Packets of a tunnel in a sealed domain, beside an open one and the bare AEAD; and handshakes.

    West seals each packet with one call of the AEAD, and east opens it with one.
    """

    def measure(plan: "Plan") -> "Sealing":
        from nwip.bench import scenarios
        from nwip.bench.sealed import sealed

        return sealed(plan, sizes or scenarios.SIZES, peers)

    found = run(measure, asked)
    rows = [side._asdict() for side in found.sides]
    if asked["as_json"]:
        told = {"rounds": asked["rounds"], "seconds": asked["seconds"], "handshakes": found.handshakes}
        print_json("sealed", rows, **told)
    else:
        print_table(rows, SEALED_COLUMNS)
        click.echo(f"handshakes a second, both sides in one process: {found.handshakes:.0f}")
    lost = {side.octets: side.lost + side.plain_lost for side in found.sides}
    if any(lost.values()):
        raise Failure(NO, f"packets were lost: {sum(lost.values())}")


@bench.command(epilog=example("nwip bench broadcast", "nwip bench broadcast --peers 16"))
@sizes_option
@peers_option
@asked_options
def broadcast(*, sizes: tuple[int, ...], peers: int, **asked: Unpack[Asked]) -> None:
    """Broadcasts to the DOSBox clients of one gateway: what each copy costs."""

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.broadcast(plan, relays.bare, sizes or scenarios.SIZES[:2], peers)

    tell("broadcast", run(measure, asked), asked)


@bench.command(epilog=example("nwip bench latency", "nwip bench latency --size 576 --rounds 9"))
@click.option("--size", type=click.IntRange(31, 1424), default=100, show_default=True, help="Octets.")
@peers_option
@asked_options
def latency(*, size: int, peers: int, **asked: Unpack[Asked]) -> None:
    """How long one packet takes through a gateway, one way.

    Back to back, and at 1000 packets a second, where the gateway sleeps before each.
    """

    def measure(plan: "Plan") -> "list[Figure]":
        from nwip.bench import relays, scenarios

        return scenarios.latency(plan, relays.bare, size, peers)

    tell("latency", run(measure, asked), asked)


@bench.command(epilog=example("nwip bench table", "nwip bench table --most 1000"))
@click.option(
    "--most",
    type=click.IntRange(100, 100_000),
    default=100_000,
    show_default=True,
    help="Clients at the end.",
)
@asked_options
def table(*, most: int, **asked: Unpack[Asked]) -> None:
    """Packets among ever more clients of one gateway, and how much memory each takes."""

    def measure(plan: "Plan") -> "Growth":
        from nwip.bench import relays
        from nwip.bench.table import SIZES, table

        return table(plan, relays.bare, sorted({*(size for size in SIZES if size < most), most}))

    grown = run(measure, asked)
    memory = {
        "octets_per_peer": grown.octets_beside_record,
        "octets_per_record": grown.record_octets,
    }
    tell("table", grown.figures, asked, **memory)
    if not asked["as_json"]:
        click.echo(
            f"octets for each peer: {grown.octets_beside_record:.0f},"
            f" and {grown.record_octets:.0f} for its record in the directory"
        )


@bench.command(epilog=example("nwip bench start", "nwip bench start --rounds 3 --json"))
@asked_options
def start(**asked: Unpack[Asked]) -> None:
    """How soon a node is ready, and how often it wakes up when there is nothing to do."""

    def measure(plan: "Plan") -> "Start":
        from nwip.bench.start import start

        return start(plan)

    found = run(measure, asked)
    if asked["as_json"]:
        print_json("start", [found._asdict()])
    else:
        click.echo(f"seconds until 'nwip up' is ready    {found.ready_seconds:.2f}")
        click.echo(f"seconds for 'nwip --help'           {found.help_seconds:.2f}")
        click.echo(f"wake-ups a second, when idle        {found.wakeups:.1f}")


@bench.command(epilog=example("nwip bench overload", "nwip bench overload --seconds 10 --json"))
@asked_options
def overload(**asked: Unpack[Asked]) -> None:
    """Twice as many packets as a gateway can carry: whether it grows, answers, and keeps its lease.

    Packets are lost here, and that is no failure; a lease that ends, or no answer within a second, is one.
    """

    def measure(plan: "Plan") -> "Overload":
        from nwip.bench.overload import overload

        return overload(plan)

    found = run(measure, asked)
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
