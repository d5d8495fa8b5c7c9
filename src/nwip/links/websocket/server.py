"""The HTTP server under the rooms: Starlette on uvicorn with wsproto, inside the node's event loop.

A WebSocket to /ipx/ROOM gets in or is refused with an HTTP status. Of subprotocols "binary" is taken where it
is offered. Everything else is not found.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

from nwip.directory.records import Endpoint
from nwip.links.websocket.rooms import Refusal, Room, Tls
from nwip.security.sources import source_of

CONNECTION_LIMIT: Final = 4096  # of one server; who comes beyond is closed at once
CONNECTIONS_OF_ONE: Final = 512  # of one source; likewise
REQUEST_TIME: Final = 10.0  # seconds from connection to request
HEADER_LIMIT: Final = 16 * 1024  # octets of a request
MESSAGE_LIMIT: Final = 2048  # octets; a packet has at most 1424
PING_INTERVAL: Final = (
    20.0  # seconds between WebSocket pings, and until an unanswered one ends the connection
)
STOP_TIME: Final = 1  # seconds for connections to end
SUBPROTOCOL: Final = "binary"

_NO_ROOM: Final = Refusal(404, "there is no such room")
_CLOSE: Final = {"connection": "close"}

_log = logging.getLogger("nwip.links.websocket")


class HttpServer:
    """A server on a listening socket, for the rooms that `rooms` holds at the time. With `tls` it speaks TLS.

    Raises `OSError` if a file of `tls` cannot be read or is none.
    """

    def __init__(self, rooms: Mapping[str, Room], sock: socket.socket, tls: Tls | None) -> None:
        self.endpoint: Endpoint = sock.getsockname()[:2]
        self._socket = sock
        config = uvicorn.Config(
            _application(rooms),
            http=PunctualHttp,
            ws="wsproto",
            ws_max_size=MESSAGE_LIMIT,
            ws_ping_interval=PING_INTERVAL,
            ws_ping_timeout=PING_INTERVAL,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=HEADER_LIMIT,
            timeout_graceful_shutdown=STOP_TIME,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        config.load()
        self._server = QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        up = asyncio.ensure_future(self._server.up.wait())
        await asyncio.wait((self._task, up), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Close the socket and every connection; takes up to `STOP_TIME` seconds and a little."""
        self._server.should_exit = True
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)


class QuietServer(uvicorn.Server):
    """Uvicorn's server, which leaves signals to who runs it; `up` is set when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        self.up.set()


class PunctualHttp(H11Protocol):
    """Uvicorn's HTTP, with a bound to connections and to the time that a request may take."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTION_LIMIT or self._has_too_many():
            transport.abort()
        else:
            self.loop.call_later(REQUEST_TIME, self._give_up)

    def _has_too_many(self) -> bool:
        """Say whether one source has most of the places; few connections are not worth the look."""
        if len(self.connections) <= CONNECTIONS_OF_ONE or self.client is None:
            return False
        source = source_of(self.client[0])
        clients = (getattr(other, "client", None) for other in self.connections)
        return sum(source_of(client[0]) == source for client in clients if client) > CONNECTIONS_OF_ONE

    def _give_up(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()


class _StarletteChannel:
    """A channel on a WebSocket that has been accepted."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> bytes | str | None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        data = message.get("bytes")
        return data if isinstance(data, bytes) else str(message.get("text"))

    async def send(self, message: bytes) -> None:
        try:
            await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ConnectionResetError("the WebSocket has ended") from error

    async def close(self, code: int, reason: str) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(code, reason)


def _application(rooms: Mapping[str, Room]) -> Starlette:
    async def enter(websocket: WebSocket) -> None:
        room = rooms.get(websocket.path_params["room"])
        client = websocket.client
        if room is None or client is None:
            await _refuse(websocket, _NO_ROOM)
            return
        address = (client.host, client.port)
        refusal = room.refusal(address, websocket.headers.get("origin"))
        if refusal:
            await _refuse(websocket, refusal)
            return
        offered = websocket.scope["subprotocols"]
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await room.attend(_StarletteChannel(websocket), address)

    async def lost(websocket: WebSocket) -> None:
        await _refuse(websocket, _NO_ROOM)

    async def told(_request: Request) -> Response:
        text = "nwip relays IPX for DOSBoxes in browsers: js-dos connects to /ipx/ROOM by WebSocket.\n"
        return PlainTextResponse(text, headers=_CLOSE)

    async def not_found(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("not found\n", 404, headers=_CLOSE)

    return Starlette(
        routes=[
            Route("/", told),
            WebSocketRoute("/ipx/{room}", enter),
            WebSocketRoute("/{path:path}", lost),
        ],
        exception_handlers={404: not_found},
    )


async def _refuse(websocket: WebSocket, refusal: Refusal) -> None:
    response = PlainTextResponse(refusal.sentence + "\n", refusal.status, headers=_CLOSE)
    await websocket.send_denial_response(response)
