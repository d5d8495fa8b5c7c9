"""The node's side of port 396, on asyncio: connects, keeps the replica, reconnects."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Dss, Endpoint, Key, Kind, Value
from nwip.directory.table import Directory
from nwip.dss.backoff import BackOff
from nwip.dss.client_engine import ClientEngine
from nwip.dss.conversation import converse, end_tasks
from nwip.dss.events import DirectoryChanged, Event, Opened, ParametersLearned, SnapshotRead
from nwip.dss.messages import Hello, Reason, Refused
from nwip.dss.probe import probe

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_log = logging.getLogger(__name__)

ALL_KINDS: Final[tuple[Kind, ...]] = tuple(Kind)
_RETURN: Final = "going back to a dss that is preferred"
_LASTING: Final = {Reason.REPLACED, Reason.NOT_ALLOWED, Reason.MALFORMED, Reason.REVOKED}
"""Refusals of a node that was let in: they come again at once, be it a second node with the same identity, an
address that a NAT has changed, a value that the DSS does not take, or a membership that has ended."""

RETURN_EVERY: Final = 30.0  # seconds between looks whether a server that is preferred is back
REVOKED_PAUSE: Final = 30.0  # seconds to the next try of who was told, unproven, that it was revoked
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
    `further` looks for more servers; it is asked when all that are known have failed.
    `complete` is True once a whole snapshot was read. `asked` is the server that was gone to last.
    `membership` is needed where the domain is sealed; then `identity` must be that of its key (`ValueError`).
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
        return_every: float = RETURN_EVERY,
        further: Callable[[], Awaitable[list[Endpoint]]] | None = None,
        membership: "Membership | None" = None,
    ) -> None:
        hint = int(time.time()) if incarnation is None else incarnation
        self._engine = ClientEngine(
            domain, identity, name, boot=boot, kinds=kinds, incarnation=hint, membership=membership
        )
        self._membership = membership
        self._seal = None
        if membership is not None:
            from nwip.dss.introduction import member_seal  # noqa: PLC0415 - plain domains need no ciphers

            if identity != membership.identity:
                raise ValueError("a node of a sealed domain has the identity of its key")
            self._seal = member_seal(membership)
        self._servers = list(servers)
        self._domain = domain
        self._random = random
        self._return_every = return_every
        self._further = further
        self._found: list[Endpoint] = []
        self._listener = listener
        self._local = (local_address, 0) if local_address else None
        self._back_off = BackOff(random)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._reasons: set[str] = set()
        self._leaving = False
        self.connected: Endpoint | None = None
        self.asked: Endpoint | None = None
        self.complete = False

    @property
    def directory(self) -> Directory:
        """The replica, frozen while there is no session."""
        return self._engine.directory

    @property
    def parameters(self) -> Parameters | None:
        """The parameters of the domain, None until a DSS has told them."""
        return self._engine.parameters

    @property
    def denied(self) -> dict[Key, str]:
        """What the domain does not let this node register, and why; it tries again by itself."""
        return self._engine.denied

    @property
    def refusal(self) -> Refused | None:
        """What the server that was asked last has refused with, None where it has not."""
        return self._engine.refusal

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
        """Keep a session until cancelled or stopped.

        Tries the servers in order, then those that the directory tells of, with growing pauses between the
        rounds. From one that is not the first it goes back to a better one when that answers again: without
        a goodbye, so that nothing is withdrawn.
        """
        turn = 0
        while True:
            servers = self._known_servers()
            server = self.asked = servers[turn % len(servers)]
            reason = await self._until_stopped(self._session(server))
            if reason is None or self._leaving:
                return
            if reason == _RETURN:
                turn = 0
                continue
            turn += 1
            if reason not in self._reasons:
                self._reasons.add(reason)
                self._listener.session_closed(reason)
            if await self._until_stopped(self._between(whole_round=turn % len(servers) == 0)) is None:
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
        talking = asyncio.ensure_future(
            converse(self._engine, server, self._local, self._handle, self._changed, seal=self._seal)
        )
        looking = asyncio.ensure_future(self._better_than(server))
        try:
            await asyncio.wait((talking, looking), return_when=asyncio.FIRST_COMPLETED)
            return talking.result() if talking.done() else _RETURN
        finally:
            await end_tasks(talking, looking)
            self.connected = None
            self._closed.set()

    async def _between(self, *, whole_round: bool) -> str:
        """Wait before the next try; after a whole round look for further servers first."""
        pause = self._pause(whole_round=whole_round)
        if whole_round and self._further is not None:
            self._found = await self._further()
        await asyncio.sleep(pause)
        return ""

    def _known_servers(self) -> list[Endpoint]:
        """Return the servers that were named, in order, then those that the directory tells of, by chance.

        Between them stand those that were found when all others had failed.
        """
        named = list(dict.fromkeys([*self._servers, *self._found]))
        further = [
            (host, port)
            for record in self.directory.records(Kind.DSS)
            if isinstance(record.value, Dss)
            for host, port in record.value.sessions
            if (host, port) not in named
        ]
        self._random.shuffle(further)
        return [*named, *further]

    async def _better_than(self, server: Endpoint) -> None:
        """Return when a server that is preferred to this one answers; never while this is the first."""
        better = self._servers[: self._servers.index(server)] if server in self._servers else self._servers
        while True:
            await asyncio.sleep(self._return_every * self._random.uniform(0.8, 1.2))
            for other in better:
                if isinstance(await probe(other, self._domain, membership=self._membership), Hello):
                    return

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
                self.complete = True
                _log.debug("the replica holds %d records", len(self.directory))

    def _pause(self, *, whole_round: bool = True) -> float:
        refusal, parameters = self._engine.refusal, self._engine.parameters
        if refusal is not None and refusal.reason in _LASTING and parameters is not None:
            return parameters.lease
        if refusal is not None and refusal.reason == Reason.REVOKED:
            return REVOKED_PAUSE
        return self._back_off.next() if whole_round else 0.0

    async def _until_stopped(self, work: Coroutine[None, None, str]) -> str | None:
        """Return what `work` returns, or None when the client was stopped first."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() and not self._stopping.is_set() else None
        finally:
            await end_tasks(task, stopping)
