"""Forwarding on raw octets: where each destination is written to, and nothing else.

The way of single packets: one dictionary look-up a packet, no objects. What is unusual (broadcasts, RIP, SAP,
unknown destinations) leaves to whoever knows. The routing side (`routing/`) knows what is where and fills
these tables; packets see only them. What a packet found here, the port that it came by remembers for the next
(`flows.py`); whatever changes in these tables is forgotten there.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Final, NamedTuple, Protocol

from nwip.dataplane.spots import Located, Shortcuts, Table
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    SOURCE_NODE_OFFSET,
    SOURCE_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

_NODE: Final = DESTINATION_NODE_OFFSET
_SOCKET: Final = DESTINATION_NODE_OFFSET + 6
_SOURCE_END: Final = SOURCE_NODE_OFFSET + 6
_NODE_IN_DESTINATION: Final = DESTINATION_NODE_OFFSET - DESTINATION_OFFSET
_RAISED: Final = [bytes([min(hops + 1, 255)]) for hops in range(256)]
_BROADCAST: Final = b"\xff" * 6


class Outlet(Protocol):
    """Where packets can be written; every link is one. `star`: its hosts hear each other only through us."""

    star: bool

    def send(self, packet: bytes, hop: Hashable) -> None:
        """Send one packet to a hop. Never raises."""
        ...


class Way(NamedTuple):
    """How to reach a destination: through `outlet`, to `hop` on it (None: to the destination node itself).

    `note` is what the one who filled the table wants to know of it.
    """

    outlet: Outlet
    hop: Hashable | None
    note: object = None


class Forwarder:
    """The forwarding tables and the loop over a batch.

    `hosts` is keyed by the ten octets of network and node, `networks` by the four of the network; a host's
    entry goes before its network's. `own` holds our own addresses, which are not in `hosts`. What comes in by
    `domain`, the link to the other gateways, is looked up in `inward` instead of `networks`: it leaves the
    domain here, or nowhere. `unusual(inlet, packet, hop)` gets what neither table knows, what is for us, and
    every broadcast. `hop_limit` is the transport control at which a packet is dropped instead of sent on;
    `expired` counts these. `shortcuts` is what ports remember of all this. No
    packet to a network goes back to the medium it came from, where it was heard
    already; `returned` counts those.
    """

    def __init__(
        self,
        unusual: Callable[[Outlet, bytes, Hashable], None],
        hop_limit: int,
        domain: Outlet | None = None,
    ) -> None:
        self.shortcuts = Shortcuts(hop_limit)
        self.own: set[bytes] = set()
        self.hosts: dict[bytes, Way] = Table(self.shortcuts.forget)
        self.networks: dict[bytes, Way] = Table(self.shortcuts.forget_network)
        self.inward: dict[bytes, Way] = Table(self.shortcuts.forget_network)
        self._hop_limit = hop_limit
        self.expired = 0
        self.returned = 0
        self._unusual = unusual
        self._domain = domain

    @property
    def hop_limit(self) -> int:
        """The transport control that no packet may have behind a router."""
        return self._hop_limit

    @hop_limit.setter
    def hop_limit(self, limit: int) -> None:
        self._hop_limit = limit
        self.shortcuts.set_hop_limit(limit)

    def forward(self, inlet: Outlet, batch: Iterable[tuple[bytes, Hashable]]) -> None:
        """Send every packet of a batch on its way. Packets have checked headers and no network 0."""
        learns = isinstance(inlet, Located) and self.shortcuts.learning
        hosts, networks, own, unusual = self.hosts, self.ways(inlet), self.own, self._unusual
        for packet, came_from in batch:
            destination = packet[DESTINATION_OFFSET:_SOCKET]
            way = hosts.get(destination)
            routed = way is None
            if way is None:
                way = networks.get(destination[:_NODE_IN_DESTINATION])
                if way is None or destination in own or packet[_NODE:_SOCKET] == _BROADCAST:
                    unusual(inlet, packet, came_from)
                    continue
                if way.outlet is inlet and not inlet.star:
                    self.returned += 1
                    continue
            if learns:
                self._learn(inlet, came_from, packet, way, routed=routed)
            self.send(inlet, way, packet)

    def ways(self, inlet: Outlet) -> dict[bytes, Way]:
        """Return the ways to networks for what comes in by a link."""
        return self.inward if inlet is self._domain else self.networks

    def send(self, inlet: Outlet | None, way: Way, packet: bytes) -> None:
        """Send one packet; unless it is our own (no inlet) or stays on its star, it has passed a router.

        Its transport control is raised then, so that it cannot go round for ever.
        """
        outlet, hop = way.outlet, way.hop
        if inlet is not None and not (outlet is inlet and outlet.star):
            hops = packet[TRANSPORT_CONTROL_OFFSET]
            if hops + 1 >= self._hop_limit:
                self.expired += 1
                return
            packet = raised(packet)
        outlet.send(packet, packet[_NODE:_SOCKET] if hop is None else hop)

    def _learn(self, inlet: Outlet, came_from: Hashable, packet: bytes, way: Way, *, routed: bool) -> None:
        """Let the port remember what was found. Of a star both ends: so the way back must be the same."""
        raises = not (way.outlet is inlet and inlet.star)
        if not raises:
            back = self.hosts.get(packet[SOURCE_OFFSET:_SOURCE_END])
            routed = routed or back is None
            back = back or self.networks.get(packet[SOURCE_OFFSET:SOURCE_NODE_OFFSET])
            if back is None or back.outlet is not inlet:
                return
        if isinstance(inlet, Located) and isinstance(way.outlet, Located):
            self.shortcuts.learn(inlet, came_from, way.outlet, way.hop, packet, raises=raises, routed=routed)


def raised(packet: bytes) -> bytes:
    """Return a packet with its transport control one higher."""
    at = TRANSPORT_CONTROL_OFFSET
    return packet[:at] + _RAISED[packet[at]] + packet[at + 1 :]
