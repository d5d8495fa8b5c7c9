"""Sessions of TCP 396 and 2010, from either side, and questions on UDP 396.

An input is a conversation: its sources open sessions, say something, and time goes by. Whatever they say, a
session ends with a word or goes on; tables stay within their limits.
"""

from collections.abc import Callable
from typing import Final

from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record, Route, Service
from nwip.directory.table import Directory
from nwip.dss.client_engine import ClientEngine
from nwip.dss.framing import FRAME_LIMIT, LENGTH_SIZE, frame
from nwip.dss.peer_session import PeerSession
from nwip.dss.peers import Limits
from nwip.dss.questions import Questions
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Session
from nwip.wire import WireError
from targets.steps import promise, steps

PARAMETERS: Final = Parameters(domain="fuzz.test", identity=b"D" * 16)
LIMITS: Final = Limits(sessions=8, sessions_per_address=4)
SLICE: Final = 1 << 20
FRAMED: Final = 8  # a choice below says: this is one whole message


def _server() -> ServerEngine:
    return ServerEngine(
        PARAMETERS, identity=b"D" * 16, boot=b"B" * 16, admit=lambda _: True, limits=LIMITS, name="fuzzed"
    )


def _octets(data: bytes, choice: int) -> bytes:
    try:
        return frame(data) if choice < FRAMED else data
    except WireError:
        return data


def node_sessions(data: bytes) -> None:
    """Nodes and readers speak to a DSS."""
    engine, sessions, now = _server(), dict[int, Session](), 1000.0
    for step in steps(data):
        now += step.seconds
        engine.advance(now)
        session = sessions.get(step.source)
        if session is None or session.closing:
            if session is not None:
                engine.lost(session)
            session = sessions[step.source] = engine.open(f"192.0.2.{step.source}", now)
        engine.receive(session, _octets(step.data, step.choice), now)
        for each in engine.ready():
            _empty(each, now)
        promise(session.splitter.waiting <= FRAME_LIMIT + LENGTH_SIZE, "an unfinished frame over the limit")
        promise(len(engine) <= 16, "more sessions than connections")


def peer_sessions(data: bytes) -> None:
    """Other DSSs speak to a DSS, some of which it has called."""
    server, sessions, now = _server(), dict[int, PeerSession](), 1000.0
    engine = ReplicationEngine(server, now)
    for step in steps(data):
        now += step.seconds
        server.advance(now)
        engine.advance(now)
        session = sessions.get(step.source)
        if session is None or session.closing:
            if session is not None:
                engine.lost(session)
            calling = step.source >= 8
            session = sessions[step.source] = engine.open(f"192.0.2.{step.source}", now, calling=calling)
        engine.receive(session, _octets(step.data, step.choice), now)
        for each in engine.ready():
            _empty(each, now)
        promise(session.splitter.waiting <= FRAME_LIMIT + LENGTH_SIZE, "an unfinished frame over the limit")


def client_session(data: bytes) -> None:
    """A DSS, or what says that it is one, speaks to a node."""
    engine, now = ClientEngine("", b"N" * 16, "node", boot=b"B" * 16, kinds=tuple(Kind)), 1000.0
    engine.offer(Service(4, "OURS", 1, bytes(6), 0x451, 0))
    engine.connected(now)
    for step in steps(data):
        now += step.seconds
        engine.advance(now)
        engine.receive(_octets(step.data, step.choice), now)
        engine.take()
        if engine.failure:
            engine.disconnected(now)
            engine.connected(now)


def _empty(session: Session, now: float) -> None:
    """Read what a session has to say, as a peer would, some of it."""
    for _ in range(8):
        told = session.take(now)
        promise(len(told) <= 8 * SLICE, "more octets at once than an outbox may hold")
        if not told:
            return


def _directory() -> Directory:
    directory = Directory()
    for index in range(40):
        service = Service(4 + index % 3, f"SERVER{index}", 16 + index, bytes(6), 0x451, index % 4)
        directory.merge(Record(b"O" * 16, 1, 2 * index + 1, service), 0.0)
        directory.merge(Record(b"O" * 16, 1, 2 * index + 2, Route(16 + index, index % 4, 2)), 0.0)
    return directory


_ASKED: Final = _directory()


def questions(data: bytes) -> None:
    """Questions to a DSS, from one who has shown no address: never more octets back than came."""
    asked = Questions(_ASKED, address="192.0.2.1", identity=b"D" * 16, proven=lambda _: False)
    for step in steps(data):
        answers = asked.answer(step.data, (f"198.51.100.{step.source}", 396), PARAMETERS)
        octets = sum(map(len, answers))
        promise(octets <= len(step.data), f"{octets} octets for {len(step.data)}")


def proven_questions(data: bytes) -> None:
    """The same from one who has."""
    asked = Questions(_ASKED, address="192.0.2.1", identity=b"D" * 16, proven=lambda _: True)
    for step in steps(data):
        asked.answer(step.data, (f"198.51.100.{step.source}", 396), PARAMETERS)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "node-sessions": node_sessions,
    "peer-sessions": peer_sessions,
    "client-session": client_session,
    "questions": questions,
    "proven-questions": proven_questions,
}
