"""The command `capture`: what passes a running node's links, into a pcapng file or a pipe."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
import sys
from pathlib import Path
from typing import BinaryIO

import click

from nwip.cli.failures import UNREACHABLE, USAGE, Failure
from nwip.cli.source import control_option, control_path
from nwip.cli.tables import SCHEMA
from nwip.cli.text import example


@click.command(
    epilog=example(
        "nwip capture all.pcapng",
        "nwip capture --link dosbox --seconds 60 game.pcapng",
        "nwip capture - | tshark -i -",
        "nwip capture - | nwip decode - --filter rip,sap",
    )
)
@click.argument("file", metavar="FILE.pcapng")
@click.option("--link", metavar="NAME", help="Only what passes this link ('nwip links' lists them).")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after so many packets.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 1e9, min_open=True),
    metavar="S",
    help="Stop after so many seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@control_option
def capture(
    file: str,
    *,
    link: str | None,
    count: int | None,
    seconds: float | None,
    as_json: bool,
    control: Path | None,
) -> None:
    """Record what passes the links of the node here, until Ctrl-C.

    Packets of both directions, with the link's name and the direction in each one's comment, in Ethernet_II
    frames, so that Wireshark shows IPX at once. FILE is pcapng; '-' is standard output. The summary at the
    end goes to standard error, with --json and a file to standard output.

    Ctrl-C is the usual end: exit code 0. Exit code 3 says that the node was not there to the end; what came
    before is in the file.
    """
    import asyncio

    from nwip.cli.recorder import Recorder

    if file == "-" and sys.stdout.isatty():
        raise Failure(USAGE, "a capture is no text: name a file, or send it into a pipe")
    question = {"ask": "capture"} if link is None else {"ask": "capture", "link": link}
    recorder = Recorder(count, seconds)
    out: BinaryIO | Path = Path(file) if file != "-" else sys.stdout.buffer
    asyncio.run(recorder.record(control_path(control), question, out))
    summary = recorder.summary()
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "file": file, **summary}, indent=2), err=file == "-")
    else:
        lost = f"; {summary['dropped']} more were dropped, they came faster than they were written"
        click.echo(f"{summary['packets']} packets captured{lost if summary['dropped'] else ''}", err=True)
    if not recorder.complete:
        raise Failure(UNREACHABLE, "the node has ended the capture: it has stopped, or does not answer")
