"""The DOSBox link: thin I/O around the engine. Any DOSBox joins by `ipxnet connect HOST PORT`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from nwip.dataplane.port import Datagram, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.numbers import MAXIMUM_HOPS
from nwip.links.base import Gateway
from nwip.links.dosbox.engine import DEFAULT_LIMIT, DosboxServer, everyone, nobodys
from nwip.links.dosbox.serving import ServerLink
from nwip.security.limits import TokenBuckets

REFUSED: Final = "not taken by the kernel"


class DosboxLink(ServerLink):
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
        super().__init__(name, network, engine, joined=joined)
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

    def _transmit(self) -> None:
        for data, address, port in self._engine.datagrams_to_send():
            if not self._ports or not self._ports[port].send(data, address):
                self.counters.drop(REFUSED)
