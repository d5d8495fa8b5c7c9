"""What the directory costs: a full sync, a change on its way to all, questions, memory, and silence.

Prints a table, or with --json one object. Processes of its own on loopback, ended by pid. CPU time of
questions is set against a bare UDP echo that is drained by `add_reader`, asked in turn in the same run
(A B A B, medians).
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from subprocess import PIPE

import psutil

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind, Node, Record, Route, Service
from nwip.dss.client import DssClient
from nwip.dss.client_engine import ClientEngine
from nwip.dss.events import SnapshotRead
from nwip.dss.server import DssServer
from nwip.dss.server_engine import ServerEngine
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapOperation
from nwip.routing.numbering import node_number

LOOPBACK = "127.0.0.1"
PARAMETERS = Parameters(domain="bench.test", lease=86400.0, renewal=3600.0)
SAP_PER_MINUTE = 68_600  # octets: 1,000 services in SAP broadcasts, reference: netware-ip.md section 13.4
SAP_ENTRY, RIP_ENTRY = 64, 8
OWNERS, TYPES = 20, 4
WINDOW = 32  # questions under way


def fill(server: DssServer, services: int, routes: int) -> None:
    """Register a large domain, from owners that live long."""
    directory = server.directory
    for owner in range(OWNERS):
        directory.heard(
            (owner + 1).to_bytes(16, "big"), 1_700_000_000, 1, PARAMETERS.lease, 0.0, time.monotonic()
        )
    for number in range(services + routes):
        service = Service(
            4 + number % TYPES, f"BUILDING7-SERVER{number}", number + 1, b"\0\0\0\0\0\1", 0x451, 1
        )
        value = service if number < services else Route(number + 1, 1, 2)
        identity = (number % OWNERS + 1).to_bytes(16, "big")
        directory.merge(Record(identity, 1_700_000_000, number // OWNERS + 1, value), time.monotonic())


async def serve(services: int, routes: int) -> None:
    """Be the DSS, until killed; print the TCP and the UDP port."""
    server = DssServer(PARAMETERS, identity=b"D" * 16, boot=b"d" * 16, admit=lambda _: True)
    fill(server, services, routes)
    await server.start([(LOOPBACK, 0)], [(LOOPBACK, 0)])
    print(server.endpoints[0][1], server.question_endpoints[0][1], flush=True)
    await asyncio.Event().wait()


async def echo() -> None:
    """Be a UDP echo, until killed; print the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.setblocking(False)

    def drain() -> None:
        for _ in range(64):
            try:
                data, source = sock.recvfrom(2048)
            except BlockingIOError:
                return
            sock.sendto(data, source)

    asyncio.get_running_loop().add_reader(sock, drain)
    print(sock.getsockname()[1], flush=True)
    await asyncio.Event().wait()


async def read_all(port: int) -> None:
    """Be a new node: read the whole directory, and print seconds, octets, records and memory."""
    engine = ClientEngine("", b"N" * 16, "n", boot=b"n" * 16, kinds=tuple(Kind), role="reader")
    process = psutil.Process()
    before, octets, done = process.memory_info().rss, 0, False
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    engine.connected(time.monotonic())
    while not done:
        if data := engine.take():
            writer.write(data)
        data = await reader.read(16384)
        octets += len(data)
        done = any(isinstance(event, SnapshotRead) for event in engine.receive(data, time.monotonic()))
    seconds = time.perf_counter() - began
    grown = process.memory_info().rss - before
    print(json.dumps([seconds, octets, len(engine.directory), grown]), flush=True)
    writer.close()


