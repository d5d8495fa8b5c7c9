"""Fills the forwarding tables: from our links' hosts, the directory's records, and what packets show.

The routing side of a gateway. No sockets, no clock of its own: `clock` is passed in and returns seconds.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from nwip.dataplane.forwarding import Forwarder, Way
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Host, Key, Kind, Node, Record, Route, Service
from nwip.directory.table import Directory
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE
from nwip.links.base import Arrival, Hop, Link
from nwip.links.domain_link import DomainLink
from nwip.routing.distance import ticks_between
from nwip.routing.numbering import is_node_number
from nwip.routing.placement import Placement

MOST_MOVES: Final = 2**63 - 1  # what a `Host` record can hold; there the higher owner keeps the host

SHARED_LIMIT: Final = 1024  # ways that hosts share, one for each link and number of moves

_NO_HOSTS: Final = (BROADCAST_NODE, NULL_NODE)


class Peer(NamedTuple):
    """Another node of the domain: its data port, its number, the ticks to it, the way to its hosts."""

    endpoint: Endpoint
    node: bytes
    ticks: int
    way: Way


class Local(NamedTuple):
    """What is noted on the way to a host on a joined link of ours: how often it moved between gateways."""

    link: Link
    moves: int


class Tables:
    """Which way each host and network is, kept up to date in `forwarder`.

    `identity` is our own as an owner of records; `own` holds the addresses (network and node, ten octets) at
    which this node itself is spoken to. `keeps_out(ip, node)` says of another node that it is banned here: it
    is as if it were not there, with all that it has registered.
    """

    def __init__(
        self,
        identity: bytes,
        directory: Directory,
        parameters: Parameters,
        virtual: DomainLink,
        forwarder: Forwarder,
        *,
        subnet_prefix: int | None,
        clock: Callable[[], float],
    ) -> None:
        self.network = parameters.network.to_bytes(4, "big")
        self.own = forwarder.own
        self.own.add(self.network + virtual.node)
        self.placement = Placement(directory)
        self._identity = identity
        self._directory = directory
        self._parameters = parameters
        self._virtual = virtual
        self._forwarder = forwarder
        self._cut_off = False
        self._prefix = subnet_prefix
        self._clock = clock
        self._shared: dict[tuple[str, int], Way] = {}
        self._nodes: dict[bytes, Node | None] = {}
        self._peers: dict[bytes, Peer] = {}
        self._owners: dict[Endpoint, bytes] = {}
        self.keeps_out: Callable[[str, bytes], bool] = lambda _ip, _node: False

    def look_again(self) -> None:
        """Look anew at each node when it is told of next, whatever is known of it."""
        self._nodes.clear()

    def renumber(self, before: bytes, node: bytes) -> None:
        """Take another node number on the virtual network; the one before leads to who has it now."""
        self.own.discard(self.network + before)
        self.own.add(self.network + node)
        self._forwarder.hosts.pop(self.network + node, None)
        self.refresh_host(before)

    def add_local(self, link: Link, node: bytes, hop: Hop) -> Host:
        """Place a host on a joined link of ours; return its record, its moves raised if it was elsewhere."""
        standing = self.placement.best_host(node)
        moves = 1 if standing is None else standing[1] + (standing[0] != self._identity)
        moves = min(moves, MOST_MOVES)
        way = self._shared_way(link, moves) if hop == node else Way(link, hop, Local(link, moves))
        self._forwarder.hosts[self.network + node] = way
        self._send_waiting(node)
        return Host(node, moves)

    def remove_local(self, link: Link, node: bytes) -> bool:
        """Forget a host of a joined link of ours; False when it was not, or no longer, there."""
        if self.link_of(node) is not link:
            return False
        del self._forwarder.hosts[self.network + node]
        self.refresh_host(node)
        return True

    def link_of(self, node: bytes) -> Link | None:
        """Return the joined link of ours that a host is on, None when it is on none."""
        way = self._forwarder.hosts.get(self.network + node)
        return way.note.link if way is not None and isinstance(way.note, Local) else None

    def hosts_of(self, link: Link) -> list[bytes]:
        """Return the node numbers of the hosts on a joined link of ours."""
        return list(self.places_of(link))

    def places_of(self, link: Link) -> dict[bytes, Hop]:
        """Return the hosts on a joined link of ours, and the hop of each."""
        return {
            address[4:]: address[4:] if way.hop is None else way.hop
            for address, way in self._forwarder.hosts.items()
            if isinstance(way.note, Local) and way.note.link is link
        }

    def directory_changed(self, changes: Iterable[Change]) -> list[Key]:
        """Place hosts as the replica now does; return the routes and services to look up anew."""
        touched: list[Record] = []
        moved: set[bytes] = set()
        for record in (change.record for change in changes if change.record.owner != self._identity):
            touched.append(record)
            if isinstance(record.value, Node) and record.owner not in moved:
                if self._nodes.get(record.owner) == self._directory.node_of(record.owner):
                    continue  # only numbered anew, as all are when a DSS returns
                moved.add(record.owner)
                touched += self._directory.of_owner(record.owner)
        if moved:
            self._refresh_peers()
        for node in {record.value.node for record in touched if isinstance(record.value, Host | Node)}:
            self.refresh_host(node)
        return [record.key for record in touched if isinstance(record.value, Route | Service)]

    def refresh_host(self, node: bytes) -> None:
        """Look up anew where a host of the virtual network is."""
        key = self.network + node
        if key in self.own or node in _NO_HOSTS or self._stays_local(node):
            return
        owner = self.placement.owner_of(node, self._clock())
        peer = self.peer(owner) if owner else None
        if peer is None:
            self._forwarder.hosts.pop(key, None)
        else:
            self._forwarder.hosts[key] = peer.way
            self._send_waiting(node)

    def place_network(self, network: int, way: Way | None, inward: Way | None) -> None:
        """Note how a network is reached, and how by our own links (`inward`); None when it is not."""
        key = network.to_bytes(4, "big")
        for table, there in ((self._forwarder.networks, way), (self._forwarder.inward, inward)):
            if there is None:
                table.pop(key, None)
            else:
                table[key] = there

    def take_parameters(self, parameters: Parameters) -> None:
        """Take other ticks: the ways to networks are to be chosen anew."""
        self._parameters = parameters
        self._peers = {owner: self._peer(peer.endpoint, peer.node) for owner, peer in self._peers.items()}

    def set_cut_off(self, *, cut_off: bool) -> None:
        """Learn whether other nodes can be reached at all, whatever the replica says."""
        self._cut_off = cut_off
        for kind in (Kind.NODE, Kind.HOST):
            for key in list(self._directory.keys(kind)):
                if isinstance(key[1], bytes):
                    self.refresh_host(key[1])

    def peer(self, owner: bytes) -> Peer | None:
        """Return where another node of the domain is, None when it cannot be reached."""
        return None if self._cut_off else self._peers.get(owner)

    def peers(self) -> list[Peer]:
        """Return all other nodes whose address is known."""
        return list(self._peers.values())

    def place_sources(self, batch: Sequence[Arrival]) -> bool:
        """Note which node the sources of a batch are behind; say whether that was news.

        Of a number that only nodes have it shows nothing: where a node is, its own record alone says.
        """
        hosts, network, news = self._forwarder.hosts, self.network, False
        for packet, hop in batch:
            source = packet[18:28]
            way = hosts.get(source)
            if source[:4] != network or (
                way is not None and (way.outlet is not self._virtual or way.hop == hop)
            ):
                continue
            owner = self._owners.get(hop) if isinstance(hop, tuple) else None
            if owner is None or is_node_number(source[4:], self._parameters):
                continue
            if source not in self.own:
                news = True
                forgotten = self.placement.learn(source[4:], owner, self._clock())
                self.refresh_host(source[4:])
                if forgotten is not None:
                    self.refresh_host(forgotten)
        return news

    def _stays_local(self, node: bytes) -> bool:
        """Say whether a host is on a link of ours; if its record says that it has moved, let it go."""
        way = self._forwarder.hosts.get(self.network + node)
        if way is None or not isinstance(way.note, Local):
            return False
        standing = self.placement.best_host(node)
        if standing is not None and (standing[1], standing[0]) > (way.note.moves, self._identity):
            way.note.link.release(node)
        return self.link_of(node) is not None

    def _shared_way(self, link: Link, moves: int) -> Way:
        """Return the way to hosts that are their own hop: all that have moved as often share one."""
        way = self._shared.get((link.name, moves))
        if way is None or way.outlet is not link:
            if len(self._shared) >= SHARED_LIMIT:
                self._shared.clear()
            way = self._shared[link.name, moves] = Way(link, None, Local(link, moves))
        return way

    def _refresh_peers(self) -> None:
        peers: dict[Endpoint, bytes] = {}
        insides: dict[bytes, Endpoint] = {}
        self._nodes.clear()
        self._peers.clear()
        self._owners.clear()
        ipv6 = ":" in self._virtual.endpoint[0]
        for record in self._directory.records(Kind.NODE):
            node = record.value
            if not isinstance(node, Node) or record.owner == self._identity:
                continue
            self._nodes[record.owner] = self._directory.node_of(record.owner)
            endpoint, inside, *_ = [at for at in node.endpoints if (":" in at[0]) == ipv6] + [None, None]
            if endpoint is None or self.keeps_out(endpoint[0], node.node):
                continue
            if endpoint != self._virtual.endpoint:  # nor what we were before
                peers[endpoint] = node.node
                self._peers[record.owner] = self._peer(endpoint, node.node)
                self._owners[endpoint] = record.owner
                if inside is not None:
                    insides[record.owner] = inside
        self._virtual.know(peers, {owner: peer.endpoint for owner, peer in self._peers.items()}, insides)

    def _peer(self, endpoint: Endpoint, node: bytes) -> Peer:
        ticks = ticks_between(self._virtual.endpoint[0], endpoint[0], self._parameters, self._prefix)
        return Peer(endpoint, node, ticks, Way(self._virtual, endpoint))

    def _send_waiting(self, node: bytes) -> None:
        way = self._forwarder.hosts.get(self.network + node)
        if way is not None:
            for packet in self.placement.release(node):
                self._forwarder.send(self._virtual, way, packet)  # whence it came is forgotten: raised always
