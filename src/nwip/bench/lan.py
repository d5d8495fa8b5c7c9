"""From a LAN to another node: Ethernet frames into a gateway, UDP datagrams out, beside a program in C.

Everything stands in a network namespace of its own: two cables, each with a gateway at one end and the load
at the other. The other node is registered only; its packets come to the load.
"""

import select
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench.clients import enlarge, window_of
from nwip.bench.domain import NETWORK, domain
from nwip.bench.error import BenchError
from nwip.bench.far import number_of
from nwip.bench.namespace import inside, namespace
from nwip.bench.packets import GAME_SOCKET, Ring, Sender
from nwip.bench.processes import cores, line, module, running
from nwip.bench.scenarios import beside
from nwip.bench.sink import Sink
from nwip.bench.trials import Figure, Plan, compare, fresh_mark
from nwip.bench.ways import Way
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import ETHERTYPE_IPX, Frame, FrameType
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.ipx.rip import RipPacket
from nwip.links.lan.interface import asking, mac_of
from nwip.wire import WireError

SIZES: Final = (100, 576, 1400)  # octets, IPX header included
LAN: Final = 0x1AB
WITHIN: Final = 20.0  # seconds until the gateway routes: it listens for others first
FAR: Final = ("127.0.0.41", "127.0.0.42")  # the other node, for nwip and for the program in C

_VIRTUAL: Final = int(NETWORK, 16)
_LINK: Final = f"""\
[[link]]
kind = "ethernet"
interface = "lan0"
frame = "Ethernet_II"
network = "{LAN:X}"
"""


class Ends(NamedTuple):
    """The load: a packet socket on a cable, and the socket of the other node."""

    sender: socket.socket
    receiver: socket.socket
    window: int

    @property
    def mac(self) -> bytes:
        """The address of the sender's end of the cable."""
        return bytes(self.sender.getsockname()[4])


def lan(plan: Plan, program: Path, sizes: Sequence[int] = SIZES) -> list[Figure]:
    """Measure both ways in turn. Raises `BenchError` where there can be no namespaces."""
    with ExitStack() as stack:
        stack.enter_context(inside(stack.enter_context(namespace(("lan0", "load0"), ("lan1", "load1")))))
        way = stack.enter_context(through_nwip())
        other = stack.enter_context(through_c(program))
        return compare([beside(way, other, partial(frames, size), size, 1) for size in sizes], plan)


def frames(size: int, way: Way, mark: int) -> Sender:
    """Return a sender of frames to the gateway's card, for the other node."""
    gateway, here, there = way.nodes
    to, by = Address(_VIRTUAL, there, GAME_SOCKET), Address(LAN, here, GAME_SOCKET)
    packet = Packet(to, by, packet_type=4, payload=bytes([mark]).ljust(size - HEADER_SIZE, b"\0"))
    head = gateway + here + ETHERTYPE_IPX.to_bytes(2, "big")
    return Ring(way, [packet.encode()], size, mark, head=head)


@contextmanager
def through_nwip() -> Iterator[Way]:
    """Run a gateway with a LAN link, and register the other node."""
    with ExitStack() as stack:
        load = stack.enter_context(ends("load0", FAR[0]))
        gateway = stack.enter_context(domain(("gateway",), links=_LINK))["gateway"]
        log = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwip-bench-"))) / "log"
        command = module("nwip.bench.far", *gateway.dss, FAR[0], load.receiver.getsockname()[1])
        line(stack.enter_context(running(command, log, cores()[0])), log)
        nodes = [router(load), load.mac, number_of(FAR[0])]
        way = Way(load, bytes(4), nodes, {"gateway": gateway.process.pid})
        until_through(way)
        yield way


@contextmanager
def through_c(program: Path) -> Iterator[Way]:
    """Run the program in C."""
    with ends("load1", FAR[1]) as load, tempfile.TemporaryDirectory(prefix="nwip-bench-") as folder:
        node, port, log = number_of(FAR[1]), str(load.receiver.getsockname()[1]), Path(folder) / "log"
        with asking() as sock:
            gateway = mac_of("lan1", sock) or b""
        command = [str(program), "lan1", NETWORK, node.hex(), FAR[1], port]
        with running(command, log, cores()[-1]) as process:
            line(process, log)
            way = Way(load, bytes(4), [gateway, load.mac, node], {"relay": process.pid})
            until_through(way)
            yield way


@contextmanager
def ends(interface: str, address: str) -> Iterator[Ends]:
    """Open the sockets of a load."""
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver,
    ):
        sender.bind((interface, ETHERTYPE_IPX))
        receiver.bind((address, 0))
        enlarge(receiver)
        yield Ends(sender, receiver, window_of(receiver))


def router(load: Ends) -> bytes:
    """Return the card of the router to the virtual network, as a host finds it: by asking with RIP."""
    everyone, here = Address(LAN, BROADCAST_NODE, Socket.RIP), Address(LAN, load.mac, GAME_SOCKET)
    question = Packet(everyone, here, packet_type=1, payload=RipPacket.request(_VIRTUAL).encode())
    frame = Frame.of(BROADCAST_NODE, load.mac, FrameType.ETHERNET_II, question.encode()).encode()
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        load.sender.send(frame)
        while select.select([load.sender], [], [], 0.3)[0]:
            with suppress(WireError):
                heard = Frame.decode(load.sender.recv(2048))
                if heard and heard.destination == load.mac:
                    return heard.source
    raise BenchError(f"the gateway does not route within {WITHIN:.0f} seconds")


def until_through(way: Way) -> None:
    """Send frames until one arrives. Raises `BenchError` if none does."""
    mark = fresh_mark()
    sender, sink = frames(SIZES[0], way, mark), Sink(way.clients.receiver, SIZES[0], mark)
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        sender.send(1)
        if select.select([way.clients.receiver], [], [], 0.1)[0] and sink.take():
            return
    raise BenchError("no frame goes through the gateway")
