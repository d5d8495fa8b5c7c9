"""Sentences about what an operator has to put right, and network numbers that contradict each other. Pure.

Sources: IPX Router Specification (a router compares the network number of its neighbours with its own and
complains); docs/routing.md, Alarms.
"""

import logging
from collections import deque
from typing import Final

from nwip.ipx.address import format_network, format_node
from nwip.ipx.packet import Packet
from nwip.routing.port import Port

KEPT: Final = 64  # sentences; the oldest are forgotten
REMIND: Final = 3600.0  # seconds until the same is said again
PATIENCE: Final = 130.0  # seconds: a router that stands on a LAN has been heard there by then, twice

_log = logging.getLogger(__name__)


class Alarms:
    """The latest sentences, the newest last; the same one once an hour."""

    def __init__(self) -> None:
        self.sentences: deque[str] = deque(maxlen=KEPT)
        self._said: dict[str, float] = {}

    def say(self, sentence: str, now: float) -> None:
        """Note and log a sentence, unless it was said within the last hour."""
        if now < self._said.get(sentence, now - REMIND) + REMIND:
            return
        self._said.pop(sentence, None)
        self._said[sentence] = now
        if len(self._said) > KEPT:
            del self._said[next(iter(self._said))]
        self.sentences.append(sentence)
        _log.warning("%s", sentence)


def disagreement(port: Port, packet: Packet) -> str:
    """Return what is wrong when a router or server on a link gives it another number."""
    return (
        f"{format_node(packet.source.node)} says that the network on link {port.name} is "
        f"{format_network(packet.source.network)}, here it is {format_network(port.network)}: "
        "give both the same number"
    )


def duplicate(port: Port, station: bytes, network: int, owner: Port) -> str:
    """Return what is wrong when somebody else has a network that is one of ours."""
    return (
        f"{format_node(station)} on link {port.name} has a network {format_network(network)} of its own, "
        f"which is that of link {owner.name} here: give one of the two another number"
    )


def unusable(port: Port, network: int, whose: str) -> str:
    """Return what is wrong with a number that was learned or configured and is already somebody's."""
    return (
        f"link {port.name} cannot have the network number {format_network(network)}: "
        f"it is that of {whose}; give it another"
    )
