"""The command that tries out a plan for a domain."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys

import click

from nwip.cli.failures import NO, Failure
from nwip.cli.source import json_option
from nwip.cli.tables import print_json
from nwip.cli.text import example


@click.command(
    epilog=example(
        "nwip simulate --gateways 20 --services 2000",
        "nwip simulate --dss 5 --leaves 200 --fault partition --json",
    )
)
@click.option(
    "--gateways", type=click.IntRange(1, 1000), default=20, show_default=True, help="Nodes with services."
)
@click.option(
    "--leaves", type=click.IntRange(0, 100_000), default=100, show_default=True, help="Nodes without."
)
@click.option("--services", type=click.IntRange(0, 200_000), default=1000, show_default=True, help="In all.")
@click.option("--dss", type=click.IntRange(1, 64), default=3, show_default=True, help="DSSs.")
@click.option(
    "--fault",
    type=click.Choice(["none", "partition", "crash", "loss"]),
    default="none",
    show_default=True,
    help="What goes wrong: a cut of a minute, a DSS that dies and comes back empty, a lossy network.",
)
@click.option(
    "--loss", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, help="Lost, with --fault loss."
)
@click.option(
    "--delay", type=click.FloatRange(0, 5), default=0.02, show_default=True, help="Seconds, each way."
)
@click.option("--profile", type=click.Choice(["default", "classic"]), default="default", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same run.")
@json_option
def simulate(*, as_json: bool, profile: str, **plan: object) -> None:
    """Try out a plan for a domain, with simulated time and network, on this machine alone.

    Says how long it takes until all DSSs and nodes agree, and what crosses the network. Times are simulated
    seconds; octets count IP and TCP headers.
    """
    from dataclasses import asdict

    from nwip.sim.scenario import Plan, Scenario

    scenario = Scenario(Plan(**plan, classic=profile == "classic"))  # type: ignore[arg-type]
    report = scenario.run(lambda text: click.echo(text, err=True) if sys.stderr.isatty() else None)
    if as_json:
        print_json("simulate", [asdict(report)])
    else:
        for label, value in (
            ("until all agreed at the start", _seconds(report.start)),
            ("until all agreed after the fault", _seconds(report.heal)),
            ("until a tenth of the services had changed everywhere", _seconds(report.change)),
            ("records", str(report.records)),
        ):
            click.echo(f"{label:54} {value}")
        for kind, name in (("node", "nodes and DSSs"), ("dss", "DSSs")):
            octets, segments = report.octets.get(kind, 0), report.segments.get(kind, 0)
            quiet = report.steady_octets_per_minute.get(kind, 0.0)
            click.echo(
                f"between {name:46} {octets} octets in {segments} segments; quiet: {quiet:.0f} octets/min"
            )
    if None in (report.start, report.change) or (
        report.heal is None and plan["fault"] in ("partition", "crash")
    ):
        raise Failure(NO, "the domain did not come to agree")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
