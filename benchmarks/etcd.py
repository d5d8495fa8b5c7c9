"""The directory on etcd beside SQLite with native replication: what each costs, and what a death costs.

A domain of three DSSs, processes on loopback, holds so many services of 20 nodes. It keeps them in three real
etcd nodes, or each DSS in an SQLite file of its own. Both are measured by turns, in the same run; a figure is
the median of the rounds. The exit code is 1 if a registration was not seen everywhere.

`--json` prints one object:

    schema                     1
    rounds, services, seconds  as asked for: `seconds` is for each rate
    nodes                      those that register the services
    figures                    list of: `of` (see FIGURES), `unit`, `sqlite`, `etcd` (null: there is none)
    lost                       by store, the registrations that were not seen everywhere
"""

import argparse
import asyncio
import json
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench.error import BenchError
from nwip.bench.etcd_nodes import EtcdNodes, three_etcd
from nwip.bench.registering import Ear, Trial, load_of, longest, running
from nwip.bench.served import COUNT, WITHIN, Dss, file_of, three_dss
from nwip.bench.serving import DOMAIN
from nwip.collector import Collector
from nwip.directory.records import Endpoint, Kind
from nwip.dss.reader import DssError, read_domain
from nwip.dss.store.entries import Type

SERVICES: Final = 100_000
NODES: Final = 20  # that register them, half of them at each of two DSSs
WINDOW: Final = 64  # registrations under way
LEAST: Final = 20  # registrations that are timed
LOOK_EVERY: Final = 0.02  # seconds
STORES: Final = ("sqlite", "etcd")
RECORDS: Final = f"nwip/{DOMAIN}/record/".encode()

EXAMPLE: Final = """\
example:
  benchmarks/etcd.py --json > docs/performance/etcd.json
  benchmarks/etcd.py --of docs/performance/etcd.json
"""

FIGURES: Final = {
    "registered, one at a time": "1/s",
    f"registered, {WINDOW} under way": "1/s",
    f"visible everywhere, {WINDOW} under way": "1/s",
    "visible everywhere p50": "ms",
    "visible everywhere p99": "ms",
    "full load: all DSSs have it": "s",
    "full load: all of it is kept": "s",
    "full load on the wire": "octets/record",
    "kept on disk": "octets/record",
    "kept on disk, with logs": "octets/record",
    "memory of a DSS": "octets/record",
    "memory of an etcd node": "octets/record",
    "restarted DSS has it": "s",
    "restarted DSS has told it": "s",
    "gap: DSS of the node killed": "ms",
    "gap: etcd's leader killed": "ms",
    "gap: leader killed, until kept": "ms",
}

Found = dict[str, float]


class Row(NamedTuple):
    """A line of the answer."""

    of: str
    unit: str
    sqlite: float | None
    etcd: float | None


class Asked(NamedTuple):
    """How large, how long each rate is measured, and who is told how it goes."""

    services: int
    seconds: float
    say: Callable[[str], None]


class Place(NamedTuple):
    """A domain that runs: its folder, its three DSSs, and its etcd, if that keeps it."""

    folder: Path
    dss: list[Dss]
    etcd: EtcdNodes | None


