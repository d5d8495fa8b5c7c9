"""The virtual network of a sealed domain: nothing but sealed datagrams leave, and nothing else is taken.

The mode of the domain decides that, never what comes. Who a peer is its key says, and the directory which
node number and which registered endpoint are those of that key: the endpoint stays the hop, wherever the
peer's datagrams come from. What is to be sent in one turn of the event loop is sealed together; what is known
to go on is sealed and opened in batches by `sealed_port.py`.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, ip_address
from typing import Final

from nwip.dataplane.arena import SLOTS
from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener
from nwip.dataplane.sockaddr import name_of
from nwip.dataplane.spots import Located, Spot
from nwip.dataplane.volley import Volley
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, Identity, endpoint_text
from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.links.base import Counters, Gateway, Hop
from nwip.links.domain_link import NOWHERE, DomainLink
from nwip.links.peer_traffic import Traffic
from nwip.links.reachability import Reachability
from nwip.links.sealed_port import SealedPort
from nwip.security.membership import Membership
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.path import BASE
from nwip.security.sealed.tunnels import Tunnels
from nwip.security.statements import Revocation, Statement

NOBODY: Final = "nobody to seal it for"
TURN: Final = 64  # packets that are sealed together at most: more would wait for too long


class SealedLink(DomainLink, Located):
    """`DomainLink` of a sealed domain, as which `membership` says who we are and who else takes part.

    Broadcasts are sealed for each peer that gets them: all, or those `within` a subnet if that is the policy.
    `guide_host` returns the IP address of the DSS, None where it is ours, `seen_at` is where others see us if
    that was configured: see `Reachability`. A node beside a DSS passes on, unread, what other members cannot
    send each other. An IP address that `keeps_out` names is not heard.
    """

    counters: Counters

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
        keeps_out: Callable[[str], bool] = lambda _: False,
    ) -> None:
        DomainLink.__init__(self, network, node, at, opener=opener)
        Located.__init__(self)
        self._membership = membership
        self._within = within
        self._keeps_out = keeps_out
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
        self._names: dict[bytes, bytes] = {}
        self._named: dict[bytes, bytes] = {}
        self._audience: list[Endpoint] = []
        self._turn: dict[bytes, list[bytes]] = {}
        self._handshakes = 0
        self._volley: Volley | None = None
        self._fast: SealedPort | None = None
        self._loop = asyncio.get_running_loop()
        self._wakeup = Wakeup(self._next_deadline, self._advance)

    async def open(self, gateway: Gateway) -> None:
        """Open the data port. Raises `OSError` if an address cannot be had; nothing is open then."""
        port = self._open_port(self._at, self._received, books=self.counters)
        self._ports.append(port)
        if isinstance(port, BatchedPort):
            self._volley = Volley(port)
            self._fast = SealedPort(
                *(port, self._packets, self, self.counters), now=self._wakeup.now, keeps_out=self._keeps_out
            )
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
        self.flush()
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
        if self._fast is not None:
            gone = {name for public, name in self._names.items() if self._endpoints[public] in others}
            self._fast.flows.forget_sources(gone, set(peers.values()) - self._numbers)
        self._traffic.know(others, peers.keys() - (self._peers.keys() - others), self._ports)
        self._peers, self._owners, self._insides = dict(peers), dict(owners), dict(insides)
        self._numbers = frozenset(peers.values())
        self._look_up_keys()

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a node is for the port that opens and seals in batches."""
        name = self._names.get(self._publics.get(hop, b""))
        return None if self._fast is None or name is None else Spot(self._fast, name)

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
                self._loop.call_soon(self.flush)
            waiting = self._turn[public] = []
        waiting.append(packet)
        if len(waiting) >= TURN:
            self.flush()

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
        return self._traffic.of(endpoint, self._ports)

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

    def flush(self) -> None:
        """Seal and send the packets of this turn."""
        turn, self._turn = self._turn, {}
        if not turn or not self._ports:
            return
        for public, packets in turn.items():
            endpoint = self._endpoints.get(public)
            if endpoint is not None:
                octets = sum(map(len, packets))
                self.counters.packets_out += len(packets)
                self.counters.octets_out += octets
                self._traffic.went(endpoint, octets, len(packets))
            self.send_now(public, packets)
        self.send_rest()

    def send_now(self, public: bytes | None, packets: Sequence[bytes]) -> None:
        """Seal and send packets to a peer, or let them wait until there is a tunnel."""
        if public is None or public not in self._endpoints:  # revoked in this very turn
            self.counters.drop(NOBODY, len(packets))
            return
        now = self._wakeup.now()
        self._reach.wants(public, now)
        sealed = self._packets.send(public, packets, now)
        if sealed.endpoint is not None and self._put(sealed.datagrams, sealed.endpoint) > BASE:
            self._packets.too_large(public, now)

    def sent(self, refused: int, large: Sequence[bytes]) -> None:
        """Learn that a batch went out: of how many the kernel refused, and to whom something large was."""
        if refused:
            self.counters.drop(REFUSED, refused)
            for public in large:
                self._packets.too_large(public, self._wakeup.now())
        self.send_rest()

    def _put(self, datagrams: Sequence[bytes], to: Endpoint) -> int:
        """Send datagrams; return the size of the largest if the kernel has refused one, else 0."""
        if self._volley is not None and len(datagrams) > 1:
            starts = range(0, len(datagrams), SLOTS)
            refused = sum(self._volley.send(datagrams[at : at + SLOTS], to) for at in starts)
        else:
            refused = sum(not self._ports[0].send(datagram, to) for datagram in datagrams)
        if refused:
            self.counters.drop(REFUSED, refused)
        return max(map(len, datagrams)) if refused else 0

    def send_rest(self) -> None:
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

    def name_of(self, public: bytes) -> bytes | None:
        """Return the name of a peer for the port; None if its packets are to be looked at one by one."""
        return self._names.get(public)

    def public_of(self, name: bytes) -> bytes | None:
        """Return the key of the peer with a name now."""
        return self._named.get(name)

    def take(self, public: bytes | None, packets: Sequence[bytes]) -> None:
        """Take packets of a peer that are to be looked at; None: it is no peer any more."""
        endpoint = None if public is None else self._endpoints.get(public)
        if endpoint is None:
            self.counters.drop("not a node of the domain", len(packets))
            return
        number = self._peers[endpoint]
        arrivals = [found for packet in packets if (found := self._accept(packet, endpoint, number))]
        if arrivals and self._gateway:
            self._gateway.receive(self, arrivals)

    def _received(self, batch: Sequence[Datagram]) -> None:
        for public, packets in self._packets.receive(batch, self._wakeup.now()):
            self.take(public, packets)
        self.send_rest()

    def _next_deadline(self) -> float | None:
        times = (self._packets.next_deadline(), self._reach.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def _advance(self, now: float) -> None:
        self._packets.advance(now)
        self._reach.advance(now)
        self.send_rest()

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
        self._name_peers()
        self._audience = [at for at in self._endpoints.values() if self._hears(at)]
        insides = {found.public: at for owner, at in self._insides.items() if (found := member(owner))}
        self._reach.know(self._endpoints, insides, self._wakeup.now())
        self.send_rest()

    def _name_peers(self) -> None:
        """Name the peers for the port. When a name becomes another's or nobody's, all is forgotten."""
        before = self._named
        names = {public: name for public, at in self._endpoints.items() if (name := self._name(at))}
        claims = Counter(names.values())
        self._names = {public: name for public, name in names.items() if claims[name] == 1}
        self._named = {name: public for public, name in self._names.items()}
        if self.shortcuts is not None and not before.items() <= self._named.items():
            self.shortcuts.clear()

    def _name(self, at: Endpoint) -> bytes | None:
        """Return an endpoint as the kernel writes it, if the port is of its family."""
        name = name_of(at)
        return name if self._fast is not None and len(name) == self._fast.name_size else None

    def _hears(self, endpoint: Endpoint) -> bool:
        return self._within is None or ip_address(endpoint[0]) in self._within
