"""The RFC 1234 tunnel: thin I/O around its engine and its list of peers."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener, Port, described, open_port, overflows
from nwip.dataplane.spots import Located, Spot
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.address import format_node
from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.links.base import Arrival, Counters, Gateway, Hop
from nwip.links.dosbox.engine import nobodys
from nwip.links.rfc1234.engine import HOST_SILENCE, Gained, Tunnel, node_of
from nwip.links.rfc1234.peers import REFRESH_INTERVAL, Peers, Resolve

RELEARN: Final = HOST_SILENCE / 5  # seconds: so often the engine hears a host itself

_log = logging.getLogger("nwip.links.rfc1234")


class Rfc1234Link(Located):
    """`Link` to the peers of a tunnel; the hop of one is its node number, 0000 and its IPv4 address.

    `at` is the local IPv4 address, no wildcard, and everybody's port. `known_as` is the address by which
    peers know us where that is another one (NAT one to one). `node` is our own number on the network, None
    for the one that the protocol gives. `peers`, `source`, `resolve`, `interval`, `kept` and `chance` are
    those of `Peers`; `joined` and `reserved` go to `Tunnel`. `ValueError` for addresses that are not IPv4.
    """

    kind = "rfc1234"
    counters: Counters
    star = False
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self,
        name: str,
        network: int,
        at: Endpoint,
        *,
        peers: Sequence[str],
        source: str | None = None,
        resolve: Resolve,
        chance: Callable[[], float],
        node: bytes | None = None,
        known_as: str | None = None,
        joined: bool = False,
        interval: float = REFRESH_INTERVAL,
        kept: Path | None = None,
        reserved: Callable[[bytes], bool] = nobodys,
        opener: Opener = open_port,
    ) -> None:
        super().__init__()
        self.name = name
        self.joined = joined
        address = known_as or at[0]
        self.station: bytes | None = node_of(address)
        self._engine = Tunnel(
            network, node or node_of(address), address, at[1], joined=joined, reserved=reserved
        )
        self.counters = self._engine.counters
        self._at = at
        self._open_port = opener
        self.counters.overflows = lambda: overflows(self._open_ports())
        self._peers = Peers(
            name,
            peers,
            source,
            resolve=resolve,
            changed=self._know,
            chance=chance,
            interval=interval,
            kept=kept,
        )
        self._port: Port | None = None
        self._relearn_at: float | None = None
        self._gateway: Gateway | None = None
        self._wakeup: Wakeup | None = None
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def network(self) -> int:
        """The tunnel's network number, 0 while it is not known."""
        return self._engine.network

    @network.setter
    def network(self, network: int) -> None:
        self._engine.network = network

    @property
    def node(self) -> bytes:
        """Our own node number on the network; the peers know us as `station`."""
        return self._engine.node

    @node.setter
    def node(self, node: bytes) -> None:
        self._engine.node = node

    @property
    def endpoint(self) -> Endpoint:
        """The UDP address that is open."""
        return self._port.endpoint if self._port else self._at

    @property
    def peers(self) -> list[str]:
        """The IPv4 addresses of the peers at present."""
        return self._engine.peers

    async def open(self, gateway: Gateway) -> None:
        """Open the port, and look the peers up in the background. Raises `OSError` if it cannot be had."""
        self._port = self._open_port(self._at, self._received, books=self.counters)
        self._engine.port = self._port.endpoint[1]
        self._wakeup = Wakeup(self._next_deadline, self._advance)
        self._gateway = gateway
        self._refreshing = asyncio.create_task(self._peers.run())

    async def close(self) -> None:
        """Stop."""
        self._gateway = None
        if self._refreshing:
            self._refreshing.cancel()
            self._refreshing = None
        if self._wakeup:
            self._wakeup.cancel()
        if self._port:
            self._port.close()
            self._port = None

    async def refresh(self) -> bool:
        """Fetch the list and look up all names now; False when the list could not be had."""
        return await self._peers.refresh()

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to the peer with node number `hop`; to all for the broadcast node."""
        self._engine.send(packet, hop, self._now())
        self._settle()

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send a packet to every peer but `besides`, one datagram each."""
        self._engine.send_to_all(packet, besides, self._now())
        self._settle()

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a peer is for the kernel."""
        address = self._engine.address_of(hop)
        if address is None or not isinstance(self._port, BatchedPort):
            return None
        return Spot(self._port, self._port.name_of((address, self._engine.port)))

    def release(self, node: bytes) -> None:
        """Forget a host of a joined tunnel that has moved to another gateway."""
        self._engine.release(node)
        self._settle()

    def describe(self) -> dict[str, str]:
        """Return the address, our node number on the tunnel, and the peers."""
        told = {
            "listens on": f"UDP {endpoint_text(self.endpoint)}",
            "node on the tunnel": format_node(self._engine.station),
            "peers": str(len(self.peers)),
        }
        if self._peers.source is not None:
            told["list of peers"] = f"{self._peers.source}: {self._peers.state}"
        return {**told, **described(self._open_ports())}

    def _open_ports(self) -> tuple[Port, ...]:
        return (self._port,) if self._port else ()

    def _now(self) -> float:
        return self._wakeup.now() if self._wakeup else 0.0

    def _know(self, addresses: frozenset[str]) -> None:
        before = set(self.peers)
        self._engine.know(addresses - {self._at[0]})
        if self.shortcuts is not None and before != set(self.peers):
            self.shortcuts.clear()
        for address in sorted(set(self.peers) - before):
            _log.info("tunnel %s: peer %s", self.name, address)
        for address in sorted(before - set(self.peers)):
            _log.info("tunnel %s: %s is no peer any more", self.name, address)
        self._settle()

    def _received(self, batch: Sequence[Datagram]) -> None:
        if self._gateway is None or self._wakeup is None:
            return
        now = self._wakeup.now()
        receive = self._engine.receive_datagram
        arrivals: list[Arrival] = []
        for data, source in batch:
            if arrival := receive(data, source, now):
                arrivals.append(arrival)
        self._settle()
        if arrivals:
            self._gateway.receive(self, arrivals)
            self._wakeup.arm()

    def _next_deadline(self) -> float | None:
        """Return when hosts age, or are to be heard again: the engine does not hear what passes beside it."""
        due = self._engine.next_deadline()
        if due is None or not isinstance(self._port, BatchedPort) or not self._port.flows.exits:
            return due
        if self._relearn_at is None:
            self._relearn_at = self._now() + RELEARN
        return min(due, self._relearn_at)

    def _advance(self, now: float) -> None:
        if self._relearn_at is not None and now >= self._relearn_at:
            self._relearn_at = None
            if isinstance(self._port, BatchedPort):
                self._port.flows.clear()
        self._engine.advance(now)
        self._settle()

    def _settle(self) -> None:
        """Send and report what the engine has decided, and set the timer to its next deadline."""
        for data, to in self._engine.datagrams_to_send():
            if self._port is None or not self._port.send(data, to):
                self.counters.drop(REFUSED)
        for event in self._engine.events():
            if self._gateway is None:
                continue
            if isinstance(event, Gained):
                self._gateway.host_gained(self, event.node, event.hop)
            else:
                self._gateway.host_lost(self, event.node)
        if self._wakeup and self._gateway:
            self._wakeup.arm()
