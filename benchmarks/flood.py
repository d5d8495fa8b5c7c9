"""Flood a public DOSBox gateway with forged registrations while players play on it.

A node with a DOSBox link, as `nwip up` runs it, and 50 players on loopback, each of whom sends 35 packets a
second to the next. After some seconds of peace a process of its own sends registrations at the rate that is
asked for, from as many addresses as are asked for, none of which ever answers.

It tells what the players lost, in peace and in the flood; what of a core the gateway took; and its memory.
The exit code is 1 if the players lost 1 % or more, if the flood was less than nine tenths of what was asked
for, or if the gateway's memory grew by more than 32 MiB.

`--json` prints one object:

    schema                       1
    seconds, rate, sources       what was asked for; registrations a second
    flood_rate, flood_packets    registrations a second that were sent, and how many in all
    kept_out                     datagrams that the kernel did not let in
    players, packets, lost       in the flood; `loss` is their ratio
    peace_packets, peace_lost    before it
    cpu, peace_cpu               of a core, in the flood and before it
    rss_kib, rss_peak_kib        memory before the flood, and the most in it
"""

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.bench.clients import Clients
from nwip.bench.domain import Gateway, domain
from nwip.bench.error import BenchError
from nwip.bench.joining import Membership
from nwip.bench.load import Count
from nwip.bench.looking import looking
from nwip.bench.processes import cpu_ns, loading, module, status
from nwip.bench.sink import Sink
from nwip.bench.throng import Throng, play
from nwip.bench.trials import fresh_mark
from nwip.bench.ways import Way
from nwip.control import ask

OCTETS: Final = 100  # of a player's packet
TURNS: Final = 35.0  # packets of a player a second: DOOM's
PEACE: Final = 3.0  # seconds before the flood
LOSS: Final = 0.01  # of the players' packets
GROWTH: Final = 32 << 10  # KiB
LEAST_OF_RATE: Final = 0.9
EVERY: Final = 0.5  # seconds between looks at the memory
KEPT_OUT: Final = "kept out in a flood"


class Phase(NamedTuple):
    """What became of the players' packets, and what of a core the gateway took."""

    packets: Count
    cpu: float


def phase(throng: Throng, way: Way, sink: Sink, pid: int, seconds: float) -> Phase:
    """Let the players play for some seconds."""
    before = cpu_ns(pid)
    count = play(throng, sink, way.clients.receiver.fileno(), TURNS, seconds)
    return Phase(count, (cpu_ns(pid) - before) / 1e9 / count.seconds)


@contextlib.contextmanager
def watching(pid: int) -> Iterator[list[int]]:
    """Look at a process's memory all the time beside the block; give the list of what was seen, in KiB."""
    seen = [status(pid, "VmRSS")]
    with looking(lambda: seen.append(status(pid, "VmRSS")), EVERY):
        yield seen


def kept_out(gateway: Gateway) -> int:
    """Ask the gateway what its kernel has not let in."""
    rows = ask(gateway.control, {"ask": "links"})
    links = rows if isinstance(rows, list) else []
    return sum(int(link["drops"].get(KEPT_OUT, 0)) for link in links)


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Play in peace, then in a flood."""
    with domain(("gateway",)) as gateways, Clients() as clients, loading():
        gateway = gateways["gateway"]
        pid, at = gateway.process.pid, gateway.players_at
        members = Membership(clients, at, at)
        members.join(options.players)
        clients.sender.connect(at)
        way = Way(clients, members.network, members.nodes, {"gateway": pid}, members.keep)
        mark = fresh_mark()
        sink = Sink(clients.receiver, OCTETS, mark)
        throng = Throng(way, at, options.players, OCTETS, mark)
        peace = phase(throng, way, sink, pid, PEACE)
        arguments = (*at, options.rate, options.seconds, options.sources)
        command = module("nwip.bench.flooder", *arguments)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as flooder:
            assert flooder.stdin is not None  # noqa: S101 - it was asked for
            time.sleep(1.0)  # until its messages are made
            flooder.stdin.write(b"go\n")
            flooder.stdin.flush()
            with watching(pid) as seen:
                flood = phase(throng, way, sink, pid, options.seconds)
            out, _ = flooder.communicate(timeout=30)
            sent = int(out)
        return {
            "schema": 1,
            "seconds": options.seconds,
            "rate": options.rate,
            "sources": options.sources,
            "flood_rate": round(sent / options.seconds),
            "flood_packets": sent,
            "kept_out": kept_out(gateway),
            "players": options.players,
            "packets": flood.packets.due,
            "lost": flood.packets.lost,
            "loss": flood.packets.lost / max(1, flood.packets.due),
            "peace_packets": peace.packets.due,
            "peace_lost": peace.packets.lost,
            "cpu": round(flood.cpu, 3),
            "peace_cpu": round(peace.cpu, 3),
            "rss_kib": seen[0],
            "rss_peak_kib": max(seen),
        }


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description="Flood a DOSBox gateway while players play.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the flood")
    parser.add_argument("--rate", type=float, default=100_000, help="registrations a second")
    parser.add_argument("--sources", type=int, default=65_536, help="forged addresses")
    parser.add_argument("--players", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        told = measure(options)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name:16} {value}")
    grown = int(str(told["rss_peak_kib"])) - int(str(told["rss_kib"]))
    slow = float(str(told["flood_rate"])) < LEAST_OF_RATE * options.rate
    return int(float(str(told["loss"])) >= LOSS or grown > GROWTH or slow)


if __name__ == "__main__":
    sys.exit(main())
