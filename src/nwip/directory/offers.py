"""All offers of each key, best first, and the nearest service of each type without a scan. Pure."""

from collections.abc import Iterator

from nwip.directory.records import Host, Key, Kind, Record, Route, Service

Metric = tuple[int, int, bytes]


def metric(record: Record) -> Metric:
    """Return what orders the offers of a key: hops, ticks, owner; for a host, most moves first."""
    match record.value:
        case Service(hops=hops):
            return (hops, 0, record.owner)
        case Route(hops=hops, ticks=ticks):
            return (hops, ticks, record.owner)
        case Host(moves=moves):
            return (-moves, 0, record.owner)
        case _:
            return (0, 0, record.owner)


class Offers:
    """Every live record, by kind and key; the offers of a key stand best first.

    They stand in tuples, which the garbage collector soon leaves alone.
    """

    __slots__ = ("_by_kind", "_nearest")

    def __init__(self) -> None:
        self._by_kind: dict[Kind, dict[Key, tuple[Record, ...]]] = {kind: {} for kind in Kind}
        self._nearest: dict[int, _Nearest] = {}

    def add(self, key: Key, record: Record) -> None:
        """Add a record, which has this key, and whose owner has no other of it here."""
        offers = self._by_kind[key[0]]
        others = offers.get(key)
        offers[key] = tuple(sorted((*others, record), key=metric)) if others else (record,)
        if isinstance(record.value, Service):
            self._nearest.setdefault(record.value.service_type, _Nearest()).add(record.value, record)

    def remove(self, key: Key, record: Record) -> None:
        """Remove a record that was added."""
        offers = self._by_kind[key[0]]
        others = tuple(other for other in offers[key] if other.owner != record.owner)
        if others:
            offers[key] = others
        else:
            del offers[key]
        if isinstance(record.value, Service):
            nearest = self._nearest[record.value.service_type]
            nearest.remove(record.value, record)
            if not nearest:
                del self._nearest[record.value.service_type]

    def of_kind(self, kind: Kind) -> Iterator[Record]:
        """Give out the records of a kind, of all owners; the table must not change meanwhile."""
        for offers in self._by_kind[kind].values():
            yield from offers

    def keys(self, kind: Kind) -> Iterator[Key]:
        """Give out each key of a kind once; the table must not change meanwhile."""
        return iter(self._by_kind[kind])

    def services(self, service_type: int) -> Iterator[Key]:
        """Give out each service of a type once, fewest hops first; the table must not change meanwhile."""
        nearest = self._nearest.get(service_type)
        seen: set[str] = set()
        for record in nearest or ():
            key = record.key
            if key[2] not in seen:
                seen.add(key[2])
                yield key

    def of_key(self, key: Key) -> list[Record]:
        """Return the offers of a key, best first, perhaps none."""
        return list(self._by_kind[key[0]].get(key, ()))

    def best(self, key: Key) -> Record | None:
        """Return the best offer of a key."""
        offers = self._by_kind[key[0]].get(key)
        return offers[0] if offers else None

    def nearest(self, service_type: int) -> Record | None:
        """Return the service of that type with the fewest hops; of equals, any."""
        nearest = self._nearest.get(service_type)
        return nearest.first() if nearest else None


class _Nearest:
    """Services of one type by hops: at most 16 groups, each in order of arrival."""

    __slots__ = ("_by_hops",)

    def __init__(self) -> None:
        self._by_hops: dict[int, dict[tuple[str, bytes], Record]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_hops)

    def __iter__(self) -> Iterator[Record]:
        for hops in sorted(self._by_hops):
            yield from self._by_hops[hops].values()

    def add(self, service: Service, record: Record) -> None:
        self._by_hops.setdefault(service.hops, {})[service.name, record.owner] = record

    def remove(self, service: Service, record: Record) -> None:
        group = self._by_hops[service.hops]
        del group[service.name, record.owner]
        if not group:
            del self._by_hops[service.hops]

    def first(self) -> Record:
        return next(iter(self._by_hops[min(self._by_hops)].values()))
