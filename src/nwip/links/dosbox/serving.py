"""What the links that serve the DOSBox protocol have in common: all but how octets come and go."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from nwip.dataplane.port import Datagram
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.address import BROADCAST_NODE, format_node
from nwip.links.base import Gateway, Hop
from nwip.links.dosbox.clients import ClientView
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.dosbox.events import Event, Joined, Left
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.security.audit import audit

_log = logging.getLogger("nwip.links.dosbox")


class ServerLink(ABC):
    """A `Link` around the engine of a server; the hop of a client is its node number.

    What inherits from it opens and closes, transmits, and gives `_take` what it receives.
    """

    kind: str
    star = True
    station: bytes | None = None
    maximum_size = MAXIMUM_SIZE

    def __init__(self, name: str, network: int, engine: DosboxServer, *, joined: bool) -> None:
        self.name = name
        self.network = network
        self.joined = joined
        self.counters = engine.counters
        self._engine = engine
        self._gateway: Gateway | None = None
        self._wakeup: Wakeup | None = None

    @property
    def node(self) -> bytes:
        """Our own node number on the network: no client may claim it."""
        return self._engine.node

    @node.setter
    def node(self, node: bytes) -> None:
        self._engine.node = node

    def clients(self) -> list[ClientView]:
        """Return what there is to tell of every client."""
        return self._engine.clients()

    @abstractmethod
    async def open(self, gateway: Gateway) -> None:
        """Start to serve, and report to `gateway`. Raises `OSError` if an address cannot be had."""

    @abstractmethod
    async def close(self) -> None:
        """Stop; nothing is reported from now on."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Say where it serves, how many clients there are, and what they type."""

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to the client with node number `hop`; to all for the broadcast node."""
        if hop == BROADCAST_NODE:
            self.send_to_all(packet)
            return
        self._engine.send(packet, hop)
        self._transmit()

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send a packet to every client but the one with node number `besides`."""
        self._engine.send_to_all(packet, besides)
        self._transmit()

    def release(self, node: bytes) -> None:
        """Forget a client that has moved to another gateway."""
        self._engine.release(node)
        self._settle()

    def expel(self, is_banned: Callable[[str, bytes], bool]) -> int:
        """Let the clients go whose IP address and node number are banned; return how many those are."""
        gone = self._engine.expel(is_banned)
        self._settle()
        return gone

    @abstractmethod
    def _transmit(self) -> None:
        """Send what the engine has to send."""

    @abstractmethod
    def _changed(self, event: Event) -> None:
        """Learn that something has changed about who has a node number, or where it is."""

    @abstractmethod
    def _gone(self, address: Endpoint, reason: str) -> None:
        """Learn that no client is at an address any more."""

    def _take(self, datagrams: Iterable[Datagram], port: int = 0) -> None:
        """Take what came to listening socket `port`."""
        if self._gateway is None or self._wakeup is None:
            return
        now = self._wakeup.now()
        receive = self._engine.receive_datagram
        arrivals = [arrival for data, source in datagrams if (arrival := receive(data, source, now, port))]
        self._settle()
        if arrivals:
            self._gateway.receive(self, arrivals)

    def _advance(self, now: float) -> None:
        self._engine.advance(now)
        self._settle()

    def _settle(self) -> None:
        """Send and report what the engine has decided, and set the timer to its next deadline."""
        self._transmit()
        for event in self._engine.events():
            self._changed(event)
            if isinstance(event, Joined):
                self._report_joined(event)
            elif isinstance(event, Left):
                self._report_left(event)
        for address, reason in self._engine.turned_away():
            audit("refused", address[0], link=self.name, address=endpoint_text(address), why=reason)
        if self._wakeup and self._gateway:
            self._wakeup.arm()

    def _report_joined(self, event: Joined) -> None:
        node, place = format_node(event.node), endpoint_text(event.address)
        audit("joined", event.address[0], link=self.name, node=node, address=place)
        if event.moved_from:
            _log.info("client %s moved from %s to %s", node, endpoint_text(event.moved_from), place)
            self._gone(event.moved_from, "its node number is used elsewhere")
        else:
            _log.info("client %s joined from %s", node, place)
        if self._gateway and self.joined:
            self._gateway.host_gained(self, event.node, event.node)

    def _report_left(self, event: Left) -> None:
        _log.info(
            "client %s at %s left: %s", format_node(event.node), endpoint_text(event.address), event.reason
        )
        audit(
            "left",
            event.address[0],
            link=self.name,
            node=format_node(event.node),
            address=endpoint_text(event.address),
            why=event.reason,
        )
        self._gone(event.address, event.reason)
        if self._gateway and self.joined:
            self._gateway.host_lost(self, event.node)
