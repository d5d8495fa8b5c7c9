"""The link to the other nodes of the domain: what it is whether packets go plain or sealed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

from nwip.dataplane.port import Opener, Port, described, open_port, overflows
from nwip.directory.records import Endpoint, Identity, endpoint_text
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE
from nwip.links.base import Arrival, Counters, Gateway, Hop
from nwip.links.peer_traffic import PeerTraffic, Traffic
from nwip.routing.numbering import HASHED_PREFIX

NODE_PREFIXES: Final = (bytes.fromhex("7E01"), HASHED_PREFIX)
"""How numbers of nodes begin where the domain does not say otherwise."""

NOWHERE: Final[Mapping[Identity, Endpoint]] = {}

_NO_CHECKSUM = b"\xff\xff"
_THIS_NETWORK = bytes(4)


class DomainLink(ABC):
    """The link on which the virtual network's nodes are; a hop on it is the registered endpoint of a node.

    The endpoints of the other nodes and their node numbers are kept up to date from the directory by `know`.
    A node may send packets of its own number and of hosts behind it, never of another node: on the virtual
    network nobody but a node has a number that begins with one of `node_prefixes`, be it there or not. From
    which networks a node sends is not judged: packets may take another way than those back.
    """

    kind = "virtual"
    name = "virtual"
    joined = True
    star = False
    station: bytes | None = None
    maximum_size = MAXIMUM_SIZE

    def __init__(self, network: int, node: bytes, at: Endpoint, *, opener: Opener = open_port) -> None:
        self.network = network
        self.node = node
        self.counters = Counters()
        self._at = at
        self._open_port = opener
        self._network_octets = network.to_bytes(4, "big")
        self._peers: Mapping[Endpoint, bytes] = {}
        self._traffic = PeerTraffic()
        self._numbers: frozenset[bytes] = frozenset()
        self._ports: list[Port] = []
        self.counters.overflows = lambda: overflows(self._ports)
        self._gateway: Gateway | None = None
        self.node_prefixes: tuple[bytes, ...] = NODE_PREFIXES
        self.found: Callable[[], None] = lambda: None
        """Called when `reached_at` has become another."""

    @abstractmethod
    async def open(self, gateway: Gateway) -> None:
        """Open the data port. Raises `OSError` if an address cannot be had; nothing is open then."""

    async def close(self) -> None:
        """Close the data port."""
        for port in self._ports:
            port.close()
        self._ports.clear()
        self._gateway = None

    @property
    def endpoint(self) -> Endpoint:
        """The address and port of the data port."""
        return self._ports[0].endpoint if self._ports else self._at

    @property
    def reached_at(self) -> Endpoint | None:
        """The address and port at which other nodes reach this one; None while that is not known."""
        return self.endpoint

    @abstractmethod
    def know(
        self,
        peers: Mapping[Endpoint, bytes],
        owners: Mapping[Identity, Endpoint],
        insides: Mapping[Identity, Endpoint] = NOWHERE,
    ) -> None:
        """Take the endpoints of all other live nodes, with their node numbers, and whose they are.

        `insides` are where some of them are for who is behind the same NAT.
        """

    @abstractmethod
    def send(self, packet: bytes, hop: Hop) -> None:
        """Send one packet to a node. What is over 1500 octets or refused by the kernel is a counted drop."""

    @abstractmethod
    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send one packet to every node but `besides`, or to those of the subnet where that is the policy."""

    @property
    @abstractmethod
    def is_alone(self) -> bool:
        """Whether nobody would get what is sent to all."""

    @abstractmethod
    def traffic_with(self, endpoint: Endpoint) -> Traffic:
        """Return what was exchanged with another node."""

    def release(self, node: bytes) -> None:  # noqa: B027 - nothing is what it does
        """Nothing: hosts of other nodes are placed by the directory."""

    def describe(self) -> dict[str, str]:
        """Name the data port and the number of other nodes."""
        return {
            "listens on": f"UDP {endpoint_text(self.endpoint)}",
            "peers": str(len(self._peers)),
            **described(self._ports),
        }

    def _accept(self, data: bytes, peer: Endpoint, number: bytes) -> Arrival | None:
        """Return what a node has sent as a packet that came in; None, and counted, if it is none."""
        length = int.from_bytes(data[2:4], "big")
        reason = None
        if length > MAXIMUM_SIZE:  # first, since a port may have cut the datagram
            reason = "too large"
        elif length < HEADER_SIZE or length > len(data):
            reason = "malformed"
        elif data[:2] != _NO_CHECKSUM:
            reason = "checksum"
        elif data[22:28] != number and self._is_of_a_node(data):
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

    def _is_of_a_node(self, packet: bytes) -> bool:
        """Say whether the source of a packet is a node: one that is live, or any that could be one."""
        node = packet[22:28]
        if node in self._numbers or node == self.node:
            return True
        return node[:2] in self.node_prefixes and packet[18:22] in (self._network_octets, _THIS_NETWORK)

    def _normalise(self, packet: bytes) -> bytes:
        """Write the virtual network's number where a packet says "this network"."""
        if packet[6:10] != _THIS_NETWORK and packet[18:22] != _THIS_NETWORK:
            return packet
        destination = self._network_octets if packet[6:10] == _THIS_NETWORK else packet[6:10]
        source = self._network_octets if packet[18:22] == _THIS_NETWORK else packet[18:22]
        return packet[:6] + destination + packet[10:18] + source + packet[22:]
