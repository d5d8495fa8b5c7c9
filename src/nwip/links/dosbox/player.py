"""A built-in player: a DOSBox-protocol client for programs, without a DOSBox."""

import asyncio
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from nwip.dataplane.port import Datagram, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.client import Answered, DosboxClient, Received, Registered

QUEUE_SIZE: Final = 1024  # packets not yet taken; when it is full the oldest is dropped
PING_TIME: Final = 1.5  # seconds that DOSBox's `ipxnet ping` waits for answers


class DosboxPlayer:
    """A client of the DOSBox-protocol server at `server`, open inside `async with`.

    `node` is the node number that it asks for, as DOSBox-X does; None leaves it to the server. `local` is
    the UDP address to use. Opening raises `OSError` if that cannot be had.
    """

    def __init__(self, server: Endpoint, *, node: bytes | None = None, local: Endpoint | None = None) -> None:
        self._server = server
        self._local = local or ("::" if ":" in server[0] else "0.0.0.0", 0)
        self._engine = DosboxClient(node)
        self._port: Port | None = None
        self._wakeup: Wakeup | None = None
        self._registered = asyncio.Event()
        self._arrived = asyncio.Event()
        self._packets: deque[Packet] = deque(maxlen=QUEUE_SIZE)
        self._answers: list[tuple[bytes, float]] = []

    async def __aenter__(self) -> Self:
        self._port = open_port(self._local, self._received)
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wakeup, port = self._opened()
        wakeup.cancel()
        port.close()

    @property
    def address(self) -> Address:
        """Network and node that the server gave, socket 0. Raises `RuntimeError` before registration."""
        if self._engine.address is None:
            raise RuntimeError("not registered with the server")
        return self._engine.address

    @property
    def local(self) -> Endpoint:
        """The UDP address in use."""
        return self._opened()[1].endpoint

    async def register(self, timeout: float = 5.0) -> Address:  # noqa: ASYNC109 - a promise of the protocol
        """Ask the server for an address until it answers; `TimeoutError` after so many seconds."""
        wakeup, _ = self._opened()
        self._registered.clear()
        self._engine.register(wakeup.now())
        self._settle()
        async with asyncio.timeout(timeout):
            await self._registered.wait()
        return self.address

    def send(self, packet: Packet) -> None:
        """Send a packet; network and node of its source become the player's own."""
        self._engine.send(packet)
        self._settle()

    async def receive(self, timeout: float = 5.0) -> Packet:  # noqa: ASYNC109 - callers always have one
        """Return the next packet, of any socket but 2; `TimeoutError` after so many seconds."""
        async with asyncio.timeout(timeout):
            while not self._packets:
                self._arrived.clear()
                await self._arrived.wait()
        return self._packets.popleft()

    async def ping(
        self,
        timeout: float = PING_TIME,  # noqa: ASYNC109 - how long answers are collected, no limit on work
        node: bytes = BROADCAST_NODE,
        answers: int | None = None,
    ) -> list[tuple[bytes, float]]:
        """Ping everyone, or one node; return who answered within `timeout`, each with its seconds.

        With `answers` it returns as soon as there are so many.
        """
        wakeup, _ = self._opened()
        self._answers = collected = list[tuple[bytes, float]]()
        self._engine.ping(wakeup.now(), node)
        self._settle()
        try:
            async with asyncio.timeout(timeout):
                while answers is None or len(collected) < answers:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass
        return collected

    def _opened(self) -> tuple[Wakeup, Port]:
        if self._wakeup is None or self._port is None:
            raise RuntimeError("use a player inside `async with`")
        return self._wakeup, self._port

    def _received(self, batch: Sequence[Datagram]) -> None:
        wakeup, _ = self._opened()
        now = wakeup.now()
        for data, source in batch:
            if source == self._server:
                self._engine.receive_datagram(data, now)
        self._settle()

    def _advance(self, now: float) -> None:
        self._engine.advance(now)
        self._settle()

    def _settle(self) -> None:
        wakeup, port = self._opened()
        for data in self._engine.datagrams_to_send():
            port.send(data, self._server)
        for event in self._engine.events():
            match event:
                case Registered():
                    self._registered.set()
                case Received(packet):
                    self._packets.append(packet)
                case Answered(node, seconds):
                    self._answers.append((node, seconds))
            self._arrived.set()
        wakeup.arm()
