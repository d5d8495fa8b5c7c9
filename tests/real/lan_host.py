"""A host of the test's own on a LAN: a DOS client, or a NetWare server with an internal network.

It asks routers as real stations do, and answers what it is asked. It uses nothing of nwip.
"""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator
from typing import Final, Self

from real.ipx_octets import (
    ALL_NETWORKS,
    ALL_SERVICES,
    EVERYONE,
    FILE_SERVER,
    INFINITY,
    NEAREST_REQUEST,
    NEAREST_RESPONSE,
    PEP,
    REQUEST,
    RESPONSE,
    RIP,
    RIP_TYPE,
    SAP,
    SERVER_NODE,
    At,
    Heard,
    Networks,
    Services,
    frame_of,
    networks_in,
    packet_of,
    read,
    route_payload,
    service_payload,
    services_in,
)
from real.namespaces import inside

ETH_P_ALL: Final = 3
SOL_PACKET: Final = 263
PACKET_IGNORE_OUTGOING: Final = 23

ASKING: Final = 0x4008  # the socket that everything is asked from
ECHO: Final = 0x4E45  # what comes to it is sent back
TALK: Final = 0x4E42
AGAIN: Final = 0.1  # seconds until a question without an answer is asked again

ONCE: Final = b"once "  # begins what marks a packet that no other is like; a number follows
ONCE_SIZE: Final = len(ONCE) + 16

_numbers = itertools.count(1)


def once() -> bytes:
    """Return octets that no other packet of this test run has."""
    return ONCE + b"%016d" % next(_numbers)


