"""The hosts of a joined LAN: learned from what they send, forgotten when they are silent for long. Pure."""

from typing import Final, Protocol

from nwip.links.lan.events import Joined, Left
from nwip.security.limits import TokenBuckets

LIMIT: Final = 1024
SILENCE: Final = 4 * 3600.0  # seconds; see `Neighbours`
REVIEW_INTERVAL: Final = 60.0  # seconds: the table is looked over at most this often
FRESH: Final = 10.0  # seconds after a host was heard here in which it can be nowhere else
MOVING: Final = 1.0  # seconds, likewise, for one that another gateway claims: two of us may hear one LAN
DEPARTED: Final = 64  # released hosts that are remembered for that; the one released longest ago is forgotten
NEW_RATE: Final = 20.0  # hosts a second; each becomes a record of the directory
NEW_BURST: Final = 256.0  # hosts at once: a hall in which the power comes back

FULL: Final = "table of hosts full"
TOO_MANY: Final = "too many new hosts"


class Beside(Protocol):
    """What passes by the engine: `taken_at` is when the last packets did."""

    @property
    def taken_at(self) -> float:
        """Seconds of the same clock."""
        ...

    def taken(self, node: bytes) -> int:
        """Return how many packets of a host have passed."""
        ...


class Neighbours:
    """Node numbers and when each was last heard; at most `limit`, who comes when it is full is refused.

    A host is forgotten after four hours of silence. Bridges forget after five minutes because they flood
    what they do not know; here a forgotten host is out of reach until it speaks, and a game's host who waits
    for players, or a print server, may be silent for an evening. A host that is gone costs one record of
    the directory; one that has moved to another gateway is released at once.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._heard: dict[bytes, float] = {}
        self._taken: dict[bytes, int] = {}
        self._departed: dict[bytes, float] = {}
        self._newcomers = TokenBuckets(NEW_RATE, NEW_BURST, 1)
        self._review_at: float | None = None
        self._events: list[Joined | Left] = []
        self.beside: Beside | None = None

    def __len__(self) -> int:
        return len(self._heard)

    def __contains__(self, node: bytes) -> bool:
        return node in self._heard

    def hear(self, node: bytes, now: float) -> str | None:
        """Note that a host has sent something; return why it is refused, if it is new and has no room."""
        if node not in self._heard:
            if len(self._heard) >= self.limit:
                return FULL
            if not self._newcomers.allow(None, now):
                return TOO_MANY
            self._events.append(Joined(node))
            if self._review_at is None:
                self._review_at = now + SILENCE
        self._heard[node] = now
        return None

    def review(self) -> None:
        """Note which hosts have sent what passed beside the engine."""
        for node in self._heard:
            self._look_beside(node)

    def is_here(self, node: bytes, now: float) -> bool:
        """Say whether a host was heard so lately that what others send in its name is its echo."""
        self._look_beside(node)
        heard = self._heard.get(node)
        if heard is not None:
            return now - heard < FRESH
        heard = self._departed.get(node)
        return heard is not None and now - heard < MOVING

    def release(self, node: bytes) -> None:
        """Forget a host that has moved to another gateway."""
        self._look_beside(node)
        self._taken.pop(node, None)
        heard = self._heard.pop(node, None)
        if heard is not None:
            self._events.append(Left(node, "moved to another gateway"))
            self._departed.pop(node, None)
            self._departed[node] = heard
            if len(self._departed) > DEPARTED:
                del self._departed[next(iter(self._departed))]

    def clear(self) -> None:
        """Forget all, and tell nobody."""
        self._heard.clear()
        self._taken.clear()
        self._departed.clear()
        self._events.clear()
        self._review_at = None

    def events(self) -> list[Joined | Left]:
        """Return who has come and gone since the last call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        return self._review_at

    def advance(self, now: float) -> None:
        """Forget who has been silent for too long."""
        if self._review_at is None or now < self._review_at:
            return
        self.review()
        for node in [node for node, heard in self._heard.items() if now - heard >= SILENCE]:
            del self._heard[node]
            self._taken.pop(node, None)
            self._events.append(Left(node, "silent"))
        first = min(self._heard.values(), default=None)
        self._review_at = None if first is None else max(first + SILENCE, now + REVIEW_INTERVAL)

    def _look_beside(self, node: bytes) -> None:
        """Take a host for heard when it last may have been, if more of it has passed since this was asked."""
        if self.beside is None or node not in self._heard:
            return
        taken = self.beside.taken(node)
        if taken != self._taken.get(node, 0):
            self._taken[node] = taken
            self._heard[node] = max(self._heard[node], self.beside.taken_at)
