"""The DOSBox link: thin I/O around the engine. Any DOSBox joins by `ipxnet connect HOST PORT`."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from nwip.dataplane.port import Datagram, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.address import BROADCAST_NODE, format_node
from nwip.ipx.numbers import MAXIMUM_HOPS
from nwip.links.base import Gateway, Hop
from nwip.links.dosbox.clients import ClientView
from nwip.links.dosbox.engine import DEFAULT_LIMIT, DosboxServer, everyone, nobodys
from nwip.links.dosbox.events import Joined, Left
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.security.limits import TokenBuckets

REFUSED: Final = "not taken by the kernel"

_log = logging.getLogger("nwip.links.dosbox")


class DosboxLink:
    """`Link` of DOSBox clients; the hop of a client is its node number.

    `listen` names the UDP addresses, not wildcards: a client is answered from the one that it asked. `node`
    is our own number on the network. What stands behind it goes to the engine: see `DosboxServer`.
    """

    kind = "dosbox"
    star = True
    station: bytes | None = None
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self,
        name: str,
        network: int,
        node: bytes,
        listen: Sequence[Endpoint],
        key: bytes,
        *,
        joined: bool = True,
        limit: int = DEFAULT_LIMIT,
        admit: Callable[[str], bool] = everyone,
        registrations: TokenBuckets | None = None,
        hop_limit: int = MAXIMUM_HOPS,
        reserved: Callable[[bytes], bool] = nobodys,
    ) -> None:
        self.name = name
        self.network = network
        self.joined = joined
        self._engine = DosboxServer(
            network,
            node,
            key,
            limit=limit,
            admit=admit,
            registrations=registrations,
            hop_limit=hop_limit,
            reserved=reserved,
        )
        self.counters = self._engine.counters
        self._limit = limit
        self._listen = tuple(listen)
        self._ports: list[Port] = []
        self._gateway: Gateway | None = None
        self._wakeup: Wakeup | None = None

    @property
    def node(self) -> bytes:
        """Our own node number on the network: no client may claim it."""
        return self._engine.node

    @node.setter
    def node(self, node: bytes) -> None:
        self._engine.node = node

    @property
    def endpoints(self) -> list[Endpoint]:
        """The UDP addresses that are open."""
        return [port.endpoint for port in self._ports]

    def clients(self) -> list[ClientView]:
        """Return what there is to tell of every client."""
        return self._engine.clients()

    async def open(self, gateway: Gateway) -> None:
        """Start to serve, and report to `gateway`. Raises `OSError` if an address cannot be had."""
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        try:
            for index, endpoint in enumerate(self._listen):
                self._ports.append(open_port(endpoint, partial(self._received, index)))
        except OSError:
            await self.close()
            raise
        self._gateway = gateway

    async def close(self) -> None:
        """Stop; clients are told nothing, since the protocol has no word for it."""
        self._gateway = None
        if self._wakeup:
            self._wakeup.cancel()
        for port in self._ports:
            port.close()
        self._ports.clear()

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to the client with node number `hop`; to all for the broadcast node."""
        if hop == BROADCAST_NODE:
            self._engine.send_to_all(packet)
        else:
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

    def describe(self) -> dict[str, str]:
        """Return the addresses, how many clients there are, and what to type in DOSBox."""
        endpoints = self.endpoints or self._listen
        return {
            "listens on": ", ".join(f"UDP {endpoint_text(endpoint)}" for endpoint in endpoints),
            "clients": f"{len(self.clients())} of {self._limit}",
            "in DOSBox, type": "\n".join(
                f"ipxnet connect {host} {port}" for host, port in endpoints if ":" not in host
            ),
        }

    def _received(self, index: int, batch: Sequence[Datagram]) -> None:
        if self._gateway is None or self._wakeup is None:
            return
        now = self._wakeup.now()
        receive = self._engine.receive_datagram
        arrivals = [arrival for data, source in batch if (arrival := receive(data, source, now, index))]
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
            if isinstance(event, Joined):
                self._report_joined(event)
            else:
                self._report_left(event)
        if self._wakeup and self._gateway:
            self._wakeup.arm()

    def _transmit(self) -> None:
        for data, address, port in self._engine.datagrams_to_send():
            if not self._ports or not self._ports[port].send(data, address):
                self.counters.drop(REFUSED)

    def _report_joined(self, event: Joined) -> None:
        node, place = format_node(event.node), endpoint_text(event.address)
        if event.moved_from:
            _log.info("client %s moved from %s to %s", node, endpoint_text(event.moved_from), place)
        else:
            _log.info("client %s joined from %s", node, place)
        if self._gateway and self.joined:
            self._gateway.host_gained(self, event.node, event.node)

    def _report_left(self, event: Left) -> None:
        _log.info(
            "client %s at %s left: %s", format_node(event.node), endpoint_text(event.address), event.reason
        )
        if self._gateway and self.joined:
            self._gateway.host_lost(self, event.node)
