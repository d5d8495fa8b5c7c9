"""What the audit log is told, as events: players and sessions that come and go, refusals, bans. Pure.

Of what repeats only some becomes events, so that a flood from one address does not push out everything else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from nwip.event_log import EventLog
from nwip.security.limits import TokenBuckets

SOURCE_RATE: Final = 1 / 60  # events a second of one kind from one source
SOURCE_BURST: Final = 4.0
RATE: Final = 5.0  # events a second in all
BURST: Final = 250.0
SESSION: Final = re.compile(r"(?:node|dss|reader) (.+) at ")
"""How a DSS speaks of a session: its role, its name and its address."""


class AuditEvents:
    """Notes in `log` what it is called with, as `security.audit.audit` calls it; `clock` returns seconds."""

    def __init__(self, log: EventLog, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._by_source = TokenBuckets(SOURCE_RATE, SOURCE_BURST)
        self._all = TokenBuckets(RATE, BURST, 1)

    def __call__(self, event: str, source: str, facts: Mapping[str, object]) -> None:
        """Take in one line of the audit log."""
        now = self._clock()
        if self._by_source.allow((event, source), now) and self._all.allow(None, now):
            self._log.note(*described(event, source, facts))


def described(event: str, source: str, facts: Mapping[str, object]) -> tuple[str, str, str]:
    """Return the kind of an event, what it is about, and a sentence."""
    link, who, why = facts.get("link"), facts.get("who"), facts.get("why")
    because = f": {why}" if why else ""
    if event in ("banned", "ban-lifted"):
        is_now = "is banned" if event == "banned" else "is not banned any more"
        return event, source, f"{source} {is_now}{because}"
    if link is not None:
        place = facts.get("address") or source
        name = str(facts.get("node") or place)
        match event:
            case "joined":
                return "player-joined", name, f"player {name} has joined on link {link} from {place}"
            case "left":
                return "player-left", name, f"player {name} at {place} has left link {link}{because}"
            case "refused":
                return event, name, f"{place} was refused by link {link}{because}"
    known = str(who or source)
    named = SESSION.match(known)
    name = named[1] if named else known
    match event:
        case "joined":
            return "session-opened", name, f"{known} has a session with the dss here"
        case "left":
            return "session-closed", name, f"{known} has no session with the dss here any more"
        case "refused":
            return event, name, f"{known} was refused by the dss here{because}"
    return event, name, f"{event} {known}"
