"""What the hosts of one link are told, in updates and in answers: everything but what they have there. Pure.

Split horizon: a network whose way in force leads through the link itself is not told of on it, nor a service
that was heard there. Hops count the routers from the link on, ticks also the link itself. To players of the
virtual network the owner of a route is one router away, and the gateway between counts for nothing, as it has
always been with NetWare/IP; on a LAN, joined or not, where other routers listen, every router counts.
"""

from collections.abc import Iterator
from itertools import chain

from nwip.directory.records import Key, Kind, Route, Service
from nwip.ipx.numbers import UNREACHABLE_HOPS, ServiceType
from nwip.ipx.rip import RipEntry
from nwip.ipx.sap import SapEntry
from nwip.routing.elsewhere import Elsewhere
from nwip.routing.port import Port
from nwip.routing.routes import Reach, RouteTable
from nwip.routing.services import ServiceTable

ON_THE_LINK = 1  # hops of a server's own services, as it tells of them itself


class View:
    """The tables as seen from one port; `answers.Knowledge` for its hosts."""

    def __init__(self, port: Port, routes: RouteTable, services: ServiceTable, elsewhere: Elsewhere) -> None:
        self.port = port
        self._routes = routes
        self._services = services
        self._elsewhere = elsewhere

    @property
    def _among_us(self) -> bool:
        """Whether the hosts are players of the virtual network, to whom we are no router on the way."""
        return self.port.joined and not self.port.talks

    @property
    def network(self) -> int:
        """The network of the port."""
        return self.port.network

    @property
    def node(self) -> bytes:
        """Our number on it."""
        return self.port.node

    def networks(self) -> Iterator[int]:
        """Give out all networks, known or lost; the table must not change meanwhile."""
        return iter(self._routes)

    def route(self, network: int) -> RipEntry | None:
        """Return what is said of a network."""
        reach = self._routes.best(network)
        port = self.port
        if reach is None or network == port.network or reach.port is port:
            return None
        further = 0 if reach.port is None and self._among_us else 1
        hops = reach.hops + further
        if hops >= UNREACHABLE_HOPS or (reach.port and self._hidden(network, reach)):
            return None
        return RipEntry(network, hops, min(reach.ticks + further, 0xFFFF))

    def keys(self) -> Iterator[Key]:
        """Give out all services there are; the tables must not change meanwhile."""
        return self._keys(None)

    def entry(self, key: Key) -> SapEntry | None:
        """Return what is said of a service."""
        best: Service | None = None
        for port, service in self._services.believed(key):
            if port is self.port:
                return None
            if (best is None or service.hops < best.hops) and not self._elsewhere.hides(service):
                best = service
        hops = best.hops + 1 if best else UNREACHABLE_HOPS
        offered = self._elsewhere.service(key)
        if offered is not None:
            further = offered.hops + (not self._among_us)
            if further < hops:
                best, hops = offered, further
        if best is None or hops >= UNREACHABLE_HOPS:
            return None
        return entry_of(best, hops)

    def services(self, service_type: int) -> Iterator[SapEntry]:
        """Give out what is said of each service of a type, or of all."""
        keys = self._keys(None if service_type == ServiceType.ANY else service_type)
        return (entry for key in keys if (entry := self.entry(key)))

    def service(self, service_type: int, name: str) -> SapEntry | None:
        """Return what is said of one service."""
        return self.entry((Kind.SERVICE, service_type, name))

    def nearest(self, service_type: int) -> SapEntry | None:
        """Return the nearest service of a type; None if a server on the link itself is to answer."""
        best: SapEntry | None = None
        for key in self._services.of_type(service_type):
            for port, service in self._services.believed(key):
                if port is self.port and service.hops <= ON_THE_LINK:
                    return None
            entry = self.entry(key)
            if entry is not None and (best is None or entry.hops < best.hops):
                best = entry
        offers = (entry for key in self._elsewhere.services(service_type) if (entry := self.entry(key)))
        offered = next(offers, None)
        if offered is not None and (best is None or offered.hops < best.hops):
            best = offered
        return best

    def _hidden(self, network: int, reach: Reach) -> bool:
        return self._elsewhere.hides(Route(network, reach.hops, reach.ticks))

    def _keys(self, service_type: int | None) -> Iterator[Key]:
        here = iter(self._services) if service_type is None else self._services.of_type(service_type)
        others = (key for key in self._elsewhere.services(service_type) if key not in self._services)
        return chain(here, others)


def entry_of(service: Service, hops: int) -> SapEntry:
    """Return what SAP says of a service at a distance."""
    return SapEntry.of(service.service_type, service.name, service.address, hops)
