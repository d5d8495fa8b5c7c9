"""Uplinks and DOSBoxes on one server, on a simulated clock and a network that may lose."""

from collections import deque
from collections.abc import Callable

from links.dosbox.simulation import GAME
from links.uplink.servers import DosboxModel, Server
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.client import Answered, DosboxClient, Received
from nwip.links.dosbox.engine import nobodys
from nwip.links.uplink.engine import UplinkClient
from nwip.links.uplink.events import Event, Gained, Lost, PortClosed
from nwip.links.uplink.registrations import DEFAULT_LIMIT

NETWORK = 0x00C0FFEE
NODE = bytes.fromhex("7E01C0000201")
PSEUDO = bytes.fromhex("02CAFE000001")
SERVER: Endpoint = ("198.51.100.1", 213)
FIRST_PORT = 40_000
STEP = 0.25  # seconds between looks at timers


def host(number: int) -> bytes:
    """The node number of one of our hosts."""
    return b"\x02\xaa\0\0" + number.to_bytes(2, "big")


class Player:
    """A DOSBox on the far side."""

    def __init__(self, world: "World", address: Endpoint) -> None:
        self.world = world
        self.address = address
        self.engine = DosboxClient()
        self.heard: list[Packet] = []
        self.answers: list[bytes] = []
        self.engine.register(world.now)

    @property
    def node(self) -> bytes:
        assert self.engine.address is not None
        return self.engine.address.node

    def send(self, to: bytes = BROADCAST_NODE, payload: bytes = b"far", socket: int = GAME) -> None:
        network = self.engine.address.network if self.engine.address else 0
        self.engine.send(Packet(Address(network, to, socket), Address(0, bytes(6), socket), payload=payload))
        self.world.settle()

    def take(self, data: bytes) -> None:
        self.engine.receive_datagram(data, self.world.now)
        for event in self.engine.events():
            if isinstance(event, Received):
                self.heard.append(event.packet)
            elif isinstance(event, Answered):
                self.answers.append(event.node)


class Uplink:
    """The engine of one gateway's uplink at an IP address, and what it handed on."""

    def __init__(self, world: "World", ip: str, engine: UplinkClient) -> None:
        self.world = world
        self.ip = ip
        self.engine = engine
        self.arrived: list[Packet] = []
        self.closed: set[int] = set()
        self.events: list[Event] = []
        self.sent: list[tuple[float, int, bytes]] = []

    def send(
        self,
        source: bytes,
        to: bytes = BROADCAST_NODE,
        payload: bytes = b"ours",
        *,
        network: int = NETWORK,
        socket: int = GAME,
        come_from: int | None = None,
    ) -> None:
        here = Address(network, source, socket if come_from is None else come_from)
        packet = Packet(Address(NETWORK, to, socket), here, payload=payload)
        self.engine.send(packet.encode(), self.world.now)
        self.world.settle()

    @property
    def gained(self) -> list[bytes]:
        return [event.node for event in self.events if isinstance(event, Gained)]

    @property
    def lost(self) -> list[tuple[bytes, str]]:
        return [(event.node, event.reason) for event in self.events if isinstance(event, Lost)]

    @property
    def drops(self) -> dict[str, int]:
        return self.engine.counters.drops

    def number_of(self, node: bytes) -> bytes:
        """The number that a host of ours has on the far side."""
        (number,) = [
            view.number for view in self.engine.registrations() if view.host and view.host.node == node
        ]
        assert number is not None
        return number

    def take(self, data: bytes, port: int) -> None:
        arrival = self.engine.receive_datagram(data, port, self.world.now)
        if arrival is not None:
            self.arrived.append(Packet.decode(arrival.packet))


class World:
    """`lose` says of a datagram, to or from the server, whether it is lost; the server may be `down`."""

    def __init__(self, server: Server | None = None) -> None:
        self.now = 1000.0
        self.server = server or DosboxModel()
        self.down = False
        self.lose: Callable[[bytes, Endpoint, Endpoint], bool] = lambda _data, _source, _to: False
        self.players: dict[Endpoint, Player] = {}
        self.uplinks: dict[str, Uplink] = {}
        self.carried = 0
        self._wire: deque[tuple[bytes, Endpoint, Endpoint]] = deque()

    def uplink(
        self,
        ip: str = "192.0.2.1",
        *,
        limit: int = DEFAULT_LIMIT,
        choose: bool = True,
        elsewhere: Callable[[bytes], bool] = nobodys,
        reserved: Callable[[bytes], bool] = nobodys,
        open_now: bool = True,
    ) -> Uplink:
        engine = UplinkClient(
            NETWORK,
            NODE,
            PSEUDO,
            lambda: 0.5,
            limit=limit,
            choose=choose,
            elsewhere=elsewhere,
            reserved=reserved,
        )
        self.uplinks[ip] = Uplink(self, ip, engine)
        engine.start(self.now)
        self.settle()
        if open_now:
            self.run(1.5)
            assert engine.is_open
        return self.uplinks[ip]

    def player(self, ip: str = "192.0.2.9", port: int = 213) -> Player:
        player = self.players[ip, port] = Player(self, (ip, port))
        self.settle()
        return player

    def settle(self) -> None:
        """Carry datagrams until there are none; bounded, so that a storm fails the test."""
        for _ in range(20_000):
            self._collect()
            if not self._wire:
                return
            data, source, to = self._wire.popleft()
            self.carried += 1
            if not self.lose(data, source, to):
                self._deliver(data, source, to)
        raise AssertionError("packets go round and round")

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + STEP, end)
            for data, to in [] if self.down else self.server.tick(self.now):
                self._wire.append((data, SERVER, to))
            for uplink in self.uplinks.values():
                due = uplink.engine.next_deadline()
                if due is not None and due <= self.now:
                    uplink.engine.advance(self.now)
            for player in self.players.values():
                player.engine.advance(self.now)
            self.settle()

    def from_server(self, uplink: Uplink, data: bytes, port: int = 0) -> None:
        """Let the server send something of its own to a port of an uplink."""
        self._wire.append((data, SERVER, (uplink.ip, FIRST_PORT + port)))
        self.settle()

    def _collect(self) -> None:
        for uplink in self.uplinks.values():
            for data, port in uplink.engine.datagrams_to_send():
                assert port not in uplink.closed
                uplink.sent.append((self.now, port, data))
                self._wire.append((data, (uplink.ip, FIRST_PORT + port), SERVER))
            for event in uplink.engine.events():
                uplink.events.append(event)
                if isinstance(event, PortClosed):
                    uplink.closed.add(event.port)
        for player in self.players.values():
            self._wire.extend((data, player.address, SERVER) for data in player.engine.datagrams_to_send())

    def _deliver(self, data: bytes, source: Endpoint, to: Endpoint) -> None:
        if to == SERVER:
            if not self.down:
                answers = self.server.receive(data, source, self.now)
                self._wire.extend((answer, SERVER, at) for answer, at in answers)
        elif to in self.players:
            self.players[to].take(data)
        elif to[0] in self.uplinks:
            uplink = self.uplinks[to[0]]
            port = to[1] - FIRST_PORT
            if port not in uplink.closed:
                uplink.take(data, port)
