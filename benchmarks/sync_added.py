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
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Final, NamedTuple

from nwip.collector import Collector
from nwip.config.reading import parse
from nwip.directory.parameters import Parameters
from nwip.directory.records import Record, Route, Service
from nwip.dss.server import DssServer
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.ipx.ping import registration
from nwip.node import RunningNode

GATEWAY: Final = "127.0.0.7"
PARAMETERS: Final = Parameters(domain="bench.test", data_port=43981)
GAME_SOCKET: Final = 0x869C
SIZE: Final = 100  # octets of a packet, header included
OWNERS: Final = 20
TURN: Final = 0.0005  # seconds: packets go in small bursts, and what has come is read as often
BUFFER: Final = 4 << 20
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
        port = 20213
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
    """Two DOSBox clients at the gateway: one sends, the other receives."""

    def __init__(self) -> None:
        self.sender, here = self._join()
        self.receiver, there = self._join()
        self.receiver.send(Packet(here, there).encode())  # from now on both are known as clients
        self._packet = Packet(there, here, payload=bytes(SIZE - HEADER_SIZE)).encode()[:HEADER_SIZE]
        self.sent = 0
        self.samples: list[Sample] = []

    def _join(self) -> tuple[socket.socket, Address]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.connect((GATEWAY, 20213))
        sock.send(registration(None).encode())
        address = Packet.decode(sock.recv(2048)).destination._replace(socket=GAME_SOCKET)
        sock.setblocking(False)
        return sock, address

    def capacity(self, seconds: float) -> float:
        """Return how many packets a second pass in a closed loop of 64."""
        began, arrived, out = time.monotonic(), 0, 0
        while time.monotonic() - began < seconds:
            while out < 64:
                self._send()
                out += 1
            select.select([self.receiver], [], [], 0.2)
            got = self._receive()
            arrived, out = arrived + got, out - got
        rate = arrived / (time.monotonic() - began)
        self.settle()
        return rate

    def run(self, rate: float, until: float) -> None:
        """Send at a steady rate until that moment."""
        began, base = time.monotonic(), self.sent
        while (now := time.monotonic()) < until:
            while self.sent - base < (now - began) * rate:
                self._send()
            self._receive()
            select.select([self.receiver], [], [], TURN)
            self._receive()

    def settle(self) -> None:
        """Take what is still under way."""
        quiet = time.monotonic() + 0.5
        while time.monotonic() < quiet:
            if self._receive():
                quiet = time.monotonic() + 0.5
            select.select([self.receiver], [], [], 0.05)

    def _send(self) -> None:
        stamp = time.monotonic_ns().to_bytes(8, "big")
        self.sender.send(self._packet + stamp.ljust(SIZE - HEADER_SIZE, b"\0"))
        self.sent += 1

    def _receive(self) -> int:
        count = 0
        while True:
            try:
                data = self.receiver.recv(2048)
            except BlockingIOError:
                return count
            if len(data) == SIZE:
                stamp = int.from_bytes(data[HEADER_SIZE : HEADER_SIZE + 8], "big") / 1e9
                self.samples.append(Sample(stamp, time.monotonic() - stamp))
                count += 1


def p99(samples: list[Sample], begin: float, end: float) -> float:
    """Return the 99th percentile of latency of the packets sent in that time, in seconds."""
    taken = [sample.took for sample in samples if begin <= sample.sent < end]
    return statistics.quantiles(taken, n=100, method="inclusive")[98]


def measure(services: int, routes: int, before: float = 2.0) -> dict[str, float]:
    """Run it once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started("--serve", 0, 0) as empty,
        started("--serve", services, routes) as full,
        started("--gateway", folder, line(empty), line(full), services + routes) as gateway,
    ):
        if line(gateway) != "ready":
            raise SystemExit("the gateway did not start")
        players = Players()
        rate = players.capacity(1.0) / 2
        players.samples.clear()
        players.sent = 0
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
