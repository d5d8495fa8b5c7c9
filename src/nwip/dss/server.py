"""The DSS on asyncio: sessions on TCP, questions on UDP."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from random import Random
from typing import TYPE_CHECKING, Final

from nwip.dataplane.passed import PassedSockets
from nwip.dataplane.port import Datagram, Port, open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Endpoint, Kind
from nwip.directory.table import Directory
from nwip.dss.conversation import end_tasks
from nwip.dss.doorkeeper import Doorkeeper
from nwip.dss.listening import listening
from nwip.dss.peering import Peering, Resolve
from nwip.dss.peers import DEFAULT_LIMITS, Limits
from nwip.dss.presence import Presence
from nwip.dss.pump import LAST_WORD_LIMIT, Pump
from nwip.dss.questions import Questions
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Session
from nwip.dss.store.base import Store, is_shared
from nwip.dss.store.keeper import Keeper
from nwip.dss.store.shared_keeper import SharedKeeper
from nwip.security.limits import TokenBuckets
from nwip.security.sources import source_of
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership
    from nwip.security.sealed.questions import SealedQuestions

_log = logging.getLogger(__name__)

BACKLOG: Final = 512  # connections that may wait: a whole domain that comes back at once
QUESTION_RATE: Final = 20.0  # a second of one source that is not trusted: an answer may have 256 packets
QUESTION_BURST: Final = 200.0


class DssServer:
    """A DSS with its sockets.

    `admit(ip)` says who may have a session, and ask on UDP; `trust(ip)` who gets full answers there without
    holding one (by default only loopback); `admit_peers(ip)` from where another DSS may call (by default
    loopback, and the addresses of DSSs that are named or known), but for whom `banned(ip)` keeps out.
    `passed` holds sockets that are used in place of new ones. `endpoints` and `question_endpoints` are the
    TCP and UDP addresses that it listens at, with the ports that it got. With `membership` the domain is
    sealed: `identity` must be that of its key (`ValueError`), and only members are let in; other DSSs then
    from any address, unless `admit_peers` says otherwise. Questions must be sealed by members then, but for
    where a DSS is.
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
        admit_peers: Callable[[str], bool] | None = None,
        banned: Callable[[str], bool] = lambda _: False,
        limits: Limits = DEFAULT_LIMITS,
        store: Store | None = None,
        directory: Directory | None = None,
        membership: "Membership | None" = None,
        passed: PassedSockets | None = None,
    ) -> None:
        if membership is not None and identity != membership.identity:
            raise ValueError("a DSS of a sealed domain has the identity of its key")
        self._passed = passed or PassedSockets()
        self.engine = ServerEngine(
            parameters,
            identity=identity,
            boot=boot,
            name=name,
            admit=admit,
            limits=limits,
            directory=directory,
            membership=membership,
        )
        self._identity = identity
        self._admit = admit
        self._membership = membership
        self._trust = trust or _is_loopback
        self._servers: list[asyncio.Server] = []
        self._ports: list[Port] = []
        self._questions: list[Questions] = []
        self._wakeup: Wakeup | None = None
        self._pump: Pump[Session] = Pump(self.engine, self._after)
        self._doorkeeper = Doorkeeper(limits.sessions, limits.sessions_per_address, admit)
        self._question_budget = TokenBuckets(QUESTION_RATE, QUESTION_BURST)
        self._sealed_questions = _sealed_questions(membership)
        if membership is not None and self.engine.members is not None:
            from nwip.dss.door import Door  # noqa: PLC0415 - plain domains need no ciphers

            self._pump.door = Door(membership, only_dss=False, limit=limits.first_message)
            self.engine.members.changed = self._after
            admit_peers = admit_peers or (lambda _: True)
        admits = admit_peers or self._is_known_dss
        self.replication = ReplicationEngine(self.engine, admit=lambda ip: admits(ip) and not banned(ip))
        self.peering: Peering | None = None
        self.keeper = self._keeper(store) if store is not None else None
        self._presence: Presence | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.answer_nearest: Callable[[bytes, Endpoint], bytes | None] = lambda _data, _source: None
        self.endpoints: list[Endpoint] = []
        self.question_endpoints: list[Endpoint] = []

    @property
    def directory(self) -> Directory:
        """What is registered."""
        return self.engine.directory

    @property
    def parameters(self) -> Parameters:
        """The parameters of the domain."""
        return self.engine.parameters

    @property
    def alarms(self) -> list[str]:
        """The latest things that an operator should know, oldest first."""
        return list(self.engine.alarms)

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self.engine)

    @property
    def drops(self) -> Counter[str]:
        """Questions on UDP not answered, or not wholly, and connections cut at once, by reason."""
        return sum((asked.drops for asked in self._questions), Counter(self._doorkeeper.turned_away))

    def set_parameters(self, parameters: Parameters) -> None:
        """Give the domain new parameters; every session is told at once."""
        self.engine.set_parameters(parameters)
        self._after()

    def wake(self) -> None:
        """Send what a change of the engine has left to be sent, and set the clock."""
        self._after()

    def promote(self) -> None:
        """Make this DSS the primary; everybody is told at once."""
        self.engine.promote()
        self._after()

    def forget(self, owner: bytes) -> int:
        """Drop all records of an owner, in the whole domain; return how many there were."""
        count = self.engine.forget(owner, self._now())
        self._after()
        return count

    def expel(self) -> int:
        """End the sessions of who is not admitted any more, and forget their records; return how many."""
        gone = [session for session in self.engine.sessions() if not self._admit(session.peer)]
        for session in gone:
            if session.is_node:
                self.engine.forget(session.identity, self._now())
            self.engine.turn_out(session)
        count = len(gone) + self.replication.expel()
        self._after()
        return count

    async def start(
        self, sessions: Sequence[Endpoint], questions: Sequence[Endpoint] = (), *, founding: bool = False
    ) -> None:
        """Restore what the store has kept, then listen for sessions (TCP) and questions (UDP).

        Port 0 takes a free one. With `founding` this DSS becomes the primary of a domain of which the store,
        one that several share, knows nothing yet.

        Raises `OSError` when an address cannot be had; then nothing stays open.
        """
        self._wakeup = Wakeup(self._next_deadline, self._advance)
        if self.keeper is not None:
            self.keeper.founding = founding
            await self.keeper.restore()
            self.engine.conflicts.look_again()
        if self.engine.members is not None:
            self.engine.members.look_again()
        try:
            for host, port in sessions:
                server = await listening(self._accept, (host, port), BACKLOG, self._passed)
                self._servers.append(server)
                self.endpoints += [sock.getsockname()[:2] for sock in server.sockets]
            for at in questions:
                self._listen(at)
        except OSError:
            await self.close()
            raise

    async def join(
        self, listen: Sequence[Endpoint], peers: Resolve, random: Random, *, incarnation: int, hold: bool
    ) -> None:
        """Meet the other DSSs: take their calls (TCP), call those that `peers` names, register this one.

        With `hold`, readers wait for the first meeting, a few seconds at most. Call after `start`. Raises
        `OSError` when an address cannot be had; then this DSS stays alone.
        """
        peering = Peering(
            self.replication, self._identity, peers, random, self._after, membership=self._membership
        )
        await peering.listen(listen, self._passed)
        self.peering = peering
        if hold:
            self.engine.hold()
        value = Dss(
            self._identity, self.engine.name, self._told(self.endpoints), self._told(peering.endpoints)
        )
        self._presence = Presence(self.engine, value, incarnation, self._now())
        peering.call(self._open_doors)
        self._after()

    async def close(self) -> None:
        """Say goodbye in every session and close everything; safe to call twice."""
        for server in self._servers:
            server.close()
        for port in self._ports:
            port.close()
        self._servers, self._ports = [], []
        if self._presence is not None:
            self._presence.leave(self._now())
            self._presence = None
        self.engine.close("the dss stops")
        self._after()
        if self.peering is not None:
            await self.peering.close()
            self.peering = None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORD_LIMIT)
            await end_tasks(*self._tasks)
        if self.engine.members is not None:
            self.engine.members.detach()
        if self._wakeup is not None:
            self._wakeup.cancel()
        if self.keeper is not None:
            await self.keeper.close()

    def _keeper(self, store: Store) -> Keeper | SharedKeeper:
        if not is_shared(store):
            return Keeper(store, self.engine)
        return SharedKeeper(store, self.engine, self._after, self._carried_by)

    def _carried_by(self, medium: bytes) -> None:
        self.replication.carried_by(medium, self._now())
        self._after()

    def _listen(self, at: Endpoint) -> None:
        def received(batch: Sequence[Datagram]) -> None:
            for data, source in batch:
                for response in self._responses(questions, data, source):
                    port.send(response, source)

        port = open_port(at, received, passed=self._passed)
        is_sealed = self._membership is not None
        questions = Questions(
            self.engine.directory,
            address=port.endpoint[0],
            identity=self._identity,
            proven=(lambda _: True) if is_sealed else self._is_proven,
        )
        self._questions.append(questions)
        self._ports.append(port)
        self.question_endpoints.append(port.endpoint)

    def _responses(self, questions: Questions, data: bytes, source: Endpoint) -> list[bytes]:
        """Return what is sent back for a datagram to a port of questions."""
        if self.engine.is_held:
            questions.drops["not yet synchronised"] += 1
            return []
        if not self._may_ask(source[0]):
            questions.drops["too many questions"] += 1
            return []
        nearest = self.answer_nearest(data, source)
        if nearest is not None:
            return [nearest]
        if not self._admit(source[0]):
            questions.drops["not admitted"] += 1
            return []
        parameters = self.engine.parameters
        if self._sealed_questions is None:
            return questions.answer(data, source, parameters)
        try:
            return self._sealed_questions.take(
                data, source, self._now(), lambda packet: questions.answer(packet, source, parameters)
            )
        except WireError:
            questions.drops["not sealed by a member"] += 1
            return []

    def _open_doors(self) -> None:
        self.engine.open_doors()
        self._after()

    @staticmethod
    def _told(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        """Return those endpoints that others can use, few enough for a record."""
        return [at for at in endpoints if not ip_address(at[0].partition("%")[0]).is_unspecified][:8]

    def _is_known_dss(self, ip: str) -> bool:
        if _is_loopback(ip) or (self.peering is not None and ip in self.peering.named):
            return True
        return any(
            ip == host
            for record in self.directory.records(Kind.DSS)
            if isinstance(record.value, Dss)
            for host, _ in record.value.peers
        )

    def _is_proven(self, ip: str) -> bool:
        return self._trust(ip) or self.engine.holds_session_from(ip)

    def _may_ask(self, ip: str) -> bool:
        """Say whether a question is looked at: the answers to a forged source are bounded, whoever it is."""
        return self._trust(ip) or self._question_budget.allow(source_of(ip), self._now())

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        place = self._doorkeeper.enter(peer[0], self._now()) if peer else None  # None: gone already
        if place is None:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._serve(peer[0], reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._doorkeeper.leave(place))

    async def _serve(self, ip: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = self.engine.open(ip, self._now())
        session.is_here = ip == writer.get_extra_info("sockname")[0]
        await self._pump.answer(session, reader, writer)

    def _advance(self, now: float) -> None:
        self.engine.advance(now)
        self.replication.advance(now)
        if self._presence is not None:
            self._presence.advance(now)
        self._after()

    def _next_deadline(self) -> float | None:
        times = [self.engine.next_deadline(), self.replication.next_deadline()]
        if self._presence is not None:
            times.append(self._presence.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def _after(self) -> None:
        """Wake the sessions that have something to send, and set the clock to the next deadline."""
        self._pump.wake()
        if self.peering is not None:
            self.peering.wake()
        if self._wakeup is not None:
            self._wakeup.arm()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _is_loopback(ip: str) -> bool:
    return ip_address(ip.partition("%")[0]).is_loopback


def _sealed_questions(membership: "Membership | None") -> "SealedQuestions | None":
    if membership is None:
        return None
    from nwip.security.sealed.questions import SealedQuestions  # noqa: PLC0415 - as above

    return SealedQuestions(membership, os.urandom)
