"""A router on LANs in memory, with a clock: what it sends is kept, and stations say what tests let them."""

from collections.abc import Sequence

from nwip.directory.records import Service
from nwip.ipx import sap
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.routing.elsewhere import Elsewhere
from nwip.routing.port import Port
from nwip.routing.router import Router
from nwip.routing.timers import START_DELAY

NODE = b"\x02\x00\x00\x00\x00\x99"
ONE, TWO = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
SERVER = b"\0\0\0\0\0\x01"


class Lans:
    """A router with ports; `sent` are the packets of the last call, by port name."""

    def __init__(self, elsewhere: Elsewhere | None = None) -> None:
        self.now = 1000.0
        self.router = Router(elsewhere)

    def port(self, name: str, network: int, *, joined: bool = False, talks: bool = True) -> Port:
        port = Port(name, network, NODE, joined=joined, talks=talks)
        self.router.attach(port, self.now)
        return port

    def run(self, seconds: float = START_DELAY + 0.1) -> list[tuple[float, str, Packet]]:
        """Drive the router to its deadlines; return what it sent: when, on which port, and what."""
        sent = [(self.now, port.name, Packet.decode(data)) for port, data in self.router.outgoing()]
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.router.advance(self.now)
            sent += [(self.now, port.name, Packet.decode(data)) for port, data in self.router.outgoing()]
        self.now = end
        return sent

    def say(self, port: Port, packet: Packet) -> list[Packet]:
        """Let a packet come in on a port; return the answers."""
        data = packet.encode()
        if self.router.again(port, data, self.now):
            return []
        question = self.router.hear(port, data, self.now)
        return list(self.router.answer(port, question)) if question is not None else []

    def rip(self, port: Port, station: bytes, *entries: tuple[int, int, int]) -> None:
        """Let a router of a LAN say how far networks are: network, hops, ticks."""
        said = RipPacket(RipOperation.RESPONSE, tuple(RipEntry(*entry) for entry in entries))
        self.say(port, broadcast(port.network, station, Socket.RIP, said.encode()))

    def sap(self, port: Port, station: bytes, *services: Service) -> None:
        """Let a router or server of a LAN say which services there are."""
        entries = tuple(
            SapEntry.of(each.service_type, each.name, each.address, each.hops) for each in services
        )
        said = SapResponse(SapOperation.GENERAL_RESPONSE, entries)
        self.say(port, broadcast(port.network, station, Socket.SAP, said.encode()))

    def ask_rip(self, port: Port, network: int) -> list[RipEntry]:
        """Ask for a route as a host of a port does."""
        answers = self.say(
            port, broadcast(port.network, ONE, Socket.RIP, RipPacket.request(network).encode())
        )
        return [entry for answer in answers for entry in RipPacket.decode(answer.payload).entries]

    def ask_nearest(self, port: Port, service_type: int) -> list[SapEntry]:
        """Ask for the nearest server of a type as a host of a port does."""
        query = SapQuery(SapOperation.NEAREST_QUERY, service_type).encode()
        answers = self.say(port, broadcast(port.network, ONE, Socket.SAP, query))
        return [entry for answer in answers for entry in SapResponse.decode(answer.payload).entries]


def broadcast(network: int, station: bytes, socket: int, payload: bytes) -> Packet:
    """Make a RIP or SAP broadcast of a station."""
    packet_type = PacketType.RIP if socket == Socket.RIP else PacketType.PEP
    to, source = Address(network, BROADCAST_NODE, socket), Address(network, station, socket)
    return Packet(to, source, packet_type, payload)


def routes_in(packets: Sequence[tuple[float, str, Packet]], port: Port) -> list[RipEntry]:
    """Return the entries of the RIP responses sent on a port."""
    said = [
        RipPacket.decode(packet.payload)
        for _, name, packet in packets
        if name == port.name and packet.destination.socket == Socket.RIP
    ]
    return [entry for each in said if each.operation == RipOperation.RESPONSE for entry in each.entries]


def services_in(packets: Sequence[tuple[float, str, Packet]], port: Port) -> list[tuple[str, int]]:
    """Return names and hops in the SAP responses sent on a port."""
    said = [
        sap.decode(packet.payload)
        for _, name, packet in packets
        if name == port.name and packet.destination.socket == Socket.SAP
    ]
    return [
        (entry.name, entry.hops) for each in said if isinstance(each, SapResponse) for entry in each.entries
    ]


def museum(hops: int = 1, network: int = 0x2E5A0001, name: str = "MUSEUM", service_type: int = 4) -> Service:
    """Make a service of a server on its internal network."""
    return Service(service_type, name, network, SERVER, 0x0451, hops)