@asynccontextmanager
async def place_of(store: str, services: int) -> AsyncIterator[Place]:
    """Run a domain that holds nothing yet."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwip-bench-")))
        etcd = await stack.enter_async_context(three_etcd(folder)) if store == "etcd" else None
        dss = await stack.enter_async_context(three_dss(folder, etcd.endpoints if etcd else (), services))
        yield Place(folder, dss, etcd)


async def once(store: str, asked: Asked) -> tuple[Found, int]:
    """Measure a domain from its beginning; return the figures, and how many registrations were lost."""
    async with place_of(store, asked.services) as place, AsyncExitStack() as stack:
        asked.say(f"{asked.services} services")
        found = await loaded(place, stack, asked.services)
        changed = asyncio.Event()
        ears = [Ear([dss.sessions], changed) for dss in place.dss]
        await stack.enter_async_context(hearing(*ears))
        asked.say("registrations one by one")
        fresh = partial(trial_at, [dss.sessions for dss in place.dss], ears, changed)
        async with fresh(0) as trial:
            found |= await rates(trial, asked.seconds)
            lost = trial.lost
        if place.etcd is not None:
            asked.say("etcd's leader dies")
            leader = await place.etcd.leader()
            async with fresh(leader) as trial:
                found |= await leader_dies(place.etcd, leader, trial)
                lost += trial.lost
        asked.say("a DSS dies")
        async with fresh(0) as trial:
            found["gap: DSS of the node killed"] = 1e3 * await trial.gap(place.dss[0].kill, ears[1:])
            lost += trial.lost
        asked.say("and comes back")
        return found | await comes_back(place.dss[0], asked.services), lost


@asynccontextmanager
async def hearing(*ears: Ear) -> AsyncIterator[None]:
    """Let ears have their sessions, and all that was there before."""
    async with running(ear.client for ear in ears), asyncio.timeout(WITHIN):
        for ear in ears:
            await ear.ready()
        yield


@asynccontextmanager
async def trial_at(
    servers: list[Endpoint], ears: list[Ear], changed: asyncio.Event, number: int
) -> AsyncIterator[Trial]:
    """Let a node that registers be at one DSS, and go to the others when that is gone."""
    writer = Ear([*servers[number:], *servers[:number]], changed)
    async with hearing(writer):
        yield Trial(writer, ears, changed)


async def loaded(place: Place, stack: AsyncExitStack, services: int) -> Found:
    """Let the nodes come all at once, with all their services."""
    nodes = load_of(services, NODES, [dss.sessions for dss in place.dss[:2]])
    empty, empty_etcd = memory(place)
    wire, begin = octets_on_loopback(), time.monotonic()
    await stack.enter_async_context(running(nodes))
    everywhere = max([await dss.full() for dss in place.dss])
    await kept(place, services + NODES + COUNT)
    kept_at, wire = time.monotonic(), octets_on_loopback() - wire
    full, full_etcd = memory(place)
    disk, whole = await on_disk(place)
    found = {
        "full load: all DSSs have it": everywhere - begin,
        "full load: all of it is kept": kept_at - begin,
        "full load on the wire": wire / services,
        "kept on disk": disk / services,
        "kept on disk, with logs": whole / services,
        "memory of a DSS": (full - empty) / services,
    }
    if place.etcd is not None:
        found["memory of an etcd node"] = (full_etcd - empty_etcd) / services
    return found


async def rates(trial: Trial, seconds: float) -> Found:
    """Register networks one by one."""
    found = {
        "registered, one at a time": await trial.rate(1, seconds, [trial.writer]),
        f"registered, {WINDOW} under way": await trial.rate(WINDOW, seconds, [trial.writer]),
        f"visible everywhere, {WINDOW} under way": await trial.rate(WINDOW, seconds, trial.ears),
    }
    percentiles = statistics.quantiles(await trial.delays(2 * seconds, LEAST), n=100, method="inclusive")
    return found | {f"visible everywhere p{at}": 1e3 * percentiles[at - 1] for at in (50, 99)}


async def leader_dies(etcd: EtcdNodes, leader: int, trial: Trial) -> Found:
    """Kill etcd's leader, which the DSS of the node prefers; then let it come back."""
    others = [ear for number, ear in enumerate(trial.ears) if number != leader]
    async with etcd.watching((leader + 1) % COUNT, RECORDS) as written:
        visible = await trial.gap(partial(etcd.kill, leader), others)
        trial.offer()
        ended = time.monotonic()
        async with asyncio.timeout(WITHIN):
            while written[-1] < ended:  # noqa: ASYNC110 - what others keep has no event
                await asyncio.sleep(LOOK_EVERY)
    await etcd.start(leader)
    await etcd.ready()
    return {
        "gap: etcd's leader killed": 1e3 * visible,
        "gap: leader killed, until kept": 1e3 * longest(written),
    }


async def comes_back(dss: Dss, services: int) -> Found:
    """Start a DSS that has died; see when it holds everything, and when it has told a reader everything."""
    begin = time.monotonic()
    full = max(await dss.start(), await dss.full())
    read = 0
    async with asyncio.timeout(WITHIN):
        while read < services:
            with suppress(DssError):
                domain = await read_domain(dss.sessions, timeout=WITHIN)
                read = sum(reading.record.key[0] is Kind.SERVICE for reading in domain.readings)
    return {"restarted DSS has it": full - begin, "restarted DSS has told it": time.monotonic() - begin}


async def kept(place: Place, records: int) -> None:
    """Wait until so many records stand in etcd, or in every DSS's file."""

    async def count() -> int:
        if place.etcd is not None:
            return await place.etcd.count(RECORDS)
        return min(records_in(file_of(place.folder, number)) for number in range(COUNT))

    async with asyncio.timeout(WITHIN):
        while await count() < records:  # noqa: ASYNC110 - what others keep has no event
            await asyncio.sleep(LOOK_EVERY)


