"""The client side of an uplink: which packets cross between our network and a DOSBox server's. Pure.

    from                                 comes                       what happens
    the gateway itself (node, station)   anything                    by the gateway's own registration
    a local host                         anything                    by its own; without one, it gets one
    a number that the server gave us     anything                    dropped: it has come back
    a host of the far side               anything, from our side     dropped: it has come back
    the far side                         a broadcast                 taken once, at the gateway's own
                                         a packet to a registration  goes to the host that it stands for
                                         from one of our own         dropped: servers echo to all clients

Both ways the network number is replaced (the far side's, ours), and the node number of the host that a
registration stands for (its own, the one that the server gave). What crosses is raw octets.
"""

import math
from collections.abc import Callable
from typing import Final

from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address
from nwip.ipx.numbers import MAXIMUM_HOPS, Socket
from nwip.ipx.packet import (
    HEADER_SIZE,
    TRANSPORT_CONTROL_OFFSET,
    Packet,
)
from nwip.ipx.ping import is_registration_reply, ping
from nwip.links.base import Arrival, Counters
from nwip.links.dosbox import ingress
from nwip.links.dosbox.engine import nobodys
from nwip.links.uplink import header
from nwip.links.uplink.crossing import CAME_BACK, COPY, LOOP, Crossing
from nwip.links.uplink.events import (
    Event,
    Gained,
    LoopFound,
    LoopGone,
    Lost,
    Outgoing,
    PortClosed,
    Registered,
    Unanswered,
)
from nwip.links.uplink.far_hosts import FarHosts, number_here
from nwip.links.uplink.loop_watch import LoopWatch
from nwip.links.uplink.registration import Registration, RegistrationView
from nwip.links.uplink.registrations import DEFAULT_LIMIT, Registrations
from nwip.wire import WireError

REVIEW_INTERVAL: Final = 5.0  # seconds: hosts and loops are looked at this often
REFRESH_AFTER: Final = 60.0  # seconds of silence after which the far side is pinged, and between such pings
UNANSWERED: Final = 2  # registrations in a row after which the server's name is looked up again

IPXBOX: Final = bytes.fromhex("02FFFFFF0000")  # where ipxbox's pings to a silent client come from


