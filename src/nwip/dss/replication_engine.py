"""Sessions between DSSs, on TCP 2010: what one learns, all learn; where two differ, they mend it. Pure.

Both sides say Hello, then their parameters, their neighbours, their nodes, and a summary of what they have
seen of each owner; each sends what the other lacks. From then on changes are told at once, to those peers
that do not hear them from where they came. From time to time digests are compared: where they differ,
summaries again; an owner on whose highest sequence both agree and whose digests still differ is sent whole,
both ways.
"""

import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from nwip.directory.deadlines import Deadlines
from nwip.directory.parameters import Parameters
from nwip.directory.table import Directory
from nwip.dss.comparison import MISSING_LIMIT, compare, digest_message, living, summaries
from nwip.dss.exchange import OURSELVES
from nwip.dss.framing import FRAME_LIMIT, frame
from nwip.dss.messages import (
    BATCH,
    NEIGHBOUR_LIMIT,
    VERSION,
    Attached,
    Delta,
    Digest,
    DomainParameters,
    DomainSecret,
    Goodbye,
    Hello,
    Message,
    Neighbours,
    Reason,
    Refused,
    Roster,
    Summary,
    Synchronised,
    VersionError,
    decode,
    encode,
)
from nwip.dss.peer_greeting import objection
from nwip.dss.peer_session import PeerSession, PeerStatus
from nwip.dss.primacy import meet_parameters
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Proof
from nwip.security.sources import plain_address
from nwip.wire import WireError

_log = logging.getLogger(__name__)

FIRST_MESSAGE: Final = 5.0  # seconds until a peer has said hello
SILENCE: Final = 2.5  # comparisons without a word, then a peer is taken for lost
COMPARISON_OF_LEASE: Final = 1 / 3  # of the lease at most from one comparison to the next: it also shows life


