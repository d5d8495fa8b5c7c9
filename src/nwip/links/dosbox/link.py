"""The DOSBox link: thin I/O around the engine. Any DOSBox joins by `ipxnet connect HOST PORT`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import BatchedPort, Datagram, Opener, Port, described, open_port
from nwip.dataplane.sockaddr import endpoint_of, name_of
from nwip.dataplane.spots import Located, Spot
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.numbers import MAXIMUM_HOPS
from nwip.links.base import Counters, Gateway, Hop
from nwip.links.dosbox.clients import Client, ClientView
from nwip.links.dosbox.compact import Compact
from nwip.links.dosbox.engine import DEFAULT_LIMIT, DosboxServer, everyone, nobodys
from nwip.links.dosbox.events import Event, Left, Silenced, Turned
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.links.dosbox.serving import ServerLink
from nwip.links.dosbox.shelter import Shelter
from nwip.security.limits import TokenBuckets

AS_THE_KERNEL: Final = Compact(name_of, endpoint_of)
"""So the port's tables and the engine's share one object a client."""


class DosboxLink(ServerLink, Located):
    """`Link` of DOSBox clients; the hop of a client is its node number.

    `listen` names the UDP addresses, not wildcards: a client is answered from the one that it asked. `node`
    is our own number on the network. What stands behind it goes to the engine: see `DosboxServer`.
    """

    kind = "dosbox"
    pings_all = True
    counters: Counters

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
        packet_rate: int = 0,
        per_address: int = 0,
        opener: Opener = open_port,
    ) -> None:
        engine = DosboxServer(
            network,
            node,
            key,
            limit=limit,
            admit=admit,
            registrations=registrations,
            hop_limit=hop_limit,
            reserved=reserved,
            packet_rate=packet_rate,
            per_address=per_address,
            compact=AS_THE_KERNEL,
        )
        ServerLink.__init__(self, name, network, engine, joined=joined)
        Located.__init__(self)
        self.hop_limit = hop_limit
        engine.taken = self._taken
        engine.tallies = self._tallies
        self._limit = limit
        self._listen = tuple(listen)
        self._open_port = opener
        self._ports: list[Port] = []
        self._shelter = Shelter(name, engine.flood, engine.counters, self._ports, self._names)
        self.counters.overflows = self._shelter.overflows

    @property
    def endpoints(self) -> list[Endpoint]:
        """The UDP addresses that are open."""
        return [port.endpoint for port in self._ports]

    async def open(self, gateway: Gateway) -> None:
        """Start to serve, and report to `gateway`. Raises `OSError` if an address cannot be had."""
        self._wakeup = Wakeup(self._next_deadline, self._advance)
        try:
            for index, endpoint in enumerate(self._listen):
                port = self._open_port(endpoint, partial(self._received, index), books=self.counters)
                self._ports.append(port)
                if isinstance(port, BatchedPort):
                    port.audience.names = partial(self._names_at, index)
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

    def ports(self) -> Sequence[BatchedPort]:
        """Return the listening ports, if they take batches."""
        ports = list(self._batched())
        return ports if len(ports) == len(self._ports) else ()

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a client is for the kernel."""
        client = self._engine.client_with(hop)
        port = self._ports[client.port] if client is not None and self._ports else None
        if client is None or not isinstance(port, BatchedPort):
            return None
        return Spot(port, client.name)

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send a packet to every client but the one with node number `besides`."""
        ports = self.ports()
        if not ports or len(packet) > MAXIMUM_SIZE:
            super().send_to_all(packet, besides=besides)
            return
        sender = self._engine.client_with(besides)
        for port in ports:
            port.send_to_all(packet, None if sender is None else sender.name)

    def clients(self) -> list[ClientView]:
        """Return what there is to tell of every client; see `Tally` for what is sampled.

        One that was heard in batches since the last look at it counts as heard now.
        """
        if self._wakeup:
            self._engine.hear_of_all(self._wakeup.now())
        return [self._with_tally(view) for view in super().clients()]

    def describe(self) -> dict[str, str]:
        """Return the addresses, how many clients there are, and what to type in DOSBox."""
        endpoints = self.endpoints or self._listen
        return {
            "listens on": ", ".join(f"UDP {endpoint_text(endpoint)}" for endpoint in endpoints),
            "clients": f"{len(self.clients())} of {self._limit}",
            "in DOSBox, type": "\n".join(
                f"ipxnet connect {host} {port}" for host, port in endpoints if ":" not in host
            ),
            **self._flood(),
            **described(self._ports),
        }

    def _flood(self) -> dict[str, str]:
        rate = self._shelter.flood
        return {} if rate is None else {"flood": f"some {rate:.0f} unproven datagrams a second, kept out"}

    def _received(self, index: int, batch: Sequence[Datagram]) -> None:
        self._take(batch, index)

    def _gone(self, address: Endpoint, reason: str) -> None:
        """Nothing: the protocol has no word for it."""

    def _changed(self, event: Event) -> None:
        if isinstance(event, Silenced):
            self._look_at_each_packet_of(event.node)
            return
        if self.shortcuts is not None:
            self.shortcuts.forget(self.network.to_bytes(4, "big") + event.node)
        gone = event.address if isinstance(event, Left) else getattr(event, "moved_from", None)
        client = self._engine.client_with(event.node)
        for index, port in enumerate(self._ports):
            if not isinstance(port, BatchedPort):
                continue
            port.audience.changed()
            if gone is not None:
                port.tally.forget(port.name_of(gone))
            if client is not None and client.port == index:
                port.tally.join(client.name)
            elif client is not None and isinstance(event, Turned) and event.before == index:
                port.tally.part(client.name)

    def _next_deadline(self) -> float | None:
        times = (self._engine.next_deadline(), self._shelter.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def _advance(self, now: float) -> None:
        self._shelter.look(now)
        super()._advance(now)

    def _names(self) -> Iterator[bytes]:
        return (client.name for index in range(len(self._ports)) for client in self._engine.clients_on(index))

    def _look_at_each_packet_of(self, node: bytes) -> None:
        """Let nothing of a client go on in batches."""
        client = self._engine.client_with(node)
        for port in self._batched():
            if client is not None:
                port.flows.forget_sources({client.name}, set())

    def _names_at(self, index: int) -> Iterator[bytes]:
        port = self._ports[index]
        if isinstance(port, BatchedPort):
            for client in self._engine.clients_on(index):
                yield client.name

    def _batched(self) -> Iterator[BatchedPort]:
        return (port for port in self._ports if isinstance(port, BatchedPort))

    def _taken(self, client: Client) -> int:
        return sum(port.tally.packets_in.get(client.name, 0) for port in self._batched())

    def _tallies(self) -> list[dict[bytes, int]]:
        return [port.tally.packets_in for port in self._batched()]

    def _with_tally(self, view: ClientView) -> ClientView:
        client = self._engine.client_with(view.node)
        for index, port in enumerate(self._ports):
            if client is None or not isinstance(port, BatchedPort):
                continue
            name, tally = client.name, port.tally
            packets_in, octets_in = tally.came(name, port.mean_in)
            packets_out, octets_out = tally.out(name, port.mean_out, joined=client.port == index)
            view = view._replace(
                packets_in=view.packets_in + packets_in,
                octets_in=view.octets_in + octets_in,
                packets_out=view.packets_out + packets_out,
                octets_out=view.octets_out + octets_out,
            )
        return view

    def _transmit(self) -> None:
        for data, address, port in self._engine.datagrams_to_send():
            if not self._ports or not self._ports[port].send(data, address):
                self.counters.drop(REFUSED)
