"""A gateway with a DOSBox link on real loopback sockets, and players who are bare sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial

from gateway.world import NETWORK, Domain
from nwip.dataplane.port import Port, Received, open_port
from nwip.directory.records import Endpoint
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.ping import registration
from nwip.links.dosbox import DosboxLink

KEY = b"0123456789abcdef"
PATIENCE = 10.0  # seconds


class Player:
    """A socket that has registered, and used the number that it got."""

    def __init__(self, server: Endpoint) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind((server[0], 0))
        self.sock.setblocking(False)
        self.server = server
        self.node = b""

    async def join(self) -> None:
        self.send(registration().encode())
        self.node = (await self.receive())[10:16]

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.server)

    async def receive(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.sock, 65536)

    def waiting(self) -> list[bytes]:
        """Return what is there already."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.sock.recv(65536))
        return found


class Wire:
    """Opens data ports at any number that is free."""

    def __init__(self, *, portable: bool) -> None:
        self.options = {"portable": portable}

    def open(self, at: Endpoint, received: Received, **options: object) -> Port:
        return open_port((at[0], 0), received, books=options.get("books"), **self.options)  # type: ignore[arg-type] # as given


@contextlib.asynccontextmanager
async def site(
    *hosts: str, portable: bool, busy_poll: int = 0
) -> AsyncIterator[tuple[NodeGateway, DosboxLink]]:
    """Open a gateway whose players are served at these addresses."""
    domain = Domain()
    vars(domain)["wire"] = Wire(portable=portable)
    member = await domain.member("127.0.0.1")
    gateway = member.gateway
    link = DosboxLink(
        "games",
        NETWORK,
        gateway.virtual.node,
        [(host, 0) for host in hosts],
        KEY,
        opener=partial(open_port, portable=portable, busy_poll=busy_poll),
    )
    gateway.attach(link)
    await link.open(gateway)
    try:
        yield gateway, link
    finally:
        await link.close()
        await gateway.virtual.close()
