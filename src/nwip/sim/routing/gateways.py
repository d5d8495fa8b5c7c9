"""Simulated gateways: a `NodeGateway` with cables for links. Pure."""

from collections.abc import Callable, Iterable
from typing import Final

from nwip.directory.records import Change, Endpoint, Key, Kind, Node, Value
from nwip.directory.table import Directory
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.ipx.rip import RipEntry
from nwip.links.base import Arrival, Counters, Gateway, Hop
from nwip.links.virtual import VirtualLink
from nwip.routing.numbering import node_number
from nwip.routing.routes import RouteTable
from nwip.sim.clock import Clock
from nwip.sim.routing.boxes import Alarm
from nwip.sim.routing.cables import Cable, Tap
from nwip.sim.routing.domain import SimulatedDomain

NOTICED: Final = 1.0  # seconds until a gateway sees that its session with the DSS is gone
SHARED: Final = b"\x02\xff\xff\xff\xff\x00"  # the node number that all gateways of the domain have on a LAN


class CableLink:
    """A link on a simulated cable; `hosts` are on it, which a joined link tells the gateway of."""

    kind = "cable"
    maximum_size = MAXIMUM_SIZE

    def __init__(self, cable: Cable, node: bytes, tap: Tap, *, joined: bool, star: bool) -> None:
        self.name = cable.name
        self.network = cable.network
        self.node = node
        self.station: bytes | None = None if star else tap.node
        self.joined = joined
        self.star = star
        self.counters = Counters()
        self._tap = tap

    async def open(self, gateway: Gateway) -> None:
        """Nothing: the box hands packets in."""

    async def close(self) -> None:
        """Nothing."""

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to a node number."""
        if isinstance(hop, bytes):
            self._tap.send(packet, self.node, hop)

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Broadcast a packet."""
        del besides
        self._tap.send(packet, self.node, BROADCAST_NODE)

    def release(self, node: bytes) -> None:
        """Nothing: hosts do not move here."""

    def describe(self) -> dict[str, str]:
        """Return nothing."""
        return {}


