"""The log of what has happened on a node: the newest events, each with a number that counts up. Pure.

There is one log for all who read it, and each reader has a place in it. So a reader that is too slow costs
nothing: what it has not read when the log goes past its place it has lost, and is told how many that were.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

LIMIT: Final = 1024  # events

KINDS: Final = {
    "alarm": "an alarm begins",
    "alarm-over": "an alarm is over",
    "domain-joined": "a DSS has let this node in",
    "node-joined": "a node has come, or come back",
    "node-left": "a node has said goodbye",
    "node-gone": "the lease of a node has ended without a goodbye",
    "dss-joined": "a DSS has come, or come back",
    "dss-left": "a DSS has said goodbye",
    "dss-gone": "the lease of a DSS has ended without a goodbye",
    "link-opened": "a link of this node is open",
    "link-closed": "a link of this node is closed",
    "link-state": "a link is only listened to from now on, or served again",
    "player-joined": "a player has come to a DOSBox or WebSocket link here",
    "player-left": "a player has gone",
    "session-opened": "a node or a reader has a session with the DSS here",
    "session-closed": "it has none any more",
    "peer-opened": "another DSS and the one here have a session",
    "peer-closed": "they have none any more",
    "refused": "somebody was refused, by a link or by the DSS here",
    "banned": "somebody was banned here",
    "ban-lifted": "a ban was lifted",
    "member": "a machine has become a member of the sealed domain, or its membership was changed",
    "revoked": "a member of the sealed domain was revoked",
}
"""Every kind of event, and what it means."""


class Event(NamedTuple):
    """Something that has happened: `time` is seconds since 1970, `about` the name of what it happened to."""

    number: int
    time: float
    kind: str
    about: str
    text: str


class EventLog:
    """At most `limit` events, the oldest are forgotten; `clock` returns seconds since 1970.

    `listeners` are called after each new event.
    """

    def __init__(self, clock: Callable[[], float], limit: int = LIMIT) -> None:
        self.listeners: list[Callable[[], None]] = []
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=limit)
        self._count = 0

    @property
    def count(self) -> int:
        """How many events there were since the start; also the number of the newest."""
        return self._count

    def note(self, kind: str, about: str, text: str) -> None:
        """Add an event."""
        self._count += 1
        self._events.append(Event(self._count, self._clock(), kind, about, text))
        for listener in tuple(self.listeners):
            listener()

    def last(self, number: int) -> list[Event]:
        """Return the newest events, so many at most, the newest last."""
        return list(self._events)[-number:] if number else []

    def after(self, place: int, most: int) -> tuple[list[Event], int]:
        """Return the events behind that number, `most` at most, and how many of them are forgotten."""
        first = self._events[0].number if self._events else self._count + 1
        lost = max(0, first - 1 - place)
        begin = max(0, place + 1 - first)
        return [self._events[at] for at in range(begin, min(begin + most, len(self._events)))], lost
