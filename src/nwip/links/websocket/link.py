"""The WebSocket link: a room for DOSBoxes in browsers, as js-dos plays. Each binary message is an IPX packet.

js-dos opens a WebSocket to /ipx/ROOM and speaks the DOSBox protocol in it: registration, pings, packets. So
it is the engine of the DOSBox link that decides, with the ends of connections as sources.
"""

import asyncio
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from typing import Final

from nwip.dataplane.interfaces import main_address
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.numbers import MAXIMUM_HOPS
from nwip.links.base import Gateway
from nwip.links.dosbox.clients import PING_INTERVAL, SILENCE
from nwip.links.dosbox.engine import DosboxServer, everyone, nobodys
from nwip.links.dosbox.events import Event
from nwip.links.dosbox.serving import ServerLink
from nwip.links.websocket.channel import GOING_AWAY, NOT_ACCEPTABLE, POLICY, Channel, Outbox
from nwip.links.websocket.rooms import Refusal, Tls, WebSocketServers, check_room
from nwip.security.audit import audit
from nwip.security.limits import TokenBuckets
from nwip.security.sources import source_of

DEFAULT_LIMIT: Final = 256  # clients of a room
DEFAULT_IDLE: Final = 600.0  # seconds without a packet, or an answer to a ping, until a client is let go
REGISTRATION_TIME: Final = 10.0  # seconds from connection to registration
KNOCK_RATE: Final = 5.0  # connections a second of one source (an IPv4 address, or an IPv6 /64)
KNOCK_BURST: Final = 256.0  # a whole room that comes back
BUDGET: Final = 64  # messages of one client until the others get their turn
SLOW: Final = "slow reader"


