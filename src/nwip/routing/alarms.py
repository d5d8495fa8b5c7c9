"""What an operator has to put right, and network numbers that contradict each other. Pure.

Sources: IPX Router Specification (a router compares the network number of its neighbours with its own and
complains); docs/routing.md, Alarms.
"""

import logging
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.ipx.address import format_network, format_node
from nwip.ipx.packet import Packet
from nwip.routing.port import Port
from nwip.routing.timers import AGE_LIMIT

KEPT: Final = 64  # sentences, and alarms that may be heard again; the oldest are forgotten
REMIND: Final = 3600.0  # seconds until the same is said again
PATIENCE: Final = 130.0  # seconds: a router that stands on a LAN has been heard there by then, twice

Key = tuple[str, str, str]
"""Kind, about and who of an alarm."""

_log = logging.getLogger(__name__)


class Alarm(NamedTuple):
    """One thing that is wrong: its kind, the name of what it is about, and a sentence for people.

    Alarms of one kind about one thing are the same alarm, whatever the sentence says meanwhile, unless `who`
    causes them differs.
    """

    kind: str
    about: str
    sentence: str
    who: str = ""

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return (self.kind, self.about, self.who)


class Alarms:
    """The latest sentences, the newest last, the same one once an hour; and what is heard at present."""

    def __init__(self) -> None:
        self.sentences: deque[str] = deque(maxlen=KEPT)
        self._said: dict[str, float] = {}
        self._heard: dict[Key, tuple[Alarm, float]] = {}
        self._standing: dict[str, Alarm] = {}

    def stand(self, link: str, alarm: Alarm, now: float) -> None:
        """Say that something is wrong with a link, which lasts until `fall`."""
        self._standing[link] = alarm
        self.say(alarm, now)

    def fall(self, link: str) -> None:
        """Learn that a link is gone, and with it what was wrong with it."""
        alarm = self._standing.pop(link, None)
        if alarm is not None:
            self._heard.pop(alarm.key, None)

    def say(self, alarm: Alarm, now: float) -> None:
        """Note that something is wrong, and log it, unless that was done within the last hour."""
        self._heard.pop(alarm.key, None)
        self._heard[alarm.key] = (alarm, now)
        if len(self._heard) > KEPT:
            del self._heard[next(iter(self._heard))]
        sentence = alarm.sentence
        if now < self._said.get(sentence, now - REMIND) + REMIND:
            return
        self._said.pop(sentence, None)
        self._said[sentence] = now
        if len(self._said) > KEPT:
            del self._said[next(iter(self._said))]
        self.sentences.append(sentence)
        _log.warning("%s", sentence)

    def present(self, now: float) -> Iterator[tuple[Alarm, float]]:
        """Yield what is wrong, and when that was seen last: what was heard is believed for `AGE_LIMIT`."""
        lasting = {alarm.key: alarm for alarm in self._standing.values()}
        yield from ((alarm, now) for alarm in lasting.values())
        for alarm, at in self._heard.values():
            if at >= now - AGE_LIMIT and alarm.key not in lasting:
                yield alarm, at


def disagreement(port: Port, packet: Packet) -> Alarm:
    """Return what is wrong when a router or server on a link gives it another number."""
    who = format_node(packet.source.node)
    sentence = (
        f"{who} says that the network on link {port.name} is "
        f"{format_network(packet.source.network)}, here it is {format_network(port.network)}: "
        "give both the same number"
    )
    return Alarm("network-number", port.name, sentence, who)


def duplicate(port: Port, station: bytes, network: int, owner: Port) -> Alarm:
    """Return what is wrong when somebody else has a network that is one of ours."""
    who = format_node(station)
    sentence = (
        f"{who} on link {port.name} has a network {format_network(network)} of its own, "
        f"which is that of link {owner.name} here: give one of the two another number"
    )
    return Alarm("duplicate-network", format_network(network), sentence, who)


def unusable(port: Port, network: int, whose: str) -> Alarm:
    """Return what is wrong with a number that was learned or configured and is already somebody's."""
    sentence = (
        f"link {port.name} cannot have the network number {format_network(network)}: "
        f"it is that of {whose}; give it another"
    )
    return Alarm("duplicate-network", format_network(network), sentence, port.name)
