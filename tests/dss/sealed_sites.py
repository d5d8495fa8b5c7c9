"""Sealed DSSs, and nodes of theirs, on real sockets of loopback."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING, Self

from dss.sealed_parties import party
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind, Node, Service
from nwip.dss.client import DssClient
from nwip.dss.peers import Limits
from nwip.dss.server import DssServer
from nwip.security.membership import Membership
from security.membership_parts import DOMAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nwip.directory.records import Change

LOOPBACK = "127.0.0.1"
PARAMETERS = Parameters(domain=DOMAIN)


@contextlib.asynccontextmanager
async def site(
    membership: Membership | None, *peers: Endpoint, limits: Limits | None = None, number: int = 0
) -> AsyncIterator[DssServer]:
    server = DssServer(
        PARAMETERS,
        identity=membership.identity if membership else b"D" * 16,
        boot=bytes([number]) * 16,
        admit=lambda _: True,
        name=f"dss{number}",
        limits=limits or Limits(),
        membership=membership,
    )

    async def named() -> tuple[Endpoint, ...]:
        return peers

    try:
        await server.start([(LOOPBACK, 0)])
        chance = Random(number)  # noqa: S311 - spreads reconnections
        await server.join([(LOOPBACK, 0)], named, chance, incarnation=1, hold=bool(peers))
        yield server
    finally:
        await server.close()


def peers_at(server: DssServer) -> Endpoint:
    assert server.peering is not None
    return server.peering.endpoints[0]


def members_of(server: DssServer) -> Membership:
    assert server.engine.members is not None
    return server.engine.members._membership


class Running:
    """A node's client and its task."""

    def __init__(self, name: str, *servers: Endpoint, membership: Membership | None = None) -> None:
        self.membership = membership or party(name)
        self.happened: list[str] = []
        self.client = DssClient(
            DOMAIN,
            self.membership.identity,
            name,
            servers,
            boot=name.encode().ljust(16),
            listener=self,
            random=Random(1),  # noqa: S311 - a test is to be repeatable
            return_every=0.1,
            membership=self.membership,
        )
        self.client.offer(Node(b"\x7e\x06" + name.encode()[:4].ljust(4), name, [(LOOPBACK, 9)]))
        self.client.offer(Service(4, name.upper(), 1, bytes(6), 0x451, 0))
        self.task = asyncio.ensure_future(self.client.run())

    def parameters_changed(self, parameters: Parameters) -> None:
        self.happened.append("parameters")

    def directory_changed(self, changes: list[Change]) -> None:
        self.happened.append("changes")

    def session_opened(self, server: Endpoint) -> None:
        self.happened.append("opened")

    def session_closed(self, reason: str) -> None:
        self.happened.append(f"closed: {reason}")

    def names(self) -> set[str]:
        return names(self.client.directory)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def names(directory: object) -> set[str]:
    records = directory.records(Kind.SERVICE)  # type: ignore[attr-defined]
    return {record.value.name for record in records}


class Wire:
    """A relay between a client and a server, that sees all octets and may alter what goes to the server."""

    def __init__(self, target: Endpoint) -> None:
        self.target = target
        self.seen = bytearray()
        self.alter: Callable[[bytes], bytes] = lambda data: data

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.endpoint: Endpoint = self._server.sockets[0].getsockname()[:2]
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, back = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(self._copy(reader, back, change=True), self._copy(onward, writer))
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, change: bool = False
    ) -> None:
        while data := await source.read(4096):
            self.seen += data
            target.write(self.alter(data) if change else data)
        target.write_eof()


class Written:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.octets += data

    def close(self) -> None:
        self.is_closed = True

    def write_eof(self) -> None:
        self.is_closed = True