class GatewayBox:
    """A gateway of the simulated domain. `hosts` of a joined cable are those that are plugged into it."""

    def __init__(self, clock: Clock, domain: SimulatedDomain, name: str, number: int) -> None:
        self.name = name
        self.up = True
        self.uplink = True
        self.endpoint: Endpoint = (f"10.{number % 3}.0.{number}", domain.parameters.data_port)
        self.identity = f"{number:016}".encode()
        self.taps: dict[str, Tap] = {}
        self.watch: Callable[[GatewayBox, set[int]], None] = lambda _box, _networks: None
        self._clock = clock
        self._domain = domain
        self._station = b"\x02\x01\x00\x00" + number.to_bytes(2, "big")
        self._cables: dict[str, tuple[Cable, bool, bool, tuple[bytes, ...]]] = {}
        self._links: dict[str, CableLink] = {}
        self._standing_by: set[str] = set()
        self._alarm: Alarm | None = None
        self.start()

    def plug(self, cable: Cable, *, joined: bool, star: bool, hosts: Iterable[bytes]) -> None:
        """Put a cable into the next port."""
        self._cables[cable.name] = (cable, joined, star, tuple(hosts))
        tap = Tap(cable, self._station, lambda *frame: self._received(cable.name, *frame))
        self.taps[cable.name] = tap
        self._open(cable.name)

    def start(self) -> None:
        """Start without a memory."""
        self.up = True
        self._alarm = None
        self._own: dict[Key, Value] = {}
        self._directory = Directory()
        self._directory.freeze(self._clock.now)
        parameters = self._domain.parameters
        number = node_number(self.endpoint, parameters, self.identity)
        virtual = VirtualLink(parameters.network, number, self.endpoint, opener=self._domain.open)
        self.gateway = NodeGateway(
            self.identity,
            self._directory,
            parameters,
            virtual,
            self,
            subnet_prefix=16,
            clock=lambda: self._clock.now,
            changed=self._changed,
        )
        self.gateway.on_moved(lambda networks: self.watch(self, networks))
        self._alarm = Alarm(self._clock, self.gateway.next_deadline, self.gateway.advance)
        opening = virtual.open(self.gateway)
        try:
            opening.send(None)
        except StopIteration:
            opening.close()
        if self.uplink:
            self._domain.connect(self.endpoint, self.identity, self._follow)
        else:
            self.gateway.session_lost()
        self.offer(Node(number, self.name, [self.endpoint]))
        for cable in self._cables:
            self._open(cable)

    def crash(self) -> None:
        """Fall silent."""
        self.up = False
        if self._alarm is not None:
            self._alarm.stop()
        self._domain.disconnect(self.endpoint)

    def cut_uplink(self) -> None:
        """Lose the way to the domain, its DSS and all other gateways."""
        self.uplink = False
        if self.up:
            self._domain.disconnect(self.endpoint)
            self._clock.after(NOTICED, self._notice)

    def mend_uplink(self) -> None:
        """Have it again: follow the directory anew, and register everything anew."""
        self.uplink = True
        if not self.up:
            return
        known = [(record.owner, record.key) for kind in Kind for record in self._directory.records(kind)]
        self._domain.connect(self.endpoint, self.identity, self._follow)
        gone = [place for place in known if place not in self._domain.records and place[0] != self.identity]
        self._take([change for place in gone if (change := self._directory.drop(*place))])
        self.gateway.session_found()
        for value in self._own.values():
            self._domain.offer(self.identity, value)

    def stand_by(self, cable: Cable, *, stand_by: bool) -> None:
        """Leave a LAN to another gateway, or take it over."""
        if stand_by:
            self._standing_by.add(cable.name)
        else:
            self._standing_by.discard(cable.name)
        link = self._links.get(cable.name)
        if link is not None and self.up:
            self._accept(cable.name)
            (self.gateway.stand_by if stand_by else self.gateway.take_over)(link)

    def carrier(self, cable: Cable, *, present: bool) -> None:
        """Notice that a cable is out, or in again."""
        self.taps[cable.name].plugged = present
        if self.up:
            self.gateway.carrier(self._links[cable.name], present=present)

    @property
    def routes(self) -> RouteTable:
        """The routing table."""
        return self.gateway.router.routes

    def knows(self, key: Key) -> bool:
        """Say whether it knows of a service, through its links or the domain."""
        router = self.gateway.router
        return router.services.best(key) is not None or router.elsewhere.service(key) is not None

    @property
    def expired(self) -> int:
        """How many packets had passed too many routers."""
        return self.gateway.drops()["passed too many routers"]

    @property
    def is_mistaken(self) -> bool:
        """Whether it believes that it is on the virtual network, and is cut off from it."""
        on_it = any(joined for _, joined, _, _ in self._cables.values())
        way = self.routes.best(self._domain.parameters.network)
        attached = way is not None and way.port is not None and way.port.name == self.gateway.virtual.name
        return attached and not self.uplink and not on_it

    def told(self, cable: Cable, network: int) -> RipEntry | None:
        """Return what a host on a cable is told of a network if it asks."""
        if cable.name in self._standing_by:
            return None
        return self.gateway.view(self._links[cable.name]).route(network)

    def node_on(self, cable: Cable) -> bytes:
        """Return the node number by which hosts on a cable send through this gateway."""
        return self._links[cable.name].node

    # As the registry of the gateway.

    def offer(self, value: Value) -> None:
        """Register a value."""
        self._own[value.key] = value
        if self.uplink:
            self._domain.offer(self.identity, value)

    def retract(self, key: Key) -> None:
        """Withdraw a value."""
        if self._own.pop(key, None) is not None and self.uplink:
            self._domain.retract(self.identity, key)

    # What happens.

    def _open(self, name: str) -> None:
        cable, joined, star, hosts = self._cables[name]
        node = self.gateway.virtual.node if joined else SHARED[:5] + bytes([cable.network & 0xFF])
        link = self._links[name] = CableLink(cable, node, self.taps[name], joined=joined, star=star)
        self._accept(name)
        self.gateway.attach(link, active=name not in self._standing_by)
        if name in self._standing_by:
            self.gateway.router.share(self.gateway.view(link).port)
        if not self.taps[name].plugged:
            self.gateway.carrier(link, present=False)
        for host in hosts if joined else ():
            self.gateway.host_gained(link, host, host)

    def _accept(self, name: str) -> None:
        _, joined, _, _ = self._cables[name]
        tap, link = self.taps[name], self._links[name]
        if joined:
            tap.accepts = None
        else:
            tap.accepts = {tap.node} if name in self._standing_by else {tap.node, link.node}

    def _received(self, name: str, packet: bytes, source: bytes, to: bytes) -> None:
        link = self._links[name]
        if not self.up or (link.joined and to in self._cables[name][3]):
            return
        here = packet[6:10] == link.network.to_bytes(4, "big")
        if link.joined and to not in (BROADCAST_NODE, link.node) and not here:
            return  # for another router on the same cable
        self.gateway.receive(link, [Arrival(packet, source)])

    def _follow(self, changes: list[Change]) -> None:
        self._take([seen for change in changes if (seen := self._merge(change))])

    def _merge(self, change: Change) -> Change | None:
        record = change.record
        if record.owner == self.identity:
            return None
        if change.removed:
            return self._directory.drop(record.owner, record.key)
        return self._directory.merge(record, self._clock.now)

    def _take(self, changes: list[Change]) -> None:
        if changes and self.up:
            self.gateway.directory_changed(changes)

    def _notice(self) -> None:
        if self.up and not self.uplink:
            self.gateway.session_lost()

    def _changed(self) -> None:
        if self._alarm is not None:
            self._alarm.arm()
