"""The machines of a simulated domain: DSSs and nodes, each with a clock of its own. Pure."""

from typing import Final, Protocol

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record, Value
from nwip.directory.tombstones import Withdrawal
from nwip.dss.client_engine import ClientEngine
from nwip.dss.messages import Role
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Session
from nwip.sim.network import Network, Stream

FIRST_PAUSE: Final = 0.25  # seconds between tries to connect, doubled up to the longest
LONGEST_PAUSE: Final = 2.0
HOLD: Final = 3.0  # seconds that a DSS waits to meet the others
DISK_EVERY: Final = 0.5  # seconds between writes to the simulated disk


class Machine:
    """Something with a name and a clock: local seconds run `rate` times as fast and started at `offset`."""

    def __init__(self, name: str, network: Network, offset: float, rate: float) -> None:
        self.name = name
        self.network = network
        self.up = False
        self._offset = offset
        self._rate = rate
        self._wake_at = float("inf")
        self._life = 0

    @property
    def now(self) -> float:
        """The local time."""
        return self._offset + self.network.clock.now * self._rate

    def wake_at(self, local: float | None) -> None:
        """Have `advance` called at a local time."""
        if local is None or local >= self._wake_at:
            return
        self._wake_at = local
        life = self._life
        clock = self.network.clock
        due = (local - self._offset) / self._rate
        clock.at(max(due, clock.now) + 1e-6, lambda: self._awake(life, local))

    def _awake(self, life: int, local: float) -> None:
        if self.up and life == self._life and local == self._wake_at:
            self._wake_at = float("inf")
            self.advance()

    def advance(self) -> None:
        """Run what is due."""
        raise NotImplementedError


class Engine(Protocol):
    """What a DSS's session needs."""

    def receive(self, session: Session, data: bytes, now: float) -> None:
        """Take octets."""
        ...

    def lost(self, session: Session) -> None:
        """Learn of the end."""
        ...


