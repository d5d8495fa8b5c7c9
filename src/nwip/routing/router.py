"""An IPX router but for its forwarding: RIP and SAP of all its ports. Pure.

Octets of RIP and SAP packets in, packets to send out; `now` is seconds. The same engine is the routing side
of a gateway, and a router that belongs to no domain. What it does and why: docs/routing.md. Source: IPX
Router Specification, chapters 3 and 4.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from nwip.directory.records import Key, Service
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE
from nwip.ipx.numbers import THIS_NETWORK
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET, Packet
from nwip.ipx.rip import RipEntry
from nwip.routing.alarms import Alarms
from nwip.routing.answers import answer
from nwip.routing.elsewhere import Elsewhere, Nowhere
from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.intake import Intake, response_in
from nwip.routing.line import Line
from nwip.routing.port import Port
from nwip.routing.routes import RouteTable
from nwip.routing.services import ServiceTable
from nwip.routing.timers import AGE_LIMIT, LISTENING, START_DELAY
from nwip.routing.view import View, entry_of

FOR_EVER: Final = float("inf")
_NO_STATIONS: Final = {BROADCAST_NODE, NULL_NODE}


class News(NamedTuple):
    """What has changed: networks whose way in force is another, and keys of whatever else has changed."""

    moved: set[int]
    networks: set[int]
    services: dict[Key, None]


class Router:
    """RIP and SAP on any number of ports. `elsewhere` is what is learned otherwise than from them.

    `numbered(port, network)` is called when the number of a port's network was heard that had none, and
    `disagreed(port, packet)` when a router or server there gives it another number than it has.
    """

    def __init__(self, elsewhere: Elsewhere | None = None) -> None:
        self.alarms = Alarms()
        self.numbered: Callable[[Port, int], None] = lambda _port, _network: None
        self.disagreed: Callable[[Port, Packet], None] = lambda _port, _packet: None
        self.elsewhere = elsewhere or Nowhere()
        self.hearings: Hearings[object] = Hearings()
        self.routes = RouteTable(self.hearings, self.elsewhere.route)
        self.services = ServiceTable(self.hearings, self.routes)
        self.routes.forgetful = self._forgetful
        self._lines: dict[Port, Line] = {}
        self._intake = Intake(self.hearings, self.routes, self.services, self._lines, self.alarms)
        self._outgoing: list[tuple[Port, bytes]] = []
        self._news = News(set(), set(), {})

    @property
    def ports(self) -> Iterable[Port]:
        """The ports that are attached."""
        return self._lines.keys()

    def attach(self, port: Port, now: float) -> None:
        """Take a port in. Updates and questions begin in a moment, when the link behind it is open."""
        view = View(port, self.routes, self.services, self.elsewhere)
        self._lines[port] = line = Line(port, view, now)
        self.hearings.unseal()
        if port.network != THIS_NETWORK and self.routes.attached(port.network) is None:
            self.routes.attach(port.network, port, now)
        line.start(now + START_DELAY)
        self._settle(now)
        self._transmit(now)

    def detach(self, port: Port, now: float) -> None:
        """Leave a port out, with everything that was learned on it."""
        self.hearings.unseal()
        self.forget(port, now)
        del self._lines[port]
        if self.routes.attached(port.network) is port:
            self.routes.detach(port.network, now)
        self._settle(now)

    def number(self, port: Port, network: int, now: float) -> None:
        """Give the network on a port its number, which was not known till now."""
        port.network = network
        self.hearings.unseal()
        self.routes.attach(network, port, now)
        self._lines[port].start(now)
        self._settle(now)
        self._transmit(now)

    def renumber(self, port: Port, node: bytes) -> None:
        """Take another node number on a port."""
        port.node = node
        self._lines[port].renew()

    def share(self, port: Port) -> None:
        """Learn that another gateway stands on the network of a port, though it may not speak RIP."""
        line = self._lines[port]
        line.shared = line.succeeds = True

    def set_active(self, port: Port, now: float, *, active: bool) -> None:
        """Let a port lead somewhere and be told things, or only listen, because another router has the LAN.

        Nothing is taken back on it: who comes next goes on under the same node number.
        """
        if port.active is active:
            return
        port.active = active
        self.hearings.unseal()
        line = self._lines[port]
        line.stop()
        line.start(now)
        if active:
            self._inherit(line, now)
            knows_all = now >= line.listens_since + LISTENING
            line.young_until = now if knows_all else now + AGE_LIMIT
            if line.succeeds and not knows_all:
                self.routes.doubt(port, now)
        line.listens_since = now
        keys: dict[object, None] = {port.network: None} if port.network != THIS_NETWORK else {}
        for hearing in self.hearings.of(port):
            keys.update(hearing.keys)
        for key in keys:
            if isinstance(key, int):
                self.routes.refresh(key, now)
            elif isinstance(key, tuple):
                self.services.changed[key] = None
        self._settle(now)
        self._transmit(now)

    def forget(self, port: Port, now: float) -> None:
        """Forget everything that was heard on a port."""
        self._lines[port].listens_since = now
        for hearing in self.hearings.of(port):
            self._forget(hearing, now)
        self._settle(now)

    def go_down(self, port: Port, now: float) -> None:
        """Say on a port that everything told there is lost, because the port or the node stops."""
        self._lines[port].go_down()
        self._transmit(now)

    def is_quiet(self, port: Port) -> bool:
        """Say whether everything is said on a port that had to be said."""
        return self._lines[port].quiet

    def hear(self, port: Port, data: bytes, now: float) -> Packet | None:
        """Learn from a RIP or SAP packet; return it decoded if it may be a question. Raises `WireError`.

        What was heard `again` need not be shown to it.
        """
        packet = Packet.decode(data)
        line = self._lines.get(port)
        if line is None or port.is_own(packet.source.node) or packet.source.node in _NO_STATIONS:
            return None
        response = response_in(packet)
        if response is None:
            return packet
        line.answered(packet.destination.socket)
        if packet.source.network == port.network:
            self._intake.take(response, Hearing(port, packet.source.node, data, now), now)
            self._settle(now)
        elif not packet.transport_control:  # else it comes from elsewhere, where the number may be right
            notice = self.disagreed if port.network != THIS_NETWORK else None
            if notice is not None:
                notice(port, packet)
            else:
                self.numbered(port, packet.source.network)
        return None

    def again(self, port: Port, data: bytes, now: float) -> bool:
        """Believe a packet anew that was heard before and of which everything still stands; else False."""
        if not self.hearings.again(port, data, now):
            return False
        self._lines[port].answered(int.from_bytes(data[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET], "big"))
        return True

    def view(self, port: Port) -> View:
        """Return what the hosts of a port may know."""
        return self._lines[port].view

    def announce(self, port: Port, service: Service, now: float) -> None:
        """Have a service on the network of a port: a server that routes has one on its internal network."""
        hearing: Hearing[object] = Hearing(port, port.node, b"", now)
        hearing.expires = FOR_EVER
        self.services.hear(service, hearing)
        self._settle(now)

    def answer(self, port: Port, request: Packet) -> Iterator[Packet]:
        """Yield the responses to a question that came in on a port; nothing must change meanwhile."""
        if port.active and port.network != THIS_NETWORK:
            yield from answer(request, self._lines[port].view)

    def domain_changed(self, networks: Iterable[int], services: Iterable[Key], now: float) -> None:
        """Learn that `elsewhere` has other ways or services, or hides others."""
        for network in networks:
            self.routes.refresh(network, now)
            for line in self._lines.values():
                line.route_changed(network)
        self.services.changed.update(dict.fromkeys(services))
        self._settle(now)

    def outgoing(self) -> list[tuple[Port, bytes]]:
        """Return the packets that are to be broadcast on ports now, in this order, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def news(self) -> News:
        """Return what has changed since the last call."""
        news, self._news = self._news, News(set(), set(), {})
        return news

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        due = FOR_EVER
        for line in self._lines.values():
            deadline = line.deadline
            due = min(due, deadline)
        for time in (self.hearings.next_deadline(), self.routes.next_deadline()):
            if time is not None and time < due:
                due = time
        return None if due == FOR_EVER else due

    def advance(self, now: float) -> None:
        """Forget what is silent for too long, end waiting, and send what is due."""
        for hearing in self.hearings.expired(now):
            self._forget(hearing, now)
        self.routes.advance(now)
        self._settle(now)
        self._transmit(now)

    def _forget(self, hearing: Hearing[object], now: float) -> None:
        for key in list(hearing.keys):
            if isinstance(key, int):
                self.routes.lose(key, hearing.port, hearing.station, now)
            elif isinstance(key, tuple):
                self.services.lose(key, hearing.port, hearing.station)

    def _inherit(self, line: Line, now: float) -> None:
        """Answer for everything that was told on a port under the node number that is now ours."""
        port = line.port
        for hearing in self.hearings.of(port):
            if hearing.station != port.node:
                continue
            for key in list(hearing.keys):
                if isinstance(key, int):
                    said = self.routes.inherit(key, port, port.node, now)
                    if said is not None:
                        line.inherit_route(RipEntry(key, said.hops, said.ticks))
                elif isinstance(key, tuple):
                    service = self.services.said_by(key, port, port.node)
                    self.services.lose(key, port, port.node)
                    if service is not None:
                        line.inherit_service(key, entry_of(service, service.hops))

    def _forgetful(self, port: Port, now: float) -> bool:
        """Say whether neighbours on other ports may believe things of us that we do not know of."""
        return any(
            now < line.young_until and line.port is not port and line.port.active and line.port.talks
            for line in self._lines.values()
        )

    def _settle(self, now: float) -> None:
        """Pass on what has changed: from routes to services, to all ports, and to whoever asks for news."""
        routes, services = self.routes, self.services
        if not (routes.touched or services.changed):
            return
        for network in routes.moved:
            services.route_moved(network)
        for line in self._lines.values():
            for network in routes.denied:
                line.deny_route(network, now)
            for network in routes.moved:
                line.route_changed(network)
                if now < line.young_until and self._leads_through(network, line.port):
                    line.deny_route(network, now)
            for key in services.changed:
                line.service_changed(key)
        self._news.moved.update(routes.moved)
        self._news.networks.update(routes.touched)
        self._news.services.update(services.changed)
        for told in (routes.denied, routes.moved, routes.touched, services.changed):
            told.clear()
        self._transmit(now)

    def _leads_through(self, network: int, port: Port) -> bool:
        """Say whether the next router to a network stands on a port, where we do not tell of it."""
        reach = self.routes.best(network)
        return reach is not None and reach.port is port and reach.station is not None

    def _transmit(self, now: float) -> None:
        for port, line in self._lines.items():
            if line.deadline <= now:
                self._outgoing.extend((port, packet) for packet in line.advance(now))
