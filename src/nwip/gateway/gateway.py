"""The gateway: where links, forwarding, tables and agents meet. No sockets and no clock of its own.

Links hand in batches; the forwarder sends the ordinary packets on as raw octets; what it does not know comes
to `_unusual`, one packet at a time. See "Life of a packet" in docs/architecture.md.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from nwip.dataplane.forwarding import Forwarder, Outlet, Way, raised
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Kind
from nwip.directory.table import Directory
from nwip.gateway.agents import Agents, Registry
from nwip.gateway.local_services import LocalServices
from nwip.gateway.originating import Origin
from nwip.gateway.sockets import LocalSocket, LocalSockets
from nwip.gateway.tables import Tables
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping, ping_answer
from nwip.links.base import Arrival, Counters, Hop, Link
from nwip.links.virtual import VirtualLink
from nwip.security.limits import TokenBuckets
from nwip.wire import WireError

PING_SOCKET: Final = Socket.DYNAMIC_FIRST + 2  # never socket 2: it tells a question from an answer
ANSWER_RATE: Final = 500.0  # RIP and SAP responses a second to one host: about a tenth of a processor
ANSWER_BURST: Final = 512.0  # one whole answer: 3,584 services or 25,600 networks
BROADCAST_SOURCES: Final = 4096  # whose budgets are remembered; the one unused for longest is forgotten

_RIP_OR_SAP: Final = frozenset(socket.to_bytes(2, "big") for socket in (Socket.RIP, Socket.SAP))


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
        self.parameters = parameters
        self.virtual = virtual
        self.links: list[Link] = []
        self.counters = Counters()
        self.ping_listeners: set[Callable[[Address], None]] = set()
        self.sockets = LocalSockets()
        self.services = registry = LocalServices(registry)
        self._registry = registry
        self._clock = clock
        self._changed = changed
        self._forwarder = Forwarder(self._unusual, parameters.hop_limit)
        self._agents = Agents(identity, directory, registry)
        self._tables = Tables(
            identity,
            directory,
            parameters,
            virtual,
            self._forwarder,
            subnet_prefix=subnet_prefix,
            clock=clock,
            way_here=self._agents.way_here,
        )
        self._answers = TokenBuckets(ANSWER_RATE, ANSWER_BURST)
        self._budget = TokenBuckets(parameters.broadcast_rate, parameters.broadcast_burst, BROADCAST_SOURCES)
        self._origin = Origin(
            self.sockets,
            self._forwarder,
            self._tables.network,
            joined=lambda: (link for link in (virtual, *self.links) if link.joined),
            wait=self._wait,
            drop=self.counters.drop,
            affords=lambda source: self._budget.allow(source, clock()),
        )

    def attach(self, link: Link) -> None:
        """Take a link in; open it afterwards."""
        self.links.append(link)
        self._agents.attach(link, self.parameters.network)
        if not link.joined:
            self._tables.own.add(link.network.to_bytes(4, "big") + link.node)
            self._tables.refresh_network(link.network)

    def detach(self, link: Link) -> None:
        """Leave a closed link out, with everything that was known through it."""
        self.links.remove(link)
        for node in self._tables.hosts_of(link):
            self.host_lost(link, node)
        networks = self._agents.detach(link)
        if not link.joined:
            self._tables.own.discard(link.network.to_bytes(4, "big") + link.node)
        for network in networks:
            self._tables.refresh_network(network)

    def renumber(self, node: bytes) -> None:
        """Take another node number on the virtual network."""
        before = self.virtual.node
        for link in (self.virtual, *self.links):
            if link.joined:
                link.node = node
        self._tables.renumber(before, node)
        self.services.renumber(node)
        self.sockets.renumbered()

    def take_parameters(self, parameters: Parameters) -> str:
        """Take the domain's new parameters as far as that goes; return what needs a restart, or nothing.

        The virtual network's number and the nodes' numbers are known to hosts, the data port to every other
        node, and where broadcasts go decides which sockets there are: those stay as they are.
        """
        before = self.parameters
        self.parameters = replace(
            parameters,
            network=before.network,
            node_prefix=before.node_prefix,
            data_port=before.data_port,
            broadcasts=before.broadcasts,
        )
        self._forwarder.hop_limit = parameters.hop_limit
        self._budget.set_rate(parameters.broadcast_rate, parameters.broadcast_burst)
        self._tables.take_parameters(self.parameters)
        fixed = ("network", "node_prefix", "data_port", "broadcasts")
        return ", ".join(
            name.replace("_", "-") for name in fixed if getattr(parameters, name) != getattr(before, name)
        )

    @property
    def address(self) -> Address:
        """This node's own address on the virtual network."""
        return Address(self.parameters.network, self.virtual.node, 0)

    def drops(self) -> dict[str, int]:
        """Return what this node dropped that no link could send on, by reason."""
        return {**self.counters.drops, "passed too many routers": self._forwarder.expired}

    def directory_changed(self, changes: Iterable[Change]) -> None:
        """Bring the forwarding tables up to what the replica now holds."""
        self._tables.directory_changed(changes)

    def hosts_of(self, link: Link) -> list[bytes]:
        """Return the node numbers of the hosts on a joined link."""
        return self._tables.hosts_of(link)

    def ticks_to(self, owner: bytes) -> int | None:
        """Return the ticks to another node of the domain, None when its address is not known."""
        return self._tables.ticks_to(owner)

    def way_to(self, to: Address) -> Way | None:
        """Return the way that a packet to an address takes now, None when none is known."""
        network = (to.network or self.parameters.network).to_bytes(4, "big")
        return self._forwarder.hosts.get(network + to.node) or self._forwarder.networks.get(network)

    def is_own(self, to: Address) -> bool:
        """Say whether an address is one of this node itself."""
        return (to.network or self.parameters.network).to_bytes(4, "big") + to.node in self._tables.own

    # What links report.

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Take a batch of packets that `link` received."""
        if link is self.virtual and self._tables.place_sources(batch):
            self._changed()
        self._forwarder.forward(link, batch)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        """Learn that a host is on a joined link of ours, and register it."""
        self._registry.offer(self._tables.add_local(link, node, hop))

    def host_lost(self, link: Link, node: bytes) -> None:
        """Learn that a host has left, and withdraw it."""
        if self._tables.remove_local(link, node):
            self._registry.retract((Kind.HOST, node, ""))

    # What the forwarder does not know.

    def _unusual(self, inlet: Outlet, packet: bytes, hop: Hashable) -> None:
        link = next(link for link in (self.virtual, *self.links) if link is inlet)
        if packet[6:16] in self._tables.own:
            if not self.sockets.deliver(packet):
                self._deliver(link, Packet.decode(packet), hop)
        elif packet[10:16] == BROADCAST_NODE:
            self._broadcast(link, packet, hop)
        elif not (link.joined and self._wait(packet)):
            self.counters.drop("no way to the destination")

    def _wait(self, packet: bytes) -> bool:
        """Keep a packet to an unknown host of the virtual network for a moment."""
        if packet[6:10] != self._tables.network:
            return False
        kept = self._tables.placement.wait(packet[10:16], packet, self._clock())
        self._changed()
        return kept

    def _broadcast(self, link: Link, packet: bytes, hop: Hashable) -> None:
        if packet[6:10] != link.network.to_bytes(4, "big"):
            way = self._forwarder.networks.get(packet[6:10])
            if way is None:
                self.counters.drop("no way to the destination")
            else:
                self._forwarder.send(link, way, packet)
        elif packet[16:18] in _RIP_OR_SAP:
            self._rip_or_sap(link, packet, hop)
        elif link.joined:
            self._copy(link, packet, hop)
        elif link.star:
            link.send_to_all(packet, besides=hop)

    def _copy(self, link: Link, packet: bytes, hop: Hashable) -> None:
        """Copy a broadcast of the virtual network to everyone else on it; what came through it stays here.

        A propagated (type 20) packet counts networks in its transport control, so it is not raised.
        """
        if not self._budget.allow(packet[18:28], self._clock()):
            self.counters.drop("broadcast budget")
            return
        self.sockets.deliver(packet)
        if link.star:
            link.send_to_all(packet, besides=hop)
        if packet[5] != PacketType.PROPAGATED:
            packet = raised(packet)
            if packet[4] >= self.parameters.hop_limit:
                self._forwarder.expired += 1
                return
        for other in self.links:
            if other.joined and other is not link:
                other.send_to_all(packet)
        if link is not self.virtual:
            self.virtual.send_to_all(packet)

    def _rip_or_sap(self, link: Link, packet: bytes, hop: Hashable) -> None:
        if link is self.virtual:
            self.counters.drop("RIP or SAP broadcast on the virtual network")
            return
        if link.star:
            link.send_to_all(packet, besides=hop)
        self._deliver(link, Packet.decode(packet), hop)

    def _deliver(self, link: Link, packet: Packet, hop: Hashable) -> None:
        """Take a packet that is for this node itself."""
        match packet.destination.socket:
            case Socket.RIP | Socket.SAP:
                self._rip_or_sap_here(link, packet, hop)
            case Socket.ECHO if packet.source.socket == Socket.ECHO:
                for listener in tuple(self.ping_listeners):
                    listener(packet.source)
            case Socket.ECHO:
                answer = ping_answer(packet, Address(link.network, link.node, Socket.ECHO))
                link.send(
                    answer._replace(destination=answer.destination._replace(network=link.network)).encode(),
                    hop,
                )
            case _:
                self.counters.drop("no such socket here")

    def _rip_or_sap_here(self, link: Link, packet: Packet, hop: Hashable) -> None:
        try:
            networks = self._agents.hear(link, packet, self._clock())
        except WireError:
            self.counters.drop("malformed RIP or SAP")
            return
        for network in networks:
            self._tables.refresh_network(network)
        self._changed()
        for response in tuple(self._affordable(hop, self._agents.answer(link, packet, self._tables))):
            link.send(response.encode(), hop)

    def _affordable(self, hop: Hashable, responses: Iterator[Packet]) -> Iterator[Packet]:
        """Cut an answer short where one host's questions would keep the node from everything else."""
        for response in responses:
            if not self._answers.allow(hop, self._clock()):
                self.counters.drop("answer budget")
                return
            yield response

    # What this node sends itself.

    def send_ping(self, to: Address) -> None:
        """Ask a host, or with the broadcast node number all players, for an answer to `ping_listeners`."""
        source = self.address._replace(socket=PING_SOCKET)
        packet = ping(source)._replace(source=source, destination=to._replace(socket=Socket.ECHO)).encode()
        if packet[6:16] in self._tables.own:
            for listener in tuple(self.ping_listeners):
                listener(to)
        else:
            self.originate(packet)

    def originate(self, packet: bytes, sender: LocalSocket | None = None) -> None:
        """Route a packet of this node, or of a program that holds a socket of it; see `Origin.send`."""
        self._origin.send(packet, sender)

    # Timers.

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        times = (self._tables.placement.next_deadline(), self._agents.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> None:
        """Let what was learned age, and packets that have waited too long go."""
        placement = self._tables.placement
        for node in placement.advance(now):
            self._tables.refresh_host(node)
        for network in self._agents.advance(now):
            self._tables.refresh_network(network)
        if placement.given_up:
            self.counters.drops["unknown host"] = placement.given_up
