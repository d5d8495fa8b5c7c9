"""The virtual network: IPX packets directly in UDP datagrams, byte for byte as NetWare/IP carried them.

Two speeds: what arrives and leaves here is raw octets, checked by offset. Only datagrams from the data ports
of live nodes of the domain are taken, and none may carry another node's number as its source.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener, Port, described, open_port, overflows
from nwip.dataplane.spots import Located, Spot
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE
from nwip.links.base import Arrival, Counters, Gateway, Hop
from nwip.links.peer_traffic import PeerTraffic, Traffic

_NO_CHECKSUM = b"\xff\xff"
_THIS_NETWORK = bytes(4)


class VirtualLink(Located):
    """The link to the other nodes of the domain; a hop on it is the UDP endpoint of a node.

    `peers` maps the endpoints of the other nodes to their node numbers, and is kept up to date from the
    directory by `know`. With `broadcast_to` (the policy `subnet`) broadcasts go out once, to that address;
    otherwise one copy goes to every peer. `stranger` may answer what comes from no node of the domain.
    """

    kind = "virtual"
    counters: Counters
    name = "virtual"
    joined = True
    star = False
    station: bytes | None = None
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self,
        network: int,
        node: bytes,
        at: Endpoint,
        broadcast_to: Endpoint | None = None,
        *,
        opener: Opener = open_port,
    ) -> None:
        super().__init__()
        self.network = network
        self.node = node
        self.counters = Counters()
        self._at = at
        self._open_port = opener
        self._broadcast_to = broadcast_to
        self._network_octets = network.to_bytes(4, "big")
        self._peers: Mapping[Endpoint, bytes] = {}
        self._traffic = PeerTraffic()
        self._numbers: frozenset[bytes] = frozenset()
        self._ports: list[Port] = []
        self.counters.overflows = lambda: overflows(self._ports)
        self._gateway: Gateway | None = None
        self.stranger: Callable[[bytes, Endpoint], bytes | None] = lambda _data, _source: None

    async def open(self, gateway: Gateway) -> None:
        """Open the data port. Raises `OSError` if an address cannot be had; nothing is open then."""
        self._gateway = gateway
        wants_broadcasts = self._broadcast_to is not None
        port = self._open_port(self._at, self._received, broadcast=wants_broadcasts, books=self.counters)
        self._ports.append(port)
        if isinstance(port, BatchedPort):
            port.audience.names = self._names
        if self._broadcast_to is None:
            return
        try:
            self._ports.append(self._open_port(self._broadcast_to, self._received, shared=True))
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the data port."""
        for port in self._ports:
            port.close()
        self._ports.clear()
        self._gateway = None

    @property
    def endpoint(self) -> Endpoint:
        """The address and port at which other nodes reach this one."""
        return self._ports[0].endpoint if self._ports else self._at

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a node is for the kernel."""
        port = self._ports[0] if self._ports else None
        if not isinstance(port, BatchedPort) or not isinstance(hop, tuple):
            return None
        return Spot(port, port.name_of(hop))

    def know(self, peers: Mapping[Endpoint, bytes]) -> None:
        """Take the endpoints of all other live nodes, and their node numbers."""
        others = {endpoint for endpoint, number in self._peers.items() if peers.get(endpoint) != number}
        numbers = set(peers.values()) - self._numbers
        for port in self._ports:
            if isinstance(port, BatchedPort) and peers != self._peers:
                port.flows.forget_sources({port.name_of(endpoint) for endpoint in others}, numbers)
                port.audience.changed()
        self._traffic.know(others, peers.keys() - (self._peers.keys() - others), self._ports)
        self._peers = peers
        self._numbers = frozenset(peers.values())

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send one packet to a node. What is over 1500 octets or refused by the kernel is a counted drop."""
        if len(packet) > MAXIMUM_SIZE:
            self.counters.drop("too large")
        elif not self._ports or not isinstance(hop, tuple) or not self._ports[0].send(packet, hop):
            self.counters.drop(REFUSED)
        else:
            self.counters.packets_out += 1
            self.counters.octets_out += len(packet)
            self._traffic.went(hop, len(packet))

    def traffic_with(self, endpoint: Endpoint) -> Traffic:
        """Return what was exchanged with another node."""
        return self._traffic.of(endpoint, self._ports[:1])

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send one packet to every node but `besides`, or once to the subnet where that is the policy."""
        if self._broadcast_to is not None:
            self.send(packet, self._broadcast_to)
            return
        port = self._ports[0] if self._ports else None
        if isinstance(port, BatchedPort) and len(packet) <= MAXIMUM_SIZE:
            port.send_to_all(packet, port.name_of(besides) if isinstance(besides, tuple) else None)
            return
        for peer in self._peers:
            if peer != besides:
                self.send(packet, peer)

    @property
    def is_alone(self) -> bool:
        """Whether nobody would get what is sent to all."""
        return not self._peers and self._broadcast_to is None

    def release(self, node: bytes) -> None:
        """Nothing: hosts of other nodes are placed by the directory."""

    def describe(self) -> dict[str, str]:
        """Name the data port and the number of other nodes."""
        return {
            "listens on": f"UDP {endpoint_text(self.endpoint)}",
            "peers": str(len(self._peers)),
            **described(self._ports),
        }

    def _names(self) -> Iterator[bytes]:
        port = self._ports[0]
        if isinstance(port, BatchedPort):
            for endpoint in self._peers:
                yield port.name_of(endpoint)

    def _received(self, batch: Sequence[Datagram]) -> None:
        arrivals = [arrival for data, peer in batch if (arrival := self._check(data, peer))]
        if arrivals and self._gateway:
            self._gateway.receive(self, arrivals)

    def _check(self, data: bytes, peer: Endpoint) -> Arrival | None:
        length = int.from_bytes(data[2:4], "big")
        number = self._peers.get(peer)
        reason = None
        if number is None and self._answer_stranger(data, peer):
            return None
        if number is None:
            reason = "own broadcast" if peer == self.endpoint else "not a node of the domain"
        elif length > MAXIMUM_SIZE:  # first, since a port may have cut the datagram
            reason = "too large"
        elif length < HEADER_SIZE or length > len(data):
            reason = "malformed"
        elif data[:2] != _NO_CHECKSUM:
            reason = "checksum"
        elif data[22:28] != number and (data[22:28] in self._numbers or data[22:28] == self.node):
            reason = "source of another node"
        elif data[22:28] == BROADCAST_NODE:
            reason = "malformed"
        if reason is not None:
            self.counters.drop(reason)
            return None
        self.counters.packets_in += 1
        self.counters.octets_in += length
        self._traffic.came(peer, length)
        return Arrival(self._normalise(data[:length]), peer)

    def _answer_stranger(self, data: bytes, peer: Endpoint) -> bool:
        response = self.stranger(data, peer)
        return response is not None and self._ports[0].send(response, peer)

    def _normalise(self, packet: bytes) -> bytes:
        """Write the virtual network's number where a packet says "this network"."""
        if packet[6:10] != _THIS_NETWORK and packet[18:22] != _THIS_NETWORK:
            return packet
        destination = self._network_octets if packet[6:10] == _THIS_NETWORK else packet[6:10]
        source = self._network_octets if packet[18:22] == _THIS_NETWORK else packet[18:22]
        return packet[:6] + destination + packet[10:18] + source + packet[22:]
