"""The node's side of port 396, on asyncio: connects, keeps the replica, reconnects."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Sequence
from itertools import cycle
from random import Random
from typing import Final, Protocol

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Key, Kind, Value
from nwip.directory.table import Directory
from nwip.dss.backoff import BackOff
from nwip.dss.client_engine import ClientEngine
from nwip.dss.conversation import converse, end_tasks
from nwip.dss.events import DirectoryChanged, Event, Opened, ParametersLearned, SnapshotRead
from nwip.dss.messages import Reason

_log = logging.getLogger(__name__)

ALL_KINDS: Final[tuple[Kind, ...]] = tuple(Kind)
_LASTING: Final = {Reason.REPLACED, Reason.NOT_ALLOWED, Reason.MALFORMED}
"""Refusals of a node that was let in: they come again at once, be it a second node with the same identity, an
address that a NAT has changed, or a value that the DSS does not take."""

STOP_LIMIT: Final = 0.8  # seconds for the goodbye to reach the DSS


class DssListener(Protocol):
    """Who wants to know what a `DssClient` learns; called in the event loop, must not block."""

    def parameters_changed(self, parameters: Parameters) -> None:
        """Learn the domain's parameters: at the first session, and when they change."""
        ...

    def directory_changed(self, changes: list[Change]) -> None:
        """Learn what has changed in the replica; it also holds this node's own records.

        A record that its owner has only numbered anew is a change too.
        """
        ...

    def session_opened(self, server: Endpoint) -> None:
        """Learn that a DSS has let this node in."""
        ...

    def session_closed(self, reason: str) -> None:
        """Learn that the session is gone, or why none could be had, in one plain sentence.

        The replica is frozen from now on. Told once for each reason until the next session.
        """
        ...


class DssClient:
    """A node's lasting connection with its domain.

    `identity` is the owner (16 octets), `boot` 16 random octets of this start of the program. `incarnation`
    is a hint, higher than at the last start; None takes the time of day. The DSS's word corrects it, so a
    clock that is wrong does no harm; it matters only when node and DSS have forgotten the last start both.
    """

    def __init__(
        self,
        domain: str,
        identity: bytes,
        name: str,
        servers: Sequence[Endpoint],
        *,
        boot: bytes,
        listener: DssListener,
        random: Random,
        kinds: Sequence[Kind] = ALL_KINDS,
        local_address: str | None = None,
        incarnation: int | None = None,
    ) -> None:
        hint = int(time.time()) if incarnation is None else incarnation
        self._engine = ClientEngine(domain, identity, name, boot=boot, kinds=kinds, incarnation=hint)
        self._servers = list(servers)
        self._listener = listener
        self._local = (local_address, 0) if local_address else None
        self._back_off = BackOff(random)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._reasons: set[str] = set()
        self._leaving = False
        self.connected: Endpoint | None = None

    @property
    def directory(self) -> Directory:
        """The replica, frozen while there is no session."""
        return self._engine.directory

    @property
    def parameters(self) -> Parameters | None:
        """The parameters of the domain, None until a DSS has told them."""
        return self._engine.parameters

    def offer(self, value: Value) -> None:
        """Register one of the node's own records, or a new value for its key; repeated, it does nothing."""
        if not self._engine.offer(value):
            _log.warning("%s is not registered: this node has too many records", value)
        self._changed.set()

    def retract(self, key: Key) -> None:
        """Withdraw one of the node's own records."""
        self._engine.retract(key)
        self._changed.set()

    async def run(self) -> None:
        """Keep a session until cancelled or stopped; try the servers in order, with growing pauses."""
        for server in cycle(self._servers):
            reason = await self._until_stopped(self._session(server))
            if reason is None or self._leaving:
                return
            if reason not in self._reasons:
                self._reasons.add(reason)
                self._listener.session_closed(reason)
            if await self._until_stopped(asyncio.sleep(self._pause(), "")) is None:
                return

    async def stop(self) -> None:
        """Withdraw everything and close, within a second; `run` then returns."""
        self._leaving = True
        if self.connected is not None:
            self._engine.leave()
            self._changed.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), STOP_LIMIT)
        self._stopping.set()

    async def _session(self, server: Endpoint) -> str:
        """Hold one session; return why it ended."""
        self._closed.clear()
        try:
            return await converse(self._engine, server, self._local, self._handle, self._changed)
        finally:
            self.connected = None
            self._closed.set()

    def _handle(self, event: Event, server: Endpoint) -> None:
        match event:
            case Opened():
                self._reasons.clear()
                self._back_off.reset()
                self.connected = server
                self._listener.session_opened(server)
            case ParametersLearned(parameters=parameters):
                self._listener.parameters_changed(parameters)
            case DirectoryChanged(changes=changes):
                self._listener.directory_changed(changes)
            case SnapshotRead():
                _log.debug("the replica holds %d records", len(self.directory))

    def _pause(self) -> float:
        refusal, parameters = self._engine.refusal, self._engine.parameters
        if refusal is not None and refusal.reason in _LASTING and parameters is not None:
            return parameters.lease
        return self._back_off.next()

    async def _until_stopped(self, work: Coroutine[None, None, str]) -> str | None:
        """Return what `work` returns, or None when the client was stopped first."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() and not self._stopping.is_set() else None
        finally:
            await end_tasks(task, stopping)
