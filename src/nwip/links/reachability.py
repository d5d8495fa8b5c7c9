"""How a node of a sealed domain is reached, and how it reaches others, where NATs or firewalls stand between.

The *guide* is the node beside the DSS that we are joined to: it is asked where it sees us, and that is what
we register. The tunnel to it is kept open always; behind NAT those to all nodes are, so that our NAT lets in
whoever has our record: two nodes behind NAT call each other at once. Who has not answered for a while is
called through the guide, and if that does not help straight again, in turn. Whoever is known when we start
is called once. Pure.
"""

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
    `found` is called when `reached_at` has become another.
    """

    def __init__(
        self,
        packets: SealedPackets,
        own: Callable[[], Endpoint],
        guide_host: Callable[[], str | None],
        found: Callable[[], None],
    ) -> None:
        self.reached_at: Endpoint | None = None
        self._packets = packets
        self._own = own
        self._guide_host = guide_host
        self._found = found
        self._guide: bytes | None = None
        self._is_due = False
        self._own_after: float | None = None
        self._ask_at: float | None = None
        self._greet_until = float("-inf")
        self._homes: dict[bytes, Address] = {}
        self._unanswered: dict[bytes, float] = {}
        self._relayed: set[bytes] = set()
        packets.seen = self._seen

    @property
    def relayed(self) -> int:
        """How many nodes are reached through another one now."""
        address_of = self._packets.tunnels.address_of
        return sum(isinstance(address_of(public), Via) for public in self._homes)

    def start(self, now: float) -> None:
        """Begin to find out where we are seen: `reached_at` is known at once if we need no guide."""
        if self._guide_host() is None:
            self._take(self._own())
        else:
            self._own_after = now + GUIDED_WITHIN
        self._greet_until = now + GREET_FOR

    def know(self, endpoints: Mapping[bytes, Endpoint], now: float) -> None:
        """Take the public keys and registered endpoints of all peers."""
        host = self._guide_host()
        guide = next((public for public, endpoint in endpoints.items() if endpoint[0] == host), None)
        met = endpoints.keys() - self._homes.keys() if now < self._greet_until else ()
        self._homes = dict(endpoints)
        self._relayed &= endpoints.keys()
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
        self._relayed.discard(public)
        self._is_due = True

    def next_deadline(self) -> float | None:
        """Return when to call `advance` at the latest, or None."""
        if self._is_due:
            return 0.0
        times = [began + OTHER_WAY_AFTER for began in self._unanswered.values()]
        times += [time for time in (self._own_after, self._ask_at) if time is not None]
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
        if self._guide is not None and self._packets.tunnels.is_open(self._guide, now):
            self._relayed ^= late - {self._guide}
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
        homes = dict(self._homes)
        if self._guide is not None:
            homes.update((public, Via(self._guide, identity_of(public))) for public in self._relayed)
        self._packets.know(homes, now)
        is_behind_nat = self.reached_at is not None and self.reached_at != self._own()
        kept = [public for public in homes if is_behind_nat or public == self._guide]
        self._packets.tunnels.keep_open(kept, now)
        for public in kept:
            self.wants(public, now)

    def _seen(self, public: bytes, endpoint: Endpoint) -> None:
        if public == self._guide:
            self._take(endpoint)

    def _take(self, endpoint: Endpoint) -> None:
        self._own_after = None
        if endpoint != self.reached_at:
            self.reached_at = endpoint
            self._is_due = True
            self._found()
