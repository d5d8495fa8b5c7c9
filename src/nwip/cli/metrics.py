"""The command `metrics`: what the node here tells, as metrics for Prometheus."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path

import click

from nwip.cli.source import ask_node, control_option, json_option
from nwip.cli.tables import print_json
from nwip.cli.text import example


@click.command(epilog=example("nwip metrics", "nwip metrics --json"))
@json_option
@control_option
def metrics(*, as_json: bool, control: Path | None) -> None:
    """Print what the node here counts, as metrics for Prometheus.

    In Prometheus' text format, for the textfile collector of its node_exporter, or for a look.
    """
    from nwip.facts import gather
    from nwip.metrics import exposition, samples

    facts = gather(lambda name: ask_node(control, {"ask": name}))
    if as_json:
        print_json("metrics", [sample._asdict() for sample in samples(facts)])
    else:
        click.echo(exposition(facts), nl=False)
