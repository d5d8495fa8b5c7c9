"""A wire between one DSS and its store that can be made slow, and cut: a TCP proxy for each endpoint."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Self

SLICE: Final = 1 << 16
PAUSE: Final = 0.1  # seconds between the slices of a slow wire
WINDOW: Final = 4096  # octets that the wire takes in advance: what is slow is felt at the other end

Carrier = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class SlowWire:
    """Carries connections to `targets` (host, port); `endpoints` are where to connect instead.

    `pace` is how many octets a second each connection gets from there; 0 is as many as there are.
    """

    def __init__(self, targets: Sequence[tuple[str, int]]) -> None:
        self.pace = 0
        self.endpoints: list[tuple[str, int]] = []
        self._targets = targets
        self._servers: list[asyncio.Server] = []
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for target in self._targets:
            server = await asyncio.start_server(self._carrier(target), "127.0.0.1", 0)
            self._servers.append(server)
            self.endpoints.append(server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        await self.cut()

    async def cut(self) -> None:
        """Break every connection; new ones can be made."""
        await end_tasks(*self._carrying)

    def _carrier(self, target: tuple[str, int]) -> Carrier:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._carrying.add(task)
            try:
                await self._connect(reader, writer, target)
            except (OSError, asyncio.CancelledError):  # the server must not hear of it: it would log it
                pass
            finally:
                self._carrying.discard(task)
                writer.transport.abort()

        return carry

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
    ) -> None:
        back, forth = await self._reach(target)
        ways = [
            asyncio.ensure_future(self._pump(reader, forth, paced=False)),
            asyncio.ensure_future(self._pump(back, writer, paced=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forth.transport.abort()
            await end_tasks(*ways)

    async def _reach(self, target: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        onward = socket.socket()
        onward.setblocking(False)
        onward.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        try:
            await asyncio.get_running_loop().sock_connect(onward, target)
        except BaseException:
            onward.close()
            raise
        return await asyncio.open_connection(sock=onward, limit=WINDOW)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, paced: bool) -> None:
        while True:
            slow = paced and self.pace
            data = await reader.read(max(1, int(self.pace * PAUSE)) if slow else SLICE)
            if not data:
                break
            writer.write(data)
            await writer.drain()
            if slow:
                await asyncio.sleep(PAUSE)


async def end_tasks(*tasks: asyncio.Future[None]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
