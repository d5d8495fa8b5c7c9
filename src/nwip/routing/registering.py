"""What of a gateway's links is registered with the domain: only what did not come from the domain. Pure.

RIP does not say where a network was first heard. Its hops do. A member tells its LAN of what owner O offers
with h hops as h + 2 hops, and every router between adds one. So what is heard with more than h + 1 hops
while, or soon after, somebody offers it with h may be that offer come back, and is not registered; what is
heard with h + 1 or less cannot be. This holds for what we offered ourselves, too. Soon after means four
minutes: as long a router believes a neighbour that has died.

So no offer rests on another, and each leads from its owner through LANs to the network without using the
domain again. That is why offers of others are believed at once, and why no way can go through the domain, a
LAN, and the domain again for ever: see docs/routing.md, No loop.

Also not registered is what somebody else offers with fewer hops: nobody would go that way.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from nwip.directory.records import Change, Key, Route, Service, Value
from nwip.directory.table import Directory
from nwip.routing.timers import HOLD_DOWN, REGISTRATION_HOLD_DOWN

HOLDS_LIMIT: Final = 200_000  # withdrawals remembered; the oldest is forgotten


class Registry(Protocol):
    """Where a gateway registers what it has: the client of a DSS."""

    def offer(self, value: Value) -> None:
        """Register a value, or a new one for its key."""
        ...

    def retract(self, key: Key) -> None:
        """Withdraw a value."""
        ...


class Registrar:
    """Registers for the owner `identity` the best that `heard` says of a key, or withdraws it.

    Begun at `since`, it does not know what an earlier life of the owner had registered, and takes it for a
    while that this was everything, with no hops. What waits then is bounded by what `heard` is.
    """

    def __init__(
        self,
        identity: bytes,
        directory: Directory,
        registry: Registry,
        heard: Callable[[Key, float], Route | Service | None],
        since: float,
    ) -> None:
        self._identity = identity
        self._directory = directory
        self._registry = registry
        self._heard = heard
        self._offered: dict[Key, Route | Service] = {}
        self._young_until = since + HOLD_DOWN
        self._early: dict[Key, None] = {}
        self._holds: OrderedDict[Key, tuple[float, int]] = OrderedDict()

    def review(self, keys: Iterable[Key], now: float) -> None:
        """Bring what is registered of some keys up to what is heard of them."""
        for key in keys:
            heard = self._heard(key, now)
            before = self._offered.get(key)
            if heard is not None and not self._may_offer(heard, before, now):
                heard = None
            if heard == before:
                continue
            if before is not None and (heard is None or heard.hops > before.hops):
                self._hold(key, before.hops, now)
            if heard is None:
                del self._offered[key]
                self._registry.retract(key)
            else:
                self._offered[key] = heard
                self._registry.offer(heard)

    def directory_changed(self, changes: Iterable[Change], now: float) -> None:
        """Learn what others have registered and withdrawn."""
        keys: dict[Key, None] = {}
        for change in changes:
            record = change.record
            if record.owner != self._identity and isinstance(record.value, Route | Service):
                if change.removed:
                    self._hold(record.key, record.value.hops, now)
                keys[record.key] = None
        self.review(keys, now)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        first = next(iter(self._holds.values()), None)
        if self._early and (first is None or self._young_until < first[0]):
            return self._young_until
        return first[0] if first else None

    def advance(self, now: float) -> None:
        """Register what had to wait."""
        over: list[Key] = []
        if self._early and now >= self._young_until:
            over += self._early
            self._early.clear()
        while self._holds and next(iter(self._holds.values()))[0] <= now:
            over.append(self._holds.popitem(last=False)[0])
        self.review(over, now)

    def _may_offer(self, heard: Route | Service, before: Route | Service | None, now: float) -> bool:
        if heard.hops == 0 and isinstance(heard, Route):
            return True  # a network of our own
        key = heard.key
        until, hops = self._holds.get(key, (self._young_until, 0))
        if now < until and heard.hops > hops + 1:
            if key not in self._holds:
                self._early[key] = None
            return False
        if before is not None and heard.hops > before.hops + 1:
            return False
        others = (
            record.value.hops
            for record in self._directory.offers(key)
            if record.owner != self._identity and isinstance(record.value, Route | Service)
        )
        return min(others, default=heard.hops) >= heard.hops

    def _hold(self, key: Key, hops: int, now: float) -> None:
        """Remember a withdrawal: of several the fewest hops, until the last of them is old."""
        _, before = self._holds.pop(key, (now, hops))
        self._holds[key] = (now + REGISTRATION_HOLD_DOWN, min(hops, before))
        if len(self._holds) > HOLDS_LIMIT:
            self._holds.popitem(last=False)
