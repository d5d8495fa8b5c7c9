"""Taking turns with other gateways of the domain on one LAN: what `shared_lans` says, done.

A link on which another gateway is active is muted; when the turn comes to us it is served again, its hosts
are registered, and its LAN's switches are shown where the rest of the virtual network is now.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from nwip.directory.records import Host, Kind, Node
from nwip.directory.table import Directory
from nwip.gateway.agents import Agents
from nwip.gateway.muting import Muting
from nwip.gateway.parts import Parts
from nwip.gateway.shared_lan import Duty
from nwip.gateway.shared_lans import SharedLans
from nwip.ipx.hello import is_between_gateways
from nwip.links.base import Arrival, Hop, Link
from nwip.routing.standby import DEFAULT_PRIORITY

STANDING_BY: Final = "another gateway routes on this LAN"
BLOCKED: Final = "the link leads back into the domain"
STRAY: Final = "hello on the virtual network"


class Share(NamedTuple):
    """How a link takes part: `nonce` is 8 random octets, new each time; `switched` says it is an Ethernet."""

    nonce: bytes
    priority: int = DEFAULT_PRIORITY
    switched: bool = True


class Sharing:
    """The turns of one gateway; `register(link, node, hop)` registers a host."""

    def __init__(
        self,
        identity: bytes,
        directory: Directory,
        parts: Parts,
        agents: Agents,
        muting: Muting,
        *,
        register: Callable[[Link, bytes, Hop], None],
    ) -> None:
        self.lans = SharedLans(parts.parameters.domain, identity)
        self._directory = directory
        self._parts = parts
        self._agents = agents
        self._muting = muting
        self._register = register
        self._left_to_others: set[str] = set()
        agents.stamp = self.lans.stamp
        agents.learned = self._network_learned

    def attach(self, link: Link, share: Share) -> bool:
        """Take part on a link that is about to be opened; say whether we route on it now."""
        duty = self.lans.add(
            link, share.nonce, self._parts.clock(), priority=share.priority, switched=share.switched
        )
        return duty is Duty.ROUTE

    def leave(self, link: Link) -> bool:
        """Say goodbye on a link that is about to be closed; say whether others go on in our place."""
        lan = self.lans.lan(link)
        if lan is not None and lan.engine.neighbours.identities():
            self._left_to_others.add(link.name)
        self.lans.remove(link, self._parts.clock())
        return link.name in self._left_to_others

    def forget(self, link: Link) -> None:
        """Forget a link that is closed."""
        self.lans.remove(link, self._parts.clock())
        self._left_to_others.discard(link.name)

    def shares_node(self, link: Link) -> bool:
        """Say whether our number on a link is that of all gateways there."""
        lan = self.lans.lan(link)
        return lan is not None and lan.switched

    def hear(self, link: Link, packet: bytes, hop: Hop) -> bool:
        """Take what gateways on one LAN say to each other; False for anything else."""
        if link is self._parts.virtual:
            stray = is_between_gateways(packet)
            if stray:
                self._parts.counters.drop(STRAY)
            return stray
        heard = self.lans.hear(link, packet, hop, self._parts.clock())
        if heard:
            self._agents.share(link)
            self.settle()
        return heard

    def sift(self, link: Link, batch: Sequence[Arrival]) -> Sequence[Arrival]:
        """Take it out of a batch of a link that is mute; return what may be learned from."""
        rest = self.lans.sift(link, batch, self._parts.clock())
        self.settle()
        if self.lans.duty(link) is Duty.NOTHING:
            self._parts.counters.drop(BLOCKED, len(rest))
            return ()
        return rest

    def may_register(self, link: Link, node: bytes) -> bool:
        """Say whether a host that was heard on a link while it was mute is one of its own."""
        return self.lans.lan(link) is None or self.lans.claimable(node, self._owner_of(node)) is not None

    def directory_changed(self, nodes: set[bytes]) -> None:
        """Look at turns that others have, and at hosts whose records have changed."""
        self.lans.directory_changed(self._directory.lans, self._parts.clock())
        for node in nodes:
            place = self.lans.claimable(node, self._owner_of(node))
            if place is not None:
                self._register(place[0], node, place[1])
        self.settle()

    def carrier(self, link: Link, *, present: bool) -> None:
        """Learn that a link's cable is out, or in again: who was active there then listens first."""
        self.lans.carrier(link, present=present, now=self._parts.clock())
        self.settle()

    def set_fit(self, *, fit: bool) -> None:
        """Learn whether the domain can be reached: who cannot leaves its LANs to others."""
        self.lans.set_fit(fit, self._parts.clock())
        self.settle()

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        return self.lans.next_deadline()

    def advance(self, now: float) -> None:
        """Do what is due."""
        self.lans.advance(now)
        self.settle()

    def settle(self) -> None:
        """Do what is to be done otherwise than before."""
        for turn in self.lans.turns():
            if turn.link not in self._parts.links:
                continue
            if turn.duty is Duty.ROUTE:
                self._route(turn.link)
            else:
                reason, other = (STANDING_BY, BLOCKED) if turn.duty is Duty.LEARN else (BLOCKED, STANDING_BY)
                self._muting.mute(turn.link, reason)
                self._muting.unmute(turn.link, other)
        self._parts.changed()

    def _route(self, link: Link) -> None:
        if not self._parts.muted.get(link.name):
            self._agents.register_anew(link)
            return
        for reason in (STANDING_BY, BLOCKED):
            self._muting.unmute(link, reason)
        lan = self.lans.lan(link)
        if link.joined and lan is not None:
            lan.show(self._remote_nodes(), self._parts.clock())

    def _remote_nodes(self) -> list[bytes]:
        """Return the numbers of the virtual network that are not ours: nodes, and hosts behind them."""
        return [
            record.value.node
            for kind in (Kind.NODE, Kind.HOST)
            for record in self._directory.records(kind)
            if isinstance(record.value, Node | Host) and self._parts.tables.peer(record.owner) is not None
        ]

    def _owner_of(self, node: bytes) -> bytes | None:
        standing = self._parts.tables.placement.best_host(node)
        return standing[0] if standing is not None else None

    def _network_learned(self, link: Link) -> None:
        self.lans.network_learned(link, self._parts.clock())
        self.settle()
