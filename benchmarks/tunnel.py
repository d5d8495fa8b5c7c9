"""Measure a packet's way through two gateways beside the least that Python can do on the same way.

nwip: a DSS and two gateways, west and east, processes on 127.0.0.x; a registered DOSBox client at each.
bare: two relays, processes that block in `recvfrom` and do one `sendto`, without an event loop. They are two
because the gateways are two: as many hops, sockets and wake-ups, so the ratio is the price of all that nwip
does, asyncio included. Both ways carry the same octets and are measured in turn. A figure is the median over
the rounds, a ratio the median of the rounds' ratios.

Round trip: one packet at a time, there and back. CPU: a closed loop with `window` packets under way, there
only; what each process spent, in user and system, divided by the packets. The system tells that time in
hundredths of a second, so short runs are coarse. The exit code is 1 if anything was lost.

`--json` prints one object:

    schema                     1
    rounds, seconds, window    rounds; seconds of each measurement; packets
    figures                    list of: `of` ("round trip p50", "round trip p99", "CPU west", "CPU east"; the
                               first relay is west), `octets` (IPX header included), `ratio` (nwip to bare),
                               `nwip`, `bare` (microseconds, for one round trip or one packet)
    packets, lost              by way, `nwip` and `bare`; a round trip counts as one packet
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import signal
import socket
import statistics
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple, Never

import psutil

from nwip.demo.domain import SITES, DemoDomain, DemoError
from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.ipx.ping import is_registration_reply, registration

GAME_SOCKET: Final = 0x869C  # DOOM's
ROUND_TRIP_SIZE: Final = 100  # octets, IPX header included, as all sizes here
SIZES: Final = (100, 576, 1400)
WINDOW: Final = 64  # packets: as many as a gateway takes from its socket in one wake-up
LEAST_PACKETS: Final = 5000  # in a closed loop, however short: some hundredths of a second of CPU time
BUFFER: Final = 1 << 20  # octets, so that a window of packets fits
TICK: Final = 0.01  # seconds: the least CPU time that the system tells
PATIENCE: Final = 2  # seconds without a packet after which what is still out counts as lost


class End(NamedTuple):
    """One end of a way: a connected socket, its IPX address, and the process that it is connected to."""

    sock: socket.socket
    address: Address
    process: psutil.Process

    def packet(self, to: "End", size: int, mark: bytes) -> bytes:
        """Return a packet of `size` octets to the other end; its payload begins with `mark`."""
        return Packet(to.address, self.address, payload=mark.ljust(size - HEADER_SIZE, b"\0")).encode()

    def wait_for(self, packet: bytes) -> None:
        """Take packets until this one comes, by its payload: a gateway's pings do not count."""
        payload = packet[HEADER_SIZE:]
        while self.sock.recv(2048)[HEADER_SIZE:] != payload:
            pass


class Way(NamedTuple):
    """Where packets go: from the west end to the east end, and what came of it in each round."""

    west: End
    east: End
    samples: defaultdict[tuple[str, int], list[float]]
    counts: dict[str, int]

    @classmethod
    def between(cls, west: End, east: End) -> "Way":
        """Return a way with nothing measured yet."""
        return cls(west, east, defaultdict(list), {"packets": 0, "lost": 0})


class Figure(NamedTuple):
    """One line of the table; times in microseconds."""

    of: str
    octets: int
    ratio: float
    nwip: float
    bare: float


def open_socket() -> socket.socket:
    """Open a UDP socket; its waits end with `BlockingIOError` after `PATIENCE` seconds."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))
    sock.bind(("127.0.0.1", 0))
    return sock


def relay(sock: socket.socket, ends: dict[Endpoint, Endpoint], lifetime: int) -> Never:
    """Send what comes from one end to the other, until terminated or `lifetime` seconds have passed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which terminates us
    signal.alarm(lifetime)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
    while True:
        data, source = sock.recvfrom(2048)
        sock.sendto(data, ends[source])


@contextlib.contextmanager
def bare_way(lifetime: int) -> Iterator[Way]:
    """Start the two relays; stop them at the end."""
    with contextlib.ExitStack() as stack:
        west, first, second, east = (stack.enter_context(open_socket()) for _ in range(4))
        ends = []
        for number, (end, here, there) in enumerate(((west, first, second), (east, second, first)), start=1):
            end.connect(here.getsockname())
            one, other = end.getsockname(), there.getsockname()
            arguments = (here, {one: other, other: one}, lifetime)
            process = multiprocessing.get_context("fork").Process(target=relay, args=arguments)
            process.start()
            stack.callback(process.join)
            stack.callback(process.terminate)
            address = Address(1, number.to_bytes(6, "big"), GAME_SOCKET)
            ends.append(End(end, address, psutil.Process(process.pid)))
        yield Way.between(*ends)


@contextlib.contextmanager
def nwip_way(domain: DemoDomain) -> Iterator[Way]:
    """Register one client at each gateway."""
    with contextlib.ExitStack() as stack:
        ends = []
        for site in SITES:
            sock = stack.enter_context(open_socket())
            sock.connect(domain.players_at[site])
            sock.send(registration(None).encode())
            reply = Packet.decode(sock.recv(2048))
            if not is_registration_reply(reply):
                raise DemoError(f"the gateway {site} answered a registration with something else")
            process = psutil.Process(domain.sites[site].process.pid)
            ends.append(End(sock, reply.destination._replace(socket=GAME_SOCKET), process))
        yield Way.between(*ends)


