"""What links show an operator to put right: strange frame types, packets that do not fit. Pure."""

from collections.abc import Iterable
from typing import Final

from nwip.links.base import Alarming, Link
from nwip.routing.alarms import Alarm

TOO_LARGE: Final = frozenset(
    {"too large", "too large for the frame type", "larger than DOSBox's 1424 octets"}
)
"""The reasons for which links count a packet as too large."""


def link_alarms(links: Iterable[Link], now: float) -> list[Alarm]:
    """Return an alarm, whose sentence has its mend, for each thing that is wrong at `now`, link by link."""
    found: list[Alarm] = []
    for link in links:
        if isinstance(link, Alarming):
            found += [
                Alarm("frame-type", link.name, f"link {link.name}: {sentence}", who)
                for who, sentence in link.alarms(now)
            ]
        lost = sum(link.counters.drops.get(reason, 0) for reason in TOO_LARGE)
        if lost:
            sentence = (
                f"link {link.name} has dropped {lost} {'packet' if lost == 1 else 'packets'} larger than the"
                f" {link.maximum_size} octets that it carries: set the stations that send them to packets"
                f" of at most {link.maximum_size} octets"
            )
            found.append(Alarm("too-large", link.name, sentence))
    return found
