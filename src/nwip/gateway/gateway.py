"""The gateway: where links, forwarding, tables and agents meet. No sockets and no clock of its own.

Links hand in batches; the forwarder sends the ordinary packets on as raw octets; what it does not know comes
to `unusual`, one packet at a time. See "Life of a packet" in docs/architecture.md, and docs/routing.md.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from nwip.dataplane.forwarding import Forwarder, Outlet, Way
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Host, Kind
from nwip.directory.table import Directory
from nwip.gateway.agents import Agents, own_addresses
from nwip.gateway.barring import let_through
from nwip.gateway.broadcasts import Broadcasts
from nwip.gateway.local import OwnSockets
from nwip.gateway.local_services import LocalServices
from nwip.gateway.muting import UNUSABLE, Muting
from nwip.gateway.originating import Origin
from nwip.gateway.parts import Parts
from nwip.gateway.sharing import STANDING_BY, Share, Sharing
from nwip.gateway.sockets import LocalSocket, LocalSockets
from nwip.gateway.tables import Tables
from nwip.gateway.unusual import Unusual
from nwip.gateway.uplink import Uplink
from nwip.ipx.address import Address
from nwip.links.base import Arrival, Counters, Hop, Link
from nwip.links.domain_link import DomainLink
from nwip.routing.alarms import Alarm
from nwip.routing.numbering import node_prefixes
from nwip.routing.registering import Registry
from nwip.routing.router import Router
from nwip.routing.view import View
from nwip.security.bans import Bans

NO_CARRIER: Final = "the cable is out"


class NodeGateway:
    """One node's router between its links and the virtual network; the `links.base.Gateway` of its links.

    `identity` is the owner under which `registry` registers; `directory` is the node's replica, whose changes
    are told by `directory_changed`. `subnet_prefix` is the mask length of the virtual link's address. `clock`
    returns seconds. `changed` is called when `next_deadline` may have become another.
    """

    def __init__(
        self,
        identity: bytes,
        directory: Directory,
        parameters: Parameters,
        virtual: DomainLink,
        registry: Registry,
        *,
        subnet_prefix: int | None,
        clock: Callable[[], float],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.directory = directory
        self.virtual = virtual
        virtual.node_prefixes = node_prefixes(parameters)
        self.sockets = LocalSockets()
        self.services = LocalServices(registry)
        self._forwarder = forwarder = Forwarder(self._unusual, parameters.hop_limit, virtual)
        self._tables = tables = Tables(
            identity, directory, parameters, virtual, forwarder, subnet_prefix=subnet_prefix, clock=clock
        )
        self._parts = parts = Parts(parameters, virtual, forwarder, tables, clock, changed)
        self._agents = Agents(identity, directory, self.services, parts, self.services.__contains__)
        self._muting = Muting(parts, self._agents, self)
        self._sharing = Sharing(
            identity, directory, parts, self._agents, self._muting, register=self.register_host
        )
        self._broadcasts = Broadcasts(parts, self.sockets)
        self._origin = Origin(
            self.sockets,
            forwarder,
            tables.network,
            joined=lambda: (link for link in (virtual, *parts.speaking()) if link.joined),
            wait=parts.wait,
            drop=parts.counters.drop,
            affords=self._broadcasts.affords,
        )
        self._local = OwnSockets(parts, self._agents, self.originate)
        self._odd = Unusual(parts, self._local, self.sockets, self._broadcasts, self._sharing.hear)
        self._bans: Bans | None = None
        self._uplink = Uplink(self._local.probe, self._cut_off, lambda: self.virtual.counters.packets_in)

    # What there is to see.

    @property
    def parameters(self) -> Parameters:
        """The domain's parameters that are in force here."""
        return self._parts.parameters

    @property
    def links(self) -> list[Link]:
        """The links, but for the virtual one."""
        return self._parts.links

    @property
    def counters(self) -> Counters:
        """What this node dropped itself."""
        return self._parts.counters

    @property
    def ping_listeners(self) -> set[Callable[[Address], None]]:
        """Who is called with the address of everyone that answers a ping."""
        return self._local.ping_listeners

    @property
    def router(self) -> Router:
        """The routing side: what is known of networks and services, and by whom."""
        return self._agents.router

    def view(self, link: Link) -> View:
        """Return what the hosts of a link are told when they ask."""
        return self._agents.view(link)

    @property
    def alarms(self) -> deque[str]:
        """Sentences about what an operator has to put right, the newest last; 64 at most."""
        return self.router.alarms.sentences

    @property
    def address(self) -> Address:
        """This node's own address on the virtual network."""
        return Address(self.parameters.network, self.virtual.node, 0)

    def look_at_each(self, *, wanted: bool) -> None:
        """Let no packet pass but by `receive` of this gateway and `send` of a link, or let them again."""
        self._forwarder.shortcuts.learning = not wanted
        self._forwarder.shortcuts.clear()

    def on_moved(self, listener: Callable[[set[int]], None]) -> None:
        """Call `listener` with the networks whose way in force has changed, after each change."""
        self._agents.moved = listener

    def ticks_to(self, owner: bytes) -> int | None:
        """Return the ticks to another node of the domain, None when it cannot be reached."""
        peer = self._tables.peer(owner)
        return peer.ticks if peer is not None else None

    def way_to(self, to: Address) -> Way | None:
        """Return the way that a packet to an address takes now, None when none is known."""
        network = (to.network or self.parameters.network).to_bytes(4, "big")
        return self._forwarder.hosts.get(network + to.node) or self._forwarder.networks.get(network)

    def is_own(self, to: Address) -> bool:
        """Say whether an address is one of this node itself."""
        return (to.network or self.parameters.network).to_bytes(4, "big") + to.node in self._tables.own

    def is_ours(self, node: bytes, besides: str) -> bool:
        """Say whether a host of the virtual network is on a joined link of ours, other than one by name."""
        link = self._tables.link_of(node)
        return link is not None and link.name != besides

    def why(self, link: Link) -> str:
        """Return, for people, why this gateway routes on a link or not, where others may; else nothing."""
        return self._sharing.lans.why(link)

    def standing(self, now: float) -> Iterator[tuple[Alarm, float]]:
        """Yield what is wrong with the links, each with when it was seen last."""
        yield from self.router.alarms.present(now)
        yield from ((alarm, now) for alarm in self._sharing.lans.strangers(now))

    def drops(self) -> dict[str, int]:
        """Return what this node dropped that no link could send on, by reason."""
        drops = {**self.counters.drops, "passed too many routers": self._forwarder.expired}
        if self._forwarder.returned:
            drops["would go back where it came from"] = self._forwarder.returned
        return drops

    def muted(self, link: Link) -> str | None:
        """Return why a link is only listened to, None when it is served."""
        return next(iter(self._parts.muted.get(link.name, ())), None)

    def hosts_of(self, link: Link) -> list[bytes]:
        """Return the node numbers of the hosts on a joined link."""
        return self._tables.hosts_of(link)

    # Links come and go.

    def attach(self, link: Link, share: Share | None = None, *, active: bool = True) -> None:
        """Take a link in; open it afterwards. One that is not active stands by: see `stand_by`.

        With a `share` this gateway takes turns with others of the domain on it.
        """
        self._forwarder.shortcuts.clear()
        self.links.append(link)
        if share is not None:
            active = self._sharing.attach(link, share)
        self._tables.own.update(own_addresses(link))
        reason = self._agents.attach(link)
        if reason is not None:
            self._tables.own.difference_update(own_addresses(link))
            self._muting.mute(link, UNUSABLE)
        if not active:
            self.stand_by(link)

    def go_down(self, link: Link) -> bool:
        """Say goodbye on a link before it is closed and detached: that everything behind us is lost there.

        Where another gateway goes on in our place nothing is lost, and it is told to. Returns whether all is
        said; else `advance` says the rest, and this may be asked again.
        """
        if not self._sharing.leave(link):
            self._agents.go_down([link])
        return self._agents.is_quiet(link)

    def stop(self) -> bool:
        """Say goodbye on all links, because the node stops; see `go_down`."""
        return all([self.go_down(link) for link in self.links])  # noqa: C419 - each is to be asked

    def detach(self, link: Link) -> None:
        """Leave a closed link out, with everything that was known through it."""
        self._forwarder.shortcuts.clear()
        self.links.remove(link)
        for node in self._tables.hosts_of(link):
            self.host_lost(link, node)
        self._sharing.forget(link)
        self._agents.detach(link)
        self._muting.forget(link)
        self._tables.own.difference_update(own_addresses(link))
        for other in self.links:  # two LANs may share a number
            self._tables.own.update(own_addresses(other))

    def stand_by(self, link: Link) -> None:
        """Only listen to a link, because another gateway of the domain routes on its LAN."""
        self._muting.mute(link, STANDING_BY)

    def take_over(self, link: Link) -> None:
        """Route on a link on which this node stood by: from now on it is told, served and led through."""
        self._muting.unmute(link, STANDING_BY)

    def carrier(self, link: Link, *, present: bool) -> None:
        """Learn that a link's cable is out, or in again. One that never says so is taken to be in."""
        if not present:
            self._muting.mute(link, NO_CARRIER)
            self._agents.forget(link)
        self._sharing.carrier(link, present=present)
        if present:
            self._muting.unmute(link, NO_CARRIER)

    # Who is kept out.

    def heed(self, bans: Bans) -> None:
        """Let nobody who is banned take part: no host by its node number, no other node by its IP address."""
        self._bans = bans
        self._tables.keeps_out = bans.covers
        self.bans_changed()

    def bans_changed(self) -> None:
        """Learn that somebody is banned, or is no more."""
        self._forwarder.shortcuts.clear()
        for link in self.links:
            for node in self._tables.hosts_of(link):
                if self._bans is not None and self._bans.keeps_out_node(node):
                    link.release(node)
        self._tables.look_again()
        self.directory_changed(Change(record) for record in [*self.directory.records(Kind.NODE)])

    # The domain.

    def renumber(self, node: bytes) -> None:
        """Take another node number on the virtual network."""
        before = self.virtual.node
        self._forwarder.shortcuts.clear()
        for link in (self.virtual, *self.links):
            if link.joined and not self._sharing.shares_node(link):
                link.node = node
                self._agents.renumber(link)
        self._tables.renumber(before, node)
        self.services.renumber(node)
        self.sockets.renumbered()

    def take_parameters(self, parameters: Parameters) -> str:
        """Take the domain's new parameters as far as that goes; return what needs a restart, or nothing.

        The virtual network's number and the nodes' numbers are known to hosts, the data port to every other
        node, and where broadcasts go decides which sockets there are: those stay as they are.
        """
        before = self.parameters
        self._parts.parameters = replace(
            parameters,
            network=before.network,
            node_prefix=before.node_prefix,
            data_port=before.data_port,
            broadcasts=before.broadcasts,
        )
        self._forwarder.hop_limit = parameters.hop_limit
        self._broadcasts.set_rate(parameters.broadcast_rate, parameters.broadcast_burst)
        self._tables.take_parameters(self.parameters)
        self._agents.look_again([*self.directory.keys(Kind.ROUTE)])
        fixed = ("network", "node_prefix", "data_port", "broadcasts")
        return ", ".join(
            name.replace("_", "-") for name in fixed if getattr(parameters, name) != getattr(before, name)
        )

    def directory_changed(self, changes: Iterable[Change]) -> None:
        """Bring routes, services and forwarding up to what the replica now holds."""
        changes = list(changes)
        self._agents.directory_changed(changes, self._tables.directory_changed(changes))
        hosts = {change.record.value.node for change in changes if isinstance(change.record.value, Host)}
        self._sharing.directory_changed(hosts)

    def session_lost(self) -> None:
        """Learn that no DSS can be reached. If the other nodes cannot be either, our links are told so."""
        self._uplink.lost(self._parts.clock())
        self._parts.changed()

    def session_found(self) -> None:
        """Learn that a DSS is reached again."""
        self._uplink.found()

    def send_ping(self, to: Address) -> None:
        """Ask a host, or with the broadcast node number all players, for an answer to `ping_listeners`."""
        self._local.send_ping(to)

    def originate(self, packet: bytes, sender: LocalSocket | None = None) -> None:
        """Route a packet of this node, or of a program that holds a socket of it; see `Origin.send`."""
        self._origin.send(packet, sender)

    # What links report.

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Take a batch of packets that `link` received."""
        batch = let_through(batch, self._bans, link.counters)
        if link is self.virtual:
            if self._uplink.watching:
                self._uplink.heard(self._parts.clock())
            if self._tables.place_sources(batch):
                self._parts.changed()
        elif link.name in self._parts.muted or not link.network:
            self._muting.listen(link, self._sharing.sift(link, batch))
            return
        self._forwarder.forward(link, batch)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        """Learn that a host is on a joined link of ours, and register it, if we route there."""
        routes = self._sharing.lans.host_gained(link, node, hop)
        if not self._muting.gained(link, node, hop) and routes:
            self.register_host(link, node, hop)

    def host_lost(self, link: Link, node: bytes) -> None:
        """Learn that a host has left, and withdraw it."""
        self._sharing.lans.host_lost(link, node)
        self._muting.lost(link, node)
        self.withdraw_host(link, node)

    def register_host(self, link: Link, node: bytes, hop: Hop) -> None:
        """Place a host on a joined link of ours, and register it."""
        self.services.offer(self._tables.add_local(link, node, hop))

    def withdraw_host(self, link: Link, node: bytes) -> None:
        """Withdraw a host of a joined link of ours, if it is still there."""
        if self._tables.remove_local(link, node):
            self.services.retract((Kind.HOST, node, ""))

    def may_return(self, link: Link, node: bytes) -> bool:
        """Say whether a host that was heard on a mute link is to be registered when it is served again."""
        return self._sharing.may_register(link, node)

    def _cut_off(self, cut_off: bool) -> None:
        self._agents.cut_off(cut_off)
        self._sharing.set_fit(fit=not cut_off)

    def _unusual(self, inlet: Outlet, packet: bytes, hop: Hashable) -> None:
        self._odd.handle(inlet, packet, hop)

    # Timers.

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        parts = (self._tables.placement, self._agents, self._muting, self._uplink, self._sharing)
        return min((time for part in parts if (time := part.next_deadline()) is not None), default=None)

    def advance(self, now: float) -> None:
        """Send what is due, and let what was learned age and packets that have waited too long go."""
        placement = self._tables.placement
        for node in placement.advance(now):
            self._tables.refresh_host(node)
        self._muting.advance(now)
        self._uplink.advance(now)
        self._sharing.advance(now)
        self._agents.advance(now)
        if placement.given_up:
            self.counters.drops["unknown host"] = placement.given_up
