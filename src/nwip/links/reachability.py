"""How a node of a sealed domain is reached, and how it reaches others, where NATs or firewalls stand between.

The *guide* is the node beside the DSS that we are joined to: it is asked where it sees us, and that is what
we register. The tunnel to it is kept open always; behind NAT those to all nodes are, so that our NAT lets in
whoever has our record: two nodes behind NAT call each other at once, and two behind the same NAT by their
addresses inside, which they register too. Who has not answered for a while is called in another way: where it
is seen, through the guide, and from the beginning, in turn. Who is reached through the guide gets a keepalive
straight from time to time: if it arrives, both go straight from then on. Whoever is known when we start is
called once. Pure.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from nwip.directory.records import Endpoint
from nwip.security.keys import identity_of
from nwip.security.sealed.address import Address, Via
from nwip.security.sealed.contents import KEEPALIVE, WHERE_ARE_WE
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.timing import PERSISTENT_AFTER

GUIDED_WITHIN: Final = 3.0  # seconds; after that our own address is taken for the one that others see
GREET_FOR: Final = 3.0  # seconds after the start: the directory is there by then
OTHER_WAY_AFTER: Final = 8.0  # seconds that a node has not answered: it was called twice


class Reachability:
    """Where we are seen and by which way others are called.

    `guide_host` returns the IP address of the DSS, or None when we run it ourselves and need no guide.
    `found` is called when `reached_at` has become another. With `seen_at` nobody need be asked.
    """

    def __init__(
        self,
        packets: SealedPackets,
        own: Callable[[], Endpoint],
        guide_host: Callable[[], str | None],
        found: Callable[[], None],
        seen_at: Endpoint | None = None,
    ) -> None:
        self.reached_at: Endpoint | None = None
        self._packets = packets
        self._own = own
        self._guide_host = guide_host
        self._found = found
        self._seen_at = seen_at
        self._guide: bytes | None = None
        self._is_due = False
        self._own_after: float | None = None
        self._ask_at: float | None = None
        self._greet_until = float("-inf")
        self._homes: dict[bytes, Endpoint] = {}
        self._insides: dict[bytes, Endpoint] = {}
        self._unanswered: dict[bytes, float] = {}
        self._tried: Counter[bytes] = Counter()
        self._nudge_at: float | None = None
        packets.seen = self._seen

    @property
    def relayed(self) -> int:
        """How many nodes are reached through another one now."""
        return sum(map(self._is_relayed, self._homes))

    def start(self, now: float) -> None:
        """Begin to find out where we are seen: `reached_at` is known at once if we need no guide."""
        if self._guide_host() is None or self._seen_at is not None:
            self._take(self._seen_at or self._own())
        else:
            self._own_after = now + GUIDED_WITHIN
        self._greet_until = now + GREET_FOR

    def know(
        self, endpoints: Mapping[bytes, Endpoint], insides: Mapping[bytes, Endpoint], now: float
    ) -> None:
        """Take the public keys and registered endpoints of all peers, and those inside their NATs."""
        host = self._guide_host()
        places = ((public, place) for among in (endpoints, insides) for public, place in among.items())
        guide = next((public for public, place in places if place[0] == host), None)
        met = endpoints.keys() - self._homes.keys() if now < self._greet_until else ()
        self._homes, self._insides = dict(endpoints), dict(insides)
        for gone in self._tried.keys() - endpoints.keys():
            del self._tried[gone]
        for gone in self._unanswered.keys() - endpoints.keys():
            del self._unanswered[gone]
        is_new = guide != self._guide
        self._guide = guide
        self._call(now)
        for public in met:  # it may hold keys of before we started, and learn by this that they are no good
            self._packets.tunnels.post(public, [KEEPALIVE], now)
        if is_new:
            self._ask(now)

    def wants(self, public: bytes, now: float) -> None:
        """Take note that there is something to say to a peer."""
        if public not in self._unanswered and not self._packets.tunnels.is_open(public, now):
            self._unanswered[public] = now

    def established(self, public: bytes, now: float) -> None:
        """Take note of a handshake."""
        self._unanswered.pop(public, None)
        if public == self._guide:
            self._ask(now)

    def ended(self, public: bytes) -> None:
        """Take note that a tunnel is no more: the next is tried by the straight way first."""
        self._tried.pop(public, None)
        self._is_due = True

    def next_deadline(self) -> float | None:
        """Return when to call `advance` at the latest, or None."""
        if self._is_due:
            return 0.0
        times = [began + OTHER_WAY_AFTER for began in self._unanswered.values()]
        times += [time for time in (self._own_after, self._ask_at, self._nudge_at) if time is not None]
        return min(times, default=None)

    def advance(self, now: float) -> None:
        """Do what is due."""
        if self._own_after is not None and now >= self._own_after:
            self._take(self._own())
        if self._ask_at is not None and now >= self._ask_at:
            self._ask(now)
        late = {public for public, began in self._unanswered.items() if now >= began + OTHER_WAY_AFTER}
        for public in late:
            del self._unanswered[public]
        self._tried.update(late)
        if self._nudge_at is not None and now >= self._nudge_at:
            self._nudge(now)
        if late or self._is_due:
            self._is_due = False
            self._call(now)

    def _ask(self, now: float) -> None:
        """Ask the guide where it sees us, now and from time to time: a NAT may have begun anew."""
        self._ask_at = None
        if self._guide is not None and self._packets.tunnels.is_open(self._guide, now):
            self._ask_at = now + PERSISTENT_AFTER
            self._packets.tunnels.post(self._guide, [WHERE_ARE_WE], now)

    def _call(self, now: float) -> None:
        """Tell the engine where everybody is called."""
        homes = {public: self._way(public, now) for public in self._homes}
        self._packets.know(homes, now)
        is_behind_nat = self._seen_at is None and self.reached_at not in (None, self._own())
        kept = [public for public in homes if is_behind_nat or public == self._guide]
        self._packets.tunnels.keep_open(kept, now)
        for public in kept:
            self.wants(public, now)
        if self._nudge_at is None and any(isinstance(way, Via) for way in homes.values()):
            self._nudge_at = now + PERSISTENT_AFTER

    def _way(self, public: bytes, now: float) -> Address:
        """Return where a peer is to be called, by how often it has not answered."""
        ways: list[Address] = self._straight(public)
        guide = self._guide
        if guide not in (None, public) and self._packets.tunnels.is_open(guide, now):
            ways.append(Via(guide, identity_of(public)))
        return ways[self._tried[public] % len(ways)] if public in self._tried else ways[0]

    def _straight(self, public: bytes) -> list[Address]:
        """Return where a peer may be without another between: inside first, if we seem to be there too."""
        home, inside = self._homes[public], self._insides.get(public)
        if inside is None:
            return [home]
        hosts = (self.reached_at[0] if self.reached_at is not None else None, self._guide_host())
        return [inside, home] if home[0] == hosts[0] or inside[0] == hosts[1] else [home]

    def _nudge(self, now: float) -> None:
        """Say something straight to those that are reached through the guide: it may be possible now."""
        self._nudge_at = None
        for public in self._homes:
            if self._is_relayed(public):
                self._nudge_at = now + PERSISTENT_AFTER
                for place in self._straight(public):
                    self._packets.tunnels.nudge(public, place, now)
            elif public in self._tried and self._packets.tunnels.is_open(public, now):
                del self._tried[public]
                self._is_due = True

    def _is_relayed(self, public: bytes) -> bool:
        return isinstance(self._packets.tunnels.address_of(public), Via)

    def _seen(self, public: bytes, endpoint: Endpoint) -> None:
        if public == self._guide and self._seen_at is None:
            self._take(endpoint)

    def _take(self, endpoint: Endpoint) -> None:
        self._own_after = None
        if endpoint != self.reached_at:
            self.reached_at = endpoint
            self._is_due = True
            self._found()
