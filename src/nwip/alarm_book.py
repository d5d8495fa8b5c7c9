"""The book of alarms: what is wrong, since when, and what was wrong until a while ago. Pure.

Whoever looks at the node says again and again which alarms stand (`take`); the book finds out which have
begun and which are over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nwip.routing.alarms import Alarm, Key
from nwip.rows import Row

LIMIT: Final = 256  # alarms; of those that are over the oldest makes room for a new one
KEPT: Final = 900.0  # seconds that an alarm is shown after it is over

KINDS: Final = {
    "duplicate-network": "one IPX network number for two networks",
    "network-number": "a router or server on a link gives its network another number",
    "frame-type": "stations on a LAN are set to another frame type than the link",
    "too-large": "packets were dropped that are larger than a link carries",
    "two-domains": "a gateway of another domain is on one LAN with this one",
    "conflicting-service": "one service at two addresses",
    "copied-identity": "two nodes with one identity, as after a copied disk; until the DSS is started again",
    "claim": "a node may not register what it has (told by a DSS)",
    "denied": "the domain does not take what this node has (told by that node)",
    "drops": "a link, or this node, drops 10 packets a second or more",
    "node-gone": "a node of the domain has gone without a goodbye, for a day at most",
    "dss-gone": "a DSS of the domain has gone without a goodbye, for a day at most",
    "no-dss": "this node has no session with a DSS",
    "primary": "the primary DSS is not heard, or none has been met",
    "replication-lag": "two DSSs have differed for more than three comparisons",
    "store": "a DSS cannot keep its directory",
    "more-conflicts": "there are more contradictions than are told one by one",
    "more": "there are more alarms than a node keeps",
}
"""Every kind of alarm, and what it means."""


@dataclass(slots=True)
class Entry:
    """An alarm in the book: its times are of the caller's clock; `over` is None while it stands."""

    alarm: Alarm
    since: float
    last: float
    over: float | None = None

    def row(self, now: float) -> Row:
        """Return it as people and programs are told: `since` and `last` are seconds ago."""
        return {
            "alarm": self.alarm.sentence,
            "kind": self.alarm.kind,
            "about": self.alarm.about,
            "since": now - self.since,
            "last": now - self.last,
            "is_over": self.over is not None,
        }


class AlarmBook:
    """At most `limit` alarms; those that find no room are counted in `left_out`."""

    def __init__(self, limit: int = LIMIT, kept: float = KEPT) -> None:
        self.left_out = 0
        self._limit = limit
        self._kept = kept
        self._entries: dict[Key, Entry] = {}

    def take(self, standing: Iterable[tuple[Alarm, float]], now: float) -> tuple[list[Entry], list[Entry]]:
        """Take in the alarms that stand, each with when it was seen last; return those begun, those ended."""
        seen: set[Key] = set()
        begun, self.left_out = [], 0
        for alarm, last in standing:
            key = alarm.key
            if key in seen:
                continue
            seen.add(key)
            entry = self._entries.get(key)
            if entry is not None and entry.over is None:
                entry.alarm, entry.last = alarm, max(entry.last, last)
                continue
            self._entries.pop(key, None)
            if not self._has_room():
                self.left_out += 1
                continue
            entry = self._entries[key] = Entry(alarm, min(last, now), last)
            begun.append(entry)
        return begun, self._end_others(seen, now)

    def rows(self, now: float) -> list[Row]:
        """Return the alarms, that which began last as the last; and how many there are beyond the limit."""
        rows = [entry.row(now) for entry in self._entries.values()]
        if self.left_out:
            sentence = f"there are {self.left_out} alarms more than this node keeps"
            rows.append(Entry(Alarm("more", "", sentence), now, now).row(now))
        return rows

    def _end_others(self, seen: set[Key], now: float) -> list[Entry]:
        ended = []
        for key, entry in tuple(self._entries.items()):
            if entry.over is None and key not in seen:
                entry.over = now
                ended.append(entry)
            elif entry.over is not None and entry.over + self._kept <= now:
                del self._entries[key]
        return ended

    def _has_room(self) -> bool:
        if len(self._entries) < self._limit:
            return True
        over = [(entry.over, key) for key, entry in self._entries.items() if entry.over is not None]
        if over:
            del self._entries[min(over)[1]]
        return bool(over)
