"""The frames in which a LAN link sends packets, and the MAC addresses that it sends them with. Pure.

The source of a frame is the packet's own source node where that is on this very network: our own numbers,
and on a joined link also a remote host, which must look like a neighbour. Everything else is sent by `node`.
"""

from typing import Final

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import MAC_SIZE, MINIMUM_FRAME, FrameType
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
    Packet,
)
from nwip.ipx.rip import RipPacket
from nwip.links.base import Counters, Hop
from nwip.links.lan.frame_types import UNDECIDED
from nwip.links.lan.ingress import CHECKSUM, TOO_LARGE
from nwip.links.lan.neighbours import Neighbours
from nwip.links.lan.own_numbers import OwnNumbers
from nwip.links.lan.reading import GROUP, HEADERS, IPX, NO_CHECKSUM

NO_STATION: Final = "no such station"
OWN_HOST: Final = "its source is a host of this LAN"
NO_SOURCE: Final = "its source is no node"


class Egress:
    """Makes frames of packets; what cannot go out is counted in `counters`."""

    def __init__(self, own: OwnNumbers, neighbours: Neighbours, counters: Counters) -> None:
        self._own = own
        self._neighbours = neighbours
        self._counters = counters

    def frame(self, packet: bytes, hop: Hop, frame_type: FrameType | None, now: float) -> bytes | None:
        """Return the frame that brings a packet to `hop`, a MAC address; None when there is none."""
        own = self._own
        sender, flaw = own.node, None
        source = packet[SOURCE_NODE_OFFSET:SOURCE_SOCKET_OFFSET]
        if packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET] == own.network_octets:
            if source == own.station:
                sender = source
            elif own.joined and source != own.node:
                sender, flaw = self._as_neighbour(packet, source, now)
        if frame_type is None:
            flaw = UNDECIDED
        elif len(packet) > frame_type.maximum_packet:
            flaw = TOO_LARGE
        elif frame_type is FrameType.ETHERNET_802_3 and packet[:2] != NO_CHECKSUM:
            flaw = CHECKSUM
        if not isinstance(hop, bytes) or len(hop) != MAC_SIZE:
            flaw = flaw or NO_STATION
        if flaw is not None or frame_type is None or not isinstance(hop, bytes):
            self._counters.drop(flaw or NO_STATION)
            return None
        own.note_sending(sender, now)
        return framed(packet, hop, sender, frame_type)

    def lasting_sender(self, packet: bytes, now: float) -> bytes | None:
        """Return the MAC address that whatever has the source of a packet is sent with from now on.

        That is until a host with its number is heard here. None when it may depend on more than the source.
        """
        own = self._own
        source = packet[SOURCE_NODE_OFFSET:SOURCE_SOCKET_OFFSET]
        if packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET] != own.network_octets or source == own.node:
            return own.node
        if source == own.station:
            return None
        if not own.joined:
            return own.node
        is_known = source in self._neighbours or self._neighbours.is_here(source, now)
        return None if is_known or source[0] & GROUP else source

    def _as_neighbour(self, packet: bytes, source: bytes, now: float) -> tuple[bytes, str | None]:
        """Return the MAC address for a packet of another host of a joined link's network, or why it has none.

        What a host of this LAN itself has sent does not come back to it, but it may go on to another router.
        """
        if source[0] & GROUP:
            return source, NO_SOURCE
        if not self._neighbours.is_here(source, now):
            return source, None
        to = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET]
        return self._own.node, OWN_HOST if to == self._own.network_octets else None


def framed(packet: bytes, to: bytes, sender: bytes, frame_type: FrameType) -> bytes:
    """Return a packet that fits in a frame of this type, filled up to 60 octets."""
    header = HEADERS[frame_type]
    kind = IPX if frame_type is FrameType.ETHERNET_II else (len(header) + len(packet)).to_bytes(2, "big")
    return b"".join((to, sender, kind, header, packet)).ljust(MINIMUM_FRAME, b"\0")


def route_request(station: bytes, frame_type: FrameType) -> bytes:
    """Return the frame that asks all servers and routers for their networks, as NetWare's drivers do."""
    here = Address(0, station, Socket.RIP)
    to = Address(0, BROADCAST_NODE, Socket.RIP)
    packet = Packet(to, here, PacketType.RIP, RipPacket.request().encode()).encode()
    return framed(packet, BROADCAST_NODE, station, frame_type)
