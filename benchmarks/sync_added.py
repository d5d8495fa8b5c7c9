"""What a full sync adds to the latency of players at the same gateway: 150,000 records under half load.

A gateway of `nwip up` carries packets of two DOSBox clients, at half of what it can carry, all the time.
First its DSS holds nothing; that DSS is killed, and the gateway goes to another, which holds 100,000
services and 50,000 routes, and reads them all. Latency of the packets sent while it reads is set against
that of those sent before. One process stamps, sends and reads the packets; nothing may be lost. A figure is
the median of the rounds.
"""

import argparse
import asyncio
import json
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import PIPE, Popen
from typing import Final, NamedTuple

from nwip.bench.clients import Clients
from nwip.bench.joining import Membership
from nwip.bench.load import closed
from nwip.bench.messages import BATCH, Messages
from nwip.bench.packets import packet, to_peers
from nwip.bench.sink import SLOT, Sink
from nwip.bench.trials import fresh_mark
from nwip.bench.ways import Way
from nwip.collector import Collector
from nwip.config.reading import parse
from nwip.dataplane.kernel import MSG_DONTWAIT
from nwip.directory.parameters import Parameters
from nwip.directory.records import Record, Route, Service
from nwip.dss.server import DssServer
from nwip.ipx.packet import HEADER_SIZE
from nwip.node import RunningNode

GATEWAY: Final = "127.0.0.7"
PARAMETERS: Final = Parameters(domain="bench.test", data_port=43981)
PORT: Final = 20213
SIZE: Final = 100  # octets of a packet, header included
OWNERS: Final = 20
STAMP: Final = HEADER_SIZE + 2  # where a packet says when it was sent
TURN: Final = 0.0003  # seconds: packets go in small bursts, and what has come is read as often
PATIENCE: Final = 60.0  # seconds


class Sample(NamedTuple):
    """A packet that arrived: when it was sent, and how long it took, in seconds."""

    sent: float
    took: float


