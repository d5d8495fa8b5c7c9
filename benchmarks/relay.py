"""Hold nwip's data plane against a relay in C, `../shared/bench/relay.c`: the same packets, in turn.

Each figure is CPU time of the relaying process for a packet, the kernel's share included; a ratio is the
median of the rounds' own ratios. `nwip bench` makes the load. Without gcc or `../shared` it says so, and
that is all.

`--json` prints one object. "To C" is nwip's figure divided by that of the C relay:

    relay_to_c          DOSBox clients of one gateway; geometric mean over sizes and numbers of peers
    tunnel_to_c         through two gateways; of the dearer one, geometric mean over sizes
    burst_to_c          equal packets to one client, `from_gso` and `from_plain` sender; mean over sizes
    broadcast_to_c      a copy of a broadcast to 64 clients; mean over sizes
    table_100k_to_c     among 100,000 clients
    octets_per_peer     memory of the gateway for each of them, beside its record in the directory
    lan_to_c            from a LAN (AF_PACKET) to another node
    mixed_to_clean      a usual packet with a tenth of unusual ones among them, to one without
    latency_added_us    microseconds that one packet takes longer, median of back to back
    start               seconds until ready, seconds of `--help`, wake-ups a second when idle
    overload            what becomes of a gateway that is offered twice what it can carry
    dosbox              Debian's DOSBox as server, with `--dosbox`: packets a second, and what one costs
    skipped             what could not be measured, and why
    details             all the figures behind these, `yardstick` being the C relay
    lost                packets that did not arrive, in all
"""

import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench import scenarios
from nwip.bench.clients import Clients
from nwip.bench.domain import free_port
from nwip.bench.dosbox import dosbox
from nwip.bench.error import BenchError
from nwip.bench.joining import Membership
from nwip.bench.lan import lan
from nwip.bench.mix import mix
from nwip.bench.overload import overload
from nwip.bench.processes import cores, line, running
from nwip.bench.relays import Yardstick, fixed_nodes
from nwip.bench.start import start
from nwip.bench.table import table
from nwip.bench.trials import Figure, Plan
from nwip.bench.ways import Way

SHARED: Final = Path(__file__).resolve().parent.parent.parent / "shared" / "bench"
QUICK: Final = Plan(1, 0.1)


class Skipped(Exception):  # noqa: N818 - it is an answer, and no fault
    """This cannot be measured here; the message says why."""


class Asked(NamedTuple):
    """What is asked for: the yardstick, how often and how long, and whether only to see that it works."""

    yardstick: Yardstick
    plan: Plan
    quick: bool
    programs: Path


