"""Broadcasts: copied to everyone on the virtual network, kept on a routed one, and type 20 between all.

Type 20 (NetBIOS as a rule) is passed on by routers from network to network, each at most once: the packet
carries the list of the networks it has crossed, eight at most. Sources: Microsoft Q149270; the check of the
way back is NetWare's replication option 2. See docs/routing.md.
"""

from collections.abc import Hashable, Iterator, Sequence

from nwip.dataplane.arena import STRIDE, Arena
from nwip.dataplane.flows import Repeat
from nwip.dataplane.forwarding import raised
from nwip.dataplane.spots import Located
from nwip.gateway.parts import Parts
from nwip.gateway.sockets import LocalSockets
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import PacketType
from nwip.ipx.packet import SOURCE_OFFSET, TYPE_OFFSET, Packet
from nwip.ipx.type20 import MAXIMUM_NETWORKS, PropagatedPayload
from nwip.links.base import Link
from nwip.security.limits import TokenBuckets
from nwip.wire import WireError

BROADCAST_SOURCES = 4096  # whose budgets are remembered; the one unused for longest is forgotten
CROWD = 16  # sources' worth for all together where anyone can take any number: on a LAN, by a node


class Broadcasts:
    """Passes on what came to the broadcast node of a link's own network."""

    def __init__(self, parts: Parts, programs: LocalSockets) -> None:
        parameters = parts.parameters
        self._parts = parts
        self._programs = programs
        rate, burst = parameters.broadcast_rate, parameters.broadcast_burst
        self._budget = TokenBuckets(rate, burst, BROADCAST_SOURCES)
        self._crowds = TokenBuckets(CROWD * rate, CROWD * burst, BROADCAST_SOURCES)

    def set_rate(self, rate: float, burst: float) -> None:
        """Change what one source may broadcast a second, and at once."""
        self._budget.set_rate(rate, burst)
        self._crowds.set_rate(CROWD * rate, CROWD * burst)

    def affords(self, source: bytes) -> bool:
        """Say whether a source, network and node in ten octets, may broadcast now."""
        return self._budget.allow(source, self._parts.clock())

    def pass_on(self, link: Link, packet: bytes, hop: Hashable) -> None:
        """Copy a broadcast to the others of its network; one of type 20 to the other networks as well."""
        propagated = packet[TYPE_OFFSET] == PacketType.PROPAGATED
        is_copied = link.joined or link.star or propagated
        if is_copied and not self._affords(packet[SOURCE_OFFSET : SOURCE_OFFSET + 10], link, hop):
            self._parts.counters.drop("broadcast budget")
            return
        if link.star:
            link.send_to_all(packet, besides=hop)
        if link.joined:
            self._programs.deliver(packet)
            self._copy(link, packet, propagated=propagated)
        if propagated:
            self._propagate(link, packet, hop)
        elif link.star and isinstance(link, Located):
            self._parts.forwarder.shortcuts.learn_broadcast(link, hop, packet, self._repeat(link, link))

    def _affords(self, source: bytes, link: Link, hop: Hashable) -> bool:
        """Say whether a source may broadcast now, and where numbers prove nothing, all that come that way."""
        if not self.affords(source):
            return False
        way = hop if link is self._parts.virtual else link.name
        return link.star or self._crowds.allow(way, self._parts.clock())

    def _repeat(self, link: Link, located: Located) -> Repeat:
        """Return what does for a later broadcast of the link what `pass_on` did, from an arena."""
        ports, joined, drop = located.ports(), link.joined, self._parts.counters.drop
        virtual = self._parts.virtual
        alone = not any(other.joined and other is not link for other in self._parts.links)

        def repeat(arena: Arena, slots: Sequence[int], length: int, source: bytes, name: bytes) -> None:
            afforded = self._budget.take(source, len(slots), self._parts.clock())
            if afforded < len(slots):
                drop("broadcast budget", len(slots) - afforded)
                slots = slots[:afforded]
            addresses = [arena.base + slot * STRIDE for slot in slots]
            for port in ports:
                port.repeat(addresses, length, name)
            if joined and not (alone and virtual.is_alone and self._programs.is_empty):
                for packet in map(arena.datagram, slots):
                    self._programs.deliver(packet)
                    self._copy(link, packet, propagated=False)

        return repeat

    def _copy(self, link: Link, packet: bytes, *, propagated: bool) -> None:
        """Copy a broadcast of the virtual network to everyone on it; what came through it stays here.

        A packet of type 20 counts networks in its transport control, so it is not raised.
        """
        if not propagated:
            packet = raised(packet)
            if packet[4] >= self._parts.parameters.hop_limit:
                self._parts.forwarder.expired += 1
                return
        for other in self._parts.speaking():
            if other.joined and other is not link:
                other.send_to_all(packet)
        if link is not self._parts.virtual:
            self._parts.virtual.send_to_all(packet)

    def _propagate(self, link: Link, data: bytes, hop: Hashable) -> None:
        """Pass a packet of type 20 on to the other networks that we are on, those that it has not crossed."""
        drop = self._parts.counters.drop
        packet = Packet.decode(data)
        if packet.transport_control >= MAXIMUM_NETWORKS:
            drop("type 20 over too many networks")
            return
        try:
            payload = PropagatedPayload.decode(packet.payload, packet.transport_control)
        except WireError:
            drop("malformed type 20")
            return
        if link.network in payload.networks:
            drop("type 20 that was here")
        elif not self._on_the_way(link, packet.source.network, hop):
            drop("type 20 by another way")
        else:
            crossed = (*payload.networks, link.network)
            unused = payload.unused[4:]
            body = PropagatedPayload(crossed, unused, payload.data).encode()
            for network, outlets in self._others(crossed):
                to = packet.destination._replace(network=network, node=BROADCAST_NODE)
                copy = packet._replace(destination=to, payload=body, transport_control=len(crossed)).encode()
                for outlet in outlets:
                    outlet.send_to_all(copy)

    def _on_the_way(self, link: Link, network: int, hop: Hashable) -> bool:
        """Say whether the way back to a packet's source is the one that the packet came by.

        So of several copies one is passed on. Of a source that we do not know the way to, every copy is.
        """
        if network == link.network:
            return True
        way = self._parts.forwarder.networks.get(network.to_bytes(4, "big"))
        if way is None:
            return True
        return way.outlet is link and (link is not self._parts.virtual or way.hop == hop)

    def _others(self, crossed: tuple[int, ...]) -> Iterator[tuple[int, list[Link]]]:
        virtual = self._parts.virtual
        speaking = list(self._parts.speaking())
        if virtual.network not in crossed:
            yield virtual.network, [virtual, *(other for other in speaking if other.joined)]
        for other in speaking:
            if not other.joined and other.network and other.network not in crossed:
                yield other.network, [other]