async def serve(services: int, routes: int) -> None:
    """Be a DSS with so many records, until killed; print its port."""
    server = DssServer(
        PARAMETERS, identity=b"D" * 16, boot=bytes([services % 251]) * 16, admit=lambda _: True
    )
    now = time.monotonic()
    for owner in range(OWNERS if services else 0):
        server.directory.heard((owner + 1).to_bytes(16, "big"), 1_700_000_000, 1, 86400.0, 0.0, now)
    for number in range(services + routes):
        service = Service(4 + number % 4, f"BUILDING7-SERVER{number}", number + 1, b"\0\0\0\0\0\1", 0x451, 1)
        value = service if number < services else Route(number + 1, 1, 2)
        identity = (number % OWNERS + 1).to_bytes(16, "big")
        server.directory.merge(Record(identity, 1_700_000_000, number // OWNERS + 1, value), now)
    await server.start([("127.0.0.1", 0)])
    print(server.endpoints[0][1], flush=True)
    await asyncio.Event().wait()


async def be_gateway(folder: str, empty: int, full: int, records: int) -> None:
    """Be the gateway; print when it is ready, and the moments at which it has the first and all records."""
    text = f"""
        [node]
        name = "gateway"
        address = "{GATEWAY}"
        state = "{folder}"
        control = "{folder}/control.sock"
        [dss]
        servers = ["127.0.0.1:{empty}", "127.0.0.1:{full}"]
        [[link]]
        kind = "dosbox"
        listen = ["{GATEWAY}"]
        port = {PORT}
    """
    ready = asyncio.Event()
    node = RunningNode(parse(text, "bench"), lambda _: None, lambda _: ready.set())
    Collector().start()  # as `nwip up` does
    await node.start()
    await ready.wait()
    assert node.client is not None  # noqa: S101 - it is ready
    print("ready", flush=True)
    for size in (records // 100, records):
        while len(node.client.directory) < size:  # noqa: ASYNC110 - a directory has no event for its size
            await asyncio.sleep(0.002)
        print(time.monotonic(), flush=True)
    await asyncio.Event().wait()


@contextmanager
def started(*arguments: object) -> Iterator[Popen[bytes]]:
    """Run this program in another part until the block ends."""
    with Popen([sys.executable, __file__, *map(str, arguments)], stdout=PIPE, bufsize=0) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: Popen[bytes]) -> str:
    """Return the next line that a part prints."""
    return process.stdout.readline().decode().strip() if process.stdout is not None else ""


class Players:
    """Two DOSBox clients at the gateway: one sends, the other receives, in batches. `sent` counts packets."""

    def __init__(self, clients: Clients) -> None:
        members = Membership(clients, (GATEWAY, PORT), (GATEWAY, PORT))
        members.join(1)
        clients.sender.connect((GATEWAY, PORT))
        self._clients = clients
        self._way = Way(clients, members.network, members.nodes, {})
        mark = fresh_mark()
        octets = packet(self._way, members.nodes[1], SIZE, mark)
        self._buffer = bytearray(octets * BATCH)
        self._out = Messages(BATCH, self._buffer, SIZE, SIZE)
        self._came = bytearray(SLOT * BATCH)
        self._in = Messages(BATCH, self._came, SLOT, SLOT)
        self._mark = mark
        self.sent = 0
        self.samples: list[Sample] = []

    def capacity(self, seconds: float) -> float:
        """Return how many packets a second pass in a closed loop."""
        mark = fresh_mark()
        sender, sink = to_peers(self._way, SIZE, 1, mark), Sink(self._clients.receiver, SIZE, mark)
        count = closed(sender, sink, self._clients.window, seconds)
        return count.arrived / count.seconds

    def run(self, rate: float, until: float) -> None:
        """Send at a steady rate until that moment."""
        began, base = time.monotonic(), self.sent
        while (now := time.monotonic()) < until:
            due = int((now - began) * rate) - (self.sent - base)
            if due > 0:
                self._send(min(due, BATCH))
            self._receive()
            select.select([self._clients.receiver], [], [], TURN)
            self._receive()

    def settle(self) -> None:
        """Take what is still under way."""
        quiet = time.monotonic() + 0.5
        while time.monotonic() < quiet:
            if self._receive():
                quiet = time.monotonic() + 0.5
            select.select([self._clients.receiver], [], [], 0.05)

    def _send(self, count: int) -> None:
        stamp = time.monotonic_ns().to_bytes(8, "big")
        for octet, offset in zip(stamp, range(STAMP, STAMP + 8), strict=True):
            self._buffer[offset : count * SIZE : SIZE] = bytes([octet]) * count
        sent = 0
        while sent < count:
            with suppress(OSError):
                sent += self._out.send(self._clients.sender.fileno(), sent, count - sent)
        self.sent += count

    def _receive(self) -> int:
        total = 0
        while (count := self._in.receive(self._clients.receiver.fileno(), MSG_DONTWAIT)) > 0:
            now = time.monotonic()
            for at in range(0, count * SLOT, SLOT):
                if self._came[at + HEADER_SIZE] == self._mark:
                    stamp = int.from_bytes(self._came[at + STAMP : at + STAMP + 8], "big") / 1e9
                    self.samples.append(Sample(stamp, now - stamp))
                    total += 1
        return total


def p99(samples: list[Sample], begin: float, end: float) -> float:
    """Return the 99th percentile of latency of the packets sent in that time, in seconds."""
    taken = [sample.took for sample in samples if begin <= sample.sent < end]
    return statistics.quantiles(taken, n=100, method="inclusive")[98]


def measure(services: int, routes: int, before: float = 2.0) -> dict[str, float]:
    """Run it once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Clients() as clients,
        started("--serve", 0, 0) as empty,
        started("--serve", services, routes) as full,
        started("--gateway", folder, line(empty), line(full), services + routes) as gateway,
    ):
        if line(gateway) != "ready":
            raise SystemExit("the gateway did not start")
        players = Players(clients)
        rate = players.capacity(1.0) / 2
        players.settle()
        began = time.monotonic()
        players.run(rate, began + before)
        empty.kill()
        first, last = _moments(players, rate, gateway)
        players.settle()
    quiet = p99(players.samples, began, began + before)
    return {
        "sync_under_load_seconds": last - first,
        "sync_packets_per_second": rate,
        "sync_lost": float(players.sent - len(players.samples)),
        "sync_before_p99_ms": quiet * 1e3,
        "sync_added_p99_ms": (p99(players.samples, first, last) - quiet) * 1e3,
    }


def rounds(services: int, routes: int, count: int) -> dict[str, float]:
    """Run it several times; of each figure return the median, of what was lost all."""
    found = [measure(services, routes) for _ in range(count)]
    medians = {name: statistics.median(each[name] for each in found) for name in found[0]}
    return medians | {"sync_lost": sum(each["sync_lost"] for each in found)}


def _moments(players: Players, rate: float, gateway: Popen[bytes]) -> tuple[float, float]:
    """Send on until the gateway has all records; return when it had the first and the last."""
    moments: list[float] = []
    output = gateway.stdout
    if output is None:
        raise SystemExit("the gateway cannot be read")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        players.run(rate, time.monotonic() + 0.02)
        while select.select([output], [], [], 0)[0]:
            moments.append(float(line(gateway)))
            if len(moments) == 2:
                return moments[0], moments[1]
    raise SystemExit(f"the gateway did not come to all records in {PATIENCE:.0f} seconds")


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--quick", action="store_true", help="a hundredth of the size")
    arguments.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--gateway", nargs=4, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(serve(*options.serve))
    elif options.gateway:
        folder, *numbers = options.gateway
        asyncio.run(be_gateway(folder, *map(int, numbers)))
    else:
        found = rounds(*((1000, 500, 1) if options.quick else (100_000, 50_000, 5)))
        if options.json:
            print(json.dumps(found, indent=2))
        else:
            for name, value in found.items():
                print(f"{name:28} {value:12.4f}")


if __name__ == "__main__":
    main()
