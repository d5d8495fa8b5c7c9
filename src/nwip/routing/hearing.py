"""Which packets our knowledge rests on, and until when it is believed. Pure.

A neighbour repeats itself every minute, octet for octet. So what was heard refers to the packet that said
it, and the same packet again costs one look-up: all that it says is believed anew.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Generic, TypeVar

from nwip.routing.port import Port
from nwip.routing.timers import AGE_LIMIT, ENTRIES_LIMIT

K = TypeVar("K")
P = TypeVar("P")


class Hearing(Generic[K]):
    """One packet of a station, what is still believed because of it (`keys`), and until when."""

    __slots__ = ("expires", "keys", "packet", "port", "station")

    def __init__(self, port: Port, station: bytes, packet: bytes, now: float) -> None:
        self.port = port
        self.station = station
        self.packet = packet
        self.expires = now + AGE_LIMIT
        self.keys: dict[K, None] = {}


class Hearings(Generic[K]):
    """All packets that something rests on.

    Of one port at most `limit` keys are kept, and of one station of it its `station_limit`. What is over is
    refused and counted in `refused`.
    """

    def __init__(self, limit: int = ENTRIES_LIMIT) -> None:
        self.refused = 0
        self._limit = limit
        self._all: dict[int, Hearing[K]] = {}
        self._whole: dict[tuple[Port, bytes], Hearing[K]] = {}
        self._count: Counter[Port] = Counter()
        self._of_station: Counter[tuple[Port, bytes]] = Counter()
        self._first: float | None = None

    def again(self, port: Port, packet: bytes, now: float) -> bool:
        """Believe a packet anew that was heard before and of which everything still stands; else False."""
        hearing = self._whole.get((port, packet))
        if hearing is None:
            return False
        hearing.expires = now + AGE_LIMIT
        return True

    def has_room(self, port: Port, station: bytes) -> bool:
        """Say whether a station may teach one thing more; if not, that is counted."""
        if self._count[port] < self._limit and self._of_station[port, station] < port.station_limit:
            return True
        self.refused += 1
        return False

    def rest(self, hearing: Hearing[K], key: K) -> None:
        """Let the belief in `key` rest on a packet."""
        if not hearing.keys:
            self._all[id(hearing)] = hearing
            if self._first is None or hearing.expires < self._first:
                self._first = hearing.expires
        hearing.keys[key] = None
        self._count[hearing.port] += 1
        self._of_station[hearing.port, hearing.station] += 1

    def lift(self, hearing: Hearing[K], key: K) -> None:
        """Let `key` rest on that packet no longer; heard again, the packet is news."""
        del hearing.keys[key]
        self._whole.pop((hearing.port, hearing.packet), None)
        if not hearing.keys:
            del self._all[id(hearing)]
        _less(self._count, hearing.port)
        _less(self._of_station, (hearing.port, hearing.station))

    def seal(self, hearing: Hearing[K]) -> None:
        """Note that a packet has been taken in whole and said nothing that must be acted on each time."""
        if hearing.keys:
            self._whole[hearing.port, hearing.packet] = hearing

    def unseal(self) -> None:
        """Look into every packet anew when it comes: what is ours has changed."""
        self._whole.clear()

    def of(self, port: Port) -> list[Hearing[K]]:
        """Return what rests on the packets of a port."""
        return [hearing for hearing in self._all.values() if hearing.port is port]

    def next_deadline(self) -> float | None:
        """Return when `expired` must be called next; perhaps earlier than it has something to do."""
        return self._first

    def expired(self, now: float) -> Iterator[Hearing[K]]:
        """Yield the packets that are believed no longer; what rests on them is to be lifted."""
        if self._first is None or now < self._first:
            return
        yield from [hearing for hearing in self._all.values() if hearing.expires <= now]
        self._first = min((hearing.expires for hearing in self._all.values()), default=None)


def _less(counter: Counter[P], place: P) -> None:
    counter[place] -= 1
    if not counter[place]:
        del counter[place]
