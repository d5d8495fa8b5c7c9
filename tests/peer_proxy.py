"""Proxies between members of a cluster, which cut one off as a network does: nothing passes or ends."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cached_property

ROUNDS = 5  # of the event loop, in which what was begun gets under way

MemberAt = Callable[[int], int | None]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Between:
    """The members of a connection. Who began it is looked up at a cut only: it takes long."""

    def __init__(self, port: int, target: int, member_at: MemberAt) -> None:
        self._port, self._target, self._member_at = port, target, member_at

    @cached_property
    def members(self) -> set[int | None]:
        """Both, None where the one that began it is not known."""
        return {self._member_at(self._port), self._target}


class PeerProxy:
    """Carries what comes to `ports` to `targets`, the port of each member, in a thread of its own.

    `member_at` tells which member has a connection from a port: a cut concerns both directions.
    """

    def __init__(self, ports: Sequence[int], targets: Sequence[int], member_at: MemberAt) -> None:
        self._ports = ports
        self._targets = targets
        self._member_at = member_at
        self._cut: set[int | None] = set()
        self._loop = asyncio.new_event_loop()
        self._mended = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="peer-proxy")

    def open(self) -> None:
        """Listen at every port."""
        self._thread.start()
        self._do(self._listen())

    def cut(self, member: int) -> None:
        """Hold back what this member sends and is sent."""
        self._do(self._set(self._cut | {member}))

    def mend(self, member: int) -> None:
        """Let it pass, also what was held back."""
        self._do(self._set(self._cut - {member}))

    def close(self) -> None:
        """End every connection, and the thread."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        for member, port in enumerate(self._ports):
            self._servers.append(await asyncio.start_server(self._carrier(member), "127.0.0.1", port))

    async def _set(self, cut: set[int | None]) -> None:
        self._cut = cut
        self._mended.set()
        self._mended = asyncio.Event()

    async def _end(self) -> None:
        for server in self._servers:
            for listening in server.sockets:
                self._loop.remove_reader(listening.fileno())
        for _ in range(ROUNDS):  # whoever came at the last moment is let in: only then it can be sent away
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for _ in range(ROUNDS):  # the connections that were aborted are closed
            await asyncio.sleep(0)

    def _carrier(self, target: int) -> Callable[..., Awaitable[None]]:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                between = Between(writer.get_extra_info("peername")[1], target, self._member_at)
                onward = await asyncio.open_connection("127.0.0.1", self._targets[target])
                await self._pump_both((reader, writer), onward, between)
            except (OSError, asyncio.CancelledError):
                pass  # a member was killed, or the trial is over
            finally:
                writer.transport.abort()

        return carry

    async def _pump_both(self, here: Streams, there: Streams, between: Between) -> None:
        ways = [
            asyncio.ensure_future(self._pump(here[0], there[1], between)),
            asyncio.ensure_future(self._pump(there[0], here[1], between)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there[1].transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, between: Between
    ) -> None:
        while data := await reader.read(1 << 16):
            while self._cut and self._cut & between.members:
                await self._mended.wait()
            writer.write(data)
            await writer.drain()