class DssMachine(Machine):
    """A DSS: its engines, its disk, its connections with the others and with nodes."""

    def __init__(
        self, number: int, network: Network, parameters: Parameters, *, offset: float = 0.0, rate: float = 1.0
    ) -> None:
        super().__init__(f"dss{number}", network, offset, rate)
        self.identity = bytes([0xD0, number]) * 8
        self.others: list[DssMachine] = []
        self._parameters = parameters
        self._disk: tuple[Parameters | None, list[Record], list[Withdrawal], list[Lease]] = (None, [], [], [])
        self._disk_version = -1
        self._boots = 0
        self._sessions: dict[Session, tuple[Stream, int, bool]] = {}
        self._numbers: dict[Session, int] = {}
        self._pauses: dict[str, float] = {}
        self.server: ServerEngine
        self.replication: ReplicationEngine

    def start(self, *, disk: bool = True) -> None:
        """Start with what the disk holds, or with nothing."""
        self._boots += 1
        self._life += 1
        self.up = True
        self._wake_at = float("inf")
        self._sessions.clear()
        self._pauses.clear()
        self.server = ServerEngine(
            self._parameters,
            identity=self.identity,
            boot=self._boots.to_bytes(16, "big"),
            name=self.name,
            admit=lambda _: True,
        )
        self.replication = ReplicationEngine(self.server, self.now)
        self._disk_version = -1
        if disk:
            self._restore()
        if self.others:
            self.server.hold()
            life = self._life
            self.network.clock.after(HOLD, lambda: self._open_doors(life))
        for other in self.others:
            self._call(other, self._life)
        self._write_disk(self._life)
        self.pump()

    def crash(self) -> None:
        """Stop without a word."""
        self.up = False
        self._life += 1
        for stream, _, _ in list(self._sessions.values()):
            stream.abort()
        self._sessions.clear()

    def accept(self, stream: Stream, ip: str, *, peer: bool) -> None:
        """Take a connection that another machine has made."""
        if peer:
            self._carry(self.replication.open(ip, self.now, calling=False), stream, 1, peer=True)
        else:
            self._carry(self.server.open(ip, self.now), stream, 1, peer=False)

    def advance(self) -> None:
        """Run what is due."""
        self.server.advance(self.now)
        self.replication.advance(self.now)
        self.pump()

    def pump(self) -> None:
        """Send what is to be sent, and set the alarm."""
        engines: tuple[ServerEngine | ReplicationEngine, ...] = (self.server, self.replication)
        for engine in engines:
            for session in sorted(engine.ready(), key=self._order):
                self._send(session)
        deadlines = [self.server.next_deadline(), self.replication.next_deadline()]
        self.wake_at(min((due for due in deadlines if due is not None), default=None))

    def _order(self, session: Session) -> int:
        """Return what orders sessions alike in every run; a set does not."""
        return self._numbers.get(session, -1)

    def _send(self, session: Session) -> None:
        if session not in self._sessions:
            return
        stream, end, _ = self._sessions[session]
        while data := session.take(self.now):
            stream.send(end, data)
        if session.closing:
            stream.finish(end)

    def _carry(self, session: Session, stream: Stream, end: int, *, peer: bool) -> None:
        self._sessions[session] = (stream, end, peer)
        self._numbers[session] = len(self._numbers)
        life = self._life
        engine: Engine = self.replication if peer else self.server  # type: ignore[assignment]

        def received(data: bytes) -> None:
            if self.up and life == self._life:
                engine.receive(session, data, self.now)
                self.pump()

        def ended() -> None:
            if self._sessions.pop(session, None) is not None and self.up and life == self._life:
                engine.lost(session)
                self.pump()

        stream.attach(end, received, ended)
        self._send(session)
        self.pump()

    def _call(self, other: "DssMachine", life: int) -> None:
        """Keep a connection with another DSS."""
        if not self.up or life != self._life:
            return
        pause = self._pauses.get(other.name, FIRST_PAUSE)
        self._pauses[other.name] = min(2 * pause, LONGEST_PAUSE)
        self.network.clock.after(
            pause * self.network.random.uniform(0.5, 1.0), lambda: self._call(other, life)
        )
        if other.identity in self.replication.peers() or any(
            other.name in stream.names for stream, _, peer in self._sessions.values() if peer
        ):
            return
        if other.up and self.network.reaches(self.name, other.name):
            stream = Stream(self.network, self.name, other.name, "dss")
            self._carry(self.replication.open("10.0.0.2", self.now, calling=True), stream, 0, peer=True)
            other.accept(stream, "10.0.0.1", peer=True)

    def _open_doors(self, life: int) -> None:
        if self.up and life == self._life:
            self.server.open_doors()
            self.pump()

    def _write_disk(self, life: int) -> None:
        if not self.up or life != self._life:
            return
        directory = self.server.directory
        leases = [lease for owner in directory.owners() if (lease := directory.lease(owner, self.now))]
        records = self._disk[1]
        if self._disk_version != directory.version:
            self._disk_version = directory.version
            records = [record for owner in directory.owners() for record in directory.of_owner(owner)]
        self._disk = (self.server.parameters, records, list(directory.withdrawals()), leases)
        self.network.clock.after(DISK_EVERY, lambda: self._write_disk(life))

    def _restore(self) -> None:
        parameters, records, withdrawals, leases = self._disk
        if parameters is not None:
            self.server.learn_parameters(parameters)
        directory = self.server.directory
        for lease in leases:
            directory.complete(lease.owner, (lease.floor_incarnation, lease.floor_counter), self.now)
        for gone in withdrawals:
            directory.withdraw(gone.owner, gone.key, gone.sequence, self.now)
        for record in records:
            directory.merge(record, self.now)


