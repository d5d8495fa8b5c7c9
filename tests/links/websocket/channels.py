"""A WebSocket that is no socket, and a link that is attended by it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from links.dosbox.switch import Switch
from nwip.ipx.packet import Packet
from nwip.ipx.ping import is_ping, ping_answer
from nwip.links.websocket import WebSocketLink


class FakeChannel:
    """A WebSocket whose client says what is put into `inbox`; while it is `stuck` it reads nothing.

    `answers` says that it answers pings, as a DOSBox does.
    """

    def __init__(self, *, answers: bool = False) -> None:
        self.inbox: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.closed_at = 0.0
        self.answers = answers
        self.stuck = False
        self.broken = False

    def has(self, payload: bytes) -> bool:
        """Say whether a packet with this payload has gone out."""
        return any(Packet.decode(message).payload == payload for message in self.sent)

    async def receive(self) -> bytes | str | None:
        return await self.inbox.get()

    async def send(self, message: bytes) -> None:
        if self.broken:
            raise ConnectionResetError
        while self.stuck:
            await asyncio.sleep(1)
        self.sent.append(message)
        packet = Packet.decode(message)
        if self.answers and is_ping(packet):
            here = Packet.decode(self.sent[0]).destination
            self.inbox.put_nowait(ping_answer(packet, here).encode())

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self.closed_at = asyncio.get_running_loop().time()
        while self.stuck:
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def attended(
    link: WebSocketLink, channel: FakeChannel, *first: bytes
) -> AsyncIterator[tuple[Switch, "asyncio.Task[None]"]]:
    """Open a link that listens nowhere, and let a client attend that has said something already."""
    switch = Switch()
    await link.open(switch)
    for message in first:
        channel.inbox.put_nowait(message)
    task = asyncio.get_running_loop().create_task(link.attend(channel, ("192.0.2.1", 4711)))
    await asyncio.sleep(0.1)
    yield switch, task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await link.close()
