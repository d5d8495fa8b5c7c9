"""What the audit log is told, as events: players and sessions that come and go, refusals, bans. Pure.

Of what repeats only some becomes events, so that a flood from one address does not push out everything else.
"""

from collections.abc import Callable, Mapping
from typing import Final

from nwip.event_log import EventLog
from nwip.security.limits import TokenBuckets

SOURCE_RATE: Final = 1 / 60  # events a second of one kind from one source
SOURCE_BURST: Final = 4.0
RATE: Final = 5.0  # events a second in all
BURST: Final = 250.0


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
    link, node, why = facts.get("link"), facts.get("node"), facts.get("why")
    place = facts.get("address") or source
    because = f": {why}" if why else ""
    name = str(node or facts.get("who") or place)
    match event:
        case "joined" if link is not None:
            return "player-joined", name, f"player {name} has joined on link {link} from {place}"
        case "left" if link is not None:
            return "player-left", name, f"player {name} at {place} has left link {link}{because}"
        case "joined":
            return "session-opened", name, f"{name} has a session with the dss here, from {place}"
        case "left":
            return "session-closed", name, f"{name} at {place} has no session with the dss here any more"
        case "refused":
            where = f"link {link}" if link is not None else "the dss here"
            return "refused", name, f"{place} was refused by {where}{because}"
        case "banned":
            return "banned", source, f"{source} is banned{because}"
        case "ban-lifted":
            return "ban-lifted", source, f"{source} is not banned any more"
    return event, name, f"{event} {name}"
