"""The virtual network: IPX packets directly in UDP datagrams, byte for byte as NetWare/IP carried them.

Two speeds: what arrives and leaves here is raw octets, checked by offset. Only datagrams from the data ports
of live nodes of the domain are taken, and none may carry another node's number as its source.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener, open_port
from nwip.dataplane.spots import Located, Spot
from nwip.directory.records import Endpoint, Identity
from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.links.base import Arrival, Counters, Gateway, Hop
from nwip.links.domain_link import DomainLink
from nwip.links.peer_traffic import Traffic


class VirtualLink(DomainLink, Located):
    """`DomainLink` of an open domain; a hop on it is the UDP endpoint of a node, where its packets come from.

    With `broadcast_to` (the policy `subnet`) broadcasts go out once, to that address; otherwise one copy goes
    to every peer. `stranger` may answer what comes from no node of the domain.
    """

    counters: Counters

    def __init__(
        self,
        network: int,
        node: bytes,
        at: Endpoint,
        broadcast_to: Endpoint | None = None,
        *,
        opener: Opener = open_port,
    ) -> None:
        DomainLink.__init__(self, network, node, at, opener=opener)
        Located.__init__(self)
        self._broadcast_to = broadcast_to
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

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a node is for the kernel."""
        port = self._ports[0] if self._ports else None
        if not isinstance(port, BatchedPort) or not isinstance(hop, tuple):
            return None
        return Spot(port, port.name_of(hop))

    def know(
        self,
        peers: Mapping[Endpoint, bytes],
        owners: Mapping[Identity, Endpoint] | None = None,  # noqa: ARG002 - nobody proves who it is
        insides: Mapping[Identity, Endpoint] | None = None,  # noqa: ARG002 - likewise
    ) -> None:
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
        number = self._peers.get(peer)
        if number is not None:
            return self._accept(data, peer, number)
        if not self._answer_stranger(data, peer):
            self.counters.drop("own broadcast" if peer == self.endpoint else "not a node of the domain")
        return None

    def _answer_stranger(self, data: bytes, peer: Endpoint) -> bool:
        response = self.stranger(data, peer)
        return response is not None and self._ports[0].send(response, peer)
