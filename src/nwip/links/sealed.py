"""The virtual network of a sealed domain: nothing but sealed datagrams leave, and nothing else is taken.

The mode of the domain decides that, never what comes. Who a peer is its key says, and the directory which
node number and which registered endpoint are those of that key: the endpoint stays the hop, wherever the
peer's datagrams come from. What is to be sent in one turn of the event loop is sealed together.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, ip_address
from typing import Final

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener
from nwip.dataplane.volley import Volley
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, Identity, endpoint_text
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE
from nwip.links.base import Arrival, Gateway, Hop
from nwip.links.domain_link import NOWHERE, DomainLink
from nwip.links.peer_traffic import Traffic
from nwip.links.reachability import Reachability
from nwip.security.membership import Membership
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.path import BASE
from nwip.security.sealed.tunnels import Tunnels
from nwip.security.statements import Revocation, Statement

NOBODY: Final = "nobody to seal it for"
SOURCES_BELIEVED: Final = 1024  # of each peer: the others' packets are looked at one by one
TURN: Final = 64  # packets that are sealed together at most: more would wait for too long

_HEADS: Final = [
    b"" if size < HEADER_SIZE else b"\xff\xff" + size.to_bytes(2, "big") for size in range(MAXIMUM_SIZE + 1)
]
_THIS_NETWORK: Final = bytes(4)


class SealedLink(DomainLink):
    """`DomainLink` of a sealed domain, as which `membership` says who we are and who else takes part.

    Broadcasts are sealed for each peer that gets them: all, or those `within` a subnet if that is the policy.
    `guide_host` returns the IP address of the DSS, None where it is ours, `seen_at` is where others see us if
    that was configured: see `Reachability`. A node beside a DSS passes on, unread, what other members cannot
    send each other.
    """

    def __init__(
        self,
        network: int,
        node: bytes,
        at: Endpoint,
        membership: Membership,
        within: IPv4Network | None = None,
        *,
        opener: Opener,
        guide_host: Callable[[], str | None] = lambda: None,
        seen_at: Endpoint | None = None,
    ) -> None:
        super().__init__(network, node, at, opener=opener)
        self._membership = membership
        self._within = within
        tunnels = Tunnels(
            membership.key, membership.domain, membership.secrets, membership.is_member, secrets.token_bytes
        )
        tunnels.established = self._established
        self._packets = packets = SealedPackets(tunnels)
        packets.ended = self._ended
        packets.may_relay = lambda _sender, _receiver: guide_host() is None
        found = lambda: self.found()  # noqa: E731, PLW0108 - it is set later
        self._reach = Reachability(packets, lambda: self.endpoint, guide_host, found, seen_at)
        self._owners: Mapping[Identity, Endpoint] = {}
        self._insides: Mapping[Identity, Endpoint] = {}
        self._publics: dict[Hop, bytes] = {}
        self._endpoints: dict[bytes, Endpoint] = {}
        self._audience: list[Endpoint] = []
        self._believed: dict[Endpoint, set[bytes]] = {}
        self._believed_as = node
        self._turn: dict[bytes, list[bytes]] = {}
        self._handshakes = 0
        self._volley: Volley | None = None
        self._loop = asyncio.get_running_loop()
        self._wakeup = Wakeup(self._next_deadline, self._advance)

    async def open(self, gateway: Gateway) -> None:
        """Open the data port. Raises `OSError` if an address cannot be had; nothing is open then."""
        port = self._open_port(self._at, self._received, books=self.counters)
        self._ports.append(port)
        self._volley = Volley(port) if isinstance(port, BatchedPort) else None
        self._gateway = gateway
        self._membership.roster.listeners.append(self._stated)
        self._reach.start(self._wakeup.now())
        self._wakeup.arm()

    @property
    def reached_at(self) -> Endpoint | None:
        """The address and port at which other nodes reach this one; None while that is not known."""
        return self._reach.reached_at

    async def close(self) -> None:
        """Send what is still to be sent, and close the data port."""
        self._flush()
        self._wakeup.cancel()
        if self._stated in self._membership.roster.listeners:
            self._membership.roster.listeners.remove(self._stated)
        self._publics.clear()
        await super().close()

    def know(
        self,
        peers: Mapping[Endpoint, bytes],
        owners: Mapping[Identity, Endpoint],
        insides: Mapping[Identity, Endpoint] = NOWHERE,
    ) -> None:
        """Take the endpoints of all other live nodes, with their node numbers, and whose they are.

        Only members count. An endpoint that two of them say they have is nobody's: else the one could have
        what is sent to the other sealed for itself.
        """
        others = {endpoint for endpoint, number in self._peers.items() if peers.get(endpoint) != number}
        self._traffic.know(others, peers.keys() - (self._peers.keys() - others), ())
        self._peers, self._owners, self._insides = dict(peers), dict(owners), dict(insides)
        self._numbers = frozenset(peers.values())
        self._believed.clear()
        self._look_up_keys()

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send one packet to a node, in this turn. What is over 1500 octets is a counted drop."""
        if len(packet) > MAXIMUM_SIZE:
            self.counters.drop("too large")
            return
        public = self._publics.get(hop)
        if public is None:
            self.counters.drop(NOBODY)
            return
        waiting = self._turn.get(public)
        if waiting is None:
            if not self._turn:
                self._loop.call_soon(self._flush)
            waiting = self._turn[public] = []
        waiting.append(packet)
        if len(waiting) >= TURN:
            self._flush()

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send one packet to every node but `besides`, or to those of the subnet where that is the policy."""
        for endpoint in self._audience:
            if endpoint != besides:
                self.send(packet, endpoint)

    @property
    def is_alone(self) -> bool:
        """Whether nobody would get what is sent to all."""
        return not self._audience

    def traffic_with(self, endpoint: Endpoint) -> Traffic:
        """Return what was exchanged with another node."""
        return self._traffic.of(endpoint, ())

    def describe(self) -> dict[str, str]:
        """Name the data port and the number of other nodes, and to how many of them there is a tunnel."""
        now = self._wakeup.now()
        is_open = self._packets.tunnels.is_open
        tunnels = sum(is_open(public, now) for public in self._endpoints)
        told = f"{tunnels} tunnels open, {self._handshakes} handshakes"
        found = {**super().describe(), "sealed": told}
        if self._reach.relayed:
            found["through another node"] = str(self._reach.relayed)
        if self.reached_at not in (None, self.endpoint):
            found["seen at"] = endpoint_text(self.reached_at or self.endpoint)
        return found

    def _flush(self) -> None:
        """Seal and send the packets of this turn."""
        turn, self._turn = self._turn, {}
        if not turn or not self._ports:
            return
        now = self._wakeup.now()
        for public, packets in turn.items():
            endpoint = self._endpoints.get(public)
            if endpoint is None:  # revoked in this very turn
                self.counters.drop(NOBODY, len(packets))
                continue
            self._reach.wants(public, now)
            sealed = self._packets.send(public, packets, now)
            if sealed.endpoint is not None and self._put(sealed.datagrams, sealed.endpoint) > BASE:
                self._packets.too_large(public, now)
            self._count(endpoint, packets)
        self._send_rest()

    def _count(self, endpoint: Endpoint, packets: Sequence[bytes]) -> None:
        octets = sum(map(len, packets))
        self.counters.packets_out += len(packets)
        self.counters.octets_out += octets
        self._traffic.went(endpoint, octets, len(packets))

    def _put(self, datagrams: Sequence[bytes], to: Endpoint) -> int:
        """Send datagrams; return the size of the largest if the kernel has refused one, else 0."""
        if self._volley is not None and len(datagrams) > 1:
            refused = self._volley.send(datagrams, to)
        else:
            refused = sum(not self._ports[0].send(datagram, to) for datagram in datagrams)
        if refused:
            self.counters.drop(REFUSED, refused)
        return max(map(len, datagrams)) if refused else 0

    def _send_rest(self) -> None:
        """Send what the engine has to say besides, note what it has refused, and set the timer."""
        if self._ports:
            for datagram, to in self._packets.datagrams_to_send():
                self._put([datagram], to)
        refused = self._packets.tunnels.refused
        if refused:
            for reason, count in refused.items():
                self.counters.drop(reason, count)
            refused.clear()
        self._wakeup.arm()

    def _received(self, batch: Sequence[Datagram]) -> None:
        now = self._wakeup.now()
        arrivals: list[Arrival] = []
        for public, packets in self._packets.receive(batch, now):
            endpoint = self._endpoints.get(public)
            if endpoint is None:
                self.counters.drop("not a node of the domain", len(packets))
                continue
            arrivals += self._taken(packets, endpoint)
        self._send_rest()
        if arrivals and self._gateway:
            self._gateway.receive(self, arrivals)

    def _taken(self, packets: Sequence[bytes], peer: Endpoint) -> list[Arrival]:
        """Return those packets of a peer that it may send. Hot path: a look at what differs is enough.

        From a source that was accepted before, with a header that says what is so, any packet is.
        """
        if self._believed_as != self.node:
            self._believed.clear()
            self._believed_as = self.node
        believed = self._believed.setdefault(peer, set())
        number = self._peers[peer]
        taken, octets, looked_at = [], 0, 0
        for packet in packets:
            length = len(packet)
            if (
                length <= MAXIMUM_SIZE
                and packet[:4] == _HEADS[length]
                and packet[18:28] in believed
                and packet[6:10] != _THIS_NETWORK
            ):
                taken.append(Arrival(packet, peer))
                octets += length
                continue
            looked_at += 1
            arrival = self._accept(packet, peer, number)
            if arrival is not None:
                taken.append(arrival)
                if len(believed) < SOURCES_BELIEVED:
                    believed.add(arrival.packet[18:28])
        passed = len(packets) - looked_at
        self.counters.packets_in += passed
        self.counters.octets_in += octets
        self._traffic.came(peer, octets, passed)
        return taken

    def _next_deadline(self) -> float | None:
        times = (self._packets.next_deadline(), self._reach.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def _advance(self, now: float) -> None:
        self._packets.advance(now)
        self._reach.advance(now)
        self._send_rest()

    def _established(self, public: bytes, now: float) -> None:
        self._handshakes += 1
        self._reach.established(public, now)

    def _ended(self, public: bytes, _now: float) -> None:
        self._reach.ended(public)

    def _stated(self, statement: Statement) -> None:
        """Do what the authority says: who is revoked is gone at once, and a new member's key is known."""
        if isinstance(statement, Revocation):
            public = self._packets.tunnels.public_of(statement.identity)
            if public is not None:
                self._packets.forget(public, self._wakeup.now())
        self._look_up_keys()

    def _look_up_keys(self) -> None:
        member = self._membership.roster.member
        homes = {found.public: at for owner, at in self._owners.items() if (found := member(owner))}
        claims = Counter(homes.values())
        self._endpoints = {public: at for public, at in homes.items() if claims[at] == 1}
        self._publics = {at: public for public, at in self._endpoints.items()}
        self._audience = [at for at in self._endpoints.values() if self._hears(at)]
        insides = {found.public: at for owner, at in self._insides.items() if (found := member(owner))}
        self._reach.know(self._endpoints, insides, self._wakeup.now())
        self._send_rest()

    def _hears(self, endpoint: Endpoint) -> bool:
        return self._within is None or ip_address(endpoint[0]) in self._within