class Answers:
    """What was found: the figures with a bar, and behind them all others."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {}
        self.details: dict[str, object] = {}
        self.skipped: dict[str, str] = {}
        self.lost = 0

    def take(self, name: str, figures: Sequence[Figure]) -> None:
        """Keep the figures of a measurement."""
        self.details[name] = [figure._asdict() for figure in figures]
        self.lost += sum(figure.lost + figure.yardstick_lost for figure in figures)


def compiled(source: Path, folder: Path) -> Path:
    """Return the program that gcc makes of a C file."""
    if shutil.which("gcc") is None:
        raise Skipped("there is no gcc")
    if not source.exists():
        raise Skipped(f"there is no {source.name} in ../shared/bench")
    program = folder / source.stem
    subprocess.run(["gcc", "-O2", "-w", "-o", str(program), str(source)], check=True, timeout=60)
    return program


@contextmanager
def in_c(program: Path, peers: int, *, copies: bool = False) -> Iterator[Way]:
    """Run the C relay, which looks at packets and so needs no telling whether to copy them."""
    del copies
    port, log = free_port(), program.with_suffix(".log")
    with Clients() as clients:
        command = [str(program), "mmsg", str(port), str(peers + 1), str(clients.port)]
        with running(command, log, cores()[-1]) as process:
            line(process, log)
            target = ("127.0.0.1", port)
            members = Membership(clients, target, target)
            members.nodes = fixed_nodes(peers)
            members.prove(range(min(peers, 64) + 1))
            clients.sender.connect(target)
            yield Way(clients, members.network, members.nodes, {"relay": process.pid})


def mean(figures: Sequence[Figure]) -> float:
    """Return the geometric mean of ratios."""
    return math.exp(sum(math.log(figure.ratio) for figure in figures) / len(figures))


def relay(asked: Asked, found: Answers) -> None:
    """Measure one gateway."""
    figures = scenarios.relay(asked.plan, asked.yardstick)
    found.take("relay", figures)
    found.told["relay_to_c"] = mean(figures)


def tunnel(asked: Asked, found: Answers) -> None:
    """Measure two gateways."""
    figures = scenarios.tunnel(asked.plan, asked.yardstick)
    found.take("tunnel", figures)
    sites = {figure.of for figure in figures}
    found.told["tunnel_to_c"] = max(mean([one for one in figures if one.of == site]) for site in sites)


def burst(asked: Asked, found: Answers) -> None:
    """Measure bursts to one client."""
    told = {}
    for name, grouped in (("from_gso", True), ("from_plain", False)):
        figures = scenarios.bursts(asked.plan, asked.yardstick, grouped=grouped)
        found.take(f"burst {name}", figures)
        told[name] = mean(figures)
    found.told["burst_to_c"] = told


def broadcast(asked: Asked, found: Answers) -> None:
    """Measure broadcasts."""
    figures = scenarios.broadcast(asked.plan, asked.yardstick)
    found.take("broadcast", figures)
    found.told["broadcast_to_c"] = mean(figures)


def growth(asked: Asked, found: Answers) -> None:
    """Measure ever more clients."""
    grown = (
        table(asked.plan, asked.yardstick, (10, 300)) if asked.quick else table(asked.plan, asked.yardstick)
    )
    found.take("table", grown.figures)
    found.told["table_100k_to_c"] = grown.figures[-1].ratio
    found.told["octets_per_peer"] = grown.octets_beside_record
    found.details["octets_per_record"] = grown.record_octets


def mixture(asked: Asked, found: Answers) -> None:
    """Measure unusual packets among usual ones."""
    mixed = mix(asked.plan)
    found.details["mix"] = mixed._asdict()
    found.told["mixed_to_clean"] = mixed.ratio
    found.lost += mixed.lost


def latency(asked: Asked, found: Answers) -> None:
    """Measure one packet at a time."""
    figures = scenarios.latency(asked.plan, asked.yardstick)
    found.take("latency", figures)
    found.told["latency_added_us"] = figures[0].nwip - figures[0].yardstick


def beginning(asked: Asked, found: Answers) -> None:
    """Measure starts and idleness."""
    found.told["start"] = start(asked.plan)._asdict()


def from_lan(asked: Asked, found: Answers) -> None:
    """Measure a LAN link."""
    if os.geteuid() != 0:
        raise Skipped("network namespaces take root")
    program = compiled(Path(__file__).with_name("lan.c"), asked.programs)
    figures = lan(asked.plan, program)
    found.take("lan", figures)
    found.told["lan_to_c"] = mean(figures)


def too_much(asked: Asked, found: Answers) -> None:
    """Measure an overload."""
    found.told["overload"] = overload(asked.plan)._asdict()


def real_dosbox(asked: Asked, found: Answers) -> None:
    """Measure a DOSBox."""
    server = dosbox(asked.plan)
    found.told["dosbox"] = server._asdict()
    found.lost += server.lost


MEASURES: Final[dict[str, Callable[[Asked, Answers], None]]] = {
    "relay_to_c": relay,
    "tunnel_to_c": tunnel,
    "burst_to_c": burst,
    "broadcast_to_c": broadcast,
    "table_100k_to_c": growth,
    "octets_per_peer": growth,
    "lan_to_c": from_lan,
    "mixed_to_clean": mixture,
    "latency_added_us": latency,
    "start": beginning,
    "overload": too_much,
    "dosbox": real_dosbox,
}


def measure(asked: Asked, keys: Sequence[str]) -> Answers:
    """Measure what is asked for, each once."""
    found = Answers()
    for function in dict.fromkeys(MEASURES[key] for key in keys):
        try:
            function(asked, found)
        except Skipped as reason:
            found.skipped |= {key: str(reason) for key in keys if MEASURES[key] is function}
    return found


def table_of(found: Answers) -> str:
    """Return what was found, as people read it."""
    lines = []
    for key, value in found.told.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        lines += [f"{f'{key} {part}':28}{number:10.2f}" for part, number in parts]
    lines += [f"{key:28}   skipped: {reason}" for key, reason in found.skipped.items()]
    return "\n".join([*lines, f"{'lost':28}{found.lost:10}"])


def main() -> int:
    """Run it; return the exit code: 1 if a packet was lost or nothing could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object instead of the table")
    parser.add_argument("--quick", action="store_true", help="only see that it works: figures mean nothing")
    parser.add_argument("--only", metavar="KEY[,KEY]", help=", ".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement")
    parser.add_argument("--dosbox", action="store_true", help="measure Debian's DOSBox as server, too")
    options = parser.parse_args()
    keys = options.only.split(",") if options.only else [key for key in MEASURES if key != "dosbox"]
    keys += ["dosbox"] if options.dosbox else []
    if unknown := set(keys) - MEASURES.keys():
        parser.error(f"--only knows no {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that processes are stopped
    plan = QUICK if options.quick else Plan(options.rounds, options.seconds)
    if sys.stderr.isatty():
        plan = plan._replace(say=lambda text: print(text, file=sys.stderr))
    try:
        with tempfile.TemporaryDirectory(prefix="nwip-bench-") as folder:
            program = compiled(SHARED / "relay.c", Path(folder))
            asked = Asked(partial(in_c, program), plan, options.quick, Path(folder))
            found = measure(asked, keys)
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}) if options.json else f"nothing to measure: {reason}")
        return 0
    except BenchError as error:
        print(f"relay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if options.json:
        told = {**found.told, "skipped": found.skipped, "lost": found.lost, "details": found.details}
        print(json.dumps(told, indent=2))
    else:
        print(table_of(found))
    return 1 if found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
