"""What the other nodes of the domain offer, as far as they can be reached."""

from collections.abc import Callable, Iterable

from nwip.directory.records import Key, Kind, Route, Service
from nwip.directory.table import Directory
from nwip.gateway.tables import Tables
from nwip.ipx.numbers import UNREACHABLE_HOPS
from nwip.routing.routes import Reach


class DomainView:
    """The `Elsewhere` of a gateway's router: the replica, seen from the node with this identity.

    Programs of the node itself are as another node's: `advertises` says which services are theirs.
    """

    def __init__(
        self, identity: bytes, directory: Directory, tables: Tables, advertises: Callable[[Key], bool]
    ) -> None:
        self._advertises = advertises
        self._identity = identity
        self._directory = directory
        self._tables = tables

    def route(self, network: int) -> Reach | None:
        """Return the best way to a network by another node; its `station` is that node's endpoint."""
        best: Reach | None = None
        for record in self._directory.offers((Kind.ROUTE, network, "")):
            peer = self._tables.peer(record.owner)
            route = record.value
            if peer is None or not isinstance(route, Route):
                continue
            reach = Reach(route.ticks + peer.ticks, route.hops + 1, None, peer.endpoint)
            if reach.hops < UNREACHABLE_HOPS and (best is None or reach[:2] < best[:2]):
                best = reach
        return best

    def service(self, key: Key) -> Service | None:
        """Return a service as another node offers it with the fewest hops, that node counted."""
        for record in self._directory.offers(key):
            service = record.value
            if record.owner == self._identity:
                reached = self._advertises(key)
            else:
                reached = self._tables.peer(record.owner) is not None
            if reached and isinstance(service, Service):
                return Service(
                    service.service_type,
                    service.name,
                    service.network,
                    service.node,
                    service.socket,
                    service.hops + 1,
                )
        return None

    def services(self, service_type: int | None) -> Iterable[Key]:
        """Give out the keys of the services of a type, nearest first, or of all."""
        if service_type is None:
            return self._directory.keys(Kind.SERVICE)
        return self._directory.services(service_type)

    def hides(self, value: Route | Service) -> bool:
        """Say whether the domain's filters keep something of our own links from every answer."""
        policy = self._directory.policy
        if not policy:
            return False
        node = self._directory.node_of(self._identity)
        return policy.hides(value, self._identity, node.name if node else "")