class NodeMachine(Machine):
    """A node: offers values, keeps a session with one of its DSSs. A slow one takes its octets late.

    A reader offers nothing, and may stand for several that hear the same: see `Stream`.
    """

    def __init__(  # noqa: PLR0917
        self,
        number: int,
        network: Network,
        domain: str,
        servers: list[DssMachine],
        kinds: tuple[Kind, ...] = tuple(Kind),
        offset: float = 0.0,
        rate: float = 1.0,
        slowness: float = 0.0,
        role: Role = "node",
        weight: int = 1,
    ) -> None:
        super().__init__(f"{role}{number}", network, offset, rate)
        self.identity = number.to_bytes(16, "big")
        self.ip = ".".join(map(str, (10, *number.to_bytes(16, "big")[-3:])))
        self.servers = servers
        self.offers: dict[object, Value] = {}
        self.died_at: float | None = None
        self.engine: ClientEngine
        self._domain = domain
        self.kinds = kinds
        self._slowness = slowness
        self._role = role
        self._weight = weight
        self._boots = 0
        self._next = 0
        self._pause = FIRST_PAUSE
        self._stream: Stream | None = None

    def start(self, incarnation: int = 1) -> None:
        """Start anew, as a machine that has forgotten everything but its identity."""
        self._boots += 1
        self._life += 1
        self.up = True
        self.died_at = None
        self._wake_at = float("inf")
        boot = (self._boots << 32 | int.from_bytes(self.identity[-4:], "big")).to_bytes(16, "big")
        self.engine = ClientEngine(
            self._domain,
            self.identity,
            self.name,
            boot=boot,
            kinds=self.kinds,
            role=self._role,
            incarnation=incarnation,
        )
        for value in self.offers.values():
            self.engine.offer(value)
        self._connect(self._life)

    def crash(self) -> None:
        """Stop without a word."""
        self.up = False
        self._life += 1
        self.died_at = self.network.clock.now
        if self._stream is not None:
            self._stream.abort()
            self._stream = None

    def stop(self) -> None:
        """Say goodbye and stop."""
        if self._stream is not None:
            self.engine.leave()
            self._send()
            self._stream.finish(0)
            self._stream = None
        self.up = False
        self._life += 1
        self.died_at = self.network.clock.now

    def offer(self, value: Value) -> None:
        """Register a value, or change the one of its key."""
        self.offers[value.key] = value
        if self.up:
            self.engine.offer(value)
            self._send()

    def retract(self, key: object) -> None:
        """Withdraw a value."""
        value = self.offers.pop(key, None)
        if value is not None and self.up:
            self.engine.retract(value.key)
            self._send()

    @property
    def connected(self) -> bool:
        """Whether a DSS has let it in."""
        return self.up and self.engine.greeted

    def advance(self) -> None:
        """Run what is due."""
        self.engine.advance(self.now)
        self._send()

    def _send(self) -> None:
        if self._stream is not None:
            while data := self.engine.take():
                self._stream.send(0, data)
        if self.engine.failure and self._stream is not None:
            self._stream.finish(0)
            self._lost()
        self.wake_at(self.engine.next_deadline())

    def _connect(self, life: int) -> None:
        if not self.up or life != self._life or self._stream is not None:
            return
        server = self.servers[self._next % len(self.servers)]
        if not (server.up and self.network.reaches(self.name, server.name)):
            self._later()
            return
        self._stream = stream = Stream(self.network, self.name, server.name, "node", self._weight)
        self.engine.connected(self.now)
        stream.attach(0, lambda data: self._received(stream, data), lambda: self._ended(stream))
        server.accept(stream, self.ip, peer=False)
        self._send()

    def _received(self, stream: Stream, data: bytes) -> None:
        if self._slowness:
            life = self._life
            self.network.clock.after(
                self._slowness, lambda: self._take(stream, data) if life == self._life else None
            )
        else:
            self._take(stream, data)

    def _take(self, stream: Stream, data: bytes) -> None:
        if stream is self._stream and self.up:
            self.engine.receive(data, self.now)
            if self.engine.greeted:
                self._pause = FIRST_PAUSE
            self._send()

    def _ended(self, stream: Stream) -> None:
        if self._slowness:  # it reads what came before the end first
            self.network.clock.after(self._slowness, lambda: self._end(stream))
        else:
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        if stream is self._stream:
            self._lost()

    def _lost(self) -> None:
        self._stream = None
        if self.up:
            self.engine.disconnected(self.now)
            self._later()

    def _later(self) -> None:
        self._next += 1
        life, random = self._life, self.network.random
        self.network.clock.after(self._pause * random.uniform(0.5, 1.0), lambda: self._connect(life))
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
