"""Which owner is the active gateway of each LAN, and whose routes through it are used no more. Pure.

Several gateways may stand on a LAN, and one is active. When it dies, its records live on until its lease
ends, and another has taken over long before. So a route says through which LAN it goes (`lan`), and the
route to the LAN itself, with 0 hops, says in which *turn* its owner is the active gateway there. Of the
owners that say so the one with the highest (turn, owner) is; what others offer through that LAN is
superseded: kept and passed on, but not used.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator

from nwip.directory.records import Change, Key, Record, Route


class Lans:
    """The turns of every LAN. `of_owner` and `standing` are those of the directory whose records these are.

    It holds a number for each (LAN, owner) of the directory's routes, so the directory's limit is its own. A
    lookup looks at the offers of one key; a takeover looks, in slices, at the records of the LAN's owners.
    """

    def __init__(
        self, of_owner: Callable[[bytes], list[Record]], standing: Callable[[bytes, Key], Record | None]
    ) -> None:
        self._of_owner = of_owner
        self._standing = standing
        self._turns: dict[int, dict[bytes, int]] = {}
        self._active: dict[int, bytes] = {}
        self._routes: dict[int, dict[bytes, int]] = {}  # how many routes each owner has through a LAN
        self._changed: dict[int, bytes | None] = {}  # LANs, and who was active there before
        self._touched: deque[tuple[int, Iterator[Record]]] = deque()

    def add(self, record: Record) -> None:
        """Take in a record of the directory."""
        route = record.value
        if not isinstance(route, Route) or not route.lan:
            return
        counts = self._routes.setdefault(route.lan, {})
        counts[record.owner] = counts.get(record.owner, 0) + 1
        if is_turn(route):
            self._turns.setdefault(route.lan, {})[record.owner] = route.turn
            self._choose(route.lan)

    def remove(self, record: Record) -> None:
        """Take out a record that was added."""
        route = record.value
        if not isinstance(route, Route) or not route.lan:
            return
        if is_turn(route):
            turns = self._turns[route.lan]
            del turns[record.owner]
            if not turns:
                del self._turns[route.lan]
            self._choose(route.lan)
        counts = self._routes[route.lan]
        counts[record.owner] -= 1
        if not counts[record.owner]:
            del counts[record.owner]
        if not counts:
            del self._routes[route.lan]

    def active(self, lan: int) -> bytes | None:
        """Return the owner that is the active gateway of a LAN, None when nobody says so."""
        return self._active.get(lan)

    def highest_turn(self, lan: int, besides: bytes = b"") -> int | None:
        """Return the highest turn that any owner but `besides` has on a LAN, None when there is none."""
        turns = self._turns.get(lan, {})
        return max((turn for owner, turn in turns.items() if owner != besides), default=None)

    def is_superseded(self, record: Record) -> bool:
        """Say whether a record is a route through a LAN whose active gateway is another owner."""
        route = record.value
        if not isinstance(route, Route) or not route.lan:
            return False
        active = self._active.get(route.lan)
        return active is not None and active != record.owner

    def in_use(self, offers: Iterable[Record]) -> list[Record]:
        """Return those of the offers that are not superseded, in their order."""
        if not self._active:
            return list(offers)
        return [record for record in offers if not self.is_superseded(record)]

    def take_changes(self, limit: int, hidden: Container[tuple[bytes, Key]]) -> list[Change]:
        """Return, once, what takeovers mean for standing routes: superseded, or in use again.

        `hidden` are those that filters keep from every answer anyhow. At most `limit` changes a call, for
        which it looks at ten times as many records; `has_changes` says whether there may be more.
        """
        for lan, before in self._changed.items():
            self._touch(lan, before)
        self._changed.clear()
        changes: list[Change] = []
        for _ in range(10 * limit):
            if not self._touched or len(changes) >= limit:
                break
            lan, records = self._touched[0]
            record = next(records, None)
            if record is None:
                self._touched.popleft()
            elif getattr(record.value, "lan", 0) == lan:
                place = (record.owner, record.key)
                if self._standing(*place) is record:
                    changes.append(Change(record, hidden=place in hidden or self.is_superseded(record)))
        return changes

    @property
    def has_changes(self) -> bool:
        """Whether `take_changes` has something to do."""
        return bool(self._touched or self._changed)

    def _choose(self, lan: int) -> None:
        before = self._active.pop(lan, None)
        turns = self._turns.get(lan)
        if turns:
            self._active[lan] = max(turns, key=lambda owner: (turns[owner], owner))
        self._changed.setdefault(lan, before)

    def _touch(self, lan: int, before: bytes | None) -> None:
        """Look at the routes of whoever a change concerns: both owners, or all if there was or is none."""
        after = self._active.get(lan)
        if after != before:
            owners = self._routes.get(lan, {}) if before is None or after is None else (before, after)
            for owner in owners:
                self._touched.append((lan, iter(self._of_owner(owner))))


def is_turn(route: Route) -> bool:
    """Say whether a route is an owner's word that it is the active gateway of the LAN that it leads to."""
    return route.lan == route.network and route.hops == 0
