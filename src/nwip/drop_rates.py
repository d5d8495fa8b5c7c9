"""Alarms by what links count: packets that are dropped.

Pure. Drops are judged by their rate, because single packets are dropped on every network.
"""

from collections.abc import Mapping
from typing import Final

from nwip.gateway.sharing import BLOCKED, STANDING_BY
from nwip.links.lan.frame_types import OTHER_TYPE
from nwip.routing.alarms import Alarm

WINDOW: Final = 10.0  # seconds over which drops are counted
BEGINS: Final = 10.0  # packets a second from which on it is an alarm
ENDS: Final = 2.0  # packets a second below which it is none any more
NAMED: Final = 3  # reasons that a sentence names

EXPECTED: Final = frozenset({STANDING_BY, BLOCKED, "would go back where it came from", *OTHER_TYPE.values()})
"""Reasons for which nothing is lost: another gateway takes these packets, or they were never for us."""


class DropRates:
    """Watches the drops of the links of a node, by name; `look` at each as often as you like."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, Mapping[str, int]]] = {}
        self._alarms: dict[str, Alarm] = {}

    def look(self, name: str, drops: Mapping[str, int], now: float) -> None:
        """Take in a link's drops by reason, as counted since it was opened."""
        since, before = self._before.setdefault(name, (now, dict(drops)))
        if now - since < WINDOW:
            return
        self._before[name] = (now, dict(drops))
        rates = {
            reason: (count - before.get(reason, 0)) / (now - since)
            for reason, count in drops.items()
            if reason not in EXPECTED and count > before.get(reason, 0)
        }
        rate = sum(rates.values())
        if rate >= (ENDS if name in self._alarms else BEGINS):
            most = sorted(rates, key=lambda reason: -rates[reason])[:NAMED]
            parts = ", ".join(f"{reason} {rates[reason]:.0f}" for reason in most)
            self._alarms[name] = Alarm(
                "drops", name, f"link {name} drops {rate:.0f} packets a second: {parts}"
            )
        else:
            self._alarms.pop(name, None)

    def keep(self, names: set[str]) -> None:
        """Forget the links that there are not any more."""
        for name in self._before.keys() - names:
            del self._before[name]
            self._alarms.pop(name, None)

    def alarms(self, now: float) -> list[tuple[Alarm, float]]:
        """Return what stands, each with when it was seen last."""
        return [(alarm, now) for alarm in self._alarms.values()]
