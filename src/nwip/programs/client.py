"""The program's side of the conversation `socket`: what `nwip.socket` stands on."""

import asyncio
import contextlib
from collections import deque
from pathlib import Path
from typing import Final, Self

from nwip.control import NodeRefused, NodeUnreachable, converse
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.programs import frames
from nwip.programs.frames import Frame
from nwip.wire import Reader, WireError

QUEUE_SIZE: Final = 1024  # packets not yet taken; when it is full the oldest is dropped, and counted
CHUNK: Final = 65_536  # octets read at once


class ProgramClient:
    """An open conversation: `begin` it, `close` it. `packets` are those not yet taken, the oldest first.

    `lost` counts packets dropped at the node or here; `end` is why there will be no more, None until then.
    """

    def __init__(
        self, path: Path, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self.lost = 0
        self.packets: deque[Packet] = deque()
        self.end: NodeUnreachable | None = None
        self._path = path
        self._writer = writer
        self._arrived = asyncio.Event()
        self._answers: deque[asyncio.Future[None]] = deque()
        self._reading = asyncio.ensure_future(self._read(reader))

    @classmethod
    async def begin(cls, path: Path, number: int, *, shared: bool) -> Self:
        """Ask the node at `path` for a socket. Raises `NodeUnreachable` or `NodeRefused`."""
        facts, reader, writer = await converse(path, {"ask": "socket", "number": number, "shared": shared})
        try:
            address = Address.parse(str(facts.get("address")))
        except ValueError:
            writer.close()
            raise nonsense(path) from None
        return cls(path, address, reader, writer)

    async def close(self) -> None:
        """Hang up; safe to call twice."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):  # the node was faster
            await self._writer.wait_closed()

    async def send(self, frame: Frame) -> None:
        """Send a frame; waits while the node is busy. Raises `NodeUnreachable` when it is gone."""
        if self.end is not None:
            raise self.end
        try:
            self._writer.write(frame.encode())
            await self._writer.drain()
        except OSError:
            raise gone(self._path) from None

    async def request(self, frame: Frame) -> None:
        """Send a frame that is answered, and wait for that. Raises `NodeUnreachable` or `NodeRefused`."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        try:
            await self.send(frame)
        except BaseException:
            answer.cancel()
            raise
        await answer

    async def packet(self) -> Packet:
        """Return the next packet. Raises `end` when there will be none."""
        while not self.packets:
            if self.end is not None:
                raise self.end
            self._arrived.clear()
            await self._arrived.wait()
        return self.packets.popleft()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        splitter = frames.Splitter()
        try:
            while octets := await reader.read(CHUNK):
                for frame in splitter.feed(octets):
                    self._take(frame)
            self.end = gone(self._path)
        except OSError:
            self.end = gone(self._path)
        except WireError:
            self.end = nonsense(self._path)
            self._writer.close()
        finally:
            self.end = self.end or NodeUnreachable("this IPX socket is closed")
            self._arrived.set()
            for answer in self._answers:
                if not answer.done():
                    answer.set_exception(self.end)

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case frames.PACKET:
                if len(self.packets) >= QUEUE_SIZE:
                    self.packets.popleft()
                    self.lost += 1
                self.packets.append(Packet.decode(frame.rest))
                self._arrived.set()
            case frames.LOST:
                self.lost += Reader(frame.rest).u32()
            case frames.RENUMBERED:
                self.address = Address.read(Reader(frame.rest))
            case frames.DONE:
                self._answer(None)
            case frames.REFUSED:
                self._answer(NodeRefused(*frames.read_refusal(frame.rest)))
            case _:
                pass  # of a later version

    def _answer(self, refused: NodeRefused | None) -> None:
        if not self._answers:
            raise WireError("an answer to no question")
        answer = self._answers.popleft()
        if answer.done():  # who asked has given up
            return
        if refused is None:
            answer.set_result(None)
        else:
            answer.set_exception(refused)


def gone(path: Path) -> NodeUnreachable:
    """Return what to raise when the node has hung up."""
    return NodeUnreachable(f"the node at {path} has stopped")


def nonsense(path: Path) -> NodeUnreachable:
    """Return what to raise for an answer that no node gives."""
    return NodeUnreachable(f"what answers at {path} is not an nwip node of this version")
