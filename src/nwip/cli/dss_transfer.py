"""The commands `nwip dss export` and `nwip dss import`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

import click

from nwip.cli.dss_tables import mapping
from nwip.cli.failures import USAGE, Failure
from nwip.cli.source import Row, ask_node, control_option, dss_option, json_option, rows_of
from nwip.cli.tables import print_json, say
from nwip.cli.text import example, printable, seconds

LONG_PATIENCE: Final = 60.0  # seconds for an answer about a whole directory
PART_LIMIT: Final = 48_000  # octets of lines in one question; the control socket takes 65,536


@click.command(
    "export", epilog=example("nwip dss export backup.jsonl", "nwip dss export --dss dss1 > dss1.jsonl")
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@dss_option
@control_option
def export_command(file: Path, *, dss: str | None, control: Path | None) -> None:
    """Write everything that a DSS holds as lines of JSON, to FILE or standard output.

    Parameters, leases, records, withdrawals. FILE appears when it is whole, and only its owner may read it.
    """
    import secrets

    lines = _lines(dss, control)
    if str(file) == "-":
        with click.open_file("-", "wb") as out:
            out.writelines(line + b"\n" for line in lines)
        return
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    count = 0
    try:
        partial.touch(mode=0o600, exist_ok=False)
        with partial.open("wb") as out:
            for line in lines:
                out.write(line + b"\n")
                count += 1
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    say(printable(f"{file}: {count} lines"))


def _lines(dss: str | None, control: Path | None) -> Iterator[bytes]:
    import msgspec

    encode = msgspec.json.Encoder().encode
    if dss is None:
        yield from map(encode, rows_of(ask_node(control, {"ask": "dss-export"}, LONG_PATIENCE)))
        return
    from nwip.cli import dss_reading

    yield from map(encode, dss_reading.export(dss_reading.read(dss)))


@click.command("import", epilog=example("nwip dss import backup.jsonl"))
@click.argument("file", type=click.File("rb"))
@json_option
@control_option
def import_command(file: IO[bytes], *, as_json: bool, control: Path | None) -> None:
    """Merge an export into the DSS of the node here; '-' reads standard input.

    Of each record the higher sequence stands. Nothing of it counts as heard: what is new is served for one
    lease, and longer once its owner renews. A file of another domain, or a damaged one, changes nothing.
    """
    import secrets

    row: Row = {}
    token = secrets.token_hex(8)
    for first, lines, last in _parts(file):
        question: Row = {"ask": "dss-import", "token": token, "first": first, "lines": lines, "last": last}
        row = mapping(ask_node(control, question, LONG_PATIENCE))
    if as_json:
        print_json("import", [row])
        return
    counts = mapping(row.get("records"))
    say(
        printable(
            f"{row.get('lines')} lines: {counts.get('new')} records new, {counts.get('known')} known,"
            f" {counts.get('older')} older than what is here, {counts.get('refused')} refused;"
            f" {row.get('withdrawals')} withdrawals new; parameters"
            f" {'taken: they rank higher' if row.get('parameters') else 'kept as they are here'}"
        )
    )
    if counts.get("new"):
        say(f"what is new is served for {seconds(row.get('lease'))}, and longer if its owners renew")


def _parts(file: Iterable[bytes]) -> Iterator[tuple[int, list[str], bool]]:
    """Yield each part's first line number, its lines, and whether it is the last; each fits a question."""
    first, size = 1, 0
    lines: list[str] = []
    for number, octets in enumerate(file, start=1):
        try:
            line = octets.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Failure(
                USAGE, f"line {number} is not UTF-8 text: export again; nothing was imported"
            ) from None
        length = len(json.dumps(line)) + 1
        if length > PART_LIMIT:
            raise Failure(USAGE, f"line {number} is too long for an export; nothing was imported")
        if size + length > PART_LIMIT:
            yield first, lines, False
            first, lines, size = number, [], 0
        lines.append(line)
        size += length
    yield first, lines, True
