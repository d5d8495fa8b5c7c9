"""The node's side of the conversation `socket`: one IPX socket for one program, until either hangs up."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from nwip.control import NO, UNREACHABLE, WRONG, Answer, Conversation, Handler, begin
from nwip.gateway.gateway import NodeGateway
from nwip.gateway.sockets import LocalSocket, SocketRefused, outgoing
from nwip.ipx.packet import MAXIMUM_SIZE
from nwip.programs.finding import Finder, Running
from nwip.programs.frames import (
    ADVERTISE,
    DONE,
    PACKET,
    RENUMBERED,
    WITHDRAW,
    Frame,
    Splitter,
    checked_packet,
    read_service,
    refusal,
)
from nwip.programs.outbox import Outbox
from nwip.wire import WireError, Writer

CHUNK: Final = 8192  # octets read in one turn of the loop: at most some 240 packets


class Programs:
    """The programs that hold IPX sockets of a node."""

    def __init__(self, node: Running) -> None:
        self._node = node

    def handlers(self) -> dict[str, Handler | Conversation]:
        """Return what programs ask on the control socket: the conversation and their questions."""
        return {"socket": Conversation(self._hold), "find": Finder(self._node).find}

    async def _hold(
        self,
        request: Mapping[str, object],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        gateway = self._node.gateway
        if gateway is None:
            raise Answer(UNREACHABLE, "this node has not joined its domain yet: no DSS has answered")
        number, shared = request.get("number", 0), request.get("shared", False)
        if not isinstance(number, int) or not isinstance(shared, bool):
            raise Answer(WRONG, "number must be a whole number, and shared true or false")
        program = _Program(gateway, writer)
        try:
            held = gateway.sockets.bind(number, program, shared=shared)
        except SocketRefused as refused:
            raise Answer(NO, str(refused)) from None
        try:
            await program.run(held, reader)
        finally:
            gateway.sockets.release(held)
            gateway.services.withdraw_all(held)


class _Program:
    """One program: moves its frames both ways."""

    def __init__(self, gateway: NodeGateway, writer: asyncio.StreamWriter) -> None:
        self._gateway = gateway
        self._writer = writer
        self._outbox = Outbox()
        self._something = asyncio.Event()
        self._address = gateway.address

    def receive(self, packet: bytes) -> None:
        """Take a packet for the program: it is written when the program reads."""
        if not self._outbox.put(packet):
            self._gateway.counters.drop("program too slow")
        self._something.set()

    def renumbered(self) -> None:
        """Send from the node's new number from now on, and tell the program."""
        self._address = self._gateway.address._replace(socket=self._address.socket)
        writer = Writer()
        self._address.write(writer)
        self._outbox.notify(Frame(RENUMBERED, writer.getvalue()))
        self._something.set()

    async def run(self, held: LocalSocket, reader: asyncio.StreamReader) -> None:
        """Serve until the program closes its side, breaks the rules, or does not exist any more."""
        self._address = self._gateway.address._replace(socket=held.number)
        begin(self._writer, address=str(self._address), size=MAXIMUM_SIZE)
        writing = asyncio.ensure_future(self._write())
        try:
            await self._read(held, reader)
        except WireError as error:
            self._writer.write(refusal(WRONG, str(error)).encode())
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await writing

    async def _read(self, held: LocalSocket, reader: asyncio.StreamReader) -> None:
        splitter = Splitter()
        while octets := await reader.read(CHUNK):
            for frame in splitter.feed(octets):
                answer = self._heed(held, frame)
                if answer is not None:
                    self._writer.write(answer.encode())
                    await self._writer.drain()
            await asyncio.sleep(0)  # a flood of one program must not keep the others waiting

    def _heed(self, held: LocalSocket, frame: Frame) -> Frame | None:
        """Do what a frame says; return the answer to it, None when it wants none. Raises `WireError`."""
        if frame.kind == PACKET:
            packet = checked_packet(frame.rest)
            self._gateway.originate(outgoing(packet, self._address), held)
            return None
        if frame.kind not in {ADVERTISE, WITHDRAW}:
            raise WireError(f"a frame of kind {frame.kind!r}, which programs do not send")
        service_type, name = read_service(frame.rest)
        services = self._gateway.services
        try:
            if frame.kind == ADVERTISE:
                services.advertise(held, service_type, name, self._address)
            else:
                services.withdraw(held, service_type, name)
        except SocketRefused as refused:
            return refusal(NO, str(refused))
        return Frame(DONE)

    async def _write(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._outbox:
                self._writer.write(self._outbox.take())
                await self._writer.drain()
