"""Looks at a running node once a second: which alarms stand, and who and what has come or gone.

What it finds goes into the book of alarms and the log of events; the parts of the node need not know.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Protocol

from nwip.alarm_book import AlarmBook
from nwip.audit_events import AuditEvents
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, endpoint_text
from nwip.drop_rates import DropRates
from nwip.dss.client import DssClient
from nwip.dss.peer_session import PeerStatus
from nwip.dss.server import DssServer
from nwip.dss_rows import key_text
from nwip.dss_status import alarms_of
from nwip.event_log import EventLog
from nwip.gateway.gateway import NodeGateway
from nwip.link_alarms import link_alarms
from nwip.presences import Presences
from nwip.replica_conflicts import ReplicaConflicts
from nwip.routing.alarms import Alarm
from nwip.rows import Row
from nwip.security import audit

if TYPE_CHECKING:
    from nwip.membership_files import MembershipFiles
    from nwip.security.statements import Member, Revocation

EVERY: Final = 1.0  # seconds
MOST_DENIED: Final = 64  # records of this node of which it is told that they were not taken


class Watched(Protocol):
    """What there is to see of a node; `inside` is the gateway of its links."""

    dss: DssServer | None
    client: DssClient | None
    gateway: NodeGateway | None
    inside: NodeGateway | None
    party: "MembershipFiles | None"


class Watchman:
    """Watches one node, from `start` to `close`; `wall` returns seconds since 1970."""

    def __init__(self, node: Watched, wall: Callable[[], float] = time.time) -> None:
        self.events = EventLog(wall)
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._book = AlarmBook()
        self._rates = DropRates()
        self._audited = AuditEvents(self.events, self._loop.time)
        self._presences: Presences | None = None
        self._conflicts: ReplicaConflicts | None = None
        self._no_dss = ""
        self._links: dict[str, str] = {}
        self._peers: dict[bytes, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look; the node knows by now whether it is a member of a sealed domain."""
        audit.LISTENERS.append(self._audited)
        if self._node.party is not None:
            self._node.party.node.roster.listeners.append(self._statement)
        self._tick()

    def close(self) -> None:
        """Look no more; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            audit.LISTENERS.remove(self._audited)

    def alarms(self) -> list[Row]:
        """Return the alarms as they stand now, and those that were over not long ago; the newest last."""
        self.look()
        return self._book.rows(self._loop.time())

    def look(self) -> None:
        """See what is to be seen."""
        now = self._loop.time()
        self._look_at_links(now)
        peers = self._node.dss.replication.status(now) if self._node.dss is not None else []
        self._look_at_peers(peers)
        begun, ended = self._book.take(chain(self._standing(peers, now), self._rates.alarms(now)), now)
        for entry in begun:
            self.events.note("alarm", entry.alarm.about, entry.alarm.sentence)
        for entry in ended:
            self.events.note("alarm-over", entry.alarm.about, f"over: {entry.alarm.sentence}")

    # What the client of the DSS reports.

    def parameters_changed(self, parameters: Parameters) -> None:
        """Learn the domain's parameters."""
        client = self._node.client
        if client is None or self._node.dss is not None:
            return
        if self._conflicts is None:
            self._conflicts = ReplicaConflicts(client.directory, parameters)
        else:
            self._conflicts.take_parameters(parameters)

    def directory_changed(self, changes: list[Change]) -> None:
        """Learn what has changed in the replica."""
        client, now = self._node.client, self._loop.time()
        if client is None:
            return
        if self._presences is None:
            self._presences = Presences(client.directory)
        self._presences.complete = client.complete
        for turn in self._presences.take(changes, now):
            self.events.note(*turn)
        if self._conflicts is not None:
            self._conflicts.take(changes)

    def session_opened(self, server: Endpoint) -> None:
        """Learn that a DSS has let this node in."""
        self._no_dss = ""
        self.events.note(
            "domain-joined", endpoint_text(server), f"joined through the dss at {endpoint_text(server)}"
        )

    def session_closed(self, reason: str) -> None:
        """Learn that there is no session with a DSS, and why."""
        self._no_dss = reason.rstrip(".")

    # What it looks at.

    def _tick(self) -> None:
        self._timer = self._loop.call_later(EVERY, self._tick)
        self.look()

    def _standing(self, peers: list[PeerStatus], now: float) -> Iterator[tuple[Alarm, float]]:
        """Yield the alarms that stand, each with when it was seen last."""
        node, client = self._node, self._node.client
        if self._no_dss:
            yield Alarm("no-dss", "", f"{self._no_dss}; what is known stays in force"), now
        if node.dss is not None:
            yield from ((alarm, now) for alarm in alarms_of(node.dss.engine, peers, node.dss.keeper))
        if self._conflicts is not None:
            yield from ((alarm, now) for alarm in self._conflicts.alarms(now))
        for gateway in dict.fromkeys((node.gateway, node.inside)):
            if gateway is not None:
                yield from gateway.standing(now)
        if node.gateway is not None and node.inside is not None:
            links = (node.gateway.virtual, *node.inside.links)
            yield from ((alarm, now) for alarm in link_alarms(links, now))
        if client is not None:
            for key, why in islice(client.denied.items(), MOST_DENIED):
                yield Alarm("denied", key_text(key), f"the domain does not take {why}"), now
        if self._presences is not None:
            yield from ((alarm, now) for alarm in self._presences.missed(now))

    def _look_at_links(self, now: float) -> None:
        gateway, inside = self._node.gateway, self._node.inside
        if gateway is None or inside is None:
            return
        states = {link.name: inside.muted(link) or "" for link in inside.links}
        for link in inside.links:
            self._rates.look(link.name, link.counters.all_drops(), now)
        virtual = gateway.virtual
        drops = virtual.counters.all_drops() | gateway.drops()
        self._rates.look(virtual.name, drops, now)
        self._rates.keep({virtual.name, *states})
        for name, state in states.items():
            if name not in self._links:
                self.events.note("link-opened", name, f"link {name} is open{f': {state}' if state else ''}")
            elif state != self._links[name]:
                text = f"link {name}: {state}" if state else f"link {name} is served again"
                self.events.note("link-state", name, text)
        for name in self._links.keys() - states.keys():
            self.events.note("link-closed", name, f"link {name} is closed")
        self._links = states

    def _look_at_peers(self, peers: list[PeerStatus]) -> None:
        there = {peer.identity: peer.name or peer.identity.hex() for peer in peers}
        for identity in there.keys() - self._peers.keys():
            name = there[identity]
            self.events.note("peer-opened", name, f"the dss {name} and the one here have a session")
        for identity in self._peers.keys() - there.keys():
            name = self._peers[identity]
            self.events.note("peer-closed", name, f"the dss {name} and the one here have no session any more")
        self._peers = there

    def _statement(self, statement: "Member | Revocation") -> None:
        from nwip.security.statements import Revocation  # noqa: PLC0415 - an open domain needs no ciphers

        name = statement.name or statement.identity.hex()
        if isinstance(statement, Revocation):
            self.events.note("revoked", name, f"{name} was revoked: it is no member of the domain any more")
        else:
            self.events.note("member", name, f"{name} is a member of the domain")
