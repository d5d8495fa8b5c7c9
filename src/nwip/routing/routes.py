"""The routing table: every way that is known to each network, and the one in force. Pure.

The way with the fewest ticks is in force, of equals the one with the fewest hops, of equals the one that was.
The others are kept. When the one in force is lost the next takes its place: at once, if it cannot be an echo
of what we said ourselves; else when its time has come.

No loop, by construction. Let D be the measure (ticks, hops) of the way in force, as it was heard, and the
*floor* the lowest D since the network was last lost. What a router with measure D says is at least D + (1, 1)
where it is heard. A way whose measure is below floor + (1, 1) is therefore that of a router nearer to the
network than we have ever been: it does not lead through us. So along any chain of ways in force the floors
fall, and a chain that comes back to where it began would have to fall below itself. This is the feasibility
condition of DUAL (Garcia-Luna-Aceves, 1993).

Where only longer ways are left they may be echoes. We say 16 hops everywhere, and wait. An echo with k hops
more than the floor + 1 has passed k routers; each of them passes the loss on within `SETTLING`, and then the
echo is gone. A way that has outlived (k + 1) times `SETTLING` is none, and is taken; after 16 of them, with
every way allowed, what is in force becomes the floor. Nothing counts up to 16: an echo is never taken, and a
neighbour whose measure rises is lost like one that goes.

What the domain offers needs no such test: see `registering`.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Final, NamedTuple

from nwip.ipx.numbers import UNREACHABLE_HOPS
from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.port import Port
from nwip.routing.timers import HOLD_DOWN, SETTLING

AN_ECHO: Final = (2, 2)  # ticks and hops that an echo has at least

Measure = tuple[int, int]
"""Ticks, then hops: the lower goes before."""


class Reach(NamedTuple):
    """A way to a network: through `port`, by the router `station` (None: the network is the port's own).

    With no port it leads through the domain, and `station` says to where on it.
    """

    ticks: int
    hops: int
    port: Port | None
    station: Hashable


class _Network:
    """What is known of one network.

    `floor` is the lowest measure, and `fewest` the fewest hops, of a way in force since the network was new;
    `since` says when a way in force was lost last, None when all is well.
    """

    __slots__ = ("attached", "best", "fewest", "floor", "heard", "since")

    def __init__(self) -> None:
        self.attached: Port | None = None
        self.best: Reach | None = None
        self.floor: Measure | None = None
        self.fewest = UNREACHABLE_HOPS
        self.since: float | None = None
        self.heard: dict[tuple[Port, Hashable], tuple[Reach, Hearing[object]]] = {}

    def usable(self, reach: Reach, now: float) -> bool:
        """Say whether a way that was heard cannot lead back to us; see the top of this file."""
        if reach.port is None or not reach.port.active:
            return False
        floor = self.floor
        if floor is None or reach[:2] < (floor[0] + 1, floor[1] + 1):
            return True
        if self.since is None:
            return False
        return now >= self.since + SETTLING * max(1, reach.hops - self.fewest)

    def is_new_to_us(self, reach: Reach) -> bool:
        """Say whether a way that may be an echo comes to where none on a link is in force or was lost."""
        if reach[:2] < AN_ECHO or (self.best is not None and self.best.port is not None):
            return False
        return self.floor is None or (self.since is None and self.best is not None)


class RouteTable:
    """All networks. `elsewhere` gives the best way through the domain, which must be told of by `refresh`.

    `moved` collects the networks whose way in force has changed, `touched` those of which anything else has;
    whoever uses the table empties them. `forgetful(port, now)` says whether we may have told others, not long
    ago and where a station of that port could have heard of it, of networks that we know nothing of any more:
    then what is heard of them may be an echo too. `denied` collects them. The table is bounded by what
    `hearings` has room for, what is attached, and what the domain holds.
    """

    def __init__(self, hearings: Hearings[object], elsewhere: Callable[[int], Reach | None]) -> None:
        self.moved: set[int] = set()
        self.touched: set[int] = set()
        self.denied: set[int] = set()
        self.forgetful: Callable[[Port, float], bool] = lambda _port, _now: False
        self._hearings = hearings
        self._elsewhere = elsewhere
        self._networks: dict[int, _Network] = {}
        self._holds: dict[int, float] = {}
        self._next_hold: float | None = None

    def __len__(self) -> int:
        """Return the number of networks of which something is known, be it that they were lost."""
        return len(self._networks)

    def __iter__(self) -> Iterator[int]:
        """Give out all networks; the table must not change meanwhile."""
        return iter(self._networks)

    def best(self, network: int) -> Reach | None:
        """Return the way in force."""
        entry = self._networks.get(network)
        return entry.best if entry else None

    def attached(self, network: int) -> Port | None:
        """Return the port whose own network it is."""
        entry = self._networks.get(network)
        return entry.attached if entry else None

    def through_links(self, network: int, now: float) -> Reach | None:
        """Return the best way that does not lead through the domain."""
        entry = self._networks.get(network)
        if entry is None:
            return None
        if entry.attached is not None and entry.attached.active:
            return Reach(1, 0, entry.attached, None)
        usable = [reach for reach, _ in entry.heard.values() if entry.usable(reach, now)]
        if entry.best in usable:
            return entry.best
        return min(usable, key=lambda reach: reach[:2], default=None)

    def ways(self, network: int) -> list[Reach]:
        """Return every way that was heard on a link, in force or not."""
        entry = self._networks.get(network)
        return [reach for reach, _ in entry.heard.values()] if entry else []

    def attach(self, network: int, port: Port, now: float) -> None:
        """Learn that a network is the own one of a port."""
        entry = self._networks.setdefault(network, _Network())
        entry.attached = port
        self._select(network, entry, now)

    def detach(self, network: int, now: float) -> None:
        """Learn that a network is no port's own any more."""
        entry = self._networks.get(network)
        if entry is not None and entry.attached is not None:
            entry.attached = None
            self._select(network, entry, now)

    def hear(self, network: int, reach: Reach, hearing: Hearing[object], now: float) -> bool:
        """Take in what a station of a port says; False when there was no room for it."""
        entry = self._networks.get(network)
        place = (hearing.port, hearing.station)
        known = entry.heard.get(place) if entry else None
        if known is not None:
            self._hearings.lift(known[1], network)
        elif not self._hearings.has_room(*place):
            return False
        if entry is None:
            entry = self._networks[network] = _Network()
        if known is None and entry.is_new_to_us(reach) and self.forgetful(hearing.port, now):
            self._doubt(network, entry, now)
        self._hearings.rest(hearing, network)
        entry.heard[place] = (reach, hearing)
        if known is None or known[0] != reach:
            self._select(network, entry, now)
        return True

    def lose(self, network: int, port: Port, station: bytes, now: float) -> None:
        """Forget what a station has said of a network, if it has."""
        entry = self._networks.get(network)
        known = entry.heard.pop((port, station), None) if entry else None
        if entry is not None and known is not None:
            self._hearings.lift(known[1], network)
            self._select(network, entry, now)

    def inherit(self, network: int, port: Port, station: bytes, now: float) -> Reach | None:
        """Answer for what another gateway has said under the node number that is now ours; return that."""
        entry = self._networks.get(network)
        known = entry.heard.get((port, station)) if entry else None
        if entry is None or known is None:
            return None
        said = known[0]
        before = (said.ticks - 1, said.hops - 1)
        entry.floor = before if entry.floor is None else min(before, entry.floor)
        self._wait(network, entry, now)  # also where we had waited: it was said in our name until now
        entry.fewest = min(entry.fewest, before[1])
        self.lose(network, port, station, now)
        return said

    def doubt(self, port: Port, now: float) -> None:
        """Take what is heard on other ports for possible echoes of what was told on this one in our name."""
        for network, entry in list(self._networks.items()):
            ways = [reach for reach, _ in entry.heard.values() if reach.port is not port]
            if any(not way[:2] < AN_ECHO for way in ways):
                self._doubt(network, entry, now)
                self._select(network, entry, now)

    def _doubt(self, network: int, entry: _Network, now: float) -> None:
        self.denied.add(network)
        entry.floor, entry.fewest = (AN_ECHO[0] - 1, AN_ECHO[1] - 1), 1
        self._wait(network, entry, now)

    def refresh(self, network: int, now: float) -> None:
        """Look anew at what the domain offers, and which ports are active."""
        entry = self._networks.get(network)
        if entry is None:
            if self._elsewhere(network) is None:
                return
            entry = self._networks[network] = _Network()
        self._select(network, entry, now)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next; perhaps earlier than it has something to do."""
        return self._next_hold

    def advance(self, now: float) -> None:
        """Let longer ways in whose time has come."""
        if self._next_hold is None or now < self._next_hold:
            return
        for network in [network for network, due in self._holds.items() if due <= now]:
            entry = self._networks[network]
            if entry.since is None or now >= entry.since + HOLD_DOWN:
                self._release(network, entry)
            else:
                self._holds[network] += SETTLING
            self._select(network, entry, now)
        self._next_hold = min(self._holds.values(), default=None)

    def _release(self, network: int, entry: _Network) -> None:
        """End the hold-down: whatever is in force from now on is the floor."""
        self._holds.pop(network, None)
        entry.since = entry.floor = None
        entry.fewest = UNREACHABLE_HOPS

    def _select(self, network: int, entry: _Network, now: float) -> None:
        self.touched.add(network)
        before = entry.best
        lost = before is not None and not self._stands(network, entry, before)
        if lost:
            entry.since = now  # before the next one is chosen: it may be an echo of what is lost just now
        best = self._choose(network, entry, now)
        if best != before:
            entry.best = best
            self.moved.add(network)
        if best is not None:
            entry.fewest = min(entry.fewest, best.hops)
        if best is not None and (entry.floor is None or best[:2] <= entry.floor):
            entry.floor = best[:2]
            self._holds.pop(network, None)
            entry.since = None
        elif entry.floor is None:
            if not entry.heard and best is None and entry.attached is None:
                del self._networks[network]
        elif lost:
            self._wait(network, entry, now)

    def _wait(self, network: int, entry: _Network, now: float) -> None:
        """Let longer ways wait from now on."""
        entry.since = now
        self._holds[network] = due = now + SETTLING
        if self._next_hold is None or due < self._next_hold:
            self._next_hold = due

    def _stands(self, network: int, entry: _Network, reach: Reach) -> bool:
        """Say whether a way that was in force is still there, and no longer than it was."""
        if reach.port is None:
            offered = self._elsewhere(network)
            return offered is not None and offered[:2] <= reach[:2]
        if not reach.port.active:
            return False
        if reach.station is None:
            return entry.attached is reach.port
        heard = entry.heard.get((reach.port, reach.station))
        return heard is not None and heard[0][:2] <= reach[:2]

    def _choose(self, network: int, entry: _Network, now: float) -> Reach | None:
        if entry.attached is not None and entry.attached.active:
            return Reach(1, 0, entry.attached, None)
        before = entry.best
        best = self._elsewhere(network)
        for reach, _ in entry.heard.values():
            shorter = best is None or reach[:2] < best[:2] or (reach == before and reach[:2] == best[:2])
            if shorter and entry.usable(reach, now):
                best = reach
        return best