class WebSocketLink(ServerLink):
    """`Link` of one room; the hop of a client is its node number.

    The room is at every address of `listen`, in the `servers` of the node; with `tls` by wss. `node` is our
    own number on the network, `key` the secret that clients' numbers are made with. Of web pages only those
    of `origins` (as in `https://example.org`) may connect, if there are any; programs that are no browsers
    name no origin. At most `limit` clients, each let go after `idle` seconds without a sign of life; `admit`,
    `hop_limit`, `reserved`, `packet_rate` and `per_address` as for `DosboxServer`. Raises `ValueError` for a
    room that cannot be in a URL.
    """

    kind = "websocket"

    def __init__(
        self,
        name: str,
        network: int,
        node: bytes,
        room: str,
        servers: WebSocketServers,
        *,
        listen: Sequence[Endpoint],
        key: bytes,
        joined: bool = True,
        limit: int = DEFAULT_LIMIT,
        origins: Collection[str] = (),
        tls: Tls | None = None,
        admit: Callable[[str], bool] = everyone,
        hop_limit: int = MAXIMUM_HOPS,
        reserved: Callable[[bytes], bool] = nobodys,
        packet_rate: int = 0,
        per_address: int = 0,
        idle: float = DEFAULT_IDLE,
    ) -> None:
        engine = DosboxServer(
            network,
            node,
            key,
            limit=limit,
            hop_limit=hop_limit,
            reserved=reserved,
            packet_rate=packet_rate,
            per_address=per_address,
            connected=True,
            patience=max(1, math.ceil((idle - SILENCE) / PING_INTERVAL)),
        )
        super().__init__(name, network, engine, joined=joined)
        self.room = check_room(room)
        self._listen = tuple(listen)
        self._servers = servers
        self._limit = limit
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._tls = tls
        self._admit = admit
        self._per_address = per_address
        self._knocks = TokenBuckets(KNOCK_RATE, KNOCK_BURST)
        self._entered: list[Endpoint] = []
        self._outboxes: dict[Endpoint, Outbox] = {}
        self._attending: set[asyncio.Task[None]] = set()

    @property
    def endpoints(self) -> list[Endpoint]:
        """The TCP addresses that are open."""
        return list(self._entered)

    async def open(self, gateway: Gateway) -> None:
        """Open the room, and report to `gateway`. Raises `OSError` if an address cannot be had."""
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        self._gateway = gateway
        try:
            for endpoint in self._listen:
                self._entered.append(await self._servers.enter(endpoint, self.room, self, self._tls))
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the room and every connection in it."""
        self._gateway = None
        if self._wakeup:
            self._wakeup.cancel()
        for outbox in self._outboxes.values():
            outbox.end(GOING_AWAY, "the gateway closes this room")
        if self._attending:
            _, late = await asyncio.wait(self._attending, timeout=1.0)
            for task in late:
                task.cancel()
        for endpoint in self._entered:
            await self._servers.leave(endpoint, self.room)
        self._entered.clear()

    def describe(self) -> dict[str, str]:
        """Return the addresses, how many clients there are, and where js-dos connects to."""
        endpoints = self._entered or self._listen
        scheme = "wss" if self._tls else "ws"
        return {
            "listens on": ", ".join(f"TCP {endpoint_text(endpoint)}" for endpoint in endpoints),
            "clients": f"{len(self.clients())} of {self._limit}",
            "in js-dos, connect to": "\n".join(
                f"{scheme}://{_reachable(endpoint)}/ipx/{self.room}" for endpoint in endpoints
            ),
        }

    def refusal(self, address: Endpoint, origin: str | None) -> Refusal | None:
        """Return why a client does not get in, or None."""
        refusal = None
        if self._gateway is None:
            return Refusal(503, "this room is closed")
        if not self._admit(address[0]):
            refusal = Refusal(403, "source not admitted")
        elif self._origins and origin is not None and origin.lower() not in self._origins:
            refusal = Refusal(403, "origin not admitted")
        elif not self._knocks.allow(source_of(address[0]), asyncio.get_running_loop().time()):
            refusal = Refusal(429, "too many connections")
        elif len(self._outboxes) >= self._limit:
            refusal = Refusal(503, "room full")
        elif self._per_address and self._connected_from(address[0]) >= self._per_address:
            refusal = Refusal(503, "too many clients of one address")
        elif address in self._outboxes:  # from one port to two of our addresses
            refusal = Refusal(503, "address in use")
        if refusal:
            self.counters.drop(refusal.sentence)
            audit("refused", address[0], link=self.name, address=endpoint_text(address), why=refusal.sentence)
        return refusal

    def _connected_from(self, ip: str) -> int:
        source = source_of(ip)
        return sum(source_of(host) == source for host, _ in self._outboxes)

    async def attend(self, channel: Channel, address: Endpoint) -> None:
        """Serve a client until its connection ends."""
        outbox = self._outboxes[address] = Outbox(channel)
        reading = asyncio.ensure_future(self._read(channel, outbox, address))
        writing = asyncio.ensure_future(outbox.work())
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._attending.add(task)
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()  # a fault of ours is not kept silent
                if outbox.is_ending:
                    await writing
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            self._attending.discard(task)
            del self._outboxes[address]
            self._engine.disconnect(address, "closed the connection")
            self._settle()

    async def _read(self, channel: Channel, outbox: Outbox, address: Endpoint) -> None:
        """Take what a client sends, until its connection ends or is to be ended."""
        try:
            async with asyncio.timeout(REGISTRATION_TIME) as limit:
                for number in itertools.count(1):
                    message = await channel.receive()
                    if message is None:
                        return
                    if isinstance(message, str):
                        outbox.end(NOT_ACCEPTABLE, "binary messages only")
                        return
                    self._take(((message, address),))
                    if limit.when() is not None and self._engine.knows(address):
                        limit.reschedule(None)
                    if number % BUDGET == 0:
                        await asyncio.sleep(0)
        except TimeoutError:
            outbox.end(POLICY, "no registration in time")

    def _transmit(self) -> None:
        for data, address, _port in self._engine.datagrams_to_send():
            outbox = self._outboxes.get(address)
            if outbox is None or not outbox.send(data):
                self.counters.drop(SLOW)

    def _changed(self, event: Event) -> None:
        """Nothing: packets are looked at one by one."""

    def _gone(self, address: Endpoint, reason: str) -> None:
        """Close the connection at an address, unless its client has only taken another node number."""
        outbox = self._outboxes.get(address)
        if outbox is not None and not self._engine.knows(address):
            outbox.end(POLICY, reason)


def _reachable(endpoint: Endpoint) -> str:
    """Return an endpoint as it stands in a URL that others can use."""
    host, port = endpoint
    return endpoint_text((main_address() if host == "0.0.0.0" else host, port))