class LanHost:
    """A host of one frame type with this node number, behind a socket that carries whole Ethernet frames.

    `network` may be 0: it is learned from the first router that answers. With `internal` the host is a file
    server called `name` on an internal network of that number, and the router to it. What routers broadcast
    is in `networks` and `services`, as it stands now; packets for no socket of its own are in `heard`.
    """

    def __init__(
        self,
        sock: socket.socket,
        node: bytes,
        frame_type: str,
        *,
        network: int = 0,
        internal: int = 0,
        name: str = "",
    ) -> None:
        self.node = node
        self.name = name
        self.internal = internal
        self.network = network
        self.routers: dict[int, bytes] = {}
        self.networks: Networks = {}
        self.services: Services = {}
        self.heard: list[Heard] = []
        self._open: dict[int, asyncio.Queue[Heard]] = {}
        self._socket = sock
        self._frame_type = frame_type
        self._listeners: list[Callable[[Heard], None]] = []

    def __enter__(self) -> Self:
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._drain)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def here(self) -> At:
        """Where it is on the LAN."""
        return At(self.network, self.node)

    @property
    def at(self) -> At:
        """Where it can be reached: a server on its internal network."""
        return At(self.internal, SERVER_NODE) if self.internal else self.here

    # What it asks.

    async def find_router(self, network: int, within: float) -> bytes:
        """Ask who leads to a network, again and again, and from now on send there by who answers first."""

        def answers(heard: Heard) -> bool:
            return not heard.broadcast and networks_in(heard).get(network, (INFINITY,))[0] < INFINITY

        def ask() -> None:
            self._send_rip(route_payload(REQUEST, network), EVERYONE, RIP, ASKING)

        answer = await self._ask(ask, answers, within)
        self.network = self.network or answer.source.network
        self.routers[network] = answer.mac
        return answer.mac

    async def ask_networks(self, seconds: float = 0.3) -> dict[bytes, Networks]:
        """Ask for all networks; return what each router says within so many seconds."""
        answers: dict[bytes, Networks] = {}
        with self._listening(lambda heard: answers.setdefault(heard.mac, {}).update(networks_in(heard))):
            self._send_rip(route_payload(REQUEST, ALL_NETWORKS), EVERYONE, RIP, ASKING)
            await asyncio.sleep(seconds)
        return answers

    async def ask_services(self, seconds: float = 0.3) -> dict[bytes, Services]:
        """Ask for all services; return what each router and server says within so many seconds."""
        answers: dict[bytes, Services] = {}
        with self._listening(lambda heard: answers.setdefault(heard.mac, {}).update(services_in(heard))):
            self._send_sap_query(REQUEST, ALL_SERVICES)
            await asyncio.sleep(seconds)
        return answers

    async def nearest_server(self, within: float) -> tuple[str, At]:
        """Ask for the nearest file server, as a client does when it starts; return who answers first."""
        answer = await self._ask(
            lambda: self._send_sap_query(NEAREST_REQUEST, FILE_SERVER),
            lambda heard: bool(services_in(heard, NEAREST_RESPONSE)),
            within,
        )
        ((_, name), (at, _)), *_ = services_in(answer, NEAREST_RESPONSE).items()
        return name, at

    async def echo(self, to: At, within: float, size: int = 64) -> None:
        """Send questions to a host until it answers; on the way find the router to it."""
        if to.network not in {0, self.network, *self.routers}:
            await self.find_router(to.network, within)
        about = b"%016d" % next(_numbers)

        def ask() -> None:
            self.send(to, ECHO, (once() + about).ljust(size, b"."))

        def answers(heard: Heard) -> bool:
            return heard.to_socket == ASKING and heard.payload[ONCE_SIZE:].startswith(about)

        await self._ask(ask, answers, within)

    def open(self, number: int) -> asyncio.Queue[Heard]:
        """Open a socket; return where what comes to it is found."""
        return self._open.setdefault(number, asyncio.Queue())

    async def until_heard(self, payload: bytes, within: float) -> Heard:
        """Wait for a packet that has these octets in it, if it has not come yet."""
        for heard in self.heard:
            if payload in heard.payload:
                return heard
        return await self._ask(lambda: None, lambda heard: payload in heard.payload, within)

    # What it says.

    def announce(self) -> None:
        """Say what a server says when it starts, and every minute."""
        self._send_rip(route_payload(RESPONSE, self.internal, 1, 2), EVERYONE, RIP, RIP)
        self._send_services(RESPONSE, EVERYONE, SAP)

    def talk(self, payload: bytes, packet_type: int = PEP) -> None:
        """Broadcast on its own network; with type 20 on all."""
        self.send(At(self.network, EVERYONE), TALK, payload, packet_type=packet_type)

    def send(
        self,
        to: At,
        to_socket: int,
        payload: bytes,
        *,
        source: At | None = None,
        source_socket: int = ASKING,
        packet_type: int = PEP,
        mac: bytes | None = None,
    ) -> None:
        """Send a packet: to `mac`, or to the neighbour or to the router that leads to the network."""
        if mac is None:
            mac = to.node if to.network in {0, self.network} else self.routers[to.network]
        packet = packet_of((to, to_socket), (source or self.at, source_socket), packet_type, payload)
        with contextlib.suppress(OSError):  # the cable is out
            self._socket.send(frame_of(self._frame_type, mac, self.node, packet))

    def _send_rip(self, payload: bytes, to: bytes, to_socket: int, source_socket: int) -> None:
        self.send(
            At(self.network, to),
            to_socket,
            payload,
            source=self.here,
            source_socket=source_socket,
            packet_type=RIP_TYPE,
        )

    def _send_sap_query(self, operation: int, service_type: int) -> None:
        payload = operation.to_bytes(2, "big") + service_type.to_bytes(2, "big")
        self.send(At(self.network, EVERYONE), SAP, payload, source=self.here)

    def _send_services(self, operation: int, to: bytes, to_socket: int) -> None:
        payload = service_payload(operation, self.name, self.at)
        self.send(At(self.network, to), to_socket, payload, source=self.here, source_socket=SAP)

    # What it hears.

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = self._socket.recv(65535)
                heard = read(self._frame_type, frame) if frame[:6] in {self.node, EVERYONE} else None
                if heard is not None:
                    self._take(heard)

    def _take(self, heard: Heard) -> None:
        for listener in tuple(self._listeners):
            listener(heard)
        if heard.to_socket == RIP:
            self._rip(heard)
        elif heard.to_socket == SAP:
            self._sap(heard)
        elif heard.to_socket == ECHO and heard.to.node in {self.node, self.at.node}:
            answer = once() + heard.payload[ONCE_SIZE:]
            self.send(heard.source, heard.source_socket, answer, source_socket=ECHO, mac=heard.mac)
        elif heard.to_socket in self._open:
            self._open[heard.to_socket].put_nowait(heard)
        else:
            self.heard.append(heard)

    def _rip(self, heard: Heard) -> None:
        self.networks |= networks_in(heard)
        self.networks = {network: far for network, far in self.networks.items() if far[0] < INFINITY}
        asked = {ALL_NETWORKS.to_bytes(4, "big"), self.internal.to_bytes(4, "big")}
        if self.internal and heard.payload[:2] == b"\0\1" and heard.payload[2:6] in asked:
            response = route_payload(RESPONSE, self.internal, 1, 2)
            self._send_rip(response, heard.mac, heard.source_socket, RIP)

    def _sap(self, heard: Heard) -> None:
        self.services |= services_in(heard)
        self.services = {key: far for key, far in self.services.items() if far[1] < INFINITY}
        operation, wanted = heard.payload[1], int.from_bytes(heard.payload[2:4], "big")
        if (
            self.internal
            and operation in {REQUEST, NEAREST_REQUEST}
            and wanted in {FILE_SERVER, ALL_SERVICES}
        ):
            self._send_services(operation + 1, heard.mac, heard.source_socket)

    # How it waits.

    async def _ask(self, ask: Callable[[], None], wanted: Callable[[Heard], bool], within: float) -> Heard:
        """Ask until a packet comes that is wanted. Raises `TimeoutError`."""
        found: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()

        def look(heard: Heard) -> None:
            if not found.done() and wanted(heard):
                found.set_result(heard)

        with self._listening(look):
            async with asyncio.timeout(within):
                while not found.done():
                    ask()
                    await asyncio.wait([found], timeout=AGAIN)
        return found.result()

    @contextlib.contextmanager
    def _listening(self, listener: Callable[[Heard], None]) -> Iterator[None]:
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


def card(namespace: str, interface: str, buffer: int = 8 << 20) -> socket.socket:
    """Return a socket for the frames that a card receives and sends."""
    with inside(namespace):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), buffer)
    sock.bind((interface, 0))
    return sock
