"""RIP and SAP on the links of a node: what they teach is registered, and they are told what others have.

None of it crosses the virtual network; the directory carries it. The rules are in `routing/`; here they meet
links, the directory and the forwarding tables.
"""

import logging
from collections.abc import Callable, Iterable, Iterator

from nwip.dataplane.forwarding import Way
from nwip.directory.records import Change, Key, Kind, Node, Route, Service
from nwip.directory.table import Directory
from nwip.gateway.domain import DomainView
from nwip.gateway.parts import Parts
from nwip.ipx.address import format_network
from nwip.ipx.numbers import THIS_NETWORK
from nwip.ipx.packet import SOURCE_NODE_OFFSET, SOURCE_SOCKET_OFFSET, Packet
from nwip.links.base import Link
from nwip.routing.alarms import Alarm, disagreement, unusable
from nwip.routing.port import Port
from nwip.routing.registering import Registrar, Registry
from nwip.routing.router import Router
from nwip.routing.routes import Reach
from nwip.routing.timers import ENTRIES_LIMIT, PLAYER_LIMIT
from nwip.routing.view import View

_log = logging.getLogger(__name__)


class Agents:
    """The router behind all links of a gateway. `identity` is ours as an owner of records.

    `refused(link, network, alarm)` is called when the LAN of a joined link has another number,
    `moved(networks)` when ways in force have changed, `learned(link)` when the number of a link's network is
    known. `stamp(link, route)` gives a route the form in which it is registered. `advertises` says whether a
    program of this node has a service.
    """

    def __init__(
        self,
        identity: bytes,
        directory: Directory,
        registry: Registry,
        parts: Parts,
        advertises: Callable[[Key], bool] = lambda _key: False,
    ) -> None:
        self._parts = parts
        self._directory = directory
        domain = DomainView(identity, directory, parts.tables, advertises)
        self.router = Router(domain)
        self.router.numbered = self._numbered
        self.router.disagreed = self._disagreed
        self.moved: Callable[[set[int]], None] = lambda _networks: None
        self.refused: Callable[[Link, int, Alarm], None] = lambda _link, _network, _alarm: None
        self.learned: Callable[[Link], None] = lambda _link: None
        self.stamp: Callable[[Link, Route], Route] = lambda _link, route: route
        self._registrar = Registrar(identity, directory, registry, self._heard, parts.clock())
        self._links: dict[Port, Link] = {}
        self._ports: dict[str, Port] = {}
        virtual = parts.virtual
        self._virtual = Port(virtual.name, virtual.network, virtual.node, joined=True, talks=False)
        self.router.attach(self._virtual, parts.clock())

    def attach(self, link: Link) -> str | None:
        """Serve a link; a routed one's network is registered, if its number is known.

        Returns the reason if it cannot be served because the number is another network's.
        """
        port = Port(
            link.name,
            link.network,
            link.node,
            link.station,
            joined=link.joined,
            talks=not link.joined or link.station is not None,
            station_limit=PLAYER_LIMIT if link.star else ENTRIES_LIMIT,
        )
        self._links[port] = link
        self._ports[link.name] = port
        whose = self._whose(link.network) if not link.joined else None
        reason = None
        if whose is not None:
            alarm = unusable(port, link.network, whose)
            reason = alarm.sentence
            self.router.alarms.stand(port.name, alarm, self._parts.clock())
            port.network, port.talks = THIS_NETWORK, False
        self.router.attach(port, self._parts.clock())
        self.settle()
        self._parts.changed()
        return reason

    def detach(self, link: Link) -> None:
        """Serve a link no longer, and withdraw what it taught."""
        port = self._ports.pop(link.name)
        self.router.alarms.fall(link.name)
        self.router.detach(port, self._parts.clock())
        del self._links[port]
        self.settle()

    def set_active(self, link: Link, *, active: bool) -> None:
        """Let a link lead somewhere, or only be listened to."""
        self.router.set_active(self._ports[link.name], self._parts.clock(), active=active)
        self.settle()
        self._parts.changed()

    def forget(self, link: Link) -> None:
        """Forget what was heard on a link."""
        self.router.forget(self._ports[link.name], self._parts.clock())
        self.settle()

    def share(self, link: Link) -> None:
        """Learn that another router stands on the network of a link, though it may not speak RIP."""
        port = self._ports.get(link.name)
        if port is not None:
            self.router.share(port)

    def view(self, link: Link) -> View:
        """Return what the hosts of a link may know."""
        return self.router.view(self._ports[link.name])

    def renumber(self, link: Link) -> None:
        """Take another node number of ours on a link."""
        port = self._ports.get(link.name, self._virtual)
        self.router.renumber(port, link.node)

    def go_down(self, links: Iterable[Link]) -> None:
        """Tell links that everything is lost that they were told of."""
        for link in links:
            self.router.go_down(self._ports[link.name], self._parts.clock())
        self.settle()
        self._parts.changed()

    def is_quiet(self, link: Link) -> bool:
        """Say whether a link has been told all that it had to be told."""
        return self.router.is_quiet(self._ports[link.name])

    def hear(self, link: Link, data: bytes) -> Packet | None:
        """Learn from a RIP or SAP packet; return it decoded if it may be a question. Raises `WireError`.

        What another node of the domain says on a joined link is known from the directory.
        """
        port = self._ports.get(link.name)
        if port is None:
            return Packet.decode(data)
        now = self._parts.clock()
        if self.router.again(port, data, now):
            return None
        station = data[SOURCE_NODE_OFFSET:SOURCE_SOCKET_OFFSET]
        if link.joined and self._directory.best((Kind.NODE, station, "")) is not None:
            return None
        question = self.router.hear(port, data, now)
        self.settle()
        return question

    def answer(self, link: Link, request: Packet) -> Iterator[Packet]:
        """Yield the responses to a question on a link: everything but what its own hosts say themselves."""
        return self.router.answer(self._ports.get(link.name, self._virtual), request)

    def directory_changed(self, changes: Iterable[Change], keys: Iterable[Key]) -> None:
        """Learn what was registered and withdrawn, and what else (`keys`) is to be looked at anew."""
        changes = list(changes)
        if any(isinstance(change.record.value, Node) for change in changes):
            self.router.hearings.unseal()  # what was a stranger's may now be another node's
        touched = [
            change.record.key for change in changes if isinstance(change.record.value, Route | Service)
        ]
        self._registrar.directory_changed(changes, self._parts.clock())
        self.look_again([*touched, *keys])

    def look_again(self, keys: Iterable[Key]) -> None:
        """Choose anew how networks and services are reached through the domain."""
        networks: dict[int, None] = {}
        services: dict[Key, None] = {}
        for key in keys:
            if key[0] == Kind.ROUTE and isinstance(key[1], int):
                networks[key[1]] = None
            else:
                services[key] = None
        self.router.domain_changed(networks, services, self._parts.clock())
        self.settle()

    def register_anew(self, link: Link) -> None:
        """Bring what is registered of a link's own network up to how it is to be registered now."""
        self._registrar.review([(Kind.ROUTE, link.network, "")], self._parts.clock())

    def cut_off(self, cut_off: bool) -> None:
        """Learn whether the other nodes of the domain can be reached at all.

        The virtual network is then what our own players are on; without any it may be elsewhere.
        """
        self._parts.tables.set_cut_off(cut_off=cut_off)
        here = not cut_off or any(link.joined for link in self._parts.links)
        self.router.set_active(self._virtual, self._parts.clock(), active=here)
        self.look_again([*self._directory.keys(Kind.ROUTE), *self._directory.keys(Kind.SERVICE)])

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        times = (self.router.next_deadline(), self._registrar.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> None:
        """Let what was heard age, and send what is due."""
        self.router.advance(now)
        self._registrar.advance(now)
        self.settle()

    def settle(self) -> None:
        """Send what the router has to say, and bring forwarding and registration up to what it knows."""
        outgoing = self.router.outgoing()
        for port, packet in outgoing:
            self._links[port].send_to_all(packet)
        news = self.router.news()
        if not (outgoing or news.networks or news.services):
            return
        routes, now = self.router.routes, self._parts.clock()
        for network in news.networks:
            way, inward = routes.best(network), routes.through_links(network, now)
            self._parts.tables.place_network(network, self._way(way), self._way(inward))
        if news.moved:
            self.moved(news.moved)
        keys = [(Kind.ROUTE, network, "") for network in news.networks]
        self._registrar.review([*keys, *news.services], now)
        self._parts.changed()

    def _way(self, reach: Reach | None) -> Way | None:
        if reach is None:
            return None
        if reach.port is None:
            return Way(self._parts.virtual, reach.station)
        link = self._links.get(reach.port)
        return Way(link, reach.station) if link is not None else None

    def _heard(self, key: Key, now: float) -> Route | Service | None:
        """Return what our links have of a network or service."""
        if key[0] != Kind.ROUTE or not isinstance(key[1], int):
            return self.router.services.best(key)
        reach = self.router.routes.through_links(key[1], now)
        if reach is None or reach.port is None or reach.port is self._virtual:
            return None
        route = Route(key[1], reach.hops, reach.ticks)
        link = self._links.get(reach.port)
        return self.stamp(link, route) if link is not None else route

    def _whose(self, network: int) -> str | None:
        """Return whose network that is already, as far as we know."""
        if network == THIS_NETWORK:
            return None
        if network == self._virtual.network:
            return "the virtual network"
        other = self.router.routes.attached(network)
        return f"link {other.name}" if other is not None else None

    def _disagreed(self, port: Port, packet: Packet) -> None:
        """Complain about who gives the network on a link another number; a LAN that does is not joined."""
        link, alarm = self._links.get(port), disagreement(port, packet)
        if link is not None and link.joined and link.station is not None:
            self.refused(link, packet.source.network, alarm)
        else:
            self.router.alarms.say(alarm, self._parts.clock())

    def _numbered(self, port: Port, network: int) -> None:
        """Take the number that a router on a link gives to the network there."""
        link, now = self._links[port], self._parts.clock()
        if not port.talks:
            return
        whose = self._whose(network)
        if whose is not None:
            self.router.alarms.say(unusable(port, network, whose), now)
            return
        _log.info("the network on link %s is %s", link.name, format_network(network))
        link.network = network
        self.learned(link)
        self.router.renumber(port, link.node)
        self._parts.tables.own.update(own_addresses(link))
        self._parts.forwarder.shortcuts.clear()
        self.router.number(port, network, now)


def own_addresses(link: Link) -> set[bytes]:
    """Return the addresses (network and node, ten octets) at which this node is spoken to on a link.

    On a joined link without room for other gateways that is the node's own, which does not go with the link.
    """
    if not link.network or (link.joined and link.station is None):
        return set()
    network = link.network.to_bytes(4, "big")
    return {network + node for node in (link.node, link.station) if node is not None}
