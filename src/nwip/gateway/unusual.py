"""What the forwarder does not know, one packet at a time: broadcasts, RIP, SAP, unknown hosts, ourselves."""

from collections.abc import Callable, Hashable

from nwip.dataplane.forwarding import Outlet
from nwip.gateway.broadcasts import Broadcasts
from nwip.gateway.local import OwnSockets
from nwip.gateway.muting import RIP_OR_SAP
from nwip.gateway.parts import Parts
from nwip.gateway.sockets import LocalSockets
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import TRANSPORT_CONTROL_OFFSET
from nwip.links.base import Link


class Unusual:
    """Decides what becomes of a packet that neither forwarding table holds.

    `between_gateways(link, packet, hop)` takes what gateways on one LAN say to each other, and says so.
    """

    def __init__(
        self,
        parts: Parts,
        local: OwnSockets,
        programs: LocalSockets,
        broadcasts: Broadcasts,
        between_gateways: Callable[[Link, bytes, Hashable], bool],
    ) -> None:
        self._parts = parts
        self._local = local
        self._programs = programs
        self._broadcasts = broadcasts
        self._between_gateways = between_gateways

    def handle(self, inlet: Outlet, packet: bytes, hop: Hashable) -> None:
        """Take a packet that came in on a link from a hop of it."""
        parts = self._parts
        link = next(link for link in (parts.virtual, *parts.links) if link is inlet)
        if self._between_gateways(link, packet, hop):
            return
        if packet[6:16] in parts.tables.own:
            if not self._programs.deliver(packet):
                self._local.deliver(link, packet, hop)
        elif packet[10:16] == BROADCAST_NODE:
            self._broadcast(link, packet, hop)
        elif not (link.joined and parts.wait(packet)):
            parts.counters.drop("no way to the destination")

    def _broadcast(self, link: Link, packet: bytes, hop: Hashable) -> None:
        network = link.network.to_bytes(4, "big")
        if packet[16:18] in RIP_OR_SAP and (packet[6:10] == network or _is_from_there(packet, network)):
            self._rip_or_sap(link, packet, hop)
        elif packet[6:10] == network:
            self._broadcasts.pass_on(link, packet, hop)
        else:
            forwarder = self._parts.forwarder
            way = forwarder.ways(link).get(packet[6:10])
            if way is None:
                self._parts.counters.drop("no way to the destination")
            elif way.outlet is link:
                forwarder.returned += 1
            else:
                forwarder.send(link, way, packet)

    def _rip_or_sap(self, link: Link, packet: bytes, hop: Hashable) -> None:
        if link is self._parts.virtual:
            self._parts.counters.drop("RIP or SAP broadcast on the virtual network")
            return
        if link.star:
            link.send_to_all(packet, besides=hop)
        self._local.rip_or_sap(link, packet, hop)


def _is_from_there(packet: bytes, network: bytes) -> bool:
    """Say whether a broadcast was sent on this network by somebody who gives it another number."""
    return packet[18:22] != network and packet[6:10] == packet[18:22] and not packet[TRANSPORT_CONTROL_OFFSET]
