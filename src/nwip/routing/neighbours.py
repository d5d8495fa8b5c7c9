"""The other gateways that are heard on a LAN: who is there, and what each says it is. Pure."""

from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

from nwip.ipx.hello import Hello, HelloState

NEIGHBOURS: Final = 64  # that are remembered
DEAD_INTERVAL: Final = 2.4  # seconds without a hello, then a gateway is taken for dead
MEMORY: Final = 60.0  # seconds more in which a hello that was heard before is not taken for a new one
STRANGERS: Final = 8  # other domains that are told of; further ones are not
STRANGER_MEMORY: Final = 60.0  # seconds without a hello, then another domain is told of anew

Place = tuple[bytes, bytes]
"""What a gateway is known by: its identity and the nonce of its link."""


class Neighbour(NamedTuple):
    """A gateway: its latest hello, where on the link that came from, and until when it is believed."""

    hello: Hello
    hop: Hashable
    until: float

    def __str__(self) -> str:
        return f"gateway {self.hello.identity.hex()[:8]} at {place_text(self.hop)}"

    @property
    def claim(self) -> tuple[int, bytes]:
        """What orders those who could take over: priority, then identity."""
        return (self.hello.priority, self.hello.identity)

    @property
    def rank(self) -> tuple[int, int, bytes]:
        """What decides between two that are active: turn, priority, identity."""
        return (self.hello.turn, self.hello.priority, self.hello.identity)


class Neighbours:
    """The latest hello of each gateway; the dead are remembered, so that a late copy does not wake them.

    Holds `limit` gateways. At the limit the one goes that was heard longest ago and is not active; if all
    are, the one heard longest ago.
    """

    def __init__(self, limit: int = NEIGHBOURS) -> None:
        self._limit = limit
        self._known: dict[Place, Neighbour] = {}

    def __len__(self) -> int:
        """Return how many are remembered, the dead too."""
        return len(self._known)

    def hear(self, hello: Hello, hop: Hashable, now: float) -> bool:
        """Take in a hello; False when it is a copy of one that was heard, or older than one."""
        place = (hello.identity, hello.nonce)
        known = self._known.get(place)
        if known is not None and hello.number <= known.hello.number and now < known.until + MEMORY:
            return False
        self._known.pop(place, None)  # whoever was heard last stands last
        if len(self._known) >= self._limit:
            self._evict(now)
        self._known[place] = Neighbour(hello, hop, now + DEAD_INTERVAL)
        return True

    def find(self, identity: bytes, nonce: bytes, now: float) -> Neighbour | None:
        """Return a gateway by the identity and nonce of its hellos, None when it is not alive."""
        known = self._known.get((identity, nonce))
        return known if known is not None and known.until > now else None

    def alive(self, now: float, *states: HelloState) -> Iterator[Neighbour]:
        """Yield those that were heard within the dead interval and are in one of these states."""
        return (
            neighbour
            for neighbour in self._known.values()
            if neighbour.until > now and neighbour.hello.state in states
        )

    def identities(self) -> set[bytes]:
        """Return the identities of all that are remembered."""
        return {identity for identity, _ in self._known}

    def next_death(self, now: float) -> float | None:
        """Return when the next of the living is to be taken for dead."""
        return min(
            (neighbour.until for neighbour in self._known.values() if neighbour.until > now), default=None
        )

    def _evict(self, now: float) -> None:
        active = {(known.hello.identity, known.hello.nonce) for known in self.alive(now, HelloState.ACTIVE)}
        others = (place for place in self._known if place not in active)
        del self._known[next(others, None) or next(iter(self._known))]


class Strangers:
    """Other domains on the LAN; each is told of once, as long as it is heard from. Holds `STRANGERS`."""

    def __init__(self) -> None:
        self._until: dict[bytes, tuple[float, str]] = {}

    def hear(self, hello: Hello, hop: Hashable, now: float) -> str:
        """Take in the hello of another domain; return a sentence for the operator, or nothing."""
        self._until = {domain: told for domain, told in self._until.items() if told[0] > now}
        news = hello.domain not in self._until
        if news and len(self._until) >= STRANGERS:
            return ""
        sentence = (
            f"a gateway of another domain is on this LAN, at {place_text(hop)}:"
            " take one of the two off it, for its hosts would be told of both domains"
        )
        self._until[hello.domain] = (now + STRANGER_MEMORY, sentence)
        return sentence if news else ""

    def present(self, now: float) -> dict[bytes, str]:
        """Return the sentence for each domain that is still heard."""
        return {domain: sentence for domain, (until, sentence) in self._until.items() if until > now}


def place_text(hop: Hashable) -> str:
    """Return where on a link something came from, for people: a MAC address, or whatever the link has."""
    return hop.hex(":").upper() if isinstance(hop, bytes) else str(hop)