def introduce(way: Way) -> None:
    """Let both ends be heard, until a packet goes there and back. Raises `DemoError` if none does."""
    for number in range(-5, 0):
        way.east.sock.send(way.east.packet(way.west, ROUND_TRIP_SIZE, b"here"))  # the first makes a client
        if round_trip(way, number) is not None:
            return
    raise DemoError("no packet goes there and back")


def round_trip(way: Way, number: int) -> float | None:
    """Send one packet there and back; return its seconds, None if it was lost."""
    mark = number.to_bytes(4, "big", signed=True)
    there = way.west.packet(way.east, ROUND_TRIP_SIZE, mark)
    back = way.east.packet(way.west, ROUND_TRIP_SIZE, mark)
    start = time.perf_counter()
    try:
        way.west.sock.send(there)
        way.east.wait_for(there)
        way.east.sock.send(back)
        way.west.wait_for(back)
    except BlockingIOError:
        return None
    return time.perf_counter() - start


def measure_round_trips(way: Way, seconds: float) -> None:
    """Send packets there and back, one at a time."""
    introduce(way)
    end = time.perf_counter() + seconds
    times: list[float] = []
    while time.perf_counter() < end or len(times) < 2:
        taken = round_trip(way, way.counts["packets"])
        way.counts["packets"] += 1
        if taken is None:
            way.counts["lost"] += 1
            introduce(way)
        else:
            times.append(taken)
    percentiles = statistics.quantiles(times, n=100, method="inclusive")
    way.samples["round trip p50", ROUND_TRIP_SIZE].append(percentiles[49])
    way.samples["round trip p99", ROUND_TRIP_SIZE].append(percentiles[98])


def measure_cpu(way: Way, size: int, seconds: float) -> None:
    """Keep `WINDOW` packets on their way to the east end; see what each process spends on one."""
    introduce(way)
    packet = way.west.packet(way.east, size, b"flow")
    before = [cpu_seconds(end.process) for end in (way.west, way.east)]
    stop = time.perf_counter() + seconds
    sent = arrived = 0
    try:
        while time.perf_counter() < stop or sent < LEAST_PACKETS:
            way.west.sock.send(packet)
            sent += 1
            if sent >= WINDOW:
                way.east.wait_for(packet)
                arrived += 1
        while arrived < sent:
            way.east.wait_for(packet)
            arrived += 1
    except BlockingIOError:
        way.counts["lost"] += sent - arrived
    way.counts["packets"] += sent
    after = [cpu_seconds(end.process) for end in (way.west, way.east)]
    for site, earlier, later in zip(SITES, before, after, strict=True):
        way.samples[f"CPU {site}", size].append(max(later - earlier, TICK) / max(arrived, 1))


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time that a process has spent, in user and system."""
    times = process.cpu_times()
    return times.user + times.system


async def measure(bare: Way, rounds: int, seconds: float) -> Way:
    """Measure both ways in turn, eight times `seconds` a round; return nwip's."""
    async with DemoDomain() as domain:
        with nwip_way(domain) as nwip:
            for _ in range(rounds):
                for way in (nwip, bare):
                    measure_round_trips(way, seconds)
                    await asyncio.sleep(0)  # Ctrl-C is heard here
                for size in SIZES:
                    for way in (nwip, bare):
                        measure_cpu(way, size, seconds)
                        await asyncio.sleep(0)
    return nwip


def figures(nwip: Way, bare: Way) -> list[Figure]:
    """Return the medians over the rounds."""
    rows = []
    for (of, octets), ours in nwip.samples.items():
        theirs = bare.samples[of, octets]
        ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
        rows.append(Figure(of, octets, ratio, statistics.median(ours) * 1e6, statistics.median(theirs) * 1e6))
    return rows


def table(rows: list[Figure]) -> str:
    """Return the figures as people read them."""
    lines = [f"{'microseconds':16}{'octets':>8}{'nwip/bare':>12}{'nwip':>10}{'bare':>10}"]
    lines += [
        f"{of:16}{octets:8}{ratio:12.2f}{nwip:10.1f}{bare:10.1f}" for of, octets, ratio, nwip, bare in rows
    ]
    return "\n".join(lines)


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(
        description="A packet's way through two gateways, and through bare relays."
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured: 1 to 100")
    parser.add_argument("--seconds", type=float, default=0.7, help="for each measurement: 0.1 to 10")
    parser.add_argument("--json", action="store_true", help="print one object instead of the table")
    options = parser.parse_args()
    rounds, seconds = options.rounds, options.seconds
    if not (1 <= rounds <= 100 and 0.1 <= seconds <= 10):
        parser.error("--rounds is 1 to 100, --seconds 0.1 to 10")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that processes are stopped
    try:
        with bare_way(lifetime=120 + int(20 * rounds * seconds)) as bare:
            nwip = asyncio.run(measure(bare, rounds, seconds))
    except (DemoError, OSError) as error:
        print(f"tunnel: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    rows = figures(nwip, bare)
    counts = {key: {"nwip": nwip.counts[key], "bare": bare.counts[key]} for key in ("packets", "lost")}
    if options.json:
        asked = {"rounds": rounds, "seconds": seconds, "window": WINDOW}
        print(
            json.dumps({"schema": 1, **asked, "figures": [row._asdict() for row in rows], **counts}, indent=2)
        )
    else:
        print(table(rows))
        for key, count in counts.items():
            print(f"{key}: nwip {count['nwip']}, bare {count['bare']}")
    return 1 if any(counts["lost"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
