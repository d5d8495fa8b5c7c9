"""The gateway: where links, forwarding, tables and agents meet. No sockets and no clock of its own.

Links hand in batches; the forwarder sends the ordinary packets on as raw octets; what it does not know comes
to `unusual`, one packet at a time. See "Life of a packet" in docs/architecture.md, and docs/routing.md.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from nwip.dataplane.forwarding import Forwarder, Outlet
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Kind
from nwip.directory.table import Directory
from nwip.gateway.agents import Agents, own_addresses
from nwip.gateway.broadcasts import Broadcasts
from nwip.gateway.local import LocalSockets
from nwip.gateway.muting import UNUSABLE, Muting
from nwip.gateway.parts import Parts
from nwip.gateway.tables import Tables
from nwip.gateway.unusual import Unusual
from nwip.gateway.uplink import Uplink
from nwip.ipx.address import Address
from nwip.links.base import Arrival, Counters, Hop, Link
from nwip.links.virtual import VirtualLink
from nwip.routing.registering import Registry
from nwip.routing.router import Router
from nwip.routing.view import View

NO_CARRIER: Final = "the cable is out"
STANDING_BY: Final = "another gateway routes on this LAN"


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
        virtual: VirtualLink,
        registry: Registry,
        *,
        subnet_prefix: int | None,
        clock: Callable[[], float],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.directory = directory
        self.virtual = virtual
        self._registry = registry
        self._forwarder = forwarder = Forwarder(self._unusual, parameters.hop_limit, virtual)
        self._tables = tables = Tables(
            identity, directory, parameters, virtual, forwarder, subnet_prefix=subnet_prefix, clock=clock
        )
        self._parts = parts = Parts(parameters, virtual, forwarder, tables, clock, changed)
        self._agents = Agents(identity, directory, registry, parts)
        self._muting = Muting(parts, self._agents, self)
        self._local = LocalSockets(parts, self._agents)
        self._broadcasts = Broadcasts(parts)
        self._odd = Unusual(parts, self._local, self._broadcasts)
        self._uplink = Uplink(self._local.probe, self._agents.cut_off)

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

    def on_moved(self, listener: Callable[[set[int]], None]) -> None:
        """Call `listener` with the networks whose way in force has changed, after each change."""
        self._agents.moved = listener

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

    def attach(self, link: Link, *, active: bool = True) -> None:
        """Take a link in; open it afterwards. One that is not active stands by: see `stand_by`."""
        self.links.append(link)
        if not link.joined and link.network:
            self._tables.own.update(own_addresses(link))
        reason = self._agents.attach(link)
        if reason is not None:
            self._tables.own.difference_update(own_addresses(link))
            self._muting.mute(link, UNUSABLE)
        if not active:
            self.stand_by(link)

    def go_down(self, link: Link) -> bool:
        """Tell a link that everything behind us is lost, before it is closed and detached.

        Returns whether all is said; else `advance` says the rest, and this may be asked again.
        """
        self._agents.go_down([link])
        return self._agents.is_quiet(link)

    def stop(self) -> bool:
        """Tell all links that everything behind us is lost, because the node stops.

        Returns whether all is said; else `advance` says the rest, and this may be asked again.
        """
        self._agents.go_down(self.links)
        return all(self._agents.is_quiet(link) for link in self.links)

    def detach(self, link: Link) -> None:
        """Leave a closed link out, with everything that was known through it."""
        self.links.remove(link)
        for node in self._tables.hosts_of(link):
            self.host_lost(link, node)
        self._agents.detach(link)
        self._muting.forget(link)
        if not link.joined:
            self._tables.own.difference_update(own_addresses(link))

    def stand_by(self, link: Link) -> None:
        """Only listen to a link, because another gateway of the domain routes on its LAN."""
        self._muting.mute(link, STANDING_BY)

    def take_over(self, link: Link) -> None:
        """Route on a link on which this node stood by: from now on it is told, served and led through."""
        self._muting.unmute(link, STANDING_BY)

    def carrier(self, link: Link, *, present: bool) -> None:
        """Learn that a link's cable is out, or in again. One that never says so is taken to be in."""
        if present:
            self._muting.unmute(link, NO_CARRIER)
        else:
            self._muting.mute(link, NO_CARRIER)
            self._agents.forget(link)

    # The domain.

    def renumber(self, node: bytes) -> None:
        """Take another node number on the virtual network."""
        before = self.virtual.node
        for link in (self.virtual, *self.links):
            if link.joined:
                link.node = node
                self._agents.renumber(link)
        self._tables.renumber(before, node)

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

    # What links report.

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Take a batch of packets that `link` received."""
        if link is self.virtual:
            if self._uplink.watching:
                self._uplink.heard(self._parts.clock())
            if self._tables.place_sources(batch):
                self._parts.changed()
        elif link.name in self._parts.muted or not link.network:
            self._muting.listen(link, batch)
            return
        self._forwarder.forward(link, batch)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        """Learn that a host is on a joined link of ours, and register it."""
        if not self._muting.gained(link, node, hop):
            self._registry.offer(self._tables.add_local(link, node, hop))

    def host_lost(self, link: Link, node: bytes) -> None:
        """Learn that a host has left, and withdraw it."""
        self._muting.lost(link, node)
        if self._tables.remove_local(link, node):
            self._registry.retract((Kind.HOST, node, ""))

    def _unusual(self, inlet: Outlet, packet: bytes, hop: Hashable) -> None:
        self._odd.handle(inlet, packet, hop)

    # Timers.

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        parts = (self._tables.placement, self._agents, self._muting, self._uplink)
        return min((time for part in parts if (time := part.next_deadline()) is not None), default=None)

    def advance(self, now: float) -> None:
        """Send what is due, and let what was learned age and packets that have waited too long go."""
        placement = self._tables.placement
        for node in placement.advance(now):
            self._tables.refresh_host(node)
        self._muting.advance(now)
        self._uplink.advance(now)
        self._agents.advance(now)
        if placement.given_up:
            self.counters.drops["unknown host"] = placement.given_up
