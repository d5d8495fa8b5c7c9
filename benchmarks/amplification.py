"""Measure what an address gets that never answers, because somebody forges it: octets out to octets in.

A node as `nwip up` runs it, open to everybody, with a DSS that holds 1000 services, a DOSBox link, a tunnel
of RFC 1234 and a switch of 86Box; what answers nearest-server queries at the broadcast address of a subnet;
and, where there is one, Debian's DOSBox as a server. To each UDP port go registrations, questions,
broadcasts, garbage, and datagrams of a real client that were recorded, each from an address of 127.64.0.0/10
that nobody has, and what comes back to those is counted. Octets are those of the UDP payload.

A registration of DOSBox's may draw twice its octets: the reply, and one ping, because a real client may
stay silent until it is pinged. Everything else at most as many as were sent. The exit code is 1 if nwip
sends more.

`--json` prints one object:

    schema       1
    seconds      of sending
    services     that the DSS held
    ratios       by port: octets out for each octet in, registrations not counted
    registrations    the same of DOSBox registrations, by port
    together     the same of everything, by port
    group        of the switch: `octets` of frames to all, `answered_octets` of those of the node, `ratio`
    kinds        list of: `port`, `kind`, `datagrams`, `octets`, `answers`, `answered_octets`, `ratio`
    dosbox       ratios and registrations of Debian's DOSBox, and its kinds; or `skipped`, why there are none
    worst        the highest ratio of nwip, `worst_registration` that of registrations

The switch of 86Box is a LAN: the node answers hosts of it as on any cable, with frames to the group, whose
TTL keeps them there. Nobody's address is sent any, whoever is forged, so the group counts for itself and not
among the ratios. Frames come to it by broadcast, and also to the node alone: these are not taken. Not
measured: the socket of an uplink, which takes datagrams from its server only.
"""

import argparse
import json
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from nwip.bench.clients import Clients
from nwip.bench.domain import free_port, node
from nwip.bench.dosbox import through_dosbox
from nwip.bench.error import BenchError
from nwip.bench.joining import Membership
from nwip.bench.processes import line, module, running
from nwip.bench.victims import LARGEST, Exchange, Kind, Victims
from nwip.directory.records import Endpoint
from nwip.discovery.nearest import query
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import ALL_NETWORKS, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping, ping_answer, registration
from nwip.ipx.rip import RipPacket
from nwip.ipx.sap import SapOperation, SapQuery
from nwip.links.lan.netswitch import FIRST_PORT

ADDRESS: Final = "127.0.0.21"
SERVICES: Final = 1000
EVERYTHING: Final = 0xFFFF  # SAP: services of all types
GAME: Final = 0x869C
RATE: Final = 50.0  # datagrams a second of each kind: few enough that every registration draws its ping
LINGER: Final = 1.5  # seconds: a ping follows half a second after its registration
EVERYBODY: Final = "127.255.255.255"  # the broadcast address of loopback
SUMS: Final = {"registrations": "all registrations", "ratios": "all else", "together": "together"}
NO_PACKETS: Final = {"garbage", "cut short"}  # which no frame would hold
MOST: Final = 1.0
MOST_OF_REGISTRATION: Final = 2.0

_NODE: Final = """\
[domain]
name = "bench.nwip"
network = "00C0FFEE"
data-port = {data}
[node]
name = "public"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
serve = true
listen = ["{address}"]
port = {dss}
peer-port = {peers}
admit = ["any"]
store = "memory"
[[link]]
kind = "dosbox"
listen = ["{address}"]
port = {dosbox}
[[link]]
kind = "netswitch"
joined = false
network = "1F21"
group = {group}
frame = "Ethernet_II"
interfaces = ["lo"]
[[link]]
kind = "rfc1234"
network = "1F20"
listen = "{address}"
port = {tunnel}
peers = ["127.0.0.99"]
"""


def chance() -> Random:
    """Return the same choices at every run."""
    return Random(6)  # noqa: S311 - of addresses and nonsense


def node_number(random: Random) -> bytes:
    """Return the number of some host."""
    return b"\x02" + random.randbytes(5)


def of_ipx(random: Random, to: Address, payload: bytes = b"", packet_type: int = 0) -> bytes:
    """Return a packet of some host."""
    here = Address(to.network, node_number(random), to.socket)
    return Packet(to, here, packet_type=packet_type, payload=payload).encode()


def questions() -> list[Kind]:
    """Return what can be asked of a directory."""
    sap = Address(0, BROADCAST_NODE, Socket.SAP)
    rip = Address(0, BROADCAST_NODE, Socket.RIP)

    def asked(to: Address, payload: bytes, room: int = 0) -> Kind:
        name = f"{'SAP' if to == sap else 'RIP'} {payload.hex()}" + (f", padded to {room}" if room else "")
        return Kind(name, lambda random: of_ipx(random, to, payload, 17).ljust(room, b"\0"))

    everything = SapQuery(SapOperation.GENERAL_QUERY, EVERYTHING).encode()
    return [
        asked(sap, everything),
        asked(sap, everything, 600),
        asked(sap, everything, 1400),
        asked(sap, SapQuery(SapOperation.GENERAL_QUERY, 4).encode()),
        asked(sap, SapQuery(SapOperation.NEAREST_QUERY, 4).encode()),
        asked(rip, RipPacket.request(ALL_NETWORKS).encode()),
        asked(rip, RipPacket.request(ALL_NETWORKS).encode(), 400),
        asked(rip, RipPacket.request(0x00C0FFEE).encode()),
        Kind("nearest DSS", lambda random: query(node_number(random))),
    ]


