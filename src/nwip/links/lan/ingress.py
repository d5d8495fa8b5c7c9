"""Which packets a LAN link takes from its LAN, and whom it believes. Pure.

Which frames are for us:

    destination MAC        of the packet                  routed             joined
    our node or station    anything                       taken              taken
    broadcast              this network's broadcast       taken              taken
    broadcast              one node of this network       only if it is us   unless it is a host here
    a node's own           that node, of this network     ignored            unless it is a host here
    broadcast              another network                dropped: every router would send it on; but RIP
                                                          and SAP of one that gives this network that number
                                                          are taken, to be complained of
    anything else          anything                       ignored: it is for somebody else

Whom a joined link believes: a packet of this network, or of network 0, is from a host of this LAN if its
source node is the MAC address that sent it, and no router has raised its transport control. Any other packet
of this network is dropped: it has passed a gateway, or claims another's number. A packet of another
network whose source node is not the sender's came through a router, and passes; if it is the sender's own,
then the LAN itself has another number, and cannot be joined.
"""

from collections.abc import Callable
from typing import Final

from nwip.ipx.address import BROADCAST_NODE, format_network, format_node
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    MAXIMUM_SIZE,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
    checksum_is_valid,
)
from nwip.links.base import Arrival, Counters
from nwip.links.lan.events import HourlyWarnings, Warned
from nwip.links.lan.neighbours import Neighbours
from nwip.links.lan.own_numbers import OwnNumbers
from nwip.links.lan.reading import GROUP, NO_CHECKSUM, THIS_NETWORK, with_networks

MALFORMED: Final = "malformed"
TOO_LARGE: Final = "too large for the frame type"
CHECKSUM: Final = "checksum"
OWN_FRAME: Final = "own frame came back"
ACTIVE_GATEWAY: Final = "from the gateway that is active here"
ELSEWHERE: Final = "broadcast frame with a packet for elsewhere"
OUR_NUMBER: Final = "claims our own node number"
NOT_SENDER: Final = "source node is not the sender's MAC address"
PASSED_ROUTER: Final = "has passed a router already"
OTHER_NETWORK: Final = "from another network"
RESERVED: Final = "claims a node number of nwip's nodes"

_GATEWAY_SOCKET: Final = Socket.HELLO.to_bytes(2, "big")
_RIP_AND_SAP: Final = frozenset(socket.to_bytes(2, "big") for socket in (Socket.RIP, Socket.SAP))


class Ingress:
    """Judges packets, counts in `counters` what is dropped, and notes in `neighbours` who has sent something.

    `reserved` says which node numbers no host of a joined link may have.
    """

    def __init__(
        self, own: OwnNumbers, neighbours: Neighbours, counters: Counters, reserved: Callable[[bytes], bool]
    ) -> None:
        self._own = own
        self._neighbours = neighbours
        self._counters = counters
        self._reserved = reserved
        self._warnings = HourlyWarnings()
        self._events: list[Warned] = []

    def arrival(self, packet: bytes, to: bytes, sender: bytes, now: float) -> Arrival | None:
        """Return what to hand on of a packet in a frame with these MAC addresses, None if nothing."""
        own = self._own
        flaw = self._flaw(packet, sender, now)
        if flaw is None and to == BROADCAST_NODE and not (self._is_here(packet) or _is_routers(packet)):
            flaw = ELSEWHERE
        if flaw is not None:
            self._counters.drop(flaw)
            return None
        if to not in (own.node, own.station) and not self._is_for_us_too(packet, to):
            return None
        if packet[:2] != NO_CHECKSUM:
            packet = NO_CHECKSUM + packet[2:]
        self._counters.packets_in += 1
        self._counters.octets_in += len(packet)
        if own.network_octets != THIS_NETWORK:
            packet = with_networks(packet, own.network_octets)
        return Arrival(packet, sender)

    def events(self) -> list[Warned]:
        """Return what there is to tell since the last call."""
        events, self._events = self._events, []
        return events

    def _flaw(self, packet: bytes, sender: bytes, now: float) -> str | None:
        """Return why nobody should take a packet; note which host has sent it."""
        own = self._own
        if sender == own.station:
            self._warn_of_loop(now)
            return OWN_FRAME
        if sender == own.node:
            return ACTIVE_GATEWAY
        if len(packet) > MAXIMUM_SIZE:
            return TOO_LARGE
        if packet[:2] != NO_CHECKSUM and not checksum_is_valid(packet):
            return CHECKSUM
        network = packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET]
        source = packet[SOURCE_NODE_OFFSET:SOURCE_SOCKET_OFFSET]
        if (sender[0] | source[0]) & GROUP:
            return MALFORMED
        if network not in (THIS_NETWORK, own.network_octets):
            if own.joined and source == sender:
                self._warn_of_network(network, sender, now)
                return OTHER_NETWORK
            return None
        if source in (own.node, own.station):
            return OUR_NUMBER
        return self._host_flaw(packet, source, sender, now) if own.joined else None

    def _host_flaw(self, packet: bytes, source: bytes, sender: bytes, now: float) -> str | None:
        """Return why a packet of a joined link's own network is not from a host of this LAN."""
        if source != sender:
            return NOT_SENDER
        if self._own.has_sent_lately(sender, now):
            return OWN_FRAME
        if packet[TRANSPORT_CONTROL_OFFSET]:
            return PASSED_ROUTER
        if packet[SOURCE_SOCKET_OFFSET:HEADER_SIZE] == _GATEWAY_SOCKET:
            return None
        return RESERVED if self._reserved(source) else self._neighbours.hear(source, now)

    def _is_for_us_too(self, packet: bytes, to: bytes) -> bool:
        """Say whether we take a packet that was not sent to a MAC address of ours."""
        node = packet[DESTINATION_NODE_OFFSET:DESTINATION_SOCKET_OFFSET]
        if to == BROADCAST_NODE and node in (BROADCAST_NODE, self._own.node, self._own.station):
            return True
        return (
            self._own.joined
            and to in (BROADCAST_NODE, node)
            and node not in self._neighbours
            and self._is_here(packet)
        )

    def _is_here(self, packet: bytes) -> bool:
        """Say whether a packet is for this network; while its number is not known, any may be it."""
        network = self._own.network_octets
        here = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET]
        return network == THIS_NETWORK or here in (THIS_NETWORK, network)

    def _warn_of_loop(self, now: float) -> None:
        if self._warnings.may_say(OWN_FRAME, now):
            text = (
                f"frames that were sent from here as {format_node(self._own.station)} come back: this LAN "
                "is joined to itself, or another station uses this MAC address"
            )
            self._events.append(Warned(text))

    def _warn_of_network(self, network: bytes, sender: bytes, now: float) -> None:
        if self._warnings.may_say(network, now):
            theirs, ours = format_network(int.from_bytes(network, "big")), format_network(self._own.network)
            text = (
                f"{format_node(sender)} says that this LAN is network {theirs}, so it cannot be joined to "
                f"network {ours}: set joined = false to route it, or give the servers on it number {ours}"
            )
            self._events.append(Warned(text))


def _is_routers(packet: bytes) -> bool:
    """Say whether a router broadcasts here what it knows, under another number for this network than ours."""
    return (
        packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] in _RIP_AND_SAP
        and packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET] == packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET]
        and not packet[TRANSPORT_CONTROL_OFFSET]
    )
