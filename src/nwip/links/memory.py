"""A LAN in memory: for tests, and for programs that put stations of their own beside a gateway.

Routed by default. Stations are callables; a packet sent to a station's node number reaches that one, a
broadcast all of them. Everything happens at once, in the caller's turn.
"""

from collections.abc import Callable

from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import THIS_NETWORK
from nwip.ipx.packet import MAXIMUM_SIZE, Packet
from nwip.links.base import Arrival, Counters, Gateway, Hop

Station = Callable[[Packet], None]


class MemoryLink:
    """A link whose hosts are the `stations` attached to it. `node` is the gateway's own number on it.

    With a `station` number it is a LAN on which other gateways may stand.
    """

    kind = "memory"
    star = False
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self, name: str, network: int, node: bytes, *, joined: bool = False, station: bytes | None = None
    ) -> None:
        self.name = name
        self.network = network
        self.node = node
        self.station = station
        self.joined = joined
        self.counters = Counters()
        self._stations: dict[bytes, Station] = {}
        self._gateway: Gateway | None = None

    async def open(self, gateway: Gateway) -> None:
        """Report to `gateway` from now on."""
        self._gateway = gateway
        if self.joined:
            for node in self._stations:
                gateway.host_gained(self, node, node)

    async def close(self) -> None:
        """Report nothing from now on."""
        self._gateway = None

    def attach(self, node: bytes, station: Station) -> None:
        """Put a station on the LAN; it is called with every packet for it."""
        self._stations[node] = station
        if self.joined and self._gateway:
            self._gateway.host_gained(self, node, node)

    def transmit(self, packet: Packet) -> None:
        """Let the station with the packet's source node put it on the LAN.

        The gateway hears what is not for a station of this network, network 0 replaced by the link's own.
        """
        to = packet.destination
        for_this_network = to.network in (THIS_NETWORK, self.network)
        for_a_station = for_this_network and to.node in self._stations
        if for_this_network:
            for node, station in list(self._stations.items()):
                if node != packet.source.node and to.node in (node, BROADCAST_NODE):
                    station(packet)
        if self._gateway and not for_a_station:
            data = self._normalised(packet).encode()
            self.counters.packets_in += 1
            self.counters.octets_in += len(data)
            self._gateway.receive(self, [Arrival(data, packet.source.node)])

    def send(self, packet: bytes, hop: Hop) -> None:
        """Give a packet of the gateway to the station `hop`, a node number."""
        if hop == BROADCAST_NODE:
            self.send_to_all(packet)
            return
        station = self._stations.get(hop) if isinstance(hop, bytes) else None
        if station is None:
            self.counters.drop("no such station")
            return
        self._deliver(packet, station)

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Give a packet of the gateway to every station but `besides`."""
        for node, station in list(self._stations.items()):
            if node != besides:
                self._deliver(packet, station)

    def release(self, node: bytes) -> None:
        """Take a station off the LAN."""
        if self._stations.pop(node, None) and self.joined and self._gateway:
            self._gateway.host_lost(self, node)

    def describe(self) -> dict[str, str]:
        """Name the stations."""
        return {"stations": ", ".join(node.hex().upper() for node in self._stations)}

    def _normalised(self, packet: Packet) -> Packet:
        to, source = packet.destination, packet.source
        return packet._replace(
            destination=to._replace(network=to.network or self.network),
            source=source._replace(network=source.network or self.network),
        )

    def _deliver(self, packet: bytes, station: Station) -> None:
        self.counters.packets_out += 1
        self.counters.octets_out += len(packet)
        station(Packet.decode(packet))