def started(*arguments: object) -> tuple[subprocess.Popen[str], list[int]]:
    """Start this program in another part, and return it with the ports that it prints."""
    command = [sys.executable, __file__, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ports = process.stdout.readline() if process.stdout is not None else ""
    return process, [int(word) for word in ports.split()]


def ended(process: subprocess.Popen[str]) -> None:
    """End a process that `started` has started."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def ask(port: int, pid: int, question: bytes, count: int) -> tuple[float, float]:
    """Ask in a closed loop, each time from another IPX node.

    Return the server's CPU seconds per question, and questions a second.
    """
    server = psutil.Process(pid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((LOOPBACK, port))
        sock.settimeout(2)
        before, began = sum(server.cpu_times()[:2]), time.perf_counter()
        for number in range(count + WINDOW):
            if number >= WINDOW:
                sock.recv(2048)
            if number < count:
                sock.send(question[:22] + number.to_bytes(6, "big") + question[28:])
        seconds = time.perf_counter() - began
        return (sum(server.cpu_times()[:2]) - before) / count, count / seconds


def questions(dss: tuple[int, int], bare: tuple[int, int], count: int, rounds: int) -> dict[str, float]:
    """Ask both in turn for the nearest server of a type."""
    asker = Address(0, b"\0\0\0\0\0\1", Socket.DYNAMIC_FIRST)
    everyone = Address(0, BROADCAST_NODE, Socket.SAP)
    payload = bytes([0, SapOperation.NEAREST_QUERY, 0, 4])
    question = Packet(source=asker, destination=everyone, packet_type=17, payload=payload).encode()
    ours, theirs, rates = [], [], []
    for _ in range(rounds):
        cpu, rate = ask(*dss, question, count)
        ours.append(cpu)
        rates.append(rate)
        theirs.append(ask(*bare, question, count)[0])
    return {
        "query_cpu_us": statistics.median(ours) * 1e6,
        "queries_per_second": statistics.median(rates),
        "query_cpu_to_echo": statistics.median(ours) / statistics.median(theirs),
    }


class Quiet:
    """A listener that has nothing to do."""

    def parameters_changed(self, _: object) -> None:
        """Do nothing."""

    directory_changed = session_opened = session_closed = parameters_changed


async def visible(samples: int) -> dict[str, float]:
    """Measure from a registration to the moment when 3 DSSs and 10 nodes hold it; all share this process."""
    servers: list[DssServer] = []
    for number in range(3):
        named: list[Endpoint] = [other.peering.endpoints[0] for other in servers if other.peering]
        identity = bytes([0xD0, number]) * 8
        server = DssServer(PARAMETERS, identity=identity, boot=identity, admit=lambda _: True)
        await server.start([(LOOPBACK, 0)])

        async def resolve(named: list[Endpoint] = named) -> list[Endpoint]:
            return named

        chance = Random(number)  # noqa: S311 - spreads reconnections
        await server.join([(LOOPBACK, 0)], resolve, chance, incarnation=1, hold=False)
        servers.append(server)
    clients = []
    for number in range(10):
        identity = bytes([number + 1]) * 16
        at = servers[number % 3].endpoints[:1]
        chance = Random(number)  # noqa: S311 - spreads reconnections
        client = DssClient("bench.test", identity, "n", at, boot=identity, listener=Quiet(), random=chance)
        client.offer(Node(node_number((LOOPBACK, 1), PARAMETERS, identity), f"n{number}", [(LOOPBACK, 1)]))
        clients.append(client)
    running = [asyncio.ensure_future(client.run()) for client in clients]
    tables = [server.directory for server in servers] + [client.directory for client in clients]
    while any(sum(1 for _ in table.keys(Kind.NODE)) < 10 for table in tables):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    times = []
    for sample in range(samples):
        service = Service(4, f"S{sample}", 1, bytes(6), 1, 0)
        began = time.perf_counter()
        clients[sample % 10].offer(service)
        while any(table.best(service.key) is None for table in tables):  # noqa: ASYNC110
            await asyncio.sleep(0)
        times.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.002)
    for client in clients:
        await client.stop()
    await asyncio.gather(*running)
    for server in servers:
        await server.close()
    times.sort()
    return {"visible_p50_ms": times[len(times) // 2], "visible_p99_ms": times[int(len(times) * 0.99)]}


def steady(parameters: Parameters) -> float:
    """Return the octets a minute, both ways, of a gateway with 1,000 services whose DSS is at another site.

    Octets of the TCP payload, without IP and TCP headers, after all has been registered; the DSS's site has a
    gateway too, whose renewals are told.
    """
    server = ServerEngine(parameters, identity=b"D" * 16, boot=b"d" * 16, admit=lambda _: True)
    engines = []
    for number in (1, 2):
        identity = bytes([number]) * 16
        engine = ClientEngine("", identity, "n", boot=identity, kinds=tuple(Kind))
        engine.offer(Node(node_number((LOOPBACK, 1), PARAMETERS, identity), f"n{number}", [(LOOPBACK, 1)]))
        engines.append((engine, server.open(LOOPBACK, 0.0)))
        engine.connected(0.0)
    for number in range(1000):
        engines[0][0].offer(Service(4, f"S{number}", number + 1, bytes(6), 1, 0))
    now, octets, settled = 0.0, 0, 10 * parameters.renewal
    end = settled + max(60.0, 10 * parameters.renewal)
    while now < end:
        for engine, session in engines:
            moved = True
            while moved:
                up, down = engine.take(), session.take(now)
                if up:
                    server.receive(session, up, now)
                if down:
                    engine.receive(down, now)
                moved = bool(up or down)
                if engine is engines[0][0] and now >= settled:
                    octets += len(up) + len(down)
        dues = [engine.next_deadline() for engine, _ in engines] + [server.next_deadline()]
        now = max(now + 0.001, min(due for due in dues if due is not None))
        server.advance(now)
        for engine, _ in engines:
            engine.advance(now)
    return octets / (end - settled) * 60


def measure(services: int, routes: int, count: int, rounds: int) -> dict[str, float]:
    """Run everything."""
    dss, (tcp, udp) = started("--serve", services, routes)
    bare, (echo_port,) = started("--echo")
    try:
        reads = []
        for _ in range(rounds):
            command = [sys.executable, __file__, "--read", str(tcp)]
            reads.append(
                json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            )
        seconds, octets, records, grown = (statistics.median(column) for column in zip(*reads, strict=True))
        entries = services * SAP_ENTRY + routes * RIP_ENTRY
        found = {
            "records": records,
            "sync_seconds": seconds,
            "overhead_octets": (octets - entries) / records,
            "record_octets": grown / records,
        }
        found |= questions((udp, dss.pid), (echo_port, bare.pid), count, rounds)
    finally:
        ended(dss)
        ended(bare)
    found |= asyncio.run(visible(500))
    default = Parameters(domain="bench.test")
    classic = Parameters(domain="bench.test", lease=900.0, renewal=300.0, synchronisation=300.0)
    found["steady_octets_per_minute"] = steady(default)
    found["steady_to_sap"] = found["steady_octets_per_minute"] / SAP_PER_MINUTE
    found["steady_classic_to_sap"] = steady(classic) / SAP_PER_MINUTE
    return found


def beside_players(*, quick: bool) -> dict[str, float]:
    """Measure what a full sync adds to the latency of players, in a program of its own."""
    command = [sys.executable, str(Path(__file__).with_name("sync_added.py")), "--json"]
    command += ["--quick"] if quick else []
    found: dict[str, float] = json.loads(subprocess.run(command, stdout=PIPE, check=True).stdout)
    return found


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--quick", action="store_true", help="a hundredth of the size")
    arguments.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--echo", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--read", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(serve(*options.serve))
    elif options.echo:
        asyncio.run(echo())
    elif options.read:
        asyncio.run(read_all(options.read))
    else:
        size = (1000, 500, 5000, 1) if options.quick else (100_000, 50_000, 30_000, 5)
        found = measure(*size) | beside_players(quick=options.quick)
        if options.json:
            print(json.dumps(found, indent=2))
        else:
            for name, value in found.items():
                print(f"{name:28} {value:12.4f}")


if __name__ == "__main__":
    main()
