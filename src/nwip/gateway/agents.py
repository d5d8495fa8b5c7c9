"""RIP and SAP on the links of a node: what they teach is registered, what they ask is answered at once.

None of it crosses the virtual network; the directory carries it. Sending updates of our own onto routed
links belongs to the router proper, a later issue.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Protocol

from nwip.dataplane.forwarding import Way
from nwip.directory.records import Key, Kind, Record, Route, Value
from nwip.directory.table import Directory
from nwip.gateway.tables import MeasuredWay, Tables
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.links.base import Link
from nwip.routing.answers import Catalogue, answer
from nwip.routing.learning import ENTRIES_LIMIT, PLAYER_LIMIT, LinkKnowledge, News, metric


class Registry(Protocol):
    """Where a gateway registers what it has: the client of a DSS."""

    def offer(self, value: Value) -> None:
        """Register a value, or a new one for its key."""
        ...

    def retract(self, key: Key) -> None:
        """Withdraw a value."""
        ...


class Agents:
    """The RIP and SAP agents of all links. `identity` is ours as an owner of records."""

    def __init__(self, identity: bytes, directory: Directory, registry: Registry) -> None:
        self._identity = identity
        self._directory = directory
        self._registry = registry
        self._links: dict[str, tuple[Link, LinkKnowledge]] = {}
        self._attached: set[int] = set()

    def attach(self, link: Link, virtual_network: int) -> None:
        """Serve a link; a routed one's network is registered."""
        self._attached |= {virtual_network, link.network}
        station_limit = PLAYER_LIMIT if link.star else ENTRIES_LIMIT
        self._links[link.name] = (link, LinkKnowledge(self._attached, station_limit=station_limit))
        if not link.joined:
            self._register((Kind.ROUTE, link.network, ""))

    def detach(self, link: Link) -> set[int]:
        """Serve a link no longer, and withdraw what it taught; return the networks to look up anew."""
        _, knowledge = self._links.pop(link.name)
        keys = list(knowledge.keys())
        if not link.joined:
            self._attached.discard(link.network)
            keys.append((Kind.ROUTE, link.network, ""))
        return self._publish(News([], keys))

    def hear(self, link: Link, packet: Packet, now: float) -> set[int]:
        """Learn from a RIP or SAP packet; return the networks to look up anew. Raises `WireError`."""
        if link.name not in self._links or packet.source.node == link.node:
            return set()
        knowledge = self._links[link.name][1]
        learn = knowledge.hear_rip if packet.destination.socket == Socket.RIP else knowledge.hear_sap
        return self._publish(learn(packet.payload, packet.source.node, now))

    def answer(self, link: Link, request: Packet, tables: Tables) -> Iterator[Packet]:
        """Yield the responses to a request on a link: everything but what its own hosts say themselves."""
        further = 1 if link.joined else 2
        heard = self._links[link.name][1] if link.name in self._links else None

        def distance(record: Record) -> tuple[int, int] | None:
            if record.owner == self._identity:
                said_there = heard is not None and heard.value(record.key) is not None
                return None if said_there or record.key == (Kind.ROUTE, link.network, "") else (1, 1)
            ticks = tables.ticks_to(record.owner)
            return None if ticks is None else (further, ticks + further - 1)

        return answer(request, Catalogue(self._directory, link.network, link.node, distance))

    def way_here(self, network: int) -> MeasuredWay | None:
        """Return how a network is reached through the links: attached, or behind the nearest station."""
        for link, _ in self._links.values():
            if link.network == network and not link.joined:
                return (0, 0), Way(link, None)
        heard = [
            (metric(value), link, station)
            for link, knowledge in self._links.values()
            if (value := knowledge.value((Kind.ROUTE, network, ""))) is not None
            and (station := knowledge.station_towards(network)) is not None
        ]
        best = min(heard, key=itemgetter(0), default=None)
        return (best[0], Way(best[1], best[2])) if best else None

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        times = (knowledge.next_deadline() for _, knowledge in self._links.values())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> set[int]:
        """Withdraw what has not been heard for long; return the networks to look up anew."""
        networks: set[int] = set()
        for _, knowledge in self._links.values():
            networks |= self._publish(knowledge.advance(now))
        return networks

    def _publish(self, news: News) -> set[int]:
        keys = [value.key for value in news.offers] + news.retractions
        for key in keys:
            self._register(key)
        return {key[1] for key in keys if key[0] == Kind.ROUTE and isinstance(key[1], int)}

    def _register(self, key: Key) -> None:
        """Offer the best that our links have for a key, or withdraw it when none has anything."""
        heard = [knowledge.value(key) for _, knowledge in self._links.values()]
        if any(key == (Kind.ROUTE, link.network, "") and not link.joined for link, _ in self._links.values()):
            heard.append(Route(int(key[1]), hops=0, ticks=1))
        best = min((value for value in heard if value is not None), key=metric, default=None)
        if best is None:
            self._registry.retract(key)
        else:
            self._registry.offer(best)
