"""What a link's own RIP and SAP broadcasts teach: networks and services behind it, with their ageing. Pure.

Periodic and triggered updates of our own, split horizon and hold-down belong to the router proper, which
comes later; this is the listening half. Source: IPX Router Specification, chapters 3 and 4.
"""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from nwip.directory.records import Key, Kind, Route, Service
from nwip.ipx import sap
from nwip.ipx.address import NULL_NODE
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE, THIS_NETWORK, UNREACHABLE_HOPS
from nwip.ipx.rip import RipOperation, RipPacket
from nwip.ipx.sap import SapOperation, SapResponse

AGE_LIMIT: Final = 240.0  # seconds: four of the 60-second intervals
ENTRIES_LIMIT: Final = 20_000  # of a link; more are not learned until others have aged out
PLAYER_LIMIT: Final = 128  # of one station of a star, where each is somebody's own: no player is a backbone

_NOT_LEARNED: Final = {THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE}


class Learned(NamedTuple):
    """A value heard on the link: which station told it (its node number), and until when it is believed."""

    value: Route | Service
    station: bytes
    expires: float


class News(NamedTuple):
    """What changed by one packet or by ageing: values to offer to the directory, keys to take back."""

    offers: list[Route | Service]
    retractions: list[Key]


class LinkKnowledge:
    """The networks and services learned from one link. `own_networks` are never learned: we are on them.

    The set may change later; what was learned of a network before it became our own ages out. At most
    `limit` entries are kept, and `station_limit` of one station; what is over is refused and counted.
    """

    def __init__(
        self,
        own_networks: AbstractSet[int],
        limit: int = ENTRIES_LIMIT,
        station_limit: int = ENTRIES_LIMIT,
    ) -> None:
        self._own_networks = own_networks
        self._limit = limit
        self._station_limit = station_limit
        self._of_station: Counter[bytes] = Counter()
        self._entries: dict[Key, Learned] = {}
        self._first_expiry: float | None = None
        self.refused = 0

    def hear_rip(self, payload: bytes, station: bytes, now: float) -> News:
        """Learn from a RIP response of `station`. Other RIP packets teach nothing. Raises `WireError`."""
        packet = RipPacket.decode(payload)
        news = News([], [])
        if packet.operation == RipOperation.RESPONSE:
            for entry in packet.entries:
                if entry.network not in _NOT_LEARNED and entry.network not in self._own_networks:
                    key = (Kind.ROUTE, entry.network, "")
                    if entry.hops >= UNREACHABLE_HOPS:
                        self._lose(key, station, news)
                    else:
                        self._hear(Route(entry.network, entry.hops, entry.ticks), station, now, news)
        return news

    def hear_sap(self, payload: bytes, station: bytes, now: float) -> News:
        """Learn from a SAP response of `station`. Other SAP packets teach nothing. Raises `WireError`."""
        packet = sap.decode(payload)
        news = News([], [])
        if isinstance(packet, SapResponse) and packet.operation == SapOperation.GENERAL_RESPONSE:
            for entry in packet.entries:
                key: Key = (Kind.SERVICE, entry.service_type, entry.name)
                if entry.hops >= UNREACHABLE_HOPS:
                    self._lose(key, station, news)
                elif (
                    entry.name
                    and entry.address.network not in _NOT_LEARNED
                    and entry.address.node != NULL_NODE
                ):
                    service = Service(
                        entry.service_type,
                        entry.name,
                        entry.address.network,
                        entry.address.node,
                        entry.address.socket,
                        entry.hops,
                    )
                    self._hear(service, station, now, news)
        return news

    def station_towards(self, network: int) -> bytes | None:
        """Return the station of the link that leads to a network, None when none does."""
        learned = self._entries.get((Kind.ROUTE, network, ""))
        return learned.station if learned else None

    def value(self, key: Key) -> Route | Service | None:
        """Return what is believed of a network or service, None when it was not heard on this link."""
        learned = self._entries.get(key)
        return learned.value if learned else None

    def keys(self) -> Iterator[Key]:
        """Yield the keys of everything that is believed now."""
        return iter(self._entries)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next; perhaps earlier than it has something to do."""
        return self._first_expiry

    def advance(self, now: float) -> News:
        """Forget what has not been heard for four intervals."""
        dead = [key for key, entry in self._entries.items() if entry.expires <= now]
        for key in dead:
            self._forget(key)
        self._first_expiry = min((entry.expires for entry in self._entries.values()), default=None)
        return News([], dead)

    def _hear(self, value: Route | Service, station: bytes, now: float, news: News) -> None:
        known = self._entries.get(value.key)
        if known is not None and known.station != station and metric(known.value) <= metric(value):
            return
        if known is not None:
            self._forget(value.key)
        elif len(self._entries) >= self._limit or self._of_station[station] >= self._station_limit:
            self.refused += 1
            return
        self._entries[value.key] = Learned(value, station, now + AGE_LIMIT)
        self._of_station[station] += 1
        if self._first_expiry is None:
            self._first_expiry = now + AGE_LIMIT
        if known is None or known.value != value:
            news.offers.append(value)

    def _lose(self, key: Key, station: bytes, news: News) -> None:
        known = self._entries.get(key)
        if known is not None and known.station == station:
            self._forget(key)
            news.retractions.append(key)

    def _forget(self, key: Key) -> None:
        station = self._entries.pop(key).station
        self._of_station[station] -= 1
        if not self._of_station[station]:
            del self._of_station[station]


def metric(value: Route | Service) -> tuple[int, int]:
    """Return what orders two values of one key, the nearer one lower: routes by ticks, then hops."""
    return (value.ticks, value.hops) if isinstance(value, Route) else (0, value.hops)
