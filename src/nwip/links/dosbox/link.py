"""The DOSBox link: thin I/O around the engine. Any DOSBox joins by `ipxnet connect HOST PORT`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from nwip.dataplane.flows import Books
from nwip.dataplane.port import BatchedPort, Datagram, Port, open_port
from nwip.dataplane.spots import Located, Spot
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.numbers import MAXIMUM_HOPS
from nwip.links.base import Gateway, Hop
from nwip.links.dosbox.clients import Client, ClientView
from nwip.links.dosbox.engine import DEFAULT_LIMIT, DosboxServer, everyone, nobodys
from nwip.links.dosbox.events import Event, Left
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.links.dosbox.serving import ServerLink
from nwip.security.limits import TokenBuckets

REFUSED: Final = "refused by the kernel"


class DosboxLink(ServerLink, Located):
    """`Link` of DOSBox clients; the hop of a client is its node number.

    `listen` names the UDP addresses, not wildcards: a client is answered from the one that it asked. `node`
    is our own number on the network. What stands behind it goes to the engine: see `DosboxServer`.
    """

    kind = "dosbox"

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
        engine = DosboxServer(
            network,
            node,
            key,
            limit=limit,
            admit=admit,
            registrations=registrations,
            hop_limit=hop_limit,
            reserved=reserved,
        )
        ServerLink.__init__(self, name, network, engine, joined=joined)
        Located.__init__(self)
        engine.taken = self._taken
        self._limit = limit
        self._listen = tuple(listen)
        self._ports: list[Port] = []

    @property
    def endpoints(self) -> list[Endpoint]:
        """The UDP addresses that are open."""
        return [port.endpoint for port in self._ports]

    async def open(self, gateway: Gateway) -> None:
        """Start to serve, and report to `gateway`. Raises `OSError` if an address cannot be had."""
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        try:
            for index, endpoint in enumerate(self._listen):
                self._ports.append(open_port(endpoint, partial(self._received, index), books=self.counters))
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

    @property
    def books(self) -> Books:
        """What the link counts in."""
        return self.counters

    def ports(self) -> Sequence[BatchedPort]:
        """Return the listening ports, if they take batches."""
        ports = list(self._batched())
        return ports if len(ports) == len(self._ports) else ()

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a client is for the kernel."""
        place = self._engine.place_of(hop)
        port = self._ports[place[1]] if place is not None and self._ports else None
        if place is None or not isinstance(port, BatchedPort):
            return None
        return Spot(port, port.name_of(place[0]))

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send a packet to every client but the one with node number `besides`."""
        ports = self.ports()
        if not ports or len(packet) > MAXIMUM_SIZE:
            super().send_to_all(packet, besides=besides)
            return
        sender = self._engine.place_of(besides)
        for port in ports:
            port.send_to_all(packet, None if sender is None else port.name_of(sender[0]))

    def clients(self) -> list[ClientView]:
        """Return what there is to tell of every client; see `Tally` for what is sampled."""
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
        }

    def _received(self, index: int, batch: Sequence[Datagram]) -> None:
        self._take(batch, index)

    def _gone(self, address: Endpoint, reason: str) -> None:
        """Nothing: the protocol has no word for it."""

    def _changed(self, event: Event) -> None:
        if self.shortcuts is not None:
            self.shortcuts.forget(self.network.to_bytes(4, "big") + event.node)
        place = self._engine.place_of(event.node)
        gone = event.address if isinstance(event, Left) else getattr(event, "moved_from", None)
        for index, port in enumerate(self._ports):
            if not isinstance(port, BatchedPort):
                continue
            if gone is not None:
                port.leave(port.name_of(gone))
            if place is not None and place[1] == index:
                port.join(port.name_of(place[0]))
            elif place is not None:
                port.leave(port.name_of(place[0]))

    def _batched(self) -> Iterator[BatchedPort]:
        return (port for port in self._ports if isinstance(port, BatchedPort))

    def _taken(self, client: Client) -> int:
        return sum(port.tally.packets_in.get(port.name_of(client.address), 0) for port in self._batched())

    def _with_tally(self, view: ClientView) -> ClientView:
        for port in self._batched():
            name, tally = port.name_of(view.address), port.tally
            packets, octets = tally.out(name) if name in port.audience else (0, 0)
            view = view._replace(
                packets_in=view.packets_in + tally.packets_in.get(name, 0),
                octets_in=view.octets_in + tally.octets_in.get(name, 0),
                packets_out=view.packets_out + packets,
                octets_out=view.octets_out + octets,
            )
        return view

    def _transmit(self) -> None:
        for data, address, port in self._engine.datagrams_to_send():
            if not self._ports or not self._ports[port].send(data, address):
                self.counters.drop(REFUSED)
