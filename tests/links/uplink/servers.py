"""Other people's DOSBox-protocol servers, each as its source has it."""

from typing import Final, Protocol

from links.dosbox.simulation import GATEWAY, KEY, NETWORK
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import NODE_WANTED, is_registration, registration_reply, wanted_node
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.uplink.engine import IPXBOX

Datagrams = list[tuple[bytes, Endpoint]]

PLACES: Final = 16


def number_of(address: Endpoint) -> bytes:
    """The node number that DOSBox's server makes of an address and port."""
    host, port = address
    return bytes(map(int, host.split("."))) + port.to_bytes(2, "big")


class Server(Protocol):
    def receive(self, data: bytes, source: Endpoint, now: float) -> Datagrams: ...

    def tick(self, now: float) -> Datagrams: ...

    def restart(self) -> None: ...


class DosboxModel:
    """DOSBox 0.74-3: a place for each registration, for ever, unless its source is the number of a place.

    Broadcasts go to every place but that of the source number; sources are not checked.
    """

    def __init__(self, places: int = PLACES) -> None:
        self.size = places
        self.places: list[Endpoint] = []

    def restart(self) -> None:
        self.places = []

    def tick(self, now: float) -> Datagrams:
        return []

    def receive(self, data: bytes, source: Endpoint, now: float) -> Datagrams:
        packet = Packet.decode(data)
        if is_registration(packet):
            if packet.source.node in map(number_of, self.places):
                return [(self.reply(source), source)]
            if len(self.places) < self.size:
                self.places.append(source)
                return [(self.reply(source), source)]
        to = packet.destination.node
        if to == BROADCAST_NODE:
            return [(data, at) for at in self.places if number_of(at) != packet.source.node]
        return [(data, at) for at in self.places if number_of(at) == to]

    def reply(self, source: Endpoint) -> bytes:
        here = Address(1, number_of(("198.51.100.1", 213)), 2)
        return Packet(Address(0, number_of(source), 2), here).encode()


class DosboxXModel(DosboxModel):
    """DOSBox-X: may give the number that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[Endpoint, bytes] = {}

    def restart(self) -> None:
        self.numbers = {}

    def receive(self, data: bytes, source: Endpoint, now: float) -> Datagrams:
        packet = Packet.decode(data)
        if is_registration(packet):
            wanted = wanted_node(packet)
            self.numbers[source] = wanted or number_of(source)
            reply = registration_reply(0, self.numbers[source], node_granted=wanted is not None)
            assert (reply.transport_control == NODE_WANTED) == (wanted is not None)
            return [(reply.encode(), source)]
        to, own = packet.destination.node, packet.source.node
        return [
            (data, at)
            for at, number in self.numbers.items()
            if to == number or (to == BROADCAST_NODE and number != own)
        ]


class IpxboxModel:
    """ipxbox: one number an address, network 0 alone, sources checked; pings who is silent for 5 seconds.

    A packet to oneself does not come back.
    """

    def __init__(self) -> None:
        self.clients: dict[Endpoint, tuple[bytes, float]] = {}
        self.pinged = 0
        self._count = 0

    def restart(self) -> None:
        self.clients = {}

    def tick(self, now: float) -> Datagrams:
        silent = [at for at, (_, heard) in self.clients.items() if now - heard >= 5]
        self.pinged += len(silent)
        data = bytes(6) + bytes(4) + BROADCAST_NODE + b"\0\2" + bytes(4) + IPXBOX + b"\0\0"
        return [(data, at) for at in silent]

    def receive(self, data: bytes, source: Endpoint, now: float) -> Datagrams:
        packet = Packet.decode(data)
        is_new = is_registration(packet) and packet.destination.node == NULL_NODE
        if is_new and source not in self.clients:
            self._count += 1
            self.clients[source] = (b"\x02\xb0\xc5\0\0" + bytes([self._count]), now)
        if source not in self.clients:
            return []
        number = self.clients[source][0]
        self.clients[source] = (number, now)
        if is_new:
            return [(registration_reply(0, number).encode(), source)]
        if packet.source.network or packet.source.node != number or packet.destination.network:
            return []
        to = packet.destination.node
        return [
            (data, at)
            for at, (other, _) in self.clients.items()
            if at != source and to in (other, BROADCAST_NODE)
        ]


class NwipModel:
    """Our own DOSBox link, with a gateway that passes packets between its clients."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.engine = DosboxServer(NETWORK, GATEWAY, KEY)

    def tick(self, now: float) -> Datagrams:
        due = self.engine.next_deadline()
        if due is not None and due <= now:
            self.engine.advance(now)
        return self._sent()

    def receive(self, data: bytes, source: Endpoint, now: float) -> Datagrams:
        arrival = self.engine.receive_datagram(data, source, now)
        if arrival is not None and arrival.packet[10:16] == BROADCAST_NODE:
            self.engine.send_to_all(arrival.packet, besides=arrival.hop)
        elif arrival is not None:
            self.engine.send(arrival.packet, arrival.packet[10:16])
        return self._sent()

    def _sent(self) -> Datagrams:
        return [(data, address) for data, address, _ in self.engine.datagrams_to_send()]
