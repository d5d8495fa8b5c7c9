"""The sessions between DSSs on asyncio: listens on TCP 2010, and calls the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from random import Random
from typing import TYPE_CHECKING, Final

from nwip.dataplane.passed import PassedSockets
from nwip.directory.records import Dss, Endpoint, Kind, endpoint_text
from nwip.dss.backoff import BackOff
from nwip.dss.connecting import connect
from nwip.dss.conversation import CONNECT_LIMIT, end_tasks
from nwip.dss.doorkeeper import Doorkeeper
from nwip.dss.listening import listening
from nwip.dss.messages import NEIGHBOUR_LIMIT, Reason
from nwip.dss.peer_session import PeerSession, PeerStatus
from nwip.dss.pump import Changed, Pump
from nwip.dss.replication_engine import FIRST_MESSAGE, ReplicationEngine
from nwip.dss.session import Proof

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_log = logging.getLogger(__name__)

HOLD_LIMIT: Final = 3.0  # seconds that readers wait for this DSS to meet the others, when it starts
LOOK_EVERY: Final = 2.0  # seconds between looks for DSSs that others have told of
STANDING_PAUSE: Final = 30.0  # seconds until a DSS is called again that already has a session with this one
BACKLOG: Final = 256
CALLS_LIMIT: Final = 256  # DSSs that are called
CALLS_FROM_ONE: Final = 16  # connections of one source: a few DSSs on one machine, each perhaps twice

Resolve = Callable[[], Awaitable[Sequence[Endpoint]]]


class Peering:
    """The other DSSs of the domain.

    `resolve` returns the addresses of those that the configuration names, raising `OSError`; further ones
    are found in the directory. `named` holds the IP addresses that `resolve` has returned. `changed` is
    called when the engine has something to send or another deadline. `membership` is needed where the
    domain is sealed.
    """

    def __init__(
        self,
        engine: ReplicationEngine,
        identity: bytes,
        resolve: Resolve,
        random: Random,
        changed: Changed,
        *,
        membership: "Membership | None" = None,
    ) -> None:
        self._engine = engine
        self._identity = identity
        self._resolve = resolve
        self._random = random
        self._pump: Pump[PeerSession] = Pump(engine, changed)
        self._doorkeeper = Doorkeeper(2 * NEIGHBOUR_LIMIT, CALLS_FROM_ONE, engine.admits)
        self._servers: list[asyncio.Server] = []
        self._callers: dict[Endpoint, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._tried: set[Endpoint] = set()
        self.endpoints: list[Endpoint] = []
        self.named: frozenset[str] = frozenset()
        self._seal = None
        if membership is not None:
            from nwip.dss.door import Door  # noqa: PLC0415 - plain domains need no ciphers
            from nwip.dss.introduction import member_seal  # noqa: PLC0415

            self._pump.door = Door(membership, only_dss=True, limit=FIRST_MESSAGE)
            self._seal = member_seal(membership)

    async def listen(self, at: Sequence[Endpoint], passed: PassedSockets | None = None) -> None:
        """Take calls at these addresses. Raises `OSError` when one cannot be had; then none is open."""
        try:
            for host, port in at:
                server = await listening(self._accept, (host, port), BACKLOG, passed or PassedSockets())
                self._servers.append(server)
                self.endpoints += [sock.getsockname()[:2] for sock in server.sockets]
        except OSError:
            for server in self._servers:
                server.close()
            self._servers, self.endpoints = [], []
            raise

    def call(self, open_doors: Callable[[], None]) -> None:
        """Begin to call the others, those named and those that the directory tells of.

        `open_doors` is called once each of those named was tried in vain, at the latest after `HOLD_LIMIT`.
        """
        self._keep(self._look(open_doors))
        asyncio.get_running_loop().call_later(HOLD_LIMIT, open_doors)

    def wake(self) -> None:
        """Send what the engine has to send."""
        self._pump.wake()

    def status(self, now: float) -> list[PeerStatus]:
        """Say how it stands with each DSS that there is a session with."""
        return self._engine.status(now)

    async def close(self) -> None:
        """Say goodbye to every DSS and close everything; safe to call twice."""
        for server in self._servers:
            server.close()
        self._servers = []
        for task in self._callers.values():
            task.cancel()
        self._engine.close("the dss stops")
        self.wake()
        await asyncio.sleep(0)  # each session writes its last word
        await end_tasks(*self._tasks, *self._callers.values())

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, now = writer.get_extra_info("peername"), asyncio.get_running_loop().time()
        place = self._doorkeeper.enter(peer[0], now) if peer else None  # None: gone already
        if place is None:
            writer.transport.abort()
            return
        task = self._keep(self._answer(peer[0], reader, writer))
        task.add_done_callback(lambda _: self._doorkeeper.leave(place))

    async def _answer(self, ip: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = self._engine.open(ip, asyncio.get_running_loop().time(), calling=False)
        await self._pump.answer(session, reader, writer)

    async def _look(self, open_doors: Callable[[], None]) -> None:
        """Keep one caller for each DSS that is known and may be called."""
        named: Sequence[Endpoint] = ()
        while True:
            try:
                named = await self._resolve()
                self.named = frozenset(host for host, _ in named)
            except OSError as error:
                _log.warning("cannot resolve the names of the other dss: %s", error.strerror or error)
            known = self._told()
            for endpoint in (*named, *known):
                new = endpoint not in self._callers and endpoint not in self.endpoints
                if new and len(self._callers) < CALLS_LIMIT:
                    self._callers[endpoint] = asyncio.ensure_future(self._call(endpoint))
            for endpoint in [gone for gone in self._callers if gone not in known and gone not in named]:
                self._callers.pop(endpoint).cancel()
            if self._tried.issuperset(endpoint for endpoint in named if endpoint not in self.endpoints):
                open_doors()
            await asyncio.sleep(LOOK_EVERY if self._tried.issuperset(named) else 0.1)

    def _told(self) -> list[Endpoint]:
        """Return where the DSSs are that the directory tells of; of each two the lower identity calls."""
        return [
            record.value.peers[0]
            for record in self._engine.directory.records(Kind.DSS)
            if isinstance(record.value, Dss) and record.value.peers and self._identity < record.value.identity
        ]

    async def _call(self, endpoint: Endpoint) -> None:
        """Keep a session with one DSS, with growing pauses between the tries."""
        back_off = BackOff(self._random)
        identity = b""
        while True:
            if identity in self._engine.peers():  # it has called us
                self._tried.add(endpoint)
                await asyncio.sleep(LOOK_EVERY)
                continue
            session = None
            try:
                async with asyncio.timeout(CONNECT_LIMIT):
                    reader, writer, proven = await connect(endpoint, self._local_for(endpoint), self._seal)
            except (OSError, TimeoutError) as error:
                if endpoint not in self._tried:
                    reason = getattr(error, "strerror", None) or str(error) or "no answer"
                    _log.warning("the dss at %s is not reached: %s", endpoint_text(endpoint), reason)
            else:
                now = asyncio.get_running_loop().time()
                proof = Proof(proven) if proven else None
                session = self._engine.open(endpoint[0], now, calling=True, proof=proof)
                await self._pump.serve(session, reader, writer)
                identity = session.identity or identity
            if session is not None and session.synchronised:
                back_off.reset()
            else:
                self._tried.add(endpoint)
            refusal = session.refusal if session is not None else None
            stands = refusal is not None and refusal.reason in {Reason.REPLACED, Reason.SELF}
            await asyncio.sleep(STANDING_PAUSE if stands else back_off.next())

    def _local_for(self, endpoint: Endpoint) -> Endpoint | None:
        """Return the address to call from: the one that others know this DSS by."""
        for host, _ in self.endpoints:
            address = ip_address(host.partition("%")[0])
            if not address.is_unspecified and (":" in host) == (":" in endpoint[0]):
                return (host, 0)
        return None

    def _keep(self, work: Awaitable[None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
