"""The command `decode`: captures as lines, for people and for programs."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Final, cast

import click

from nwip.cli.failures import NO, USAGE, Failure
from nwip.cli.tables import Column, print_json, print_table
from nwip.cli.text import example, printable

if TYPE_CHECKING:  # for the checker only: the command line starts fast
    from nwip.capture.decoding import Row
    from nwip.capture.encapsulation import Ports

LARGE: Final = 4_000_000  # octets of a file from which on its progress is shown
STEP: Final = 500  # packets between two looks at the progress

COUNTS: Final = (Column("Protocol", "protocol"), Column("Packets", "packets", right=True))

port = click.IntRange(1, 65535)


@click.command(
    epilog=example(
        "nwip decode game.pcapng",
        "nwip decode lan.pcap.gz --filter rip,sap --filter 00ABCD01",
        "tcpdump -i eth0 -w - ipx | nwip decode - --json",
        "nwip decode lan.pcap --count --filter '!other'",
    )
)
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a packet, each on a line.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="WORD[,WORD]",
    help="Only packets of a protocol, to or from an address, of a link ('link=NAME'), or with an 'error';"
    " '!' before it turns it round. Several options must all fit.",
)
@click.option("--count", is_flag=True, help="Print how many packets of each protocol there are.")
@click.option(
    "--dosbox-port",
    type=port,
    multiple=True,
    metavar="PORT",
    help="A UDP port of a DOSBox server or RFC 1234.",
)
@click.option("--data-port", type=port, multiple=True, metavar="PORT", help="A UDP port of NetWare/IP nodes.")
def decode(
    file: IO[bytes],
    filters: tuple[str, ...],
    dosbox_port: tuple[int, ...],
    data_port: tuple[int, ...],
    *,
    as_json: bool,
    count: bool,
) -> None:
    """Show what is in a capture: IPX, one line a packet.

    FILE is pcap or pcapng, gzipped or not; '-' is standard input. IPX is found in the four frame types of
    Ethernet, and in UDP: in the datagrams of NetWare/IP (43981, 396), DOSBox and RFC 1234 (213), and at the
    ports given. What is malformed is a line that says so, what is not IPX one of the protocol 'other'.

    Exit codes: 1 when there is nothing to show, 2 when the file is no capture, or is cut short: what stands
    before the end is shown.
    """
    from nwip.capture.filtering import parse_filter

    try:
        wanted = [parse_filter(text) for text in filters]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--filter'") from None
    stream = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    rows = _rows(stream, _ports(dosbox_port, data_port), show_progress=count or not sys.stdout.isatty())
    chosen = (row for row in rows if all(fits(row) for fits in wanted))
    if count:
        shown = _counted(chosen, as_json=as_json)
    else:
        shown = _listed(chosen, as_json=as_json, at_once=sys.stdout.isatty() or not stream.seekable())
    if not shown:
        raise Failure(NO, "no packets found")


def _ports(tunnel: tuple[int, ...], data: tuple[int, ...]) -> "Ports":
    from nwip.capture.encapsulation import Ports

    usual = Ports()
    named = frozenset(tunnel) | frozenset(data)
    return Ports(
        (usual.data - named) | frozenset(data),
        (usual.tunnel - named) | frozenset(tunnel),
        usual.questions - named,
    )


def _rows(stream: io.BufferedReader, ports: "Ports", *, show_progress: bool) -> "Iterator[Row]":
    """Yield the row of every packet. Raises `Failure` where the file is bad, behind what came before."""
    from nwip.capture.decoding import Decoder
    from nwip.capture.opening import unzipped
    from nwip.capture.pcap import read_capture
    from nwip.wire import WireError

    decoder = Decoder(ports)
    number = 0
    with _progress(stream) if show_progress else contextlib.nullcontext(_silent) as advance:
        try:
            for number, captured in enumerate(read_capture(unzipped(stream)), start=1):
                yield decoder.decode(number, captured)
                if number % STEP == 0:
                    advance()
        except WireError as error:
            where = f"ends badly after packet {number}" if number else "is no capture"
            raise Failure(USAGE, f"{_name(stream)} {where}: {error}") from None


def _name(stream: io.BufferedReader) -> str:
    name = getattr(stream, "name", "-")
    return "standard input" if name in ("-", "<stdin>") else str(name)


def _listed(rows: "Iterator[Row]", *, as_json: bool, at_once: bool) -> int:
    """Print the rows as they come; return how many there were."""
    from nwip.capture.lines import line_of

    shown, start = 0, None
    try:
        for row in rows:
            time = row["time"]
            if start is None and isinstance(time, float):
                start = time
            _put(json.dumps(row) if as_json else printable(line_of(row, start or 0.0)))
            if at_once:
                sys.stdout.flush()
            shown += 1
    finally:
        sys.stdout.flush()
    return shown


def _put(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _counted(rows: "Iterator[Row]", *, as_json: bool) -> int:
    """Print how many rows of each protocol there are; return how many in all."""
    found = Counter(str(row["protocol"]) for row in rows)
    counts = [{"protocol": protocol, "packets": number} for protocol, number in found.most_common()]
    if as_json:
        print_json("protocols", counts, packets=found.total())
    elif counts:
        print_table(counts, COUNTS)
    return found.total()


def _silent() -> None:
    """Show no progress."""


@contextlib.contextmanager
def _progress(stream: io.BufferedReader) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far a large file has been read."""
    size = _size(stream)
    if size < LARGE or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("decoding", total=size)
        yield lambda: progress.update(task, completed=stream.tell())


def _size(stream: io.BufferedReader) -> int:
    try:
        return stream.seek(0, io.SEEK_END) + stream.seek(0) if stream.seekable() else 0
    except OSError:
        return 0
