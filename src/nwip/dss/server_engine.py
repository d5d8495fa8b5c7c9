"""The DSS: many sessions over one directory. Pure: octets and times in, octets to send and deadlines out.

What is known, and the telling of it, is in `exchange.py`.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from nwip.directory.deadlines import Deadlines
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Kind, Record
from nwip.directory.table import Directory
from nwip.directory.tombstones import Withdrawal
from nwip.dss.authority import objection
from nwip.dss.claims import Claims
from nwip.dss.conflict_watch import ConflictWatch
from nwip.dss.exchange import OURSELVES
from nwip.dss.framing import FRAME_LIMIT
from nwip.dss.members import Members
from nwip.dss.messages import (
    VERSION,
    Acknowledge,
    Complete,
    Delta,
    DomainParameters,
    Goodbye,
    Hello,
    Message,
    Reason,
    Register,
    Renew,
    Subscribe,
    VersionError,
    Withdraw,
    decode,
)
from nwip.dss.peers import DEFAULT_LIMITS, Limits, Peers
from nwip.dss.session import Session
from nwip.dss.subscription import known_kinds
from nwip.dss.telling import Telling
from nwip.security.audit import audit
from nwip.security.sources import plain_address
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_log = logging.getLogger(__name__)

ALARMS_KEPT: Final = 32


class ServerEngine(Telling):
    """A DSS without its sockets.

    `admit(ip)` says who may have a session. After any call, `ready()` names the sessions to write to.
    `conflicts` are the claims that contradict each other now, `claims` judges what nodes register.
    `alarms` holds the latest things that an operator should know, in sentences.
    `attach_listeners` are told the identity and boot of each node that has just come.
    `members` is there in a sealed domain only: then each session needs a `Session.proof`.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        identity: bytes,
        boot: bytes,
        name: str = "",
        admit: Callable[[str], bool],
        limits: Limits = DEFAULT_LIMITS,
        directory: Directory | None = None,
        membership: "Membership | None" = None,
    ) -> None:
        super().__init__(parameters, identity, directory if directory is not None else Directory())
        self.members = Members(membership) if membership is not None else None
        if self.members is not None:
            self.members.listeners.append(self._tell_of_members)
            self.members.revocation_listeners.append(self._revoked)
        self.alarms: deque[str] = deque(maxlen=ALARMS_KEPT)
        self.attach_listeners: list[Callable[[bytes, bytes], None]] = []
        self.conflicts = ConflictWatch(self)
        self.claims = Claims(self, self.members)
        self.boot = boot
        self.name = name
        self._admit = admit
        self._limits = limits
        self._peers = Peers(limits)
        self._nodes: dict[bytes, Session] = {}
        self._deadlines: Deadlines[Session] = Deadlines()
        self._held: list[tuple[Session, Subscribe]] | None = None

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def open(self, peer: str, now: float) -> Session:
        """Take a new connection from an IP address; it may be refused at once, see `Session.closing`."""
        session = Session(plain_address(peer))
        self._sessions.add(session)
        if not self._admit(session.peer):
            self.turn_out(session)
        elif not self._peers.connect(session.peer):
            self._refuse(session, Reason.FULL, "no more sessions can be held")
        else:
            session.has_place = True
            self._deadlines.set(session, now + self._limits.first_message)
        return session

    def lost(self, session: Session) -> None:
        """Learn that a connection has ended; the node's records stay until its lease ends."""
        if session not in self._sessions:
            return
        session.end()
        self._sessions.discard(session)
        self._ready.discard(session)
        self._deadlines.discard(session)
        if session.has_place:
            self._peers.disconnect(session.peer, proven=session.hello is not None)
        if self._nodes.get(session.identity) is session:
            del self._nodes[session.identity]
            self.claims.left(session.identity)

    def receive(self, session: Session, data: bytes, now: float) -> None:
        """Take octets that arrived in a session."""
        if session.closing:
            return
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

    def turn_out(self, session: Session) -> None:
        """End the session of who may not join."""
        self._refuse(session, Reason.NOT_ADMITTED, f"{session.peer} may not join this domain")

    def advance(self, now: float) -> None:
        """Run what is due: leases, idle sessions, the telling of renewals and of members."""
        if self.members is not None:
            self.members.advance(now)
        for session in self._deadlines.pop_due(now):
            if session.hello is None:
                self._refuse(session, Reason.LATE, "no hello came in time")
            else:
                self._refuse(session, Reason.IDLE, "nothing was heard for a whole lease")
        self._expire(now)
        self._push_renewals(now)
        self.conflicts.advance(now)

    def next_deadline(self) -> float | None:
        """Return when `advance` has something to do."""
        times = (
            self._deadlines.next(),
            self.directory.next_deadline(),
            self._push_at,
            self.conflicts.next_deadline(),
            self.members.next_deadline() if self.members is not None else None,
        )
        return min((time for time in times if time is not None), default=None)

    def holds_session_from(self, ip: str) -> bool:
        """Say whether that address has an accepted session, and so receives what is sent to it."""
        return self._peers.is_proven(plain_address(ip))

    def attached(self) -> Mapping[bytes, bytes]:
        """Return the identity and boot of each node that has a session here."""
        return {identity: session.hello.boot for identity, session in self._nodes.items() if session.hello}

    @property
    def is_held(self) -> bool:
        """Whether snapshots and answers wait until this DSS has met the others."""
        return self._held is not None

    def hold(self) -> None:
        """Let snapshots wait: what this DSS holds may be only a part of the domain's directory."""
        if self._held is None:
            self._held = []

    def open_doors(self) -> None:
        """End `hold`: begin the snapshots that waited."""
        held, self._held = self._held or [], None
        for session, message in held:
            if session in self._sessions and not session.closing:
                self._subscribe(session, message)

    def attached_elsewhere(self, owner: bytes, boot: bytes, *, fresh: bool, now: float) -> None:
        """Learn that a node has a session with another DSS; `fresh`: that it has just begun.

        A node that has moved leaves its session here behind. Two that live at once are a copied identity.
        """
        session = self._nodes.get(owner)
        if session is None or session.hello is None or session.closing:
            return
        recent = now - session.renewed_at < 2 * self.parameters.renewal
        if session.hello.boot == boot:
            if fresh or not recent:
                self._refuse(session, Reason.REPLACED, "this node has gone to another dss")
            return
        if recent:
            self._alarm_copied(owner, f"{session.name} and one at another dss")
        if fresh or session.hello.boot < boot:
            self._refuse(session, Reason.REPLACED, "a node has come to another dss with the same identity")

    def take_in(self, delta: Delta, origin: bytes, now: float) -> Delta:
        """As in an open domain; what is said of revoked nodes is left out."""
        known = self.members.without_revoked(delta) if self.members is not None else delta
        return super().take_in(known, origin, now)

    def close(self, text: str) -> None:
        """Say goodbye in every session and end it."""
        for session in self._sessions:
            session.end(Goodbye(text=text))
            self._ready.add(session)

    def _handle(self, session: Session, message: Message, now: float) -> None:
        if session.hello is None:
            if isinstance(message, Hello):
                self._greet(session, message, now)
            else:
                self._refuse(session, Reason.EXPECTED_HELLO, "the first message must be a hello")
            return
        self._deadlines.set(session, now + self.parameters.lease)
        problem = objection(session, message)
        if problem:
            self._refuse(session, Reason.NOT_ALLOWED, problem)
            return
        match message:
            case Renew():
                self._renew(session, message, now)
            case Register():
                self._register(session, message, now)
            case Withdraw():
                self._withdraw(session, message, now)
            case Complete():
                floor = (message.incarnation, message.counter)
                self._removed(self.directory.complete(session.identity, floor, now))
                self._tell_leases([session.identity], now)
                self._send(session, Acknowledge(message.request))
            case Subscribe():
                self._subscribe(session, message)
            case Goodbye():
                self._leave(session, message, now)
            case _:
                self._refuse(session, Reason.NOT_ALLOWED, "that message is for a dss to send")

    def _greet(self, session: Session, hello: Hello, now: float) -> None:
        if hello.role == "dss":
            self._refuse(session, Reason.ROLE, "sessions between dss are not held on this port")
            return
        if hello.domain.casefold() not in ("", self.parameters.domain.casefold()):
            self._refuse(session, Reason.DOMAIN, f"this is the domain {self.parameters.domain}")
            return
        refusal = self.members.objection(session, hello) if self.members is not None else None
        if self.members is not None and refusal is not None:
            self.members.prove_revoked(session)
            self._refuse(session, Reason(refusal.reason), refusal.text)
            return
        session.hello = hello
        session.splitter.limit = FRAME_LIMIT
        audit("joined", session.peer, who=session.name, identity=hello.identity.hex())
        self._peers.prove(session.peer)
        self._deadlines.set(session, now + self.parameters.lease)
        if session.is_node:
            self._replace_older(session, hello, now)
            session.renewed_at = now
            for listener in self.attach_listeners:
                listener(hello.identity, hello.boot)
        known = self.directory.ever_used(hello.identity)
        answer = Hello(VERSION, self.parameters.domain, self.identity, self.boot, "dss", self.name, *known)
        self._send(session, answer)
        self._send(session, DomainParameters(self.parameters))
        if self.members is not None and (refusal := self.members.introduce(session, now)) is not None:
            self._refuse(session, Reason(refusal.reason), refusal.text)

    def _revoked(self, identity: bytes, now: float) -> None:
        for session in self._sessions:
            if self.members and session.proof is not None and session.proof.identity == identity:
                self.members.prove_revoked(session)
                self._refuse(session, Reason.REVOKED, "this node was revoked")
        self.forget(identity, now)

    def _replace_older(self, session: Session, hello: Hello, now: float) -> None:
        """Let the newest session of an identity stand; two that live at once are a copied identity."""
        older = self._nodes.get(hello.identity)
        self._nodes[hello.identity] = session
        if older is None or older.hello is None or older.closing:
            return
        if older.hello.boot != hello.boot and now - older.renewed_at < 2 * self.parameters.renewal:
            self._alarm_copied(hello.identity, f"{older.name} and {session.name}")
        self._refuse(older, Reason.REPLACED, f"{session.name} has come with the same identity")

    def _alarm_copied(self, owner: bytes, who: str) -> None:
        self.alarm(f"two nodes have the identity {owner.hex()}: {who}; give one of them a new identity")

    def alarm(self, sentence: str) -> None:
        """Note and log what an operator should know, once."""
        if sentence not in self.alarms:
            self.alarms.append(sentence)
            _log.warning("%s", sentence)

    def _subscribe(self, session: Session, message: Subscribe) -> None:
        if self._held is not None:
            self._held.append((session, message))
            return
        session.subscribe(self.directory, known_kinds(message.kinds))
        self._ready.add(session)

    def _register(self, session: Session, message: Register, now: float) -> None:
        owner = session.identity
        if not self._heard(session, message, now):
            return
        before = self.directory.refused
        denied: list[tuple[int, str]] = []
        news: list[Record] = []
        other_life = False
        # Services last: whether they are the node's own depends on its networks, however it orders the two.
        for place, record in sorted(enumerate(message.records), key=_is_service):
            why = self.claims.objection(session, record, now)
            if why:
                denied.append((place, why))
                self._take_back(owner, record.key, now)
            elif (change := self.directory.merge(record, now)) is not None:
                news.append(change.record)
            else:
                other_life |= self.directory.standing(owner, record.key) != record
        lease = self.directory.lease(owner, now)
        if news:
            self._tell(Delta([lease] if lease else [], news))
        full = self.directory.refused - before
        self._send(session, Acknowledge(message.request, full + len(denied), denied))
        if other_life and not full:
            self._refuse(
                session, Reason.EXPIRED, "this dss remembers another life of this node: register again"
            )

    def _take_back(self, owner: bytes, key: Key, now: float) -> None:
        """Withdraw what a node may not register any more, as it would itself."""
        known = self.directory.standing(owner, key)
        if known is not None:
            gone = Withdrawal(owner, *known.sequence, key)
            change = self.directory.withdraw(owner, key, known.sequence, now)
            self._removed([change] if change is not None else [])
            self._tell(Delta(withdrawals=[gone]))

    def _withdraw(self, session: Session, message: Withdraw, now: float) -> None:
        changes = [
            self.directory.withdraw(gone.owner, gone.key, gone.sequence, now) for gone in message.withdrawals
        ]
        self._removed([change for change in changes if change is not None])
        for gone in message.withdrawals:
            self.claims.withdrawn(gone.owner, gone.key)
        self._tell(Delta(withdrawals=message.withdrawals))
        self._send(session, Acknowledge(message.request))

    def _renew(self, session: Session, message: Renew, now: float) -> None:
        if not session.is_node or self._heard(session, message, now):
            self._send(session, Acknowledge(message.request))

    def _heard(self, session: Session, message: Register | Renew, now: float) -> bool:
        """Renew the node's lease; a node whose lease has ended has to come again with all its records."""
        owner, lease = session.identity, self.parameters.lease
        if session.registered and not self.directory.is_live(owner):
            self._refuse(session, Reason.EXPIRED, "the lease has ended: register again")
            return False
        session.registered = True
        session.renewed_at = now
        self._hear(Lease(owner, message.incarnation, message.renewal, lease, 0.0), OURSELVES, now)
        return True

    def _leave(self, session: Session, message: Goodbye, now: float) -> None:
        if session.is_node:
            lease = self.parameters.lease
            self.directory.heard(session.identity, message.incarnation, message.renewal, lease, lease, now)
            self._expire(now, tell_listeners=True)
            self.advance(now)
        session.end()
        self._ready.add(session)

    def _contradicted(self, owner: bytes) -> None:
        session = self._nodes.get(owner)
        if session is not None and session.registered:
            self._refuse(session, Reason.EXPIRED, "another dss remembers more of this node: register again")


def _is_service(placed: tuple[int, Record]) -> bool:
    return placed[1].key[0] is Kind.SERVICE