def records_in(file: Path) -> int:
    """Return how many records an SQLite file of a DSS holds, without a word of the DSS."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT count(*) FROM entries WHERE type = ?", (int(Type.RECORD),))
        return int(rows.fetchone()[0])


def memory(place: Place) -> tuple[float, float]:
    """Return the octets of memory of a DSS and of an etcd node, on the average."""
    of_dss = statistics.mean(dss.memory() for dss in place.dss)
    return of_dss, place.etcd.memory() if place.etcd is not None else 0


async def on_disk(place: Place) -> tuple[float, float]:
    """Return the octets of a database on disk, and with its logs, once what is old in it has gone."""
    if place.etcd is not None:
        await place.etcd.tidy()
        sizes = [place.etcd.disk(number) for number in range(COUNT)]
    else:
        sizes = [size_of(file_of(place.folder, number)) for number in range(COUNT)]
    return statistics.mean(size for size, _ in sizes), statistics.mean(whole for _, whole in sizes)


def size_of(file: Path) -> tuple[int, int]:
    """Return the octets of an SQLite file, into which its log was written, and those of both."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint")
    return file.stat().st_size, sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))


def octets_on_loopback() -> int:
    """Return what has crossed loopback, headers included: sessions, replication, etcd."""
    return int(Path("/sys/class/net/lo/statistics/tx_bytes").read_text("ascii"))


async def measure(stores: Sequence[str], rounds: int, asked: Asked) -> tuple[list[Row], dict[str, int]]:
    """Measure each store in turn, round after round; return the medians, and what was lost."""
    Collector().start()  # as the nodes do whose part this process takes
    found: dict[str, list[Found]] = {store: [] for store in stores}
    lost = dict.fromkeys(stores, 0)
    for number in range(rounds):
        for store in stores:
            begun = f"round {number + 1} of {rounds}, {store}"
            figures, missing = await once(store, asked._replace(say=partial(said, asked.say, begun)))
            found[store].append(figures)
            lost[store] += missing
    return [row(of, unit, found) for of, unit in FIGURES.items()], lost


def said(say: Callable[[str], None], begun: str, text: str) -> None:
    """Tell how it goes, and where."""
    say(f"{begun}: {text}")


def row(of: str, unit: str, found: dict[str, list[Found]]) -> Row:
    """Return the medians of one figure."""
    medians = []
    for store in STORES:
        values = [figures[of] for figures in found.get(store, ()) if of in figures]
        medians.append(statistics.median(values) if values else None)
    return Row(of, unit, *medians)


def table(rows: Sequence[Row]) -> str:
    """Return the figures as people read them, on a terminal and in a page of Markdown."""
    lines = [["", "SQLite", "etcd", "etcd/SQLite", ""], ["---", "---:", "---:", "---:", "---"]]
    for of, unit, sqlite, etcd in rows:
        ratio = f"{etcd / sqlite:.2f}" if sqlite and etcd else ""
        lines.append([of, text(sqlite), text(etcd), ratio, unit])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    form = "| " + " | ".join(f"{{:{way}{width}}}" for way, width in zip("<>>><", widths, strict=True)) + " |"
    return "\n".join(form.format(*cells) for cells in lines)


def text(value: float | None) -> str:
    """Return a figure in about three digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n`--json`")[0],
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured: 1 to 20")
    parser.add_argument("--services", type=int, default=SERVICES, help="of the domain: 20 to 150000")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each rate: 0.1 to 10")
    parser.add_argument("--only", choices=STORES, help="measure one of the two")
    parser.add_argument("--json", action="store_true", help="print one object instead of the table")
    parser.add_argument("--of", metavar="FILE", type=Path, help="only print the table of such an object")
    options = parser.parse_args()
    if options.of is not None:
        print(table([Row(**each) for each in json.loads(options.of.read_text("utf-8"))["figures"]]))
        return 0
    rounds, services, seconds = options.rounds, options.services, options.seconds
    if not (1 <= rounds <= 20 and NODES <= services <= 150_000 and 0.1 <= seconds <= 10):
        parser.error("--rounds is 1 to 20, --services 20 to 150000, --seconds 0.1 to 10")

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(text, file=sys.stderr)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that processes are ended
    stores = STORES if options.only is None else (options.only,)
    try:
        rows, lost = asyncio.run(measure(stores, rounds, Asked(services, seconds, say)))
    except (BenchError, OSError, TimeoutError) as error:
        print(f"etcd: {error or 'what was awaited did not come in time'}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if options.json:
        asked = {"rounds": rounds, "services": services, "seconds": seconds, "nodes": NODES}
        figures = [each._asdict() for each in rows]
        print(json.dumps({"schema": 1, **asked, "figures": figures, "lost": lost}, indent=2))
    else:
        print(table(rows))
        for store, count in lost.items():
            print(f"lost, {store}: {count}")
    return 1 if any(lost.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
