"""Links that are only listened to: another gateway has the LAN, or the LAN cannot be joined.

What comes in on a muted link teaches networks and services, and goes no further. Its hosts are remembered, so
that they are served at once when it is not muted any more.
"""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from nwip.gateway.agents import Agents
from nwip.gateway.parts import Parts
from nwip.ipx.address import format_network
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET
from nwip.links.base import Arrival, Hop, Link
from nwip.routing.alarms import Alarm
from nwip.routing.timers import AGE_LIMIT
from nwip.wire import WireError

REFUSED: Final = "the LAN has another network number"
UNUSABLE: Final = "the network number is another network's"
NUMBERLESS: Final = "network number not known yet"
MALFORMED: Final = "malformed RIP or SAP"
RIP_OR_SAP: Final = frozenset(socket.to_bytes(2, "big") for socket in (Socket.RIP, Socket.SAP))

_log = logging.getLogger(__name__)


class HostKeeper(Protocol):
    """Who registers and withdraws the hosts of joined links."""

    def register_host(self, link: Link, node: bytes, hop: Hop) -> None:
        """Register a host."""
        ...

    def withdraw_host(self, link: Link, node: bytes) -> None:
        """Withdraw a host."""
        ...

    def may_return(self, link: Link, node: bytes) -> bool:
        """Say whether a host that was heard on a mute link is to be registered when it is served again."""
        ...


class Muting:
    """Mutes links of a gateway and speaks on them again. A link may have several reasons to be mute."""

    def __init__(self, parts: Parts, agents: Agents, keeper: HostKeeper) -> None:
        self._parts = parts
        self._agents = agents
        self._keeper = keeper
        self._hosts: dict[str, dict[bytes, Hop]] = {}
        self._refused: dict[str, tuple[Link, float]] = {}
        agents.refused = self.refuse

    def mute(self, link: Link, reason: str) -> None:
        """Only listen to a link from now on. `reason` is a constant, under which drops are counted."""
        reasons = self._parts.muted.setdefault(link.name, [])
        if reason in reasons:
            return
        reasons.append(reason)
        self._parts.forwarder.shortcuts.clear()
        if len(reasons) == 1:
            hosts = self._parts.tables.places_of(link)
            for node in hosts:
                self._keeper.withdraw_host(link, node)
            self._hosts[link.name] = hosts
            self._agents.set_active(link, active=False)

    def unmute(self, link: Link, reason: str) -> None:
        """Drop a reason for a link to be mute; after the last one it is served again."""
        reasons = self._parts.muted.get(link.name, [])
        if reason not in reasons:
            return
        reasons.remove(reason)
        if not reasons:
            del self._parts.muted[link.name]
            self._agents.set_active(link, active=True)
            for node, hop in self._hosts.pop(link.name, {}).items():
                if self._keeper.may_return(link, node):
                    self._keeper.register_host(link, node, hop)

    def forget(self, link: Link) -> None:
        """Forget a link that is left out."""
        for table in (self._parts.muted, self._hosts, self._refused):
            table.pop(link.name, None)

    def gained(self, link: Link, node: bytes, hop: Hop) -> bool:
        """Remember a host of a muted link; False when the link is not muted."""
        if link.name not in self._parts.muted:
            return False
        self._hosts.setdefault(link.name, {})[node] = hop
        return True

    def lost(self, link: Link, node: bytes) -> None:
        """Forget a host of a muted link."""
        self._hosts.get(link.name, {}).pop(node, None)

    def listen(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Learn from what came in on a link that is mute or whose network has no number yet."""
        reason = self._parts.muted.get(link.name, [NUMBERLESS])[0]
        for packet, _ in batch:
            if packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] not in RIP_OR_SAP:
                self._parts.counters.drop(reason)
                continue
            try:
                self._agents.hear(link, packet)
            except WireError:
                self._parts.counters.drop(MALFORMED)

    def refuse(self, link: Link, network: int, alarm: Alarm) -> None:
        """Do not join a LAN whose routers say that it has another number, until they do so no more."""
        now = self._parts.clock()
        self._agents.router.alarms.say(alarm, now)
        if link.name not in self._refused:
            _log.warning("link %s is not joined: its LAN is %s", link.name, format_network(network))
        self._refused[link.name] = (link, now + AGE_LIMIT)
        self.mute(link, REFUSED)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        return min((until for _, until in self._refused.values()), default=None)

    def advance(self, now: float) -> None:
        """Join again what has not been heard to have another number for long enough."""
        for name, (link, until) in list(self._refused.items()):
            if until <= now:
                del self._refused[name]
                self.unmute(link, REFUSED)
