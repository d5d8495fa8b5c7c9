"""A domain of pure engines on a simulated clock: what one side sends, the other has at once and in order."""

from __future__ import annotations

from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Node, Record, Route, Service
from nwip.dss.client_engine import ClientEngine
from nwip.dss.events import DirectoryChanged, Event
from nwip.dss.framing import Splitter, frame
from nwip.dss.messages import VERSION, Hello, Message, decode, encode
from nwip.dss.peers import Limits
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Proof, Session
from nwip.routing.numbering import node_number
from nwip.security.membership import Membership

PARAMETERS = Parameters(domain="sim.test", lease=15.0, renewal=5.0)
DSS = b"D" * 16


def service(name: str, hops: int = 0) -> Service:
    return Service(4, name, 1, bytes(6), 0x451, hops)


def node(number: int, ip: str = "127.0.0.1") -> Node:
    at = (ip, 43981)
    return Node(node_number(at, PARAMETERS, bytes([number]) * 16, salt=1), f"node{number}", [at])


def new_server(
    boot: bytes = b"0" * 16, limits: Limits | None = None, parameters: Parameters = PARAMETERS
) -> ServerEngine:
    return ServerEngine(
        parameters, identity=DSS, boot=boot, admit=lambda _: True, limits=limits or Limits(), name="dss"
    )


class Member:
    """A node: its engine, and the session it has, if any."""

    def __init__(
        self,
        number: int,
        boot: bytes | None = None,
        membership: Membership | None = None,
        **options: object,
    ) -> None:
        self.identity = membership.identity if membership else bytes([number]) * 16
        self.proof = Proof(self.identity) if membership else None
        self.engine = ClientEngine(
            "sim.test",
            self.identity,
            f"node{number}",
            boot=boot or bytes([number]) * 16,
            kinds=tuple(Kind),
            incarnation=int(str(options.get("incarnation", 1))),
            membership=membership,
        )
        self.session: Session | None = None
        self.events: list[Event] = []
        self.cut = False

    def names(self) -> set[str]:
        return {
            r.value.name for r in self.engine.directory.records(Kind.SERVICE) if isinstance(r.value, Service)
        }

    def removed(self) -> list[Record]:
        changes = [c for e in self.events if isinstance(e, DirectoryChanged) for c in e.changes]
        return [change.record for change in changes if change.removed]


class World:
    """One DSS (which may be away) and its members; `run` moves the clock from deadline to deadline."""

    RETRY = 0.5

    def __init__(self, *members: Member, parameters: Parameters = PARAMETERS) -> None:
        self.now = 1000.0
        self.server: ServerEngine | None = new_server(parameters=parameters)
        self.members = list(members)
        self.settle()

    def settle(self) -> None:
        """Connect who can be connected, and deliver until nothing moves."""
        moved = True
        while moved:
            moved = False
            for member in self.members:
                moved |= self._connect(member)
                moved |= self._deliver(member)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            times = [m.engine.next_deadline() for m in self.members]
            times.append(self.server.next_deadline() if self.server else None)
            due = min((t for t in times if t is not None), default=end)
            self.now = min(end, max(due, self.now + 0.001))
            for member in self.members:
                member.events += member.engine.advance(self.now)
            if self.server:
                self.server.advance(self.now)
            self.settle()

    def lose_server(self) -> None:
        for member in self.members:
            self.disconnect(member)
        self.server = None

    def restart_server(self) -> None:
        self.server = new_server(b"1" * 16)
        self.settle()

    def disconnect(self, member: Member) -> None:
        if member.session is not None and self.server is not None:
            self.server.lost(member.session)
        member.session = None
        member.engine.disconnected(self.now)

    def _connect(self, member: Member) -> bool:
        if self.server is None or member.session is not None or member.cut:
            return False
        member.session = self.server.open("127.0.0.1", self.now)
        member.engine.connected(self.now)
        return True

    def _deliver(self, member: Member) -> bool:
        if self.server is None or member.session is None:
            return False
        up = member.engine.take()
        if up:
            self.server.receive(member.session, up, self.now)
        down = member.session.take(self.now)
        if down:
            member.events += member.engine.receive(down, self.now)
        if member.session.closing or member.engine.failure:
            member.cut = True  # a test says when it may come again
            self.disconnect(member)
        return bool(up or down)


def messages(data: bytes) -> list[Message]:
    found = [decode(octets) for octets in Splitter().feed(data)]
    return [message for message in found if message is not None]


def send(server: ServerEngine, session: Session, message: Message, now: float) -> list[Message]:
    """Send one message; return what the session then has to read."""
    server.receive(session, frame(encode(message)), now)
    return messages(session.take(now))


def hello(number: int = 1, boot: bytes = b"B" * 16, role: str = "node", domain: str = "sim.test") -> Hello:
    assert role in {"node", "reader", "dss"}
    return Hello(VERSION, domain, bytes([number]) * 16, boot, role, "x")  # type: ignore[arg-type]


def route(network: int) -> Route:
    return Route(network, 0, 1)
