"""Alarms and how old they are: those that the node tells, and those that only a watcher sees. Pure.

The node tells sentences; it may tell more of each (`kind`, `about`, `since`, `last`, `is_over`). A node that
has left the directory, a link that drops, and our own node's silence are noticed here, unless the node tells.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple

from nwip.web.facts import Facts, Row, dropped, number, text, words

KEPT: Final = 256  # alarms; of more the oldest that are over go first
KEPT_OVER: Final = 3600.0  # seconds that an alarm is remembered when it is over
WINDOW: Final = 60.0  # seconds over which drops are judged
DROPS: Final = 10  # packets in it that may be dropped
DROPPED_SHARE: Final = 0.01  # and which part of all

_CHANGING: Final = re.compile(r"\b\d+(?= (?:seconds|conflicts)\b)")

Key = tuple[str, str]


class Alarm(NamedTuple):
    """One thing to put right. `since` and `last`, on the watcher's clock: when it was first and last so."""

    sentence: str
    kind: str
    about: str
    since: float
    last: float
    is_over: bool = False


class AlarmBook:
    """All alarms that stand, and those of the last hour that are over."""

    def __init__(self) -> None:
        self._alarms: dict[Key, Alarm] = {}
        self._nodes: dict[str, Row] = {}
        self._gone_since: dict[str, float] = {}
        self._drops: dict[str, deque[tuple[float, float, dict[str, int]]]] = {}

    def take(self, facts: Facts, now: float) -> None:
        """Take the facts of `now`; while the node is silent only that is new."""
        if facts.problem:
            self._say(Alarm(facts.problem, "unreachable", "", now, now))
        else:
            found = dict(_told(facts, now))
            for alarm in (*self._missing(facts, now), *self._dropping(facts, now)):
                found.setdefault(_key(alarm), alarm)
            for key in self._alarms.keys() - found.keys():
                self._alarms[key] = self._alarms[key]._replace(is_over=True)
            for alarm in found.values():
                self._say(alarm)
        self._forget(now)

    def all(self) -> list[Alarm]:
        """Return those that stand, the newest first, then those that are over, the last first."""
        standing = sorted(self.standing(), key=attrgetter("since"), reverse=True)
        over = (alarm for alarm in self._alarms.values() if alarm.is_over)
        return standing + sorted(over, key=attrgetter("last"), reverse=True)

    def standing(self) -> list[Alarm]:
        """Return those that are not over."""
        return [alarm for alarm in self._alarms.values() if not alarm.is_over]

    def gone(self) -> dict[str, tuple[Row, float]]:
        """Return the last row of each node that has gone, and since when, by its number."""
        return {node: (self._nodes[node], since) for node, since in self._gone_since.items()}

    def _say(self, alarm: Alarm) -> None:
        key = _key(alarm)
        before = self._alarms.get(key)
        if before is not None and not before.is_over:
            alarm = alarm._replace(since=min(before.since, alarm.since))
        self._alarms[key] = alarm

    def _missing(self, facts: Facts, now: float) -> Iterator[Alarm]:
        present = {text(row, "node"): row for row in facts.rows("nodes")}
        for node in self._nodes.keys() - present.keys():
            since = self._gone_since.setdefault(node, now)
            if now - since > KEPT_OVER:
                continue  # forgotten below
            name = text(self._nodes[node], "name") or node
            sentence = f"the node {name} is gone from the directory: see whether it runs"
            yield Alarm(sentence, "node-gone", name, since, now)
        for node in self._gone_since.keys() & present.keys():
            del self._gone_since[node]
        self._nodes |= present
        surplus = len(self._gone_since) - KEPT
        for place, (node, since) in enumerate(list(self._gone_since.items())):
            if place < surplus or now - since > KEPT_OVER:
                del self._nodes[node], self._gone_since[node]

    def _dropping(self, facts: Facts, now: float) -> Iterator[Alarm]:
        links = {text(row, "name"): row for row in facts.rows("links")}
        self._drops = {name: self._drops.get(name, deque()) for name in links}
        for name, row in links.items():
            window = self._drops[name]
            window.append((now, number(row, "packets_in"), dropped(row)))
            while window[0][0] < now - WINDOW:
                window.popleft()
            (_, came, before), after = window[0], dropped(row)
            new = {reason: count - before.get(reason, 0) for reason, count in after.items()}
            lost, came = sum(new.values()), number(row, "packets_in") - came
            if min(new.values(), default=0) < 0 or came < 0:
                window.clear()  # the counters have begun anew
            elif lost >= DROPS and lost > DROPPED_SHARE * (came + lost):
                why = max(new, key=lambda reason: new[reason])
                sentence = (
                    f"the link {name} has dropped {lost} packets within the last minute, most of them as"
                    f" '{why}': 'nwip links' shows all reasons"
                )
                yield Alarm(sentence, "drops", name, now, now)

    def _forget(self, now: float) -> None:
        self._alarms = {
            key: alarm
            for key, alarm in self._alarms.items()
            if not alarm.is_over or now - alarm.last <= KEPT_OVER
        }
        surplus = sorted(self._alarms.values(), key=lambda alarm: (not alarm.is_over, alarm.last))
        for alarm in surplus[: max(0, len(surplus) - KEPT)]:
            del self._alarms[_key(alarm)]


def _told(facts: Facts, now: float) -> Iterable[tuple[Key, Alarm]]:
    """Yield what the node tells; of one that it tells twice the last says more."""
    for sentence in words(facts.dss, "alarms"):
        alarm = Alarm(sentence, "dss", "", now, now)
        yield _key(alarm), alarm
    for row in facts.rows("alarms"):
        since, last = number(row, "since"), number(row, "last")
        alarm = Alarm(
            text(row, "alarm"),
            text(row, "kind"),
            text(row, "about"),
            now - since,
            now - last,
            row.get("is_over") is True,
        )
        yield _key(alarm), alarm


def _key(alarm: Alarm) -> Key:
    """Return by what an alarm is known again: what it is about, else its words without what grows."""
    if alarm.kind in {"node-gone", "drops", "unreachable"}:
        return alarm.kind, alarm.about
    return "", _CHANGING.sub("", alarm.sentence)
