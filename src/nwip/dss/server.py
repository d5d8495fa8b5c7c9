"""The DSS on asyncio: sessions on TCP, questions on UDP."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from nwip.dataplane.port import Datagram, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.directory.table import Directory
from nwip.dss.conversation import SLICE, end_tasks
from nwip.dss.peers import DEFAULT_LIMITS, Limits
from nwip.dss.questions import Questions
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Session

_log = logging.getLogger(__name__)

LAST_WORD_LIMIT: Final = 1.0  # seconds for a peer to take the last message of a session
BACKLOG: Final = 512  # connections that may wait: a whole domain that comes back at once


class DssServer:
    """A DSS with its sockets.

    `admit(ip)` says who may have a session; `trust(ip)` who gets full answers to questions on UDP without
    holding one (by default only loopback). `endpoints` and `question_endpoints` are the TCP and UDP
    addresses that it listens at, with the ports that it got.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        identity: bytes,
        boot: bytes,
        admit: Callable[[str], bool],
        name: str = "",
        trust: Callable[[str], bool] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        directory: Directory | None = None,
    ) -> None:
        self._engine = ServerEngine(
            parameters,
            identity=identity,
            boot=boot,
            name=name,
            admit=admit,
            limits=limits,
            directory=directory,
        )
        self._identity = identity
        self._trust = trust or _is_loopback
        self._servers: list[asyncio.Server] = []
        self._ports: list[Port] = []
        self._questions: list[Questions] = []
        self._wakeup: Wakeup | None = None
        self._events: dict[Session, asyncio.Event] = {}
        self._transports: dict[Session, asyncio.WriteTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.endpoints: list[Endpoint] = []
        self.question_endpoints: list[Endpoint] = []

    @property
    def directory(self) -> Directory:
        """What is registered."""
        return self._engine.directory

    @property
    def parameters(self) -> Parameters:
        """The parameters of the domain."""
        return self._engine.parameters

    @property
    def alarms(self) -> list[str]:
        """The latest things that an operator should know, oldest first."""
        return list(self._engine.alarms)

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._engine)

    @property
    def drops(self) -> Counter[str]:
        """Questions on UDP that were not answered, or not wholly, by reason."""
        return sum((asked.drops for asked in self._questions), Counter())

    def set_parameters(self, parameters: Parameters) -> None:
        """Give the domain new parameters; every session is told at once."""
        self._engine.set_parameters(parameters)
        self._after()

    async def start(self, sessions: Sequence[Endpoint], questions: Sequence[Endpoint] = ()) -> None:
        """Listen for sessions (TCP) and questions (UDP); port 0 takes a free one.

        Raises `OSError` when an address cannot be had; then nothing stays open.
        """
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        try:
            for host, port in sessions:
                server = await asyncio.start_server(self._accept, host, port, backlog=BACKLOG, limit=SLICE)
                self._servers.append(server)
                self.endpoints += [sock.getsockname()[:2] for sock in server.sockets]
            for at in questions:
                self._listen(at)
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Say goodbye in every session and close everything; safe to call twice."""
        for server in self._servers:
            server.close()
        for port in self._ports:
            port.close()
        self._servers, self._ports = [], []
        self._engine.close("the dss stops")
        self._after()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORD_LIMIT)
            await end_tasks(*self._tasks)
        if self._wakeup is not None:
            self._wakeup.cancel()

    def _listen(self, at: Endpoint) -> None:
        def received(batch: Sequence[Datagram]) -> None:
            for data, source in batch:
                for response in asked.answer(data, source, self._engine.parameters):
                    port.send(response, source)

        port = open_port(at, received)
        asked = Questions(
            self._engine.directory, address=port.endpoint[0], identity=self._identity, proven=self._is_proven
        )
        self._questions.append(asked)
        self._ports.append(port)
        self.question_endpoints.append(port.endpoint)

    def _is_proven(self, ip: str) -> bool:
        return self._trust(ip) or self._engine.holds_session_from(ip)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None:  # gone before its turn came
            writer.transport.abort()
            return
        session = self._engine.open(peer[0], self._now())
        self._events[session] = asyncio.Event()
        self._transports[session] = writer.transport
        self._after()
        reading = asyncio.ensure_future(self._read(session, reader))
        writing = asyncio.ensure_future(self._write(session, writer))
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            if session.closing:
                await asyncio.wait((reading, writing))
        finally:
            if session.refusal is not None:
                _log.info("%s was refused: %s", session.name, session.refusal.text)
            self._engine.lost(session)
            del self._events[session]
            self._transports.pop(session, None)
            writer.transport.abort()
            await end_tasks(reading, writing)

    async def _read(self, session: Session, reader: asyncio.StreamReader) -> None:
        """Take in what comes; behind the end of a session too, else TCP would not deliver our last word."""
        with contextlib.suppress(OSError):
            while data := await reader.read(SLICE):
                self._engine.receive(session, data, self._now())
                self._after()
                await asyncio.sleep(0)

    async def _write(self, session: Session, writer: asyncio.StreamWriter) -> None:
        event = self._events[session]
        with contextlib.suppress(OSError):
            while True:
                event.clear()
                while data := session.take(self._now()):
                    writer.write(data)
                    await writer.drain()
                    await asyncio.sleep(0)
                if session.closing:
                    writer.write_eof()
                    return
                await event.wait()

    def _advance(self, now: float) -> None:
        self._engine.advance(now)
        self._after()

    def _after(self) -> None:
        """Wake the sessions that have something to send, and set the clock to the engine's next deadline."""
        for session in self._engine.ready():
            if session in self._events:
                self._events[session].set()
            if session.closing and session in self._transports:  # a peer that takes nothing holds no place
                asyncio.get_running_loop().call_later(LAST_WORD_LIMIT, self._transports.pop(session).abort)
        if self._wakeup is not None:
            self._wakeup.arm()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _is_loopback(ip: str) -> bool:
    return ip_address(ip.partition("%")[0]).is_loopback
