"""The server side of the DOSBox protocol: who is a client, and which packets pass. Pure.

A client registers and is told a node number that only its own address can know; the first packet that uses
it makes it a client. Until then nothing is remembered but that one ping is due (`newcomers`). Sources that
chose a number of their own (DOSBox-X) prove themselves by answering a ping whose source node is a cookie.

    from a source that is    comes                            what happens
    not proven               a registration                   reply; after 0.5 s one ping, if still silent
                             its own number as source node    it is a client; the packet passes
                             the answer to a cookie           it is a client with the number it claims
                             another number as source node    one ping with a cookie, as long as the header
                             anything to socket 2             nothing: two servers must not ping each other
    a client                 its number as source node        the packet passes
                             the answer to a cookie           it is alive
                             another number as source node    dropped

Sources that are ends of connections (`connected`) have proved that they receive: a registration makes a
client of one at once, with the number that it chose if it may have that, and nothing else does.

Packets pass as raw octets; only registrations and pings are built from typed ones.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import MAXIMUM_HOPS, Socket
from nwip.ipx.packet import TRANSPORT_CONTROL_OFFSET, Packet
from nwip.ipx.ping import ping, registration_reply, wanted_node
from nwip.links.base import Arrival, Counters, Hop
from nwip.links.dosbox import ingress
from nwip.links.dosbox.clients import UNANSWERED_PINGS, Client, ClientTable, ClientView
from nwip.links.dosbox.compact import AS_TEXT, Compact
from nwip.links.dosbox.events import Event, Joined, Left, Outgoing, Silenced, Turned, TurnedAway
from nwip.links.dosbox.flood import FloodWatch
from nwip.links.dosbox.newcomers import Newcomers
from nwip.links.dosbox.rates import PacketRates
from nwip.security.cookies import ProofNumbers
from nwip.security.limits import TokenBuckets

DEFAULT_LIMIT: Final = 1024
REGISTRATION_RATE: Final = 50.0  # a second and IP address; a LAN party behind one NAT is one address
REGISTRATION_BURST: Final = 500.0
REVIEW_INTERVAL: Final = 1.0  # seconds: clients are looked over at most this often
REVIEWED: Final = 20_000  # clients a second, if they are more: some 1 % of a core


def everyone(_host: str) -> bool:
    """Admit any IP address."""
    return True


def nobodys(_node: bytes) -> bool:
    """Reserve no node number."""
    return False


class DosboxServer:
    """The engine of a DOSBox-protocol server on one IPX network, where our own number is `node`.

    `key` is the secret that node numbers are made with, 16 to 32 octets (`ValueError` otherwise): with the
    same key a restarted server still knows its clients. At most `limit` clients; `admit` says whether an IP
    address may become one; `registrations` limits what one IP address, proven or not, may ask for. No router
    lets a transport control of `hop_limit` pass: one that is as high is what a DOS program left in the field.
    `reserved` says which node numbers, besides 7E01 and 7E06, no client may choose: a domain may number its
    nodes otherwise. Sources are ends of connections if `connected`, which `disconnect` ends. A client leaves
    after `patience` pings without an answer, and is silenced for a while if it sends more than `packet_rate`
    packets a second. At most `per_address` have one IP address. 0 is no limit of these. `compact` is how the
    addresses of clients are kept.
    """

    def __init__(
        self,
        network: int,
        node: bytes,
        key: bytes,
        *,
        limit: int = DEFAULT_LIMIT,
        admit: Callable[[str], bool] = everyone,
        registrations: TokenBuckets | None = None,
        hop_limit: int = MAXIMUM_HOPS,
        reserved: Callable[[bytes], bool] = nobodys,
        connected: bool = False,
        patience: int = UNANSWERED_PINGS,
        packet_rate: int = 0,
        per_address: int = 0,
        compact: Compact = AS_TEXT,
    ) -> None:
        self.counters = Counters()
        self.node = node
        self._network = network
        self._network_octets = network.to_bytes(4, "big")
        self._numbers = ProofNumbers(key)
        self._admit = admit
        self._hop_limit = hop_limit
        self._reserved = reserved
        self._connected = connected
        self._patience = patience
        if registrations is None:
            registrations = TokenBuckets(REGISTRATION_RATE, REGISTRATION_BURST)
        self._registrations = registrations
        self._table = ClientTable(limit, self._numbers.node_number, compact)
        self._newcomers = Newcomers()
        self.flood = FloodWatch()
        """What comes from who is no client, if sources are not ends of connections."""
        self._per_address = per_address
        self._rates = PacketRates(packet_rate)
        self._review_at = math.inf
        self.taken: Callable[[Client], int] = lambda _client: 0
        """How many packets of a client were taken beside this engine: it is alive while they grow."""
        self.tallies: Callable[[], Sequence[Mapping[bytes, int]]] = tuple
        """All of these, at each listening socket, by the client's address in few octets."""
        self._outgoing: list[Outgoing] = []
        self._events: list[Event] = []
        self._turned_away: list[TurnedAway] = []

    def receive_datagram(self, data: bytes, address: Endpoint, now: float, port: int = 0) -> Arrival | None:
        """Take a datagram that came to listening socket `port`; return the packet to hand on, if any."""
        flaw = ingress.header_flaw(data)
        if flaw:
            self.counters.drop(flaw)
            self.flood.other(now)
            return None
        packet, behind = ingress.split(data)
        if ingress.is_registration(packet):
            if not (self._connected or self.flood.registration(now)):
                self.counters.drop("too many registrations")
                return None
            self._register(wanted_node(Packet.decode(packet), behind), address, now, port)
            return None
        flaw = ingress.address_flaw(packet, self._network_octets)
        if flaw:
            self.counters.drop(flaw)
            return None
        client = self._client(packet, address, now, port)
        if client is None:
            return None
        client.last_heard = now
        client.unanswered = 0
        if client.port != port:
            self._events.append(Turned(client.node, client.port))
            client.port = port
        if ingress.is_to_echo(packet) and ingress.destination_node(packet) == self._cookie_of(client):
            return None
        if not self._rates.admits(client.node):
            self.counters.drop(ingress.TOO_MANY)
            return None
        client.packets_in += 1
        client.octets_in += len(packet)
        self.counters.packets_in += 1
        self.counters.octets_in += len(packet)
        if packet[TRANSPORT_CONTROL_OFFSET] >= self._hop_limit:
            packet = ingress.without_hops(packet)
        return Arrival(ingress.with_networks(packet, self._network_octets), client.node)

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to the client with node number `hop`.

        DOSBox answers only pings that are broadcast, so one from a socket other than 2 is sent as such.
        """
        client = self._table.with_node(hop)
        if client is None:
            self.counters.drop("for no client")
            return
        if ingress.is_foreign_ping(packet):
            packet = ingress.with_destination_node(packet, BROADCAST_NODE)
        self._send_packet(packet, client)

    def send_to_all(self, packet: bytes, besides: Hop | None = None) -> None:
        """Send a packet to every client but the one with node number `besides`."""
        for client in self._table:
            if client.node != besides:
                self._send_packet(packet, client)

    def release(self, node: bytes) -> None:
        """Forget the client with a node number: it is behind another gateway now."""
        client = self._table.with_node(node)
        if client:
            self._remove(client, "moved to another gateway")

    def knows(self, address: Endpoint) -> bool:
        """Say whether there is a client at an address."""
        return self._table.at(address) is not None

    def disconnect(self, address: Endpoint, reason: str) -> None:
        """Forget the client at an address, if there is one: its connection has ended."""
        client = self._table.at(address)
        if client:
            self._remove(client, reason)

    def expel(self, is_banned: Callable[[str, bytes], bool]) -> int:
        """Forget the clients whose IP address and node number are banned; return how many those are."""
        gone = [client for client in self._table if is_banned(self._table.address_of(client)[0], client.node)]
        for client in gone:
            self._remove(client, "banned")
        return len(gone)

    def client_with(self, node: Hop) -> Client | None:
        """Return the client that has a node number."""
        return self._table.with_node(node)

    def clients_on(self, port: int) -> Iterator[Client]:
        """Give out the clients that use a listening socket."""
        return (client for client in self._table if client.port == port)

    def clients(self) -> list[ClientView]:
        """Return what there is to tell of every client, longest known first."""
        return [client.view(self._table.address_of(client)) for client in self._table]

    def hear_of_all(self, now: float) -> None:
        """Count as heard now whose packets were taken beside this engine since the last look at them."""
        for client in self._table:
            self._is_heard_of(client, now)

    def datagrams_to_send(self) -> list[Outgoing]:
        """Return the datagrams that are to be sent now, in this order, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Return who has come and gone since the last call."""
        events, self._events = self._events, []
        return events

    def turned_away(self) -> list[TurnedAway]:
        """Return who was not admitted since the last call."""
        turned_away, self._turned_away = self._turned_away, []
        return turned_away

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        newcomer = self._newcomers.next_deadline()
        due = min(self._review_at, self._rates.due, math.inf if newcomer is None else newcomer)
        return None if due == math.inf else due

    def advance(self, now: float) -> None:
        """Ping newcomers whose time has come, ping silent clients, and let those go that stay silent."""
        for newcomer in self._newcomers.take_due(now):
            cookie = self._numbers.cookie(newcomer.address, newcomer.node)
            self._ping(cookie, newcomer.address, newcomer.port)
        if now >= self._rates.due:
            silenced = self._rates.look(self.tallies(), self._table.node_of, now)
            self._events += [Silenced(node) for node in silenced]
        if now >= self._review_at:
            self._review(now)

    def _register(self, wanted: bytes | None, address: Endpoint, now: float, port: int) -> None:
        if not self._may_ask(address, now):
            return
        client = self._table.at(address)
        if client is None and self._table.is_full:
            self.counters.drop("table full")
            return
        node = self._numbers.node_number(address)
        if wanted is not None and self._may_claim(wanted, address):
            node = wanted
        is_known = client is not None and client.node == node
        if self._connected and not is_known and not self._prove(node, address, node == wanted, now, port):
            return
        reply = registration_reply(self._network, node, node_granted=node == wanted)
        self._outgoing.append(Outgoing(reply.encode(), address, port))
        if self._connected or is_known:
            return
        if not self._newcomers.add(address, node, port, now):
            self.counters.drop("too many newcomers")

    def _client(self, packet: bytes, address: Endpoint, now: float, port: int) -> Client | None:
        """Return the client that a packet comes from, a new one if the packet proves it."""
        source = ingress.source_node(packet)
        client = self._table.with_node(source)
        if client is not None and self._table.address_of(client) == address:
            return client
        client = self._table.at(address)
        if self._connected:
            self.counters.drop("source node is not the client's" if client else "not registered")
            return None
        if source == self._numbers.node_number(address):
            return self._prove(source, address, False, now, port)
        if self._numbers.proves(ingress.destination_node(packet), address, source):
            return self._prove(source, address, True, now, port)
        if client is not None:
            self.counters.drop("source node is not the client's")
            return None
        if not ingress.is_to_echo(packet) and self.flood.other(now):
            if not (self._may_claim(source, address) and self._may_ask(address, now)):
                return None
            self._ping(self._numbers.cookie(address, source), address, port)
        self.counters.drop("source not proven")
        return None

    def _prove(
        self, node: bytes, address: Endpoint, chose_node: bool, now: float, port: int
    ) -> Client | None:
        """Make a client of the source at `address`, which has proved that it receives and is `node`."""
        before, holder = self._table.at(address), self._table.with_node(node)
        if before is None and not self._is_admitted(address):
            return None
        if chose_node and not self._may_claim(node, address):
            return None
        if holder is not None and not holder.chose_node:
            self.counters.drop("node number taken")
            return None
        if before is None and holder is None and self._has_no_room_for(address):
            return None
        if before is None:
            self.flood.player()
        else:
            self._remove(before, "took another node number")
        moved_from = None
        if holder is not None:
            self._table.remove(holder)
            moved_from = self._table.address_of(holder)
        client = self._table.add(node, address, chose_node, port, now)
        self._newcomers.discard(address)
        self._rates.expect(now)
        self._review_at = min(self._review_at, client.due)
        self._events.append(Joined(node, address, moved_from))
        return client

    def _remove(self, client: Client, reason: str) -> None:
        self._table.remove(client)
        self._events.append(Left(client.node, self._table.address_of(client), reason))

    def _is_admitted(self, address: Endpoint) -> bool:
        if self._admit(address[0]):
            return True
        self.counters.drop(ingress.NOT_ADMITTED)
        self._turned_away.append(TurnedAway(address, ingress.NOT_ADMITTED))
        return False

    def _has_no_room_for(self, address: Endpoint) -> bool:
        """Say whether one more client at an IP address is too many."""
        flaw = "table full" if self._table.is_full else None
        if flaw is None and self._per_address:
            of_one = sum(self._table.address_of(client)[0] == address[0] for client in self._table)
            flaw = "too many clients of one address" if of_one >= self._per_address else None
        if flaw:
            self.counters.drop(flaw)
        return flaw is not None

    def _may_ask(self, address: Endpoint, now: float) -> bool:
        """Say whether a source that has proved nothing may draw a datagram from us."""
        if not self._is_admitted(address):
            return False
        if self._registrations.allow(address[0], now):
            return True
        self.counters.drop("too many registrations")
        return False

    def _may_claim(self, node: bytes, address: Endpoint) -> bool:
        """Say whether the source at `address` may have a node number that it chose."""
        holder = self._table.with_node(node)
        flaw = ingress.claim_flaw(node, self.node, self._reserved)
        if holder is not None and not (holder.chose_node or self._table.address_of(holder) == address):
            flaw = flaw or "claims another client's node number"
        if flaw:
            self.counters.drop(flaw)
        return flaw is None

    def _cookie_of(self, client: Client) -> bytes:
        return self._numbers.cookie(self._table.address_of(client), client.node)

    def _ping(self, cookie: bytes, address: Endpoint, port: int) -> None:
        packet = ping(Address(self._network, cookie, Socket.ECHO))
        self._outgoing.append(Outgoing(packet.encode(), address, port))

    def _send_packet(self, packet: bytes, client: Client) -> None:
        if len(packet) > ingress.MAXIMUM_SIZE:
            self.counters.drop(ingress.OVERSIZE)
            return
        client.packets_out += 1
        client.octets_out += len(packet)
        self.counters.packets_out += 1
        self.counters.octets_out += len(packet)
        self._outgoing.append(Outgoing(packet, self._table.address_of(client), client.port))

    def _is_heard_of(self, client: Client, now: float) -> bool:
        """Say whether packets of a client were taken beside this engine since this was asked last."""
        before, client.taken = client.taken, self.taken(client)
        if client.taken == before:
            return False
        client.last_heard = now
        client.unanswered = 0
        return True

    def _review(self, now: float) -> None:
        for client in list(self._table):
            if client.due > now or self._is_heard_of(client, now):
                continue
            if client.unanswered >= self._patience:
                self._remove(client, "silent")
                continue
            client.unanswered += 1
            client.pinged = now
            self._ping(self._cookie_of(client), self._table.address_of(client), client.port)
        first = min((client.due for client in self._table), default=math.inf)
        self._review_at = max(first, now + max(REVIEW_INTERVAL, len(self._table) / REVIEWED))
