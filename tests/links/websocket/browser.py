"""A browser's end of a WebSocket, made of wsproto on a stream; a DOSBox in it, made of our own client."""

import asyncio
import ssl
from collections import deque
from types import TracebackType
from typing import Self

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration
from nwip.links.dosbox.client import DosboxClient, Received


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The server let nobody in: its HTTP status and what it said."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text


class Closed(Exception):  # noqa: N818 - reads as what happened
    """The server has closed the WebSocket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Browser:
    """A WebSocket to a path of a server, open inside `async with`, or `Refused` is raised."""

    def __init__(
        self,
        server: Endpoint,
        path: str = "/ipx/doom",
        *,
        subprotocols: tuple[str, ...] = ("binary",),
        origin: str | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "localhost",
    ) -> None:
        self._server = server
        self._path = path
        self._offered = subprotocols
        self._origin = origin
        self._tls = tls
        self._name = name
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._messages: deque[bytes] = deque()
        self.subprotocol: str | None = None

    async def __aenter__(self) -> Self:
        name = self._name if self._tls else None
        self.reader, self.writer = await asyncio.open_connection(
            *self._server, ssl=self._tls, server_hostname=name
        )
        headers = [(b"Origin", self._origin.encode())] if self._origin else []
        request = Request(self._name, self._path, subprotocols=list(self._offered), extra_headers=headers)
        self.writer.write(self._connection.send(request))
        try:
            await self._accepted()
        except BaseException:
            self.writer.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    async def send(self, message: bytes | str) -> None:
        event = BytesMessage(message) if isinstance(message, bytes) else TextMessage(message)
        self.writer.write(self._connection.send(event))
        await self.writer.drain()

    async def leave(self) -> None:
        """Close the WebSocket as a page does that is left."""
        self.writer.write(self._connection.send(CloseConnection(1001)))
        await self.writer.drain()

    async def receive(self, within: float = 5.0) -> bytes:
        """Return the next binary message; raises `Closed`, or `TimeoutError` after so many seconds."""
        async with asyncio.timeout(within):
            while not self._messages:
                await self._read()
        return self._messages.popleft()

    async def closed(self, within: float = 5.0) -> Closed:
        """Wait until the server closes, and return how."""
        try:
            while True:
                await self.receive(within)
        except Closed as closed:
            return closed

    async def _accepted(self) -> None:
        status, text = 0, b""
        async with asyncio.timeout(5):
            while True:
                self._connection.receive_data(await self.reader.read(65536))
                for event in self._connection.events():
                    if isinstance(event, AcceptConnection):
                        self.subprotocol = event.subprotocol
                        return
                    if isinstance(event, RejectConnection):
                        status = event.status_code
                    if isinstance(event, RejectData):
                        text += event.data
                        if event.body_finished:
                            raise Refused(status, text.decode().strip())

    async def _read(self) -> None:
        data = await self.reader.read(65536)
        try:
            self._connection.receive_data(data or None)
        except RemoteProtocolError as error:
            raise Closed(1006, str(error)) from None
        for event in self._connection.events():
            if isinstance(event, BytesMessage):
                self._messages.append(bytes(event.data))
            elif isinstance(event, Ping):
                self.writer.write(self._connection.send(event.response()))
            elif isinstance(event, CloseConnection):
                raise Closed(event.code, event.reason or "")
        if not data:
            raise Closed(1006, "without a word")


class JsDos:
    """A DOSBox behind a browser's WebSocket."""

    def __init__(self, browser: Browser, node: bytes | None = None) -> None:
        self.browser = browser
        self.node = node
        self.engine = DosboxClient(node)

    @property
    def address(self) -> Address:
        assert self.engine.address is not None
        return self.engine.address

    async def register(self) -> Self:
        self.engine.register(0.0)
        await self._settle()
        while self.engine.address is None:
            await self._take(await self.browser.receive())
        return self

    async def send(self, to: bytes = BROADCAST_NODE, payload: bytes = b"hello", socket: int = 0x869C) -> None:
        self.engine.send(Packet(Address(0, to, socket), Address(0, bytes(6), socket), payload=payload))
        await self._settle()

    async def hear(self, within: float = 5.0) -> Packet:
        """Return the next packet that is not for socket 2; pings are answered meanwhile."""
        while True:
            await self._take(await self.browser.receive(within))
            for event in self.engine.events():
                if isinstance(event, Received):
                    return event.packet

    async def _take(self, message: bytes) -> None:
        self.engine.receive_datagram(message, 0.0)
        await self._settle()

    async def _settle(self) -> None:
        for message in self.engine.datagrams_to_send():
            await self.browser.send(message)


REGISTRATION = registration().encode()
