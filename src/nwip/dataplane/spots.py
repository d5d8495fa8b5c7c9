"""Lets ports remember what the forwarding tables said, and makes them forget it when the tables change."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.flows import Books, Flows, Repeat, Target
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    SOURCE_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

_SOURCE_END = SOURCE_OFFSET + 10
_DESTINATION_END = DESTINATION_OFFSET + 10

V = TypeVar("V")


class FlowPort(Target, Protocol):
    """A port that also takes packets in: `flows` is what it remembers of them."""

    flows: Flows


class Spot(NamedTuple):
    """Where a hop of a link is for the kernel: an address at a port."""

    port: FlowPort
    name: bytes


class Place(NamedTuple):
    """Where packets to a hop are sent: an address at what a port sends with."""

    target: Target
    name: bytes


class Located(ABC):
    """A link of whose hops it can be said where they are for the kernel."""

    network: int
    maximum_size: int
    counters: Books
    hop_limit = 256
    """The transport control from which on the link looks at a packet that comes in."""
    pings_all = False
    """Whether a ping to one of its hosts, but from the socket of pings itself, is sent as a broadcast."""

    def __init__(self) -> None:
        self.shortcuts: Shortcuts | None = None
        """Where it is remembered what goes through this link; None as long as nothing does."""

    def ports(self) -> Sequence[BatchedPort]:
        """Return all ports of the link, if each of them takes batches, else none."""
        return ()

    @abstractmethod
    def spot(self, hop: Hashable) -> Spot | None:
        """Return where a hop is, None when packets to it or from it must be looked at one by one."""

    def place(self, hop: Hashable, packet: bytes) -> Place | None:  # noqa: ARG002 - to UDP all go the same way
        """Return where packets to a hop are sent that have the source of this one, None likewise."""
        spot = self.spot(hop)
        return None if spot is None else Place(*spot)


class Shortcuts:
    """What the ports of a node's links remember of its forwarding. Only while `learning` is it added to.

    `hop_limit` is the transport control that no packet may have behind a router.
    """

    def __init__(self, hop_limit: int) -> None:
        self.learning = True
        self._hop_limit = hop_limit
        self._flows: set[Flows] = set()

    def set_hop_limit(self, hop_limit: int) -> None:
        """Change the limit."""
        self._hop_limit = hop_limit
        self.clear()

    def learn(
        self,
        inlet: Located,
        came_from: Hashable,
        outlet: Located,
        hop: Hashable | None,
        packet: bytes,
        *,
        raises: bool,
        routed: bool,
    ) -> None:
        """Remember which way a packet takes, if that can be said in the kernel's words.

        One that has passed too many routers takes none, and teaches nothing.
        """
        here = inlet.spot(came_from) if self.learning else None
        if here is None or packet[TRANSPORT_CONTROL_OFFSET] + raises >= self._hop_limit:
            return
        node = packet[DESTINATION_NODE_OFFSET:_DESTINATION_END]
        there = outlet.place(node if hop is None else hop, packet)
        if there is None:
            return
        inlet.shortcuts = outlet.shortcuts = self
        flows = self._flows_of(inlet, here.port)
        books, maximum, pings_all = outlet.counters, outlet.maximum_size, outlet.pings_all
        way = flows.exit(there.target, books, maximum, raises=raises, pings_all=pings_all)
        source = packet[SOURCE_OFFSET:_SOURCE_END]
        destination = packet[DESTINATION_OFFSET:_DESTINATION_END]
        flows.learn(source, here.name, destination, there.name, way, routed=routed)

    def learn_broadcast(self, inlet: Located, came_from: Hashable, packet: bytes, repeat: Repeat) -> None:
        """Remember that a broadcast on a link was passed on, and who does so."""
        here = inlet.spot(came_from) if self.learning else None
        if here is not None:
            inlet.shortcuts = self
            everyone = packet[DESTINATION_OFFSET:_DESTINATION_END]
            source = packet[SOURCE_OFFSET:_SOURCE_END]
            self._flows_of(inlet, here.port).learn_broadcast(source, here.name, everyone, repeat)

    def forget(self, address: bytes) -> None:
        """Forget a source and destination, ten octets of network and node."""
        for flows in self._flows:
            flows.forget(address)

    def forget_network(self, network: bytes) -> None:
        """Forget a network, four octets, as a destination."""
        for flows in self._flows:
            flows.forget_network(network)

    def clear(self) -> None:
        """Forget everything."""
        for flows in self._flows:
            flows.clear()
        self._flows.clear()

    def _flows_of(self, inlet: Located, port: FlowPort) -> Flows:
        flows = port.flows
        if flows not in self._flows:
            self._flows.add(flows)
            flows.network = inlet.network.to_bytes(4, "big")
            flows.maximum = inlet.maximum_size
            flows.hop_limit = min(self._hop_limit, inlet.hop_limit)
        return flows


class Table(dict[bytes, V]):
    """A forwarding table; `changed` is called with the key of every entry that becomes another."""

    def __init__(self, changed: Callable[[bytes], None]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, key: bytes, value: V) -> None:
        if self.get(key) != value:
            super().__setitem__(key, value)
            self._changed(key)

    def __delitem__(self, key: bytes) -> None:
        super().__delitem__(key)
        self._changed(key)

    def pop(self, key: bytes, default: V | None = None) -> V | None:  # type: ignore[override]
        """Take an entry out, if it is there; return it."""
        if key in self:
            self._changed(key)
        return super().pop(key, default)

    def clear(self) -> None:
        """Take everything out."""
        for key in list(self):
            del self[key]
