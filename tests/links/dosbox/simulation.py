"""A DOSBox-protocol server and its clients on a simulated clock and a network that keeps the accounts."""

from collections import Counter
from collections.abc import Callable

from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival
from nwip.links.dosbox.client import Answered, DosboxClient, Received
from nwip.links.dosbox.engine import DosboxServer, nobodys
from nwip.links.dosbox.events import Event, Joined, Left
from nwip.security.limits import TokenBuckets

NETWORK = 0x00ABCD01
GATEWAY = bytes.fromhex("0000C0000201")
KEY = b"0123456789abcdef"
GAME = 0x869C


def everyone(_host: str) -> bool:
    return True


class Player:
    """A DOSBox at a UDP address; while it is `deaf` nothing reaches it."""

    def __init__(self, world: "World", address: Endpoint, node: bytes | None = None) -> None:
        self.world = world
        self.address = address
        self.engine = DosboxClient(node)
        self.deaf = False
        self.heard: list[Packet] = []
        self.answers: list[tuple[bytes, float]] = []

    @property
    def node(self) -> bytes:
        assert self.engine.address is not None
        return self.engine.address.node

    def register(self) -> "Player":
        self.engine.register(self.world.now)
        self.world.settle()
        return self

    def join(self) -> "Player":
        """Register, and use the number that came."""
        self.register()
        self.send()
        return self

    def send(self, to: bytes = BROADCAST_NODE, socket: int = GAME, payload: bytes = b"hello") -> None:
        self.engine.send(Packet(Address(0, to, socket), Address(0, bytes(6), socket), payload=payload))
        self.world.settle()

    def take(self, data: bytes) -> None:
        self.engine.receive_datagram(data, self.world.now)
        for event in self.engine.events():
            if isinstance(event, Received):
                self.heard.append(event.packet)
            elif isinstance(event, Answered):
                self.answers.append((event.node, event.seconds))


class World:
    """One server, its clients, a clock, and what went over the wire each way by address."""

    def __init__(
        self,
        *,
        key: bytes = KEY,
        limit: int = 1024,
        admit: Callable[[str], bool] = everyone,
        registrations: TokenBuckets | None = None,
        gateway: Callable[[Arrival], None] | None = None,
        reserved: Callable[[bytes], bool] = nobodys,
    ) -> None:
        self.server = DosboxServer(
            NETWORK, GATEWAY, key, limit=limit, admit=admit, registrations=registrations, reserved=reserved
        )
        self.now = 1000.0
        self.players: dict[Endpoint, Player] = {}
        self.arrivals: list[Arrival] = []
        self.sent: list[tuple[float, Endpoint, bytes]] = []
        self.octets_in: Counter[Endpoint] = Counter()
        self.octets_out: Counter[Endpoint] = Counter()
        self.events: list[Event] = []
        self._gateway = gateway or self.switch

    def player(self, address: Endpoint, node: bytes | None = None) -> Player:
        self.players[address] = Player(self, address, node)
        return self.players[address]

    def switch(self, arrival: Arrival) -> None:
        """Be the gateway: pass packets between the clients of the one link."""
        to = arrival.packet[10:16]
        if to == BROADCAST_NODE:
            self.server.send_to_all(arrival.packet, besides=arrival.hop)
        else:
            self.server.send(arrival.packet, to)

    def datagram(self, data: bytes, address: Endpoint, port: int = 0) -> Arrival | None:
        """Let a datagram arrive from an address, and everything happen that follows from it."""
        arrival = self._arrive(data, address, port)
        self.settle()
        return arrival

    def settle(self) -> None:
        """Carry datagrams both ways until there are none."""
        while self._carry():
            self.events += self.server.events()
        self.events += self.server.events()

    def run(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.now + seconds
        while (due := self.server.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.server.advance(self.now)
            self.settle()
        self.now = end

    def pings_to(self, address: Endpoint) -> list[float]:
        """When pings went to an address."""
        return [at for at, to, data in self.sent if to == address and data[10:18] == BROADCAST_NODE + b"\0\2"]

    @property
    def joined(self) -> list[bytes]:
        return [event.node for event in self.events if isinstance(event, Joined)]

    @property
    def left(self) -> list[tuple[bytes, str]]:
        return [(event.node, event.reason) for event in self.events if isinstance(event, Left)]

    def _arrive(self, data: bytes, address: Endpoint, port: int) -> Arrival | None:
        self.octets_in[address] += len(data)
        arrival = self.server.receive_datagram(data, address, self.now, port)
        if arrival is not None:
            self.arrivals.append(arrival)
            self._gateway(arrival)
        return arrival

    def _carry(self) -> bool:
        busy = False
        for data, address, _port in self.server.datagrams_to_send():
            busy = True
            self.sent.append((self.now, address, data))
            self.octets_out[address] += len(data)
            player = self.players.get(address)
            if player is not None and not player.deaf:
                player.take(data)
        for player in self.players.values():
            for data in player.engine.datagrams_to_send():
                busy = True
                self._arrive(data, player.address, 0)
        return busy
