"""The RFC 1234 tunnel on one network: who is a peer, which packets pass, where they go. Pure.

Each UDP datagram, port 213 to port 213, is one IPX packet. The node number of a host on the tunnel's network
is two zero octets and its IPv4 address, so nothing need be asked to send to one. A broadcast is one copy to
each peer. Source: RFC 1234, by which packets with another checksum field than FFFF are ignored.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    MAXIMUM_SIZE,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)
from nwip.links.base import Arrival, Counters, Hop
from nwip.links.dosbox import ingress
from nwip.links.dosbox.engine import nobodys

HOST_LIMIT: Final = 4096  # hosts of a joined tunnel; further ones are refused
HOST_SILENCE: Final = 300.0  # seconds after which one is gone
FRESH: Final = 10.0  # seconds after a host was heard in which what others send in its name has come back

_NO_CHECKSUM: Final = b"\xff\xff"
_THIS_NETWORK: Final = bytes(4)
_PREFIX: Final = bytes(2)
_HELLO: Final = Socket.HELLO.to_bytes(2, "big")


def node_of(address: str) -> bytes:
    """Return the node number of the host at an IPv4 address. Raises `ValueError` for another."""
    return _PREFIX + ipaddress.IPv4Address(address).packed


class Outgoing(NamedTuple):
    """A datagram to send."""

    data: bytes
    to: Endpoint


class Gained(NamedTuple):
    """A host of a joined tunnel is behind the peer with node number `hop` now."""

    node: bytes
    hop: bytes


class Lost(NamedTuple):
    """A host of a joined tunnel is gone."""

    node: bytes


Event = Gained | Lost


class Tunnel:
    """The engine: `network` is the tunnel's number, 0 while it is not known; `node` is our own number on it.

    `address` is the IPv4 address by which the peers know us; `station` is its node number, and what comes
    from `node` goes out as that. `port` is everybody's UDP port. On a `joined` tunnel hosts with any node
    number may stand behind a peer, but for `reserved` ones. `ValueError` for an address that is no IPv4.
    """

    def __init__(
        self,
        network: int,
        node: bytes,
        address: str,
        port: int,
        *,
        joined: bool,
        reserved: Callable[[bytes], bool] = nobodys,
    ) -> None:
        self.counters = Counters()
        self.network = network
        self.node = node
        self.station = node_of(address)
        self.port = port
        self._joined = joined
        self._reserved = reserved
        self._peers: dict[bytes, str] = {}
        self._hosts: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()  # hop, last heard; oldest first
        self._outgoing: list[Outgoing] = []
        self._events: list[Event] = []

    @property
    def peers(self) -> list[str]:
        """The addresses of the peers."""
        return list(self._peers.values())

    def address_of(self, hop: Hop) -> str | None:
        """Return the IPv4 address of the peer with a node number."""
        return self._peers.get(hop) if isinstance(hop, bytes) else None

    def know(self, addresses: Iterable[str]) -> None:
        """Take the IPv4 addresses of all peers; our own among them is left out."""
        nodes = {node_of(address): address for address in sorted(addresses, key=ipaddress.IPv4Address)}
        nodes.pop(self.station, None)
        self._peers = nodes
        for node in [node for node, (hop, _) in self._hosts.items() if hop not in nodes]:
            self._forget(node)

    def receive_datagram(self, data: bytes, source: Endpoint, now: float) -> Arrival | None:
        """Take a datagram; return the packet to hand on, if any. Its hop is the peer's node number."""
        hop = node_of(source[0])
        flaw = self._flaw_of_source(hop, source[1]) or _flaw_of_header(data)
        if flaw is None:
            data = data[: int.from_bytes(data[LENGTH_OFFSET:TRANSPORT_CONTROL_OFFSET], "big")]
            flaw = self._flaw(data, hop, now)
        if flaw is not None:
            self.counters.drop(flaw)
            return None
        self.counters.packets_in += 1
        self.counters.octets_in += len(data)
        network = self.network.to_bytes(4, "big")
        packet = ingress.with_networks(data, network)
        is_ours = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET] == network
        if is_ours and ingress.destination_node(packet) == self.station:
            packet = ingress.with_destination_node(packet, self.node)
        return Arrival(packet, hop)

    def send(self, packet: bytes, hop: Hop, now: float) -> None:
        """Send a packet to the peer with node number `hop`; to all for the broadcast node."""
        if hop == BROADCAST_NODE:
            self.send_to_all(packet, None, now)
        elif not isinstance(hop, bytes) or hop not in self._peers:
            self.counters.drop("to no peer")
        elif self._may_go(packet, now):
            self._transmit(self._as_we_are_known(packet), self._peers[hop])

    def send_to_all(self, packet: bytes, besides: Hop | None, now: float) -> None:
        """Send a packet to every peer but the one with node number `besides`."""
        if not self._may_go(packet, now):
            return
        packet = self._as_we_are_known(packet)
        for node, address in self._peers.items():
            if node != besides:
                self._transmit(packet, address)

    def release(self, node: bytes) -> None:
        """Forget a host of a joined tunnel: it is behind another gateway now."""
        if node in self._hosts:
            self._forget(node)

    def datagrams_to_send(self) -> list[Outgoing]:
        """Return the datagrams that are to be sent now, in this order, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Return which hosts have come and gone since the last call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        first = next(iter(self._hosts.values()), None)
        return None if first is None else first[1] + HOST_SILENCE

    def advance(self, now: float) -> None:
        """Let hosts go that have been silent for too long."""
        while (due := self.next_deadline()) is not None and due <= now:
            self._forget(next(iter(self._hosts)))

    def _flaw_of_source(self, hop: bytes, port: int) -> str | None:
        if hop not in self._peers:
            return "not from a peer"
        return None if port == self.port else "from another port"

    def _flaw(self, packet: bytes, hop: bytes, now: float) -> str | None:
        """Say why a packet of a peer does not pass; None if it does: on a joined tunnel its host is known."""
        own = (_THIS_NETWORK, self.network.to_bytes(4, "big"))
        to = ingress.destination_node(packet)
        if packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET] in own:
            is_host_behind_us = self._joined and to not in self._peers
            if to not in (BROADCAST_NODE, self.station) and not is_host_behind_us:
                return "for another host of the tunnel"
        sender = ingress.source_node(packet)
        if packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET] not in own:
            return None
        if sender == hop:
            return self._hear(sender, hop, packet, now)
        if not self._joined or sender == self.station or sender in self._peers:
            return "source is not its sender's address"
        return self._hear(sender, hop, packet, now)

    def _hear(self, node: bytes, hop: bytes, packet: bytes, now: float) -> str | None:
        """Note that a host of a joined tunnel is behind a peer; a gateway's hello is none's."""
        if not self._joined or packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _HELLO:
            return None
        known = self._hosts.get(node)
        if known is None:
            if ingress.claim_flaw(node, self.node, self._reserved) is not None:
                return "source is one of ours"
            if len(self._hosts) >= HOST_LIMIT:
                return "too many hosts"
        self._hosts[node] = (hop, now)
        self._hosts.move_to_end(node)
        if known is None or known[0] != hop:
            self._events.append(Gained(node, hop))
        return None

    def _forget(self, node: bytes) -> None:
        del self._hosts[node]
        self._events.append(Lost(node))

    def _may_go(self, packet: bytes, now: float) -> bool:
        """Say whether a packet fits, and is none that a host of a joined tunnel has itself sent there."""
        is_own = packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET] == self.network.to_bytes(4, "big")
        heard = self._hosts.get(ingress.source_node(packet)) if is_own else None
        if len(packet) > MAXIMUM_SIZE:
            self.counters.drop("too large")
        elif heard is not None and now - heard[1] < FRESH:
            self.counters.drop("has come back")
        else:
            return True
        return False

    def _as_we_are_known(self, packet: bytes) -> bytes:
        ours = self.network.to_bytes(4, "big") + self.node
        if packet[SOURCE_OFFSET:SOURCE_SOCKET_OFFSET] != ours:
            return packet
        return packet[:SOURCE_NODE_OFFSET] + self.station + packet[SOURCE_SOCKET_OFFSET:]

    def _transmit(self, packet: bytes, address: str) -> None:
        self.counters.packets_out += 1
        self.counters.octets_out += len(packet)
        self._outgoing.append(Outgoing(packet, (address, self.port)))


def _flaw_of_header(data: bytes) -> str | None:
    if len(data) < HEADER_SIZE:
        return "shorter than a header"
    length = int.from_bytes(data[LENGTH_OFFSET:TRANSPORT_CONTROL_OFFSET], "big")
    if not HEADER_SIZE <= length <= len(data):
        return "length field wrong"
    if length > MAXIMUM_SIZE:
        return "too large"
    if data[:LENGTH_OFFSET] != _NO_CHECKSUM:
        return "with a checksum"
    if ingress.destination_node(data) == NULL_NODE or ingress.source_node(data) in (
        NULL_NODE,
        BROADCAST_NODE,
    ):
        return "address that is no host's"
    return None
