"""Simulated machines on cables: hosts, and routers that belong to no domain. Pure."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from nwip.dataplane.forwarding import Forwarder, Outlet, Way
from nwip.directory.records import Key, Service
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import MAXIMUM_HOPS, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry
from nwip.routing.port import Port
from nwip.routing.router import Router
from nwip.routing.routes import RouteTable
from nwip.sim.clock import Clock
from nwip.sim.routing.cables import PROBE_SOCKET, Cable, Tap

_RIP_OR_SAP = {Socket.RIP.to_bytes(2, "big"), Socket.SAP.to_bytes(2, "big")}


class Alarm:
    """Calls `advance` of an engine when its deadline has come."""

    def __init__(
        self, clock: Clock, next_deadline: Callable[[], float | None], advance: Callable[[float], None]
    ) -> None:
        self._clock = clock
        self._next_deadline = next_deadline
        self._advance = advance
        self._set_for: float | None = None
        self._running = True

    def stop(self) -> None:
        """Call nobody any more."""
        self._running = False

    def arm(self) -> None:
        """Look at the deadline anew."""
        due = self._next_deadline()
        if due is not None and (self._set_for is None or due < self._set_for):
            self._set_for = due = max(due, self._clock.now)
            self._clock.at(due, lambda: self._fire(due))

    def _fire(self, due: float) -> None:
        if self._running and self._set_for == due:
            self._set_for = None
            self._advance(self._clock.now)
            self.arm()


class Host:
    """A machine that is no router: it asks for a route and sends; what arrives is noted in `arrived`."""

    def __init__(self, cable: Cable, node: bytes, arrived: set[bytes]) -> None:
        self.node = node
        self.cable = cable
        self._arrived = arrived
        self.tap = Tap(cable, node, self._received)

    @property
    def address(self) -> Address:
        """Where it can be reached."""
        return Address(self.cable.network, self.node, PROBE_SOCKET)

    def send(self, to: Address, name: bytes, router: bytes) -> None:
        """Send a probe to an address by a router of the cable, or directly when that is its own network."""
        packet = Packet(to, self.address, 0, name)
        self.tap.send(packet.encode(), self.node, to.node if to.network == self.cable.network else router)

    def _received(self, packet: bytes, source: bytes, to: bytes) -> None:
        del source
        if packet[10:16] == self.node and to == self.node:
            self._arrived.add(packet[30:])


@dataclass(eq=False)
class _Outlet:
    """A port of a plain router, as the forwarder sees it."""

    tap: Tap
    port: Port
    star: bool = False

    def send(self, packet: bytes, hop: Hashable) -> None:
        if isinstance(hop, bytes):
            self.tap.send(packet, self.port.node, hop)


class PlainRouter:
    """An IPX router that belongs to no domain: the engine of `routing.router` and a forwarder."""

    def __init__(self, clock: Clock, name: str, number: int) -> None:
        self.name = name
        self.up = True
        self.watch: Callable[[PlainRouter, set[int]], None] = lambda _box, _networks: None
        self._clock = clock
        self._node = b"\x02\x00\x00\x00" + number.to_bytes(2, "big")
        self.taps: dict[str, Tap] = {}
        self._served: tuple[str, Service] | None = None
        self.start()

    def plug(self, cable: Cable) -> None:
        """Put a cable into the next port."""
        self.taps[cable.name] = tap = Tap(cable, self._node, lambda *frame: self._received(tap, *frame))
        self._open(tap)

    def serve(self, cable: Cable, service: Service) -> None:
        """Have a service on a cable, as a server has on its internal network."""
        self._served = (cable.name, service)
        self._open_service()

    def start(self) -> None:
        """Start without a memory."""
        self.up = True
        self.router = router = Router()
        self.forwarder = Forwarder(self._unusual, MAXIMUM_HOPS)
        self._outlets: dict[Tap, _Outlet] = {}
        self._of_port: dict[Port, _Outlet] = {}
        self._alarm = Alarm(self._clock, router.next_deadline, self._advance)
        for tap in self.taps.values():
            self._open(tap)
        self._open_service()

    def crash(self) -> None:
        """Fall silent."""
        self.up = False
        self._alarm.stop()

    def carrier(self, cable: Cable, *, present: bool) -> None:
        """Notice that a cable is out, or in again."""
        tap = self.taps[cable.name]
        tap.plugged = present
        if self.up:
            port = self._outlets[tap].port
            self.router.set_active(port, self._clock.now, active=present)
            if not present:
                self.router.forget(port, self._clock.now)
            self._settle()
            self._alarm.arm()

    @property
    def routes(self) -> RouteTable:
        """The routing table."""
        return self.router.routes

    @property
    def expired(self) -> int:
        """How many packets had passed too many routers."""
        return self.forwarder.expired

    def told(self, cable: Cable, network: int) -> RipEntry | None:
        """Return what a host on a cable is told of a network if it asks."""
        outlet = self._outlets.get(self.taps[cable.name])
        return self.router.view(outlet.port).route(network) if outlet else None

    def node_on(self, cable: Cable) -> bytes:
        """Return the node number by which hosts on a cable send through this router."""
        return self.taps[cable.name].node

    def _open(self, tap: Tap) -> None:
        port = Port(tap.cable.name, tap.cable.network, self._node, active=tap.plugged)
        self._outlets[tap] = self._of_port[port] = _Outlet(tap, port)
        self.forwarder.own.add(port.network.to_bytes(4, "big") + port.node)
        self.router.attach(port, self._clock.now)
        self._settle()
        self._alarm.arm()

    def _open_service(self) -> None:
        if self._served is not None:
            cable, service = self._served
            port = self._outlets[self.taps[cable]].port
            self.router.announce(port, service, self._clock.now)
            self._settle()

    def knows(self, key: Key) -> bool:
        """Say whether it knows of a service."""
        return self.router.services.best(key) is not None

    def _received(self, tap: Tap, packet: bytes, source: bytes, to: bytes) -> None:
        del to
        if self.up:
            self.forwarder.forward(self._outlets[tap], [(packet, source)])

    def _unusual(self, inlet: Outlet, packet: bytes, hop: Hashable) -> None:
        assert isinstance(inlet, _Outlet)  # noqa: S101 - nothing else is given to the forwarder
        port, router, now = inlet.port, self.router, self._clock.now
        if packet[16:18] not in _RIP_OR_SAP or router.again(port, packet, now):
            return
        if packet[10:16] not in (BROADCAST_NODE, self._node):
            return
        question = router.hear(port, packet, now)
        if question is not None:
            for answer in tuple(router.answer(port, question)):
                inlet.send(answer.encode(), hop)
        self._settle()

    def _advance(self, now: float) -> None:
        self.router.advance(now)
        self._settle()

    def _settle(self) -> None:
        outgoing, news = self.router.outgoing(), self.router.news()
        for port, packet in outgoing:
            self._of_port[port].send(packet, BROADCAST_NODE)
        networks, moved = self.forwarder.networks, news.moved
        for network in moved:
            reach = self.router.routes.best(network)
            key = network.to_bytes(4, "big")
            if reach is None or reach.port is None:
                networks.pop(key, None)
            else:
                networks[key] = Way(self._of_port[reach.port], reach.station)
        if moved:
            self.watch(self, moved)
        if outgoing or news.networks or news.services:
            self._alarm.arm()
