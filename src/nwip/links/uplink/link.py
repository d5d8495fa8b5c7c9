"""The uplink: thin I/O around its engine. One UDP port for each registration."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from nwip.dataplane.counting import REFUSED
from nwip.dataplane.port import Datagram, Opener, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.address import BROADCAST_NODE, format_node
from nwip.ipx.numbers import MAXIMUM_HOPS, Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET
from nwip.links.base import Arrival, Gateway, Hop
from nwip.links.dosbox.engine import nobodys
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.links.uplink.engine import UplinkClient
from nwip.links.uplink.events import (
    Event,
    Gained,
    LoopFound,
    LoopGone,
    Lost,
    PortClosed,
    Registered,
    Unanswered,
)
from nwip.links.uplink.registration import FIRST_PAUSE, LONGEST_PAUSE, RegistrationView
from nwip.links.uplink.registrations import DEFAULT_LIMIT

UPDATES: Final = "RIP or SAP broadcast to players"

_RIP_OR_SAP: Final = frozenset(socket.to_bytes(2, "big") for socket in (Socket.RIP, Socket.SAP))

_log = logging.getLogger("nwip.links.uplink")


class UplinkLink:
    """`Link` to the players of a DOSBox-protocol server; the hop of one is its node number.

    `server` is how people name it, `resolve` finds its address now (`OSError` if it cannot): it is called
    when the link is opened, until it succeeds, and again whenever the server does not answer. `station` is
    our own node number on the far side once the server has given it; until then `pseudo_station`, six octets
    that stay the same over restarts. What else is given goes to the engine: see `UplinkClient`.
    """

    kind = "uplink"
    star = False
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self,
        name: str,
        network: int,
        node: bytes,
        server: str,
        *,
        resolve: Callable[[], Awaitable[Endpoint]],
        pseudo_station: bytes,
        chance: Callable[[], float],
        joined: bool = True,
        limit: int = DEFAULT_LIMIT,
        choose: bool = True,
        elsewhere: Callable[[bytes], bool] = nobodys,
        reserved: Callable[[bytes], bool] = nobodys,
        hop_limit: int = MAXIMUM_HOPS,
        opener: Opener = open_port,
    ) -> None:
        self.name = name
        self.network = network
        self.joined = joined
        self.station: bytes | None = pseudo_station
        self._engine = UplinkClient(
            network,
            node,
            pseudo_station,
            chance,
            limit=limit,
            choose=choose,
            elsewhere=elsewhere,
            reserved=reserved,
            hop_limit=hop_limit,
        )
        self.counters = self._engine.counters
        self._server = server
        self._resolve = resolve
        self._limit = limit
        self._open_port = opener
        self._address: Endpoint | None = None
        self._is_silent = False
        self._ports: dict[int, Port] = {}
        self._gateway: Gateway | None = None
        self._wakeup: Wakeup | None = None
        self._resolving: asyncio.Task[None] | None = None

    @property
    def node(self) -> bytes:
        """Our own node number on the network; on the far side it is `station`."""
        return self._engine.node

    @node.setter
    def node(self, node: bytes) -> None:
        self._engine.node = node

    @property
    def is_open(self) -> bool:
        """Whether packets cross."""
        return self._engine.is_open

    def registrations(self) -> list[RegistrationView]:
        """Return what there is to tell of every registration in use, the gateway's own first."""
        return self._engine.registrations()

    def far_hosts(self) -> list[bytes]:
        """Return the node numbers of the hosts of the far side."""
        return self._engine.far_hosts()

    async def open(self, gateway: Gateway) -> None:
        """Look the server up in the background, register, and report to `gateway`. Never fails."""
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        self._gateway = gateway
        self._look_up()

    async def close(self) -> None:
        """Stop; the server is told nothing, since the protocol has no word for it."""
        self._gateway = None
        if self._resolving is not None:
            self._resolving.cancel()
            self._resolving = None
        if self._wakeup:
            self._wakeup.cancel()
        for port in self._ports.values():
            port.close()
        self._ports.clear()

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to the host with node number `hop`: the one that is the packet's destination."""
        if self._wakeup is None or self._gateway is None:
            self.counters.drop("the link is closed")
        elif hop not in (packet[10:16], BROADCAST_NODE):
            self.counters.drop("to another network")
        else:
            self._engine.send(packet, self._wakeup.now())
            self._settle()

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:  # noqa: ARG002 - see below
        """Send a broadcast to the far side, to everybody: the server spares nobody but its sender.

        Players of the virtual network need no router's updates: whatever they ask is answered.
        """
        if self.joined and packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] in _RIP_OR_SAP:
            self.counters.drop(UPDATES)
        else:
            self.send(packet, packet[10:16])

    def release(self, node: bytes) -> None:
        """Forget a host of the far side that has moved to another gateway."""
        if self._wakeup is not None:
            self._engine.release(node, self._wakeup.now())
            self._settle()

    def describe(self) -> dict[str, str]:
        """Return the server, our number there, and how many hosts there are on either side."""
        address = "not found yet" if self._address is None else f"UDP {endpoint_text(self._address)}"
        views = self.registrations()
        registered = [view.number for view in views[:1] if view.is_up and view.number is not None]
        state = f"registered as {format_node(registered[0])}" if registered else "does not answer"
        if self._engine.is_loop:
            state = "leads back to this gateway: nothing is carried"
        return {
            "server": f"{self._server}, {address}",
            "state": state,
            "local hosts": f"{max(len(views) - 1, 0)} of {self._limit} registered",
            "far hosts": str(len(self.far_hosts())),
        }

    def _look_up(self) -> None:
        if self._resolving is None or self._resolving.done():
            self._resolving = asyncio.create_task(self._find_server())

    async def _find_server(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                address = await self._resolve()
                break
            except OSError as error:
                if self._address is not None:
                    return  # the one that we have may answer again; if not, this is tried again
                _log.warning("uplink %s: %s cannot be found: %s", self.name, self._server, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        if address != self._address and self._wakeup is not None:
            self._address = address
            self._engine.start(self._wakeup.now())
            self._settle()

    def _received(self, index: int, batch: Sequence[Datagram]) -> None:
        if self._gateway is None or self._wakeup is None:
            return
        now = self._wakeup.now()
        arrivals: list[Arrival] = []
        for data, source in batch:
            if source != self._address:
                self.counters.drop("not from the server")
            elif arrival := self._engine.receive_datagram(data, index, now):
                arrivals.append(arrival)
        self._settle()
        if arrivals and self._gateway is not None:
            self._gateway.receive(self, arrivals)

    def _advance(self, now: float) -> None:
        self._engine.advance(now)
        self._settle()

    def _settle(self) -> None:
        """Send and report what the engine has decided, and set the timer to its next deadline."""
        for data, index in self._engine.datagrams_to_send():
            port = self._port(index)
            if port is None or self._address is None or not port.send(data, self._address):
                self.counters.drop(REFUSED)
        for event in self._engine.events():
            self._report(event)
        if self._wakeup and self._gateway:
            self._wakeup.arm()

    def _port(self, index: int) -> Port | None:
        """Return the port with an index, opened when it is used first; None when the kernel gives none."""
        if index not in self._ports and self._address is not None:
            anywhere = "::" if ":" in self._address[0] else "0.0.0.0"
            try:
                self._ports[index] = self._open_port((anywhere, 0), partial(self._received, index))
            except OSError as error:
                _log.warning("uplink %s: no UDP port: %s", self.name, error.strerror)
        return self._ports.get(index)

    def _report(self, event: Event) -> None:
        gateway = self._gateway if self.joined else None
        match event:
            case PortClosed(index):
                port = self._ports.pop(index, None)
                if port is not None:
                    port.close()
            case Gained(node):
                _log.info("uplink %s: %s is there", self.name, format_node(node))
                if gateway:
                    gateway.host_gained(self, node, node)
            case Lost(node, reason):
                _log.info("uplink %s: %s is gone: %s", self.name, format_node(node), reason)
                if gateway:
                    gateway.host_lost(self, node)
            case Unanswered():
                if not self._is_silent:
                    _log.warning("uplink %s: %s does not answer", self.name, self._server)
                self._is_silent = True
                self._look_up()
            case Registered() | LoopFound() | LoopGone():
                self._say(event)

    def _say(self, event: Registered | LoopFound | LoopGone) -> None:
        match event:
            case Registered(host, number):
                self.station = self._engine.station
                self._is_silent = False
                who = "this gateway" if host is None else format_node(host[4:])
                _log.info("uplink %s: %s is %s there", self.name, who, format_node(number))
            case LoopFound():
                problem = "leads back to this gateway, so nothing is carried: name another server"
                _log.error("uplink %s: %s %s", self.name, self._server, problem)
            case LoopGone():
                _log.info("uplink %s: %s leads back no longer", self.name, self._server)
