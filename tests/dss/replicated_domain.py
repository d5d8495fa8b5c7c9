"""Several DSSs, as pure engines on a simulated clock; what one sends, the other has at once and in order."""

from collections.abc import Sequence
from itertools import combinations, zip_longest

from dss.simulated_domain import PARAMETERS, Member
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record, Service, Value
from nwip.dss.peer_session import PeerSession
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Proof, Session
from nwip.security.membership import Membership


class Site:
    """One DSS."""

    def __init__(
        self,
        number: int,
        now: float,
        boot: int = 0,
        parameters: Parameters = PARAMETERS,
        membership: Membership | None = None,
    ) -> None:
        self.identity = membership.identity if membership else bytes([0xD0 + number]) * 16
        self.proof = Proof(self.identity) if membership else None
        self.server = ServerEngine(
            parameters,
            identity=self.identity,
            boot=bytes([number, boot]) * 8,
            admit=lambda _: True,
            name=f"dss{number}",
            membership=membership,
        )
        self.replication = ReplicationEngine(self.server, now)

    def names(self) -> set[str]:
        return {
            record.value.name
            for record in self.server.directory.records(Kind.SERVICE)
            if isinstance(record.value, Service)
        }

    def sequences(self) -> set[tuple[bytes, object, tuple[int, int]]]:
        directory = self.server.directory
        return {
            (record.owner, record.key, record.sequence)
            for owner in directory.heard_owners()
            for record in directory.of_owner(owner)
        }


class Wire:
    """A connection between two DSSs, the first of which has called."""

    def __init__(self, left: Site, right: Site, now: float) -> None:
        self.ends = (left, right)
        self.sessions: tuple[PeerSession, PeerSession] = (
            left.replication.open("10.0.0.1", now, calling=True, proof=right.proof),
            right.replication.open("10.0.0.2", now, calling=False, proof=left.proof),
        )
        self.octets = 0
        self.late = 0.0  # until when nothing arrives

    def carry(self, now: float) -> bool:
        moved = False
        if now < self.late:
            return moved
        for source, target in ((0, 1), (1, 0)):
            data = self.sessions[source].take(now)
            if data:
                moved = True
                self.octets += len(data)
                self.ends[target].replication.receive(self.sessions[target], data, now)
        return moved

    @property
    def is_over(self) -> bool:
        return any(session.closing for session in self.sessions)

    def cut(self) -> None:
        for site, session in zip(self.ends, self.sessions, strict=True):
            site.replication.lost(session)


class Domain:
    """Sites all joined with each other, and members at them."""

    def __init__(
        self, count: int, parameters: Parameters = PARAMETERS, memberships: Sequence[Membership] = ()
    ) -> None:
        self.now = 1000.0
        self.sites = [
            Site(number, self.now, parameters=parameters, membership=membership)
            for number, membership in zip_longest(range(count), memberships)
        ]
        self.wires: dict[frozenset[int], Wire] = {}
        self.members: dict[Member, tuple[int, Session]] = {}
        for left, right in combinations(range(count), 2):
            self.join(left, right)
        self.settle()

    def join(self, left: int, right: int) -> Wire:
        wire = Wire(self.sites[left], self.sites[right], self.now)
        self.wires[frozenset((left, right))] = wire
        return wire

    def part(self, left: int, right: int) -> None:
        self.wires.pop(frozenset((left, right))).cut()

    def attach(self, member: Member, site: int) -> None:
        self.detach(member)
        session = self.sites[site].server.open("127.0.0.1", self.now)
        session.proof = member.proof
        member.engine.connected(self.now, self.sites[site].identity if member.proof else b"")
        self.members[member] = (site, session)
        self.settle()

    def detach(self, member: Member) -> None:
        found = self.members.pop(member, None)
        if found is not None:
            site, session = found
            self.sites[site].server.lost(session)
            member.engine.disconnected(self.now)

    def offer(self, member: Member, *values: Value) -> None:
        for value in values:
            member.engine.offer(value)
        self.settle()

    def settle(self) -> None:
        moved = True
        while moved:
            moved = False
            for member, (site, session) in list(self.members.items()):
                up = member.engine.take()
                if up:
                    self.sites[site].server.receive(session, up, self.now)
                down = session.take(self.now)
                if down:
                    member.events += member.engine.receive(down, self.now)
                if session.closing or member.engine.failure:
                    self.detach(member)
                moved |= bool(up or down)
            for ends, wire in list(self.wires.items()):
                moved |= wire.carry(self.now)
                if wire.is_over:
                    wire.carry(self.now)
                    wire.cut()
                    self.wires.pop(ends, None)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            engines = [member.engine for member in self.members]
            times = [engine.next_deadline() for engine in engines]
            for site in self.sites:
                times += [site.server.next_deadline(), site.replication.next_deadline()]
            due = min((time for time in times if time is not None), default=end)
            self.now = min(end, max(due, self.now + 0.001))
            for member in self.members:
                member.events += member.engine.advance(self.now)
            for site in self.sites:
                site.server.advance(self.now)
                site.replication.advance(self.now)
            self.settle()

    def records(self) -> list[Record]:
        return [r for site in self.sites for kind in Kind for r in site.server.directory.records(kind)]
