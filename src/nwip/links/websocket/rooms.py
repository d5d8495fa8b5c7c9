"""The HTTP servers of a node, and the rooms in them: links may share an address, told apart by room."""

import asyncio
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from nwip.dataplane.passed import PassedSockets
from nwip.directory.records import Endpoint, endpoint_text
from nwip.links.websocket.channel import Channel

if TYPE_CHECKING:
    from nwip.links.websocket.server import HttpServer

DEFAULT_PORT: Final = 1900  # js-dos appends it to the host that it is given
BACKLOG: Final = 256

_ROOM: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")  # unreserved in a URL: RFC 3986, 2.3


class Tls(NamedTuple):
    """The files of a certificate (with its chain) and of its key, both PEM."""

    certificate: Path
    key: Path


class Refusal(NamedTuple):
    """Why a client does not get in: an HTTP status and a sentence."""

    status: int
    sentence: str


class Room(Protocol):
    """Where the clients of one link meet."""

    def refusal(self, address: Endpoint, origin: str | None) -> Refusal | None:
        """Return why a client from `address`, on a page of `origin`, does not get in; None when it does."""
        ...

    async def attend(self, channel: Channel, address: Endpoint) -> None:
        """Serve a client until its connection ends."""
        ...


class _Shared(NamedTuple):
    server: "HttpServer"
    rooms: dict[str, Room]
    tls: Tls | None


class WebSocketServers:
    """The HTTP servers of a node, one for each address, each as long as there is a room in it.

    Where `passed` holds a socket for an address it is used.
    """

    def __init__(self, passed: PassedSockets | None = None) -> None:
        self._passed = passed or PassedSockets()
        self._servers: dict[Endpoint, _Shared] = {}
        self._lock = asyncio.Lock()

    async def enter(self, at: Endpoint, name: str, room: Room, tls: Tls | None = None) -> Endpoint:
        """Open a room at an IP address and TCP port; return these with the port that port 0 came to.

        Raises `OSError` if the address or a file of `tls` cannot be had, if the address serves another
        certificate, or if it has a room of that name.
        """
        async with self._lock:
            shared = self._servers.get(at)
            if shared is None:
                shared = await _start(at, tls, self._passed.lend(socket.SOCK_STREAM, at))
                at = shared.server.endpoint
                self._servers[at] = shared
            elif shared.tls != tls:
                raise OSError(f"{endpoint_text(at)} serves another link with another certificate")
            elif name in shared.rooms:
                raise OSError(f'{endpoint_text(at)} has a room "{name}" already')
            shared.rooms[name] = room
            return at

    async def leave(self, at: Endpoint, name: str) -> None:
        """Close a room, and the server if that was its last one; nothing where there is none."""
        async with self._lock:
            shared = self._servers.get(at)
            if shared is None or shared.rooms.pop(name, None) is None or shared.rooms:
                return
            del self._servers[at]
            await shared.server.stop()


def check_room(name: str) -> str:
    """Return the name of a room. Raises `ValueError` when it would not stand in a URL as it is."""
    if not _ROOM.fullmatch(name):
        raise ValueError(f'"{name}" is no room: write 1 to 64 letters, digits, or any of . _ ~ -')
    return name


async def _start(at: Endpoint, tls: Tls | None, lent: socket.socket | None) -> _Shared:
    from nwip.links.websocket.server import HttpServer  # noqa: PLC0415 - 0.2 s that others need not wait

    sock = lent or socket.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET)
    try:
        if lent is None:
            _listen(sock, at)
        rooms: dict[str, Room] = {}
        server = HttpServer(rooms, sock, tls)
        await server.start()
    except BaseException:
        sock.close()
        raise
    return _Shared(server, rooms, tls)


def _listen(sock: socket.socket, at: Endpoint) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)
    sock.bind(at)
    sock.listen(BACKLOG)
