"""A domain in one process without sockets: gateways, memory links, and a directory that all see at once."""

from collections import deque
from collections.abc import Sequence

from nwip.dataplane.port import Port, Received
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Key, Node, Record, Value
from nwip.directory.table import Directory
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.domain_link import DomainLink
from nwip.links.memory import MemoryLink
from nwip.links.virtual import VirtualLink
from nwip.routing.numbering import node_number

NETWORK = 0x00C0FFEE


class Wire:
    """An IP network in memory: `carried` is all that was sent on it, `lost` what nobody listens for."""

    def __init__(self) -> None:
        self.ports: dict[Endpoint, tuple[Endpoint, Received]] = {}
        self.broadcast_ports: dict[Endpoint, list[Received]] = {}
        self.carried: list[tuple[Endpoint, Endpoint, bytes]] = []
        self.lost: list[bytes] = []
        self._queue: deque[tuple[Endpoint, Endpoint, bytes]] = deque()

    def open(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: object = None,
    ) -> Port:
        if shared:
            self.broadcast_ports.setdefault(at, []).append(received)
        else:
            self.ports[at] = (at, received)
        return WirePort(self, at)

    def send(self, source: Endpoint, to: Endpoint, data: bytes) -> None:
        self.carried.append((source, to, data))
        self._queue.append((source, to, data))

    def deliver(self) -> None:
        """Deliver until nothing is under way; bounded, so that a loop fails the test and does not hang it."""
        for _ in range(10_000):
            if not self._queue:
                return
            source, to, data = self._queue.popleft()
            listeners = self.broadcast_ports.get(to, [])
            if to in self.ports:
                listeners = [self.ports[to][1]]
            if not listeners:
                self.lost.append(data)
            for received in listeners:
                received([(data, source)])
        raise AssertionError("packets go round and round")


class WirePort:
    def __init__(self, wire: Wire, endpoint: Endpoint) -> None:
        self._wire = wire
        self.endpoint = endpoint
        self.refused = 0

    def send(self, data: bytes, to: Endpoint) -> bool:
        self._wire.send(self.endpoint, to, data)
        return True

    def close(self) -> None:
        self._wire.ports.pop(self.endpoint, None)


class Domain:
    """Gateways that share one clock and wire; what one registers the others see at once."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters(domain="test", network=NETWORK)
        self.wire = Wire()
        self.now = 1000.0
        self.members: list[Member] = []

    async def member(
        self, ip: str, *, port: int | None = None, broadcast_to: Endpoint | None = None
    ) -> "Member":
        member = Member(self, ip, port or self.parameters.data_port, broadcast_to)
        await member.gateway.virtual.open(member.gateway)
        self.members.append(member)
        for other in self.members:
            for record in list(other.own.values()):
                member.take(Change(record), self.now)
        member.offer(Node(member.gateway.virtual.node, ip, [member.endpoint]))
        return member

    def link(self, number: bytes, at: Endpoint, broadcast_to: Endpoint | None) -> DomainLink:
        """Return a link to the other nodes."""
        return VirtualLink(self.parameters.network, number, at, broadcast_to, opener=self.wire.open)

    def publish(self, change: Change) -> None:
        for member in self.members:
            member.take(change, self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for member in self.members:
            member.gateway.advance(self.now)

    def live(self, seconds: float) -> None:
        """Let time pass as the event loop would: every gateway is woken at its deadlines."""
        end = self.now + seconds
        while True:
            due = [member.gateway.next_deadline() for member in self.members]
            first = min((time for time in due if time is not None), default=end)
            if first >= end:
                break
            self.now = max(self.now, first)
            for member in self.members:
                member.gateway.advance(self.now)
            self.wire.deliver()
        self.pass_time(end - self.now)

    def crossed(self) -> Sequence[Packet]:
        """Return the packets that went over the virtual network."""
        return [Packet.decode(data) for _, _, data in self.wire.carried]


class Member:
    """One node of the domain; as `Registry` it publishes in the shared directory."""

    def __init__(self, domain: Domain, ip: str, port: int, broadcast_to: Endpoint | None) -> None:
        self.domain = domain
        self.identity = ip.encode().ljust(16, b"-")
        self.endpoint = (ip, port)
        self.directory = Directory()
        self.directory.freeze(domain.now)
        self.own: dict[Key, Record] = {}
        self._counter = 0
        self.publishing = True
        number = node_number(self.endpoint, domain.parameters, self.identity)
        virtual = domain.link(number, self.endpoint, broadcast_to)
        self.gateway = NodeGateway(
            self.identity,
            self.directory,
            domain.parameters,
            virtual,
            self,
            subnet_prefix=None,
            clock=lambda: domain.now,
            changed=self._deadline_changed,
        )
        self.deadlines = 0  # how often another deadline was told of

    def _deadline_changed(self) -> None:
        self.deadlines += 1

    def offer(self, value: Value) -> None:
        self._counter += 1
        record = Record(self.identity, 1, self._counter, value)
        self.own[value.key] = record
        self._publish(Change(record))

    def retract(self, key: Key) -> None:
        record = self.own.pop(key, None)
        if record is not None:
            self._counter += 1
            self._publish(Change(Record(self.identity, 1, self._counter, record.value), removed=True))

    def take(self, change: Change, now: float) -> None:
        record = change.record
        if change.removed:
            change_seen = self.directory.withdraw(record.owner, record.key, record.sequence, now)
        else:
            change_seen = self.directory.merge(record, now)
        if change_seen:
            self.gateway.directory_changed([change_seen])

    def _publish(self, change: Change) -> None:
        if self.publishing:
            self.domain.publish(change)
        else:
            self.take(change, self.domain.now)

    async def lan(
        self,
        name: str,
        network: int = NETWORK,
        *,
        joined: bool = True,
        star: bool = False,
        station: bytes | None = None,
        active: bool = True,
    ) -> MemoryLink:
        node = self.gateway.virtual.node if joined else b"\x02\x00\x00\x00\x00\xfe"
        link = MemoryLink(name, network, node, joined=joined, station=station)
        link.star = star
        self.gateway.attach(link, active=active)
        await link.open(self.gateway)
        return link


class Station:
    """A host on a memory link that keeps what it hears."""

    def __init__(self, link: MemoryLink, node: str, network: int | None = None) -> None:
        self.link = link
        self.node = bytes.fromhex(node)
        self.network = link.network if network is None else network
        self.heard: list[Packet] = []
        link.attach(self.node, self.heard.append)

    def address(self, socket: int = 0x5678) -> Address:
        return Address(self.network, self.node, socket)

    def send(self, to: Address, payload: bytes = b"", packet_type: int = 0, socket: int = 0x5678) -> Packet:
        packet = Packet(to, self.address(socket), packet_type, payload)
        self.link.transmit(packet)
        return packet

    def broadcast(self, payload: bytes = b"", socket: int = 0x5678, packet_type: int = 0) -> Packet:
        return self.send(Address(self.network, BROADCAST_NODE, socket), payload, packet_type, socket)
