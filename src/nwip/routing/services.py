"""The services that were heard on links: every station that tells of each, and whom we believe. Pure.

SAP follows RIP: a service is believed from the station that is our next router to its network, and on its
own network from anyone. The ways in force form no loop (`routes`), so what is said of a service flows away
from it and never comes back: it cannot be an echo, and nothing counts up to 16.
"""

from collections.abc import Iterator

from nwip.directory.records import Key, Service
from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.port import Port
from nwip.routing.routes import RouteTable

Told = tuple[Port, Service]
"""A service as it was heard, and the port it was heard on."""


class ServiceTable:
    """All services that were heard. `changed` collects their keys when anything has; its user empties it.

    The table is bounded by what `hearings` has room for.
    """

    def __init__(self, hearings: Hearings[object], routes: RouteTable) -> None:
        self.changed: dict[Key, None] = {}
        self._hearings = hearings
        self._routes = routes
        self._heard: dict[Key, dict[tuple[Port, bytes], tuple[Service, Hearing[object]]]] = {}
        self._at: dict[int, dict[Key, int]] = {}
        self._of_type: dict[int, dict[Key, None]] = {}

    def __contains__(self, key: object) -> bool:
        """Say whether a service was heard on any link."""
        return key in self._heard

    def __iter__(self) -> Iterator[Key]:
        """Give out the keys of all services; the table must not change meanwhile."""
        return iter(self._heard)

    def of_type(self, service_type: int) -> Iterator[Key]:
        """Give out the keys of the services of a type; the table must not change meanwhile."""
        return iter(self._of_type.get(service_type, ()))

    def believed(self, key: Key) -> Iterator[Told]:
        """Yield what is believed of a service, of each port that it was heard on."""
        for (port, station), (service, _) in self._heard.get(key, {}).items():
            if port.active and self._follows(port, station, service.network):
                yield port, service

    def best(self, key: Key) -> Service | None:
        """Return a service as the nearest station that we believe tells of it."""
        services = (service for _, service in self.believed(key))
        return min(services, key=lambda service: service.hops, default=None)

    def said_by(self, key: Key, port: Port, station: bytes) -> Service | None:
        """Return what a station has said of a service."""
        known = self._heard.get(key, {}).get((port, station))
        return known[0] if known else None

    def hear(self, service: Service, hearing: Hearing[object]) -> bool:
        """Take in what a station of a port says; False when there was no room for it."""
        key = service.key
        place = (hearing.port, hearing.station)
        known = self._heard.get(key, {}).get(place)
        if known is not None:
            self._hearings.lift(known[1], key)
        elif not self._hearings.has_room(*place):
            return False
        if known is not None and known[0] == service:
            self._heard[key][place] = (known[0], hearing)
        else:
            if known is not None:
                self._forget_place(known[0], key)
            self._remember_place(service, key)
            self._heard.setdefault(key, {})[place] = (service, hearing)
            self.changed[key] = None
        self._hearings.rest(hearing, key)
        return True

    def lose(self, key: Key, port: Port, station: bytes) -> None:
        """Forget what a station has said of a service, if it has."""
        heard = self._heard.get(key)
        known = heard.pop((port, station), None) if heard else None
        if known is None:
            return
        if not heard:
            del self._heard[key]
        self._forget_place(known[0], key)
        self._hearings.lift(known[1], key)
        self.changed[key] = None

    def route_moved(self, network: int) -> None:
        """Learn that the way to a network has changed, so that others may be believed now."""
        self.changed.update(dict.fromkeys(self._at.get(network, ())))

    def _follows(self, port: Port, station: bytes, network: int) -> bool:
        if network == port.network:
            return True
        reach = self._routes.best(network)
        return reach is not None and reach.port is port and reach.station == station

    def _remember_place(self, service: Service, key: Key) -> None:
        at = self._at.setdefault(service.network, {})
        at[key] = at.get(key, 0) + 1
        self._of_type.setdefault(service.service_type, {})[key] = None

    def _forget_place(self, service: Service, key: Key) -> None:
        at = self._at[service.network]
        at[key] -= 1
        if not at[key]:
            del at[key]
        if not at:
            del self._at[service.network]
        if key not in self._heard:
            of_type = self._of_type[service.service_type]
            of_type.pop(key, None)
            if not of_type:
                del self._of_type[service.service_type]
