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


_Standing = Record | tuple[Record, ...]


class Offers:
    """Every live record, by kind and key; the offers of a key stand best first.

    A key that one owner offers, as nearly all are, leads to the record itself, several stand in a tuple:
    the directory is the largest thing in memory, and this is a tenth of it.
    """

    __slots__ = ("_by_kind", "_nearest")

    def __init__(self) -> None:
        self._by_kind: dict[Kind, dict[Key, _Standing]] = {kind: {} for kind in Kind}
        self._nearest: dict[int, _Nearest] = {}

    def add(self, key: Key, record: Record) -> None:
        """Add a record, which has this key, and whose owner has no other of it here."""
        standing = self._by_kind[key[0]].get(key)
        self._put(key, standing, tuple(sorted((*_several(standing), record), key=metric)))

    def remove(self, key: Key, record: Record) -> None:
        """Remove a record that was added."""
        standing = self._by_kind[key[0]].get(key)
        self._put(key, standing, tuple(other for other in _several(standing) if other.owner != record.owner))

    def of_kind(self, kind: Kind) -> Iterator[Record]:
        """Give out the records of a kind, of all owners; the table must not change meanwhile."""
        for standing in self._by_kind[kind].values():
            yield from _several(standing)

    def keys(self, kind: Kind) -> Iterator[Key]:
        """Give out each key of a kind once; the table must not change meanwhile."""
        return iter(self._by_kind[kind])

    def services(self, service_type: int) -> Iterator[Key]:
        """Give out each service of a type once, fewest hops first; the table must not change meanwhile."""
        return iter(self._nearest.get(service_type, ()))

    def of_key(self, key: Key) -> list[Record]:
        """Return the offers of a key, best first, perhaps none."""
        return list(_several(self._by_kind[key[0]].get(key)))

    def best(self, key: Key) -> Record | None:
        """Return the best offer of a key."""
        standing = self._by_kind[key[0]].get(key)
        return standing[0] if isinstance(standing, tuple) else standing

    def nearest(self, service_type: int) -> Record | None:
        """Return the service of that type with the fewest hops; of equals, any."""
        key = next(self.services(service_type), None)
        return self.best(key) if key is not None else None

    def _put(self, key: Key, before: _Standing | None, after: tuple[Record, ...]) -> None:
        if after:
            self._by_kind[key[0]][key] = after if len(after) > 1 else after[0]
        else:
            del self._by_kind[key[0]][key]
        if key[0] is Kind.SERVICE and isinstance(key[1], int):
            was, now = _hops(_several(before)), _hops(after)
            if was != now:
                self._refile(key[1], key, was, now)

    def _refile(self, service_type: int, key: Key, was: int | None, now: int | None) -> None:
        nearest = self._nearest.setdefault(service_type, _Nearest())
        if was is not None:
            nearest.remove(key, was)
        if now is not None:
            nearest.add(key, now)
        if not nearest:
            del self._nearest[service_type]


def _several(standing: _Standing | None) -> tuple[Record, ...]:
    if standing is None:
        return ()
    return standing if isinstance(standing, tuple) else (standing,)


def _hops(offers: tuple[Record, ...]) -> int | None:
    """Return the hops of the best of a service's offers."""
    value = offers[0].value if offers else None
    return value.hops if isinstance(value, Service) else None


class _Nearest:
    """The services of one type by the hops of their best offer: at most 16 groups."""

    __slots__ = ("_by_hops",)

    def __init__(self) -> None:
        self._by_hops: dict[int, dict[Key, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_hops)

    def __iter__(self) -> Iterator[Key]:
        for hops in sorted(self._by_hops):
            yield from self._by_hops[hops]

    def add(self, key: Key, hops: int) -> None:
        self._by_hops.setdefault(hops, {})[key] = None

    def remove(self, key: Key, hops: int) -> None:
        group = self._by_hops[hops]
        del group[key]
        if not group:
            del self._by_hops[hops]
