"""Moves the octets of an engine's sessions over TCP, on asyncio."""

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

from nwip.dss.connecting import Reader, Writer
from nwip.dss.conversation import end_tasks
from nwip.dss.courtesy import SLICE, let_others_run
from nwip.dss.messages import Refused
from nwip.dss.session import Proof, Session
from nwip.security.audit import audit

if TYPE_CHECKING:
    from nwip.dss.sealed_connection import SealedConnection

_log = logging.getLogger(__name__)

LAST_WORD_LIMIT: Final = 1.0  # seconds for a peer to take the last message of a session
STALL_LIMIT: Final = 30.0  # seconds for a peer to take what is written; who reads more slowly holds no place

S = TypeVar("S", bound=Session)


class SessionEngine(Protocol[S]):
    """What a pump needs of an engine."""

    def receive(self, session: S, data: bytes, now: float) -> None:
        """Take octets that arrived in a session."""
        ...

    def lost(self, session: S) -> None:
        """Learn that a connection has ended."""
        ...

    def ready(self) -> set[S]:
        """Return, once, the sessions that have something to send or are to be closed."""
        ...


class LetIn(NamedTuple):
    """Who has been let in, and how to talk with it."""

    connection: "SealedConnection"
    proof: Proof


class Door(Protocol):
    """What a pump needs of a door."""

    async def let_in(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> LetIn | Refused | None:
        """Return who has come, or why it is turned away; None when it has gone."""
        ...

    def spoken(self, session: Session) -> None:
        """Learn that whoever was let in has spoken."""
        ...

    async def turn_away(
        self, refusal: Refused, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Say why a connection ends, and end it."""
        ...


class Changed(Protocol):
    """What is called when an engine may have something to send, or another deadline."""

    def __call__(self) -> None:
        """Wake whom it concerns."""
        ...


class Pump(Generic[S]):
    """Reads and writes the sessions of one engine; `changed` is called after whatever arrived.

    `door` lets in who comes to a sealed domain. A session whose peer takes nothing for `patience` seconds
    ends.
    """

    def __init__(self, engine: SessionEngine[S], changed: Changed, *, patience: float = STALL_LIMIT) -> None:
        self._patience = patience
        self._engine = engine
        self._changed = changed
        self.door: Door | None = None
        self._events: dict[S, asyncio.Event] = {}
        self._transports: dict[S, asyncio.WriteTransport] = {}

    async def answer(self, session: S, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one session that the other side has begun, if the door lets it in."""
        if self.door is None:
            await self.serve(session, reader, writer)
            return
        come = None
        try:
            come = await self.door.let_in(session, reader, writer)
            if isinstance(come, LetIn):
                session.proof = come.proof
                await self.serve(session, come.connection, come.connection)
        finally:
            if session.hello is not None:
                self.door.spoken(session)
            self._engine.lost(session)
            self._changed()
        if isinstance(come, Refused):
            _log.info("%s is not let in: %s", session.name, come.text)
            await self.door.turn_away(come, reader, writer)

    async def serve(self, session: S, reader: Reader, writer: Writer) -> None:
        """Carry one session until it ends."""
        self._events[session] = asyncio.Event()
        self._transports[session] = writer.transport
        self._changed()
        reading = asyncio.ensure_future(self._read(session, reader))
        writing = asyncio.ensure_future(self._write(session, writer))
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            if session.closing:
                await asyncio.wait((reading, writing))
        finally:
            if session.refusal is not None:
                _log.info("%s: the session ends: %s", session.name, session.refusal.text)
                audit("refused", session.peer, who=session.name, why=session.refusal.text)
            elif session.hello is not None:
                audit("left", session.peer, who=session.name)
            self._engine.lost(session)
            del self._events[session]
            self._transports.pop(session, None)
            writer.transport.abort()
            await end_tasks(reading, writing)
            self._changed()

    def wake(self) -> None:
        """Wake the sessions that have something to send."""
        for session in self._engine.ready():
            if session in self._events:
                self._events[session].set()
            if session.closing and session in self._transports:  # a peer that takes nothing holds no place
                asyncio.get_running_loop().call_later(LAST_WORD_LIMIT, self._transports.pop(session).abort)

    async def _read(self, session: S, reader: Reader) -> None:
        """Take in what comes; behind the end of a session too, else TCP would not deliver our last word."""
        with contextlib.suppress(OSError):
            while data := await reader.read(SLICE):
                self._engine.receive(session, data, asyncio.get_running_loop().time())
                self._changed()
                await let_others_run()

    async def _write(self, session: S, writer: Writer) -> None:
        event = self._events[session]
        with contextlib.suppress(OSError):
            while True:
                event.clear()
                while data := session.take(asyncio.get_running_loop().time()):
                    writer.write(data)
                    await self._drained(session, writer)
                    await let_others_run()
                if session.closing:
                    writer.write_eof()
                    return
                await event.wait()

    async def _drained(self, session: S, writer: Writer) -> None:
        """Wait until there is room for more. Raises `TimeoutError`, which is an `OSError`."""
        try:
            async with asyncio.timeout(self._patience):
                await writer.drain()
        except TimeoutError:
            _log.info("%s: takes nothing for %g seconds", session.name, self._patience)
            raise