def packets() -> list[Kind]:
    """Return packets of all sorts: to everybody, to one, pings, nonsense."""
    everybody = Address(0, BROADCAST_NODE, GAME)

    def nonsense(random: Random) -> bytes:
        return random.randbytes(random.randrange(1, 1500))

    def cut(random: Random) -> bytes:
        return of_ipx(random, everybody, bytes(100))[: random.randrange(0, 130)] or b"\xff"

    def to_one(random: Random) -> bytes:
        return of_ipx(random, Address(0, node_number(random), GAME), bytes(10))

    return [
        Kind("broadcast", lambda random: of_ipx(random, everybody)),
        Kind("broadcast of type 20", lambda random: of_ipx(random, everybody, bytes(32), 20)),
        Kind("to one", to_one),
        Kind("ping", lambda random: ping(Address(0, node_number(random), Socket.ECHO)).encode()),
        Kind("garbage", nonsense),
        Kind("cut short", cut),
    ]


def registrations() -> list[Kind]:
    """Return both forms of a DOSBox's registration."""

    def of_dosbox_x(random: Random) -> bytes:
        return registration(node_number(random)).encode()

    return [
        Kind("registration", lambda _: registration().encode(), registers=True),
        Kind("registration of DOSBox-X", of_dosbox_x, registers=True),
    ]


def frames() -> list[Kind]:
    """Return the same, as frames of an Ethernet."""

    def framed(kind: Kind) -> Kind:
        def make(random: Random) -> bytes:
            padded = kind.make(random)
            packet = padded[: int.from_bytes(padded[2:4], "big")]
            return Frame.of(BROADCAST_NODE, packet[22:28], FrameType.ETHERNET_II, packet).encode()

        return Kind(kind.name, make)

    return [framed(kind) for kind in [*questions(), *packets()] if kind.name not in NO_PACKETS]


class Group:
    """Everybody on the switch: counts what is sent to all there, by whom of the test and by the node."""

    def __init__(self, port: int) -> None:
        self.octets = self.answered_octets = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self._socket.bind((EVERYBODY, port))

    def listen(self) -> None:
        """Count what has come."""
        with suppress(BlockingIOError):
            while True:
                data, (host, _) = self._socket.recvfrom(LARGEST)
                if host == "127.0.0.1":  # from where the node sends
                    self.answered_octets += len(data)
                else:
                    self.octets += len(data)

    def told(self) -> dict[str, float]:
        """Return what was counted."""
        self._socket.close()
        ratio = round(self.answered_octets / max(1, self.octets), 4)
        return {"octets": self.octets, "answered_octets": self.answered_octets, "ratio": ratio}


def recorded(at: Endpoint) -> list[Kind]:
    """Be a real client of a DOSBox server for a moment; return what it said, to be said again by others."""
    with Clients() as clients:
        members = Membership(clients, at, at)
        members.join(1)
        network, own = int.from_bytes(members.network, "big"), members.nodes[0]
        here = Address(network, own, GAME)
        said = {
            "broadcast": Packet(Address(network, BROADCAST_NODE, GAME), here, payload=bytes(40)).encode(),
            "to one": Packet(Address(network, members.nodes[1], GAME), here, payload=bytes(40)).encode(),
            "answer to a ping": ping_answer(ping(here), here).encode(),
        }
    return [Kind(f"recorded: {name}", partial(again, data)) for name, data in said.items()]


def again(data: bytes, _: Random) -> bytes:
    """Return what was said before."""
    return data


def free_switch() -> int:
    """Return the port of a switch of 86Box that nobody uses here. Raises `BenchError`."""
    for port in range(FIRST_PORT + 31, FIRST_PORT - 1, -1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):
            sock.bind(("", port))
            return port
    raise BenchError("all ports of the switch of 86Box are in use")


@contextmanager
def public_node() -> Iterator[dict[str, Endpoint]]:
    """Run a node; return its UDP ports by what they are for."""
    names = ("data", "dss", "peers", "dosbox", "tunnel", "nearest")
    ports = {name: free_port(ADDRESS) for name in names}
    ports["switch"] = free_switch()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwip-bench-")))
        text = _NODE.format(address=ADDRESS, folder=folder, group=ports["switch"] - FIRST_PORT, **ports)
        line(stack.enter_context(node(folder, text)), folder / "log")
        offering = module("nwip.bench.offering", ADDRESS, ports["dss"], SERVICES)
        line(stack.enter_context(running(offering, folder / "offering")), folder / "offering")
        nearest = module("nwip.bench.nearest", EVERYBODY, ports["nearest"], ADDRESS, ports["dss"])
        line(stack.enter_context(running(nearest, folder / "nearest")), folder / "nearest")
        yield {name: (ADDRESS, port) for name, port in ports.items() if name != "peers"}