class UplinkClient:
    """The engine: our network's number and our own node number on it are `network` and `node`.

    `node` and `station` are the gateway's own there; `pseudo_station` stands for the latter until the server
    has given a number. At most `limit` local hosts are registered, see `Registrations`. `elsewhere` says
    whether a node number is a host on another link of this gateway; `reserved`, which no far host may have.
    `choose` asks the server for the hosts' own numbers, as DOSBox-X does. A transport control of `hop_limit`
    or more is what a DOS program left in the field. `chance` returns a random number from 0 to 1.
    """

    def __init__(
        self,
        network: int,
        node: bytes,
        pseudo_station: bytes,
        chance: Callable[[], float],
        *,
        limit: int = DEFAULT_LIMIT,
        choose: bool = True,
        elsewhere: Callable[[bytes], bool] = nobodys,
        reserved: Callable[[bytes], bool] = nobodys,
        hop_limit: int = MAXIMUM_HOPS,
    ) -> None:
        self.counters = Counters()
        self.node = node
        self._network = network.to_bytes(4, "big")
        self._pseudo_station = pseudo_station
        self._choose = choose
        self._hop_limit = hop_limit
        self._registrations = Registrations(limit, chance)
        self._far = FarHosts(elsewhere, reserved)
        self._watch = LoopWatch(elsewhere)
        self._crossing = Crossing(self._network, self._registrations, self._far, self._watch, elsewhere)
        self._due = math.inf  # when a registration wants something; never too late, perhaps too early
        self._review_at = math.inf
        self._refresh_at = 0.0
        self._outgoing: list[Outgoing] = []
        self._events: list[Event] = []

    # What people and the gateway want to know.

    @property
    def station(self) -> bytes:
        """Our own node number on the far side: the one that the server gave, once it has given one."""
        own = self._registrations.gateway
        return own.number if own is not None and own.number is not None else self._pseudo_station

    @property
    def is_loop(self) -> bool:
        """Whether the server leads back to this gateway: then nothing crosses."""
        return self._watch.is_loop

    @property
    def is_open(self) -> bool:
        """Whether packets cross: we are registered, and the probation is over."""
        own = self._registrations.gateway
        return own is not None and own.is_up and self._watch.ends_at is None and not self.is_loop

    def registrations(self) -> list[RegistrationView]:
        """Return what there is to tell of the registrations in use, the gateway's own first."""
        return [registration.view() for registration in self._registrations]

    def far_hosts(self) -> list[bytes]:
        """Return the node numbers, on our side, of the hosts of the far side."""
        return self._far.nodes()

    # What happens.

    def start(self, now: float) -> None:
        """Register with a server whose address is known now, or has changed."""
        for node in self._far.clear():
            self._events.append(Lost(node, "the server is another one"))
        self._registrations.start(now)
        self._watch.reset()
        self._review_at = now + REVIEW_INTERVAL
        self._due = now
        self.advance(now)

    def send(self, packet: bytes, now: float) -> None:
        """Send a packet of our side to a host of the far side, or to all. What cannot go is counted."""
        host = header.source(packet)
        is_own = self._is_gateway(host)
        flaw = self._crossing.flaw_outwards(packet)
        if flaw is None and not is_own and self._crossing.has_come_back(host, now):
            flaw = CAME_BACK
        registration = None if flaw else self._registration_for(host, is_own, now)
        if registration is None:
            self.counters.drop(flaw or "too many local hosts")
            return
        registration.last_used = now
        if registration.is_ready(now):
            self._flush(registration, now)
            self._transmit(registration, packet, now)
        elif registration.hold(packet):
            self._due = min(self._due, registration.due)
        else:
            self.counters.drop("the server does not answer")

    def receive_datagram(self, data: bytes, port: int, now: float) -> Arrival | None:
        """Take a datagram that came to the port with this index; return the packet to hand on, if any.

        Only the server's address may have sent it: the caller sees to that.
        """
        registration = self._registrations.at_port(port)
        if registration is None or (registration.host is None and not self._is_own(registration)):
            self.counters.drop("for a registration that nobody uses")
        elif len(data) < HEADER_SIZE:
            self.counters.drop("shorter than a header")
        elif not registration.is_up:
            self._take_reply(registration, data, now)
        else:
            registration.heard(now)
            if not (header.is_ping(data) and self._settle_ping(registration, data, now)):
                return self._take(registration, data, now)
        return None

    def release(self, node: bytes, now: float) -> None:
        """Forget a host of the far side: it has moved to another gateway."""
        if self._far.release(node, now):
            self._events.append(Lost(node, "moved to another gateway"))

    def datagrams_to_send(self) -> list[Outgoing]:
        """Return the datagrams that are to be sent now, in this order, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Return what has happened since the last call."""
        events, self._events = self._events, []
        return events + [PortClosed(port) for port in self._registrations.closed()]

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        due = min(self._due, self._review_at)
        if self._watch.ends_at is not None:
            due = min(due, self._watch.ends_at)
        return None if due == math.inf else due

    def advance(self, now: float) -> None:
        """Register, probe, look for loops, and let go what has been silent for too long."""
        if now >= self._due:
            self._due = math.inf
            for registration in list(self._registrations):
                self._advance(registration, now)
        if self._watch.is_due(now):
            self._look_for_loop()
            self._ping_all(now)
        if now >= self._review_at:
            self._review_at = now + REVIEW_INTERVAL
            self._review(now)

    # Outwards.

    def _registration_for(self, host: bytes, is_own: bool, now: float) -> Registration | None:
        if is_own:
            return self._registrations.gateway
        registration = self._registrations.of_host(host)
        if registration is None:
            may_choose = self._choose and host[:4] == self._network
            registration = self._registrations.open(host, host[4:] if may_choose else None, now)
            if registration is not None:
                self._advance(registration, now)
        return registration

    def _transmit(self, registration: Registration, packet: bytes, now: float) -> None:
        """Send a packet under the number of a registration.

        DOSBox answers only pings that are broadcast: one to a single host is, and only its answer is taken.
        """
        node = self._far.number_there(ingress.destination_node(packet))
        if ingress.is_foreign_ping(packet) and node != BROADCAST_NODE:
            registration.pings(node, now)
            node = BROADCAST_NODE
        elif ingress.is_to_echo(packet):
            registration.pings(None, now)
        come_from = registration.network + (registration.number or NULL_NODE)
        self._send_datagram(
            registration, header.readdressed(packet, registration.network + node, come_from), now
        )
        registration.packets_out += 1
        self.counters.packets_out += 1
        self.counters.octets_out += len(packet)

    def _send_datagram(self, registration: Registration, data: bytes, now: float) -> None:
        registration.sent(now)
        self._outgoing.append(Outgoing(data, registration.port))

    def _flush(self, registration: Registration, now: float) -> None:
        for packet in registration.take_waiting(now):
            self._transmit(registration, packet, now)

    # Inwards.

    def _take_reply(self, registration: Registration, data: bytes, now: float) -> None:
        try:
            reply = Packet.decode(data)
        except WireError:
            self.counters.drop("malformed")
            return
        if not is_registration_reply(reply):
            self.counters.drop("before the server's reply")
            return
        before, was_silent = registration.number, registration.tries > 1
        registration.accept(reply, now)
        self._registrations.number(registration, before)
        if was_silent or before != registration.number:
            self._events.append(Registered(registration.host, reply.destination.node))
        if self._is_own(registration):
            self._outgoing.append(Outgoing(registration.probe(now), registration.port))
            if before != registration.number:
                self._watch.begin(now)
        self._flush(registration, now)
        self._due = min(self._due, registration.due)

    def _settle_ping(self, registration: Registration, data: bytes, now: float) -> bool:
        """Deal with a ping that goes no further: True. Of players' pings the gateway's own copy goes on."""
        pinger = ingress.source_node(data)
        is_own = self._is_own(registration)
        if self._registrations.has_number(pinger):
            self.counters.drop(CAME_BACK)
        elif header.comes_from_hello(data):
            self.counters.drop("ping of another gateway")
        elif is_own and pinger != IPXBOX:
            return False
        elif number_here(pinger) in self._far:
            self.counters.drop(COPY)
        else:  # the server asks this registration alone whether it is there
            answer = Packet(Address(0, pinger, Socket.ECHO), registration.address)
            self._send_datagram(registration, answer.encode(), now)
            registration.proved(now)
            self._flush(registration, now)
        return True

    def _take(self, registration: Registration, data: bytes, now: float) -> Arrival | None:
        flaw = ingress.header_flaw(data)
        packet = data if flaw else ingress.split(data)[0]
        sender = ingress.source_node(packet)
        node = number_here(sender)
        if flaw is None:
            if sender == ingress.destination_node(packet) == registration.number:
                return None  # a probe that has come back
            was_known = node in self._far
            flaw = self._crossing.flaw_inwards(registration, packet, self.node, now)
            if node in self._far and not was_known:
                self._events.append(Gained(node))
        if flaw is not None:
            self.counters.drop(flaw)
            return None
        registration.packets_in += 1
        self.counters.packets_in += 1
        self.counters.octets_in += len(packet)
        if packet[TRANSPORT_CONTROL_OFFSET] >= self._hop_limit:
            packet = ingress.without_hops(packet)
        to = registration.host or self._network + self.node
        if ingress.destination_node(packet) == BROADCAST_NODE:
            to = self._network + BROADCAST_NODE
        return Arrival(header.readdressed(packet, to, self._network + node), node)

    # In time.

    def _advance(self, registration: Registration, now: float) -> None:
        if not registration.is_up and now >= registration.due:
            if registration.wants_another_port:
                self._registrations.move(registration)
            if self._is_own(registration) and registration.tries >= UNANSWERED:
                self._events.append(Unanswered())
        data = registration.advance(now)
        if data is not None:
            self._outgoing.append(Outgoing(data, registration.port))
        self._flush(registration, now)
        if registration.given_up:
            self.counters.drop("the server does not answer", registration.given_up)
            registration.given_up = 0
        self._due = min(self._due, registration.due)

    def _review(self, now: float) -> None:
        self._look_for_loop()
        for registration in self._registrations.silent(now):
            self._registrations.drop(registration)
        if given_up := self._registrations.given_up():
            self.counters.drop("the server does not answer", given_up)
        for node in self._far.expire(now):
            self._events.append(Lost(node, "silent"))
        if self._far.longest_silence(now) >= REFRESH_AFTER and now >= self._refresh_at:
            self._ping_all(now)

    def _look_for_loop(self) -> None:
        own = self._registrations.gateway
        number = own.number if own is not None else None
        if not self._watch.look(number):
            return
        if number is None or not self.is_loop:
            self._events.append(LoopGone())
            return
        self._registrations.drop_all()
        self._events += [Lost(node, LOOP) for node in self._far.clear()]
        self._events.append(LoopFound(number))

    def _ping_all(self, now: float) -> None:
        """Ping the far side, so that silent hosts are known, and known ones are not forgotten.

        From the socket of the gateways: another nwip there does not carry it on.
        """
        own = self._registrations.gateway
        if own is None or not self.is_open:
            return
        self._refresh_at = now + REFRESH_AFTER
        come_from = own.address._replace(socket=Socket.HELLO)
        self._send_datagram(own, ping(own.address)._replace(source=come_from).encode(), now)

    def _is_own(self, registration: Registration) -> bool:
        return registration is self._registrations.gateway

    def _is_gateway(self, host: bytes) -> bool:
        return host[:4] == self._network and host[4:] in (self.node, self.station, self._pseudo_station)
