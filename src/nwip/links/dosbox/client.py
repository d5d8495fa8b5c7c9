"""The client side of the DOSBox protocol, as DOSBox 0.74 and DOSBox-X play it. Pure.

Registers (again every second until it is answered, where DOSBox gives up after one), takes network and node
from the reply, answers pings that are broadcast to socket 2, and measures its own pings.
"""

from typing import Final, NamedTuple

from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import (
    is_ping,
    is_ping_answer,
    is_registration_reply,
    ping,
    ping_answer,
    registration,
)
from nwip.wire import WireError

REGISTRATION_INTERVAL: Final = 1.0  # seconds
PING_SOCKET: Final = Socket.DYNAMIC_FIRST


class Registered(NamedTuple):
    """The server has given an address; its socket is 0."""

    address: Address


class Received(NamedTuple):
    """A packet has arrived that is not for socket 2."""

    packet: Packet


class Answered(NamedTuple):
    """A node has answered the latest ping after so many seconds."""

    node: bytes
    seconds: float


Event = Registered | Received | Answered


class DosboxClient:
    """The engine of a client; `node` is the node number that it wants (DOSBox-X), or None.

    `address` is None until it is registered.
    """

    def __init__(self, node: bytes | None = None) -> None:
        self.address: Address | None = None
        self._registration = registration(node).encode()
        self._register_at: float | None = None
        self._pinged_at: float | None = None
        self._outgoing: list[bytes] = []
        self._events: list[Event] = []

    def register(self, now: float) -> None:
        """Ask the server for an address, until it answers."""
        self.address = None
        self._register_at = now
        self.advance(now)

    def send(self, packet: Packet) -> None:
        """Send a packet, network and node of its source filled in. `RuntimeError` if not registered."""
        if self.address is None:
            raise RuntimeError("not registered with the server")
        source = self.address._replace(socket=packet.source.socket)
        self._outgoing.append(packet._replace(source=source).encode())

    def ping(self, now: float, node: bytes = BROADCAST_NODE) -> None:
        """Ping everyone, or one node; each answer becomes an event. `RuntimeError` if not registered.

        To one node it comes from another socket than 2, or it would be taken for an answer.
        """
        packet = ping(Address(THIS_NETWORK, NULL_NODE, Socket.ECHO))
        if node != BROADCAST_NODE:
            to, here = packet.destination._replace(node=node), packet.source._replace(socket=PING_SOCKET)
            packet = packet._replace(destination=to, source=here)
        self.send(packet)
        self._pinged_at = now

    def receive_datagram(self, data: bytes, now: float) -> None:
        """Take a datagram of the server; what is no IPX packet is ignored."""
        try:
            packet = Packet.decode(data)
        except WireError:
            return
        if self.address is None:
            self._take_reply(packet)
        elif is_ping(packet):
            self._outgoing.append(ping_answer(packet, self.address).encode())
        elif is_ping_answer(packet, self.address.node):
            if self._pinged_at is not None:
                self._events.append(Answered(packet.source.node, now - self._pinged_at))
        else:
            self._events.append(Received(packet))

    def datagrams_to_send(self) -> list[bytes]:
        """Return the datagrams that are to be sent to the server now, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Return what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        return self._register_at

    def advance(self, now: float) -> None:
        """Register again if no reply has come."""
        if self._register_at is not None and now >= self._register_at:
            self._outgoing.append(self._registration)
            self._register_at = now + REGISTRATION_INTERVAL

    def _take_reply(self, packet: Packet) -> None:
        if self._register_at is not None and is_registration_reply(packet):
            self.address = packet.destination._replace(socket=0)
            self._register_at = None
            self._events.append(Registered(self.address))