class ReplicationEngine:
    """The other DSSs, as `server` sees them.

    `admit(ip)` says who may have such a session. After any call, `ready()` names the sessions to write to.
    The first peer from which everything has come opens the server's doors: see `ServerEngine.hold`.
    """

    def __init__(
        self, server: ServerEngine, now: float = 0.0, *, admit: Callable[[str], bool] = lambda _: True
    ) -> None:
        self._server = server
        self._now = now
        self._admit = admit
        self._sessions: set[PeerSession] = set()
        self._turned_away: set[PeerSession] = set()
        self._peers: dict[bytes, PeerSession] = {}
        self._deadlines: Deadlines[PeerSession] = Deadlines()
        self._compare: Deadlines[PeerSession] = Deadlines()
        self._ready: set[PeerSession] = set()
        self._medium = b""
        self._number = 0
        self._numbers: dict[bytes, int] = {}  # the latest heard of each DSS, by its boot
        server.listeners.append(self._news)
        server.parameter_listeners.append(self._parameters_changed)
        server.attach_listeners.append(self._attached)
        if server.members is not None:
            server.members.listeners.append(self._tell_of_members)
            server.members.revocation_listeners.append(self._revoked)

    @property
    def directory(self) -> Directory:
        """What the domain holds."""
        return self._server.directory

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def expel(self) -> int:
        """End the sessions with DSSs that may not call any more; return how many."""
        gone = [
            session
            for session in self._sessions
            if not session.calling and not session.closing and not self._admit(session.peer)
        ]
        for session in gone:
            self._refuse(session, Reason.NOT_ADMITTED, f"{session.peer} may not call this dss")
        return len(gone)

    def admits(self, ip: str) -> bool:
        """Say whether a DSS may call from an IP address."""
        return self._admit(plain_address(ip))

    def open(self, peer: str, now: float, *, calling: bool, proof: Proof | None = None) -> PeerSession:
        """Take a connection with a DSS at an IP address; `calling`: this side has made it.

        In a sealed domain `proof` says whose key the other side has shown, if it has already.
        """
        session = PeerSession(plain_address(peer), self._server.directory, now, calling=calling)
        session.proof = proof
        self._sessions.add(session)
        self._deadlines.set(session, now + FIRST_MESSAGE)
        if calling:
            self._send(session, self._hello())
        elif not self._admit(session.peer):
            self._turned_away.add(session)
            self._refuse(session, Reason.NOT_ADMITTED, f"{session.peer} is not named as a dss of this domain")
        elif len(self._sessions) - len(self._turned_away) > 2 * NEIGHBOUR_LIMIT:
            self._turned_away.add(session)
            self._refuse(session, Reason.FULL, "no more sessions can be held")
        return session

    def lost(self, session: PeerSession) -> None:
        """Learn that a connection has ended."""
        if session not in self._sessions:
            return
        session.end()
        self._sessions.discard(session)
        self._turned_away.discard(session)
        self._ready.discard(session)
        self._deadlines.discard(session)
        self._compare.discard(session)
        if self._peers.get(session.identity) is session:
            del self._peers[session.identity]
            self._tell_neighbours()

    def receive(self, session: PeerSession, data: bytes, now: float) -> None:
        """Take octets that arrived in a session."""
        self._now = now
        if session.closing:
            return
        session.last_heard = now
        try:
            for octets in session.splitter.feed(data):
                message = decode(octets)
                if message is None:
                    session.skipped += 1
                else:
                    self._handle(session, message, now)
                if session.closing:
                    return
        except VersionError as error:
            self._refuse(session, Reason.VERSION, str(error))
        except WireError as error:
            self._refuse(session, Reason.MALFORMED, str(error))

    def ready(self) -> set[PeerSession]:
        """Return, once, the sessions that have something to send or are to be closed."""
        ready, self._ready = self._ready, set()
        return ready

    def advance(self, now: float) -> None:
        """Run what is due: comparisons, silent peers."""
        self._now = now
        for session in list(self._deadlines.pop_due(now)):
            reason = Reason.IDLE if session.greeted else Reason.LATE
            self._refuse(session, reason, "nothing was heard for too long")
        for session in list(self._compare.pop_due(now)):
            self._begin_comparison(session, now)

    def next_deadline(self) -> float | None:
        """Return when `advance` has something to do."""
        times = (self._deadlines.next(), self._compare.next())
        return min((time for time in times if time is not None), default=None)

    def close(self, text: str) -> None:
        """Say goodbye in every session and end it."""
        for session in self._sessions:
            session.end(Goodbye(text=text))
            self._ready.add(session)

    def carried_by(self, medium: bytes, now: float) -> None:
        """Learn which store carries news to all who name it among their neighbours; empty: none does."""
        before, self._medium = self._medium, medium
        if not medium:
            self._tell_directly([peer for peer in self._peers.values() if before in peer.neighbours], now)
        self._tell_neighbours()

    def peers(self) -> list[bytes]:
        """Return the identities of the DSSs that there is a session with."""
        return list(self._peers)

    def status(self, now: float) -> list[PeerStatus]:
        """Say how it stands with each DSS that there is a session with."""
        return [session.status(now) for session in self._peers.values()]

    def _handle(self, session: PeerSession, message: Message, now: float) -> None:
        server = self._server
        if isinstance(message, Refused):
            session.refusal = message
            session.end()
            self._ready.add(session)
            return
        if not session.greeted:
            self._greet(session, message, now)
            return
        self._deadlines.set(session, now + SILENCE * self._interval)
        match message:
            case Delta():
                session.records_in += len(message.records)
                carried = self._medium in session.neighbours  # then its owners are not ours to write there
                server.take_in(message, self._medium if carried else session.identity, now)
            case Digest() | Summary() | Synchronised():
                self._compared(session, message, now)
            case DomainParameters():
                meet_parameters(server, session, message.parameters)
            case Neighbours():
                self._meet_neighbours(session, frozenset(message.identities), now)
            case Attached():
                self._attached_there(session, message, now)
            case Roster() | DomainSecret() if server.members is not None:
                server.members.take_in(message, session.identity, now)
            case Goodbye():
                session.end()
                self._ready.add(session)
            case _:
                self._refuse(session, Reason.NOT_ALLOWED, "that message is not for another dss")

    def _compared(self, session: PeerSession, message: Digest | Summary | Synchronised, now: float) -> None:
        if isinstance(message, Synchronised):
            session.synchronised = True
            self._server.open_doors()
        elif isinstance(message, Digest):
            session.agrees = message == digest_message(self._server.directory)
            if session.agrees:
                session.agreed_at = now
            else:
                self._send_summaries(session, answer=True)
        else:
            session.theirs.update((seen.owner, seen) for seen in message.owners)
            if message.last or len(session.theirs) > MISSING_LIMIT:
                self._send_missing(session, now)
                if message.answer:
                    self._send_summaries(session, answer=False)

    def _meet_neighbours(self, session: PeerSession, identities: frozenset[bytes], now: float) -> None:
        before, session.neighbours = session.neighbours, identities
        if self._medium in before - identities:
            self._tell_directly([session], now)

    def _attached_there(self, session: PeerSession, message: Attached, now: float) -> None:
        if message.number:
            if message.boot == self._server.boot or message.number <= self._numbers.get(message.boot, 0):
                return  # it has come round in a circle
            self._numbers[message.boot] = message.number
            if len(self._numbers) > 2 * NEIGHBOUR_LIMIT:
                del self._numbers[next(iter(self._numbers))]
            self._tell(session.identity, message, 0)
        for owner, boot in message.nodes:
            self._server.attached_elsewhere(owner, boot, fresh=message.number > 0, now=now)

    def _greet(self, session: PeerSession, message: Message, now: float) -> None:
        server = self._server
        if isinstance(message, Roster) and server.members is not None and session.proof is not None:
            server.members.take_in(message, session.proof.identity, now)  # we were revoked
        elif (no := objection(server, session, message)) is not None:
            self._refuse(session, Reason(no.reason), no.text)
        elif isinstance(message, Hello):
            session.hello = message
            session.splitter.limit = FRAME_LIMIT
            if self._stands(session):
                self._begin(session, now)

    def _stands(self, session: PeerSession) -> bool:
        """Of two sessions with one DSS keep the one that the lower identity has called, or else the newer."""
        older = self._peers.get(session.identity)
        if older is None or older.closing:
            return True
        kept_calling = self._server.identity < session.identity
        same_life = (
            older.hello is not None and session.hello is not None and older.hello.boot == session.hello.boot
        )
        if same_life and older.calling != session.calling and older.calling == kept_calling:
            self._refuse(session, Reason.REPLACED, "there is a session already")
            return False
        self._refuse(older, Reason.REPLACED, "a newer session has come")
        return True

    def _begin(self, session: PeerSession, now: float) -> None:
        session.greeted = True
        self._peers[session.identity] = session
        if not session.calling:
            self._send(session, self._hello())
        self._deadlines.set(session, now + SILENCE * self._interval)
        self._compare.set(session, now + self._interval)
        self._send(session, DomainParameters(self._server.parameters))
        if self._server.members is not None:
            session.introduction = self._server.members.introduction()
        self._tell_neighbours()
        attached = list(self._server.attached().items())
        for start in range(0, len(attached), BATCH):
            self._send(session, Attached(attached[start : start + BATCH]))
        self._send_summaries(session, answer=False)

    def _hello(self) -> Hello:
        server = self._server
        return Hello(VERSION, server.parameters.domain, server.identity, server.boot, "dss", server.name)

    @property
    def _interval(self) -> float:
        """Seconds from one comparison to the next."""
        parameters = self._server.parameters
        return min(parameters.synchronisation, COMPARISON_OF_LEASE * parameters.lease)

    def _begin_comparison(self, session: PeerSession, now: float) -> None:
        if session.closing:
            return
        self._compare.set(session, now + self._interval)
        session.behind = False
        self._send(session, digest_message(self._server.directory))

    def _send_summaries(self, session: PeerSession, *, answer: bool) -> None:
        for summary in summaries(self._server.directory, answer=answer):
            self._send(session, summary)

    def _send_missing(self, session: PeerSession, now: float) -> None:
        """Queue what the other side's summary lacks; of owners that are dead here it is told just that."""
        theirs, session.theirs = session.theirs, {}
        found = compare(self._server.directory, theirs, now)
        for owner, above in found.missing:
            session.missing.add(owner, above)
        session.repairs += found.repairs
        for start in range(0, len(found.dead), BATCH):
            self._send(session, Delta(found.dead[start : start + BATCH]))
        session.summaries += 1
        self._ready.add(session)

    def _tell_directly(self, sessions: Iterable[PeerSession], now: float) -> None:
        """Begin to tell peers what a store has told them until now: who lives, and then what they lack."""
        for session in sessions:
            for lives in living(self._server.directory, now):
                self._send(session, lives)
            self._begin_comparison(session, now)

    def _news(self, delta: Delta, origin: bytes) -> None:
        carried = {who for who, session in self._peers.items() if self._medium in session.neighbours}
        self._tell(origin, delta, len(delta.records), carried)

    def _parameters_changed(self, parameters: Parameters) -> None:
        self._tell(OURSELVES, DomainParameters(parameters), 0)

    def _attached(self, owner: bytes, boot: bytes) -> None:
        self._number += 1
        self._tell(OURSELVES, Attached([(owner, boot)], self._number, self._server.boot), 0)

    def _tell_of_members(self, message: Roster | DomainSecret, origin: bytes) -> None:
        """Tell every peer but the one it comes from: no comparison would find out what one has not heard."""
        for identity, session in self._peers.items():
            if identity != origin and not session.closing:
                self._send(session, message)

    def _revoked(self, identity: bytes, now: float) -> None:
        del now
        members = self._server.members
        for session in self._sessions:
            if members and session.proof is not None and session.proof.identity == identity:
                members.prove_revoked(session)
                self._refuse(session, Reason.REVOKED, "this dss was revoked")

    def _tell_neighbours(self) -> None:
        known = [self._medium, *self._peers] if self._medium else list(self._peers)
        self._tell(OURSELVES, Neighbours(known[:NEIGHBOUR_LIMIT]), 0)

    def _tell(
        self, origin: bytes, message: Message, records: int, carried: AbstractSet[bytes] = frozenset()
    ) -> None:
        """Tell every peer what has come from `origin`, but for those that hear it from there or a store."""
        teller = self._peers.get(origin)
        known = {origin} | carried | (teller.neighbours if teller is not None else frozenset())
        data = frame(encode(message)) if self._peers.keys() - known else b""
        for identity, session in self._peers.items():
            if identity not in known and not session.closing:
                session.tell(data, records)
                self._ready.add(session)

    def _send(self, session: PeerSession, message: Message) -> None:
        session.send(message)
        self._ready.add(session)

    def _refuse(self, session: PeerSession, reason: Reason, text: str) -> None:
        session.refuse(reason, text)
        self._ready.add(session)
