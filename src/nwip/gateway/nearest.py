"""How far a service is from this node: what `find` sorts by."""

from collections.abc import Iterable
from typing import NamedTuple

from nwip.directory.records import Key, Kind, Record, Route, Service
from nwip.gateway.gateway import NodeGateway


class Offer(NamedTuple):
    """An offer of a service: in ticks, then networks (hops) from this node, and by whom."""

    ticks: int
    hops: int
    owner: bytes
    service: Service


class Distances:
    """The offers of services as a node sees them; `identity` is the node's own as an owner of records."""

    def __init__(self, gateway: NodeGateway, identity: bytes) -> None:
        self._gateway = gateway
        self._identity = identity

    def nearest(self, keys: Iterable[Key]) -> list[Offer]:
        """Return the nearest offer of each key, of those whose owners can be reached."""
        found = []
        for key in keys:
            offers = [
                offer for record in self._gateway.directory.offers(key) if (offer := self._offer(record))
            ]
            if offers:
                found.append(min(offers, key=lambda offer: offer[:3]))
        return found

    def _offer(self, record: Record) -> Offer | None:
        service, owner = record.value, record.owner
        ticks = 0 if owner == self._identity else self._gateway.ticks_to(owner)
        if ticks is None or not isinstance(service, Service):
            return None
        further = owner != self._identity
        return Offer(ticks + self._behind(owner, service.network), service.hops + further, owner, service)

    def _behind(self, owner: bytes, network: int) -> int:
        """Return the ticks from an owner to a network that it leads to, 0 for the virtual network."""
        for record in self._gateway.directory.offers((Kind.ROUTE, network, "")):
            if record.owner == owner and isinstance(record.value, Route):
                return record.value.ticks
        return 0