def ratio(exchanges: Sequence[Exchange]) -> float:
    """Return octets out for each octet in, over some kinds."""
    sent = sum(exchange.octets for exchange in exchanges)
    return sum(exchange.answered_octets for exchange in exchanges) / max(1, sent)


def told(ports: dict[str, list[Exchange]]) -> dict[str, object]:
    """Return the figures of some ports."""
    return {
        "ratios": {
            port: round(ratio([exchange for exchange in exchanges if not exchange.kind.registers]), 4)
            for port, exchanges in ports.items()
        },
        "registrations": {
            port: round(ratio(registers), 4)
            for port, exchanges in ports.items()
            if (registers := [exchange for exchange in exchanges if exchange.kind.registers])
        },
        "together": {port: round(ratio(exchanges), 4) for port, exchanges in ports.items()},
        "kinds": [
            {
                "port": port,
                "kind": exchange.kind.name,
                "datagrams": exchange.datagrams,
                "octets": exchange.octets,
                "answers": exchange.answers,
                "answered_octets": exchange.answered_octets,
                "ratio": round(exchange.ratio, 4),
            }
            for port, exchanges in ports.items()
            for exchange in exchanges
        ],
    }


def of_nwip(seconds: float) -> tuple[dict[str, object], float, float]:
    """Measure a node of nwip; return the figures, and the worst of any kind and of registrations.

    The LAN has a turn of its own, a tenth as long: its answers would keep the node from the others' pings.
    """
    with public_node() as at, Victims(chance()) as victims, Victims(chance()) as of_lan:
        switch = at["switch"][1]
        replayed = recorded(at["dosbox"])
        ports = {
            f"DOSBox (213), here {at['dosbox'][1]}": victims.add(
                at["dosbox"], [*registrations(), *packets(), *questions(), *replayed]
            ),
            f"data (43981), here {at['data'][1]}": victims.add(
                at["data"], [*packets(), *questions(), *registrations(), *replayed]
            ),
            f"questions (396), here {at['dss'][1]}": victims.add(at["dss"], [*questions(), *packets()]),
            f"RFC 1234 (213), here {at['tunnel'][1]}": victims.add(
                at["tunnel"], [*packets(), *questions(), *registrations()]
            ),
            f"broadcast address (396), here {at['nearest'][1]}": victims.add(
                (EVERYBODY, at["nearest"][1]), questions()
            ),
            f"86Box switch (8086), here {switch}": of_lan.add((EVERYBODY, switch), frames()),
            f"86Box switch, to it alone, here {switch}": of_lan.add(at["switch"], frames()[::4]),
        }
        victims.run(RATE * len(victims.exchanges), seconds, LINGER)
        group = Group(switch)
        of_lan.run(RATE * len(of_lan.exchanges), max(3.0, seconds / 10), LINGER, group.listen)
        exchanges = [*victims.exchanges, *of_lan.exchanges]
        worst = max(each.ratio for each in exchanges if not each.kind.registers)
        figures = told(ports) | {"group": group.told()}
        return figures, worst, max(each.ratio for each in exchanges if each.kind.registers)


def of_dosbox(seconds: float) -> dict[str, object]:
    """Measure Debian's DOSBox as a server."""
    try:
        with through_dosbox() as way, Victims(chance()) as victims:
            at = way.clients.sender.getpeername()
            exchanges = victims.add(at, [*registrations(), *packets()])
            victims.run(RATE * len(exchanges), seconds, LINGER)
            return told({"DOSBox's own server": exchanges})
    except BenchError as error:
        return {"skipped": str(error)}


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description="Octets that forged addresses get, for each that is sent.")
    parser.add_argument("--seconds", type=float, default=600.0, help="of sending to nwip; to DOSBox a tenth")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        figures, worst, worst_registration = of_nwip(options.seconds)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    figures |= {"schema": 1, "seconds": options.seconds, "services": SERVICES}
    figures |= {"worst": round(worst, 4), "worst_registration": round(worst_registration, 4)}
    figures["dosbox"] = of_dosbox(max(3.0, options.seconds / 10))
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)
    return int(worst > MOST or worst_registration > MOST_OF_REGISTRATION)


def show(figures: dict[str, object]) -> None:
    """Print the figures as a table."""
    others = figures["dosbox"]
    for found in (figures, others if isinstance(others, dict) else {}):
        kinds = found.get("kinds", [])
        for row in kinds if isinstance(kinds, list) else []:
            print(f"{row['ratio']:7.3f}  {row['port']:28} {row['kind']:40} {row['datagrams']} sent")
        for name, of in SUMS.items():
            values = found.get(name)
            for port, value in values.items() if isinstance(values, dict) else ():
                print(f"{value:7.3f}  {port:28} {of}")
        group = found.get("group")
        if isinstance(group, dict):
            print(f"{group['ratio']:7.3f}  86Box switch, to its group   of {group['octets']} octets to it")
        if "skipped" in found:
            print(f"DOSBox's own server: {found['skipped']}")


if __name__ == "__main__":
    sys.exit(main())
