"""The node's side of a session: greets, registers, renews, keeps the replica. Pure.

One engine lives as long as its node and goes through many sessions, one at a time.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from nwip.directory.filters import Policy
from nwip.directory.owners import NOTHING
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Key, Kind, Record, Route, Value
from nwip.directory.table import Directory
from nwip.dss.events import DirectoryChanged, Event, Opened, ParametersLearned, SnapshotRead
from nwip.dss.framing import Splitter, frame
from nwip.dss.messages import (
    VERSION,
    Acknowledge,
    Complete,
    Delta,
    DomainParameters,
    DomainSecret,
    Goodbye,
    Hello,
    Message,
    Reason,
    Refused,
    Register,
    Renew,
    Renewed,
    Role,
    Roster,
    SnapshotEnd,
    Subscribe,
    Withdraw,
    decode,
    encode,
)
from nwip.dss.registration import Registration
from nwip.dss.replica import Replica
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_log = logging.getLogger(__name__)

GREETING_LIMIT: Final = 5.0  # seconds from the connection to the parameters of the domain
SETTLE: Final = (
    2.0  # seconds that a fresh node has to find what it offers, before what its last life left is dropped
)
SILENT_RENEWALS: Final = 2  # renewals without any answer, then the DSS is taken for lost


class ClientEngine:
    """A node (or a reader, which registers nothing) towards its DSS.

    `failure` is empty while the session may go on, else one sentence that says why it must be closed;
    `refusal` is the DSS's own word, if it gave one. `greeted` is True from the DSS's Hello to the end of the
    session, `leaving` once the node has said goodbye. `turned_away` counts records that found no room;
    `denied` says of each key that the DSS does not let this node register what and why: it is tried again
    with every renewal, and as soon as another's record that may be in the way goes.
    With `membership` the domain is sealed: roster and secret are kept up to date.
    """

    def __init__(
        self,
        domain: str,
        identity: bytes,
        name: str,
        *,
        boot: bytes,
        kinds: Sequence[Kind],
        role: Role = "node",
        incarnation: int = 1,
        directory: Directory | None = None,
        membership: "Membership | None" = None,
    ) -> None:
        self._membership = membership
        self._proven = b""
        self._replica = Replica(directory if directory is not None else Directory())
        self.parameters: Parameters | None = None
        self.registration = Registration(identity, incarnation)
        self.failure = ""
        self.refusal: Refused | None = None
        self.greeted = False
        self.leaving = False
        self.turned_away = 0
        self.denied: dict[Key, str] = {}
        self._registering: deque[tuple[int, list[Record]]] = deque()
        self._greeting = (domain, identity, boot, role, name)
        self._kinds = [int(kind) for kind in kinds]
        self._role = role
        self._splitter = Splitter()
        self._outbox: list[bytes] = []
        self._request = 0
        self._settled = False
        self._settle_at: float | None = None
        self._told_floor = NOTHING
        self._renew_at: float | None = None
        self._silent_at: float | None = None

    @property
    def directory(self) -> Directory:
        """The replica of the domain's directory."""
        return self._replica.directory

    @property
    def identity(self) -> bytes:
        """The owner that this engine speaks for."""
        return self.registration.identity

    def offer(self, value: Value) -> bool:
        """Register one of the node's own records; False when it has too many."""
        return self.registration.offer(value)

    def retract(self, key: Key) -> None:
        """Withdraw one of the node's own records."""
        self.registration.retract(key)
        self.denied.pop(key, None)

    def connected(self, now: float, proven: bytes = b"") -> None:
        """Begin a session on a new connection; in a sealed domain `proven` is the identity of its DSS."""
        self._proven = proven
        self._splitter = Splitter()
        self._outbox = []
        self._registering.clear()
        self.failure = ""
        self.refusal = None
        self.greeted = self.leaving = False
        domain, identity, boot, role, name = self._greeting
        self._send(Hello(VERSION, domain, identity, boot, role, name, *self.registration.sequence))
        self._silent_at = now + GREETING_LIMIT

    def disconnected(self, now: float) -> None:
        """End the session: from now on nothing in the replica expires."""
        self._replica.closed(now)
        self.greeted = False
        self._outbox = []
        self._settle_at = self._renew_at = self._silent_at = None

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take octets that arrived; see `failure` afterwards."""
        events: list[Event] = []
        try:
            for octets in self._splitter.feed(data):
                message = decode(octets)
                if message is not None:
                    events += self._handle(message, now)
                if self.failure:
                    break
        except WireError as error:
            self.failure = f"the dss sent what cannot be: {error}"
        return events

    def take(self) -> bytes:
        """Return the next slice to send, empty when nothing waits."""
        if not self._outbox and self.greeted and not self.leaving:
            self._send_changes()
        data = b"".join(self._outbox)
        self._outbox = []
        return data

    def leave(self) -> None:
        """Say goodbye: everything of this node goes from the domain."""
        self._outbox = []
        self.leaving = True
        self.registration.renewal += 1
        incarnation, _ = self.registration.sequence
        self._send(Goodbye(incarnation, self.registration.renewal, "this node stops"))

    def advance(self, now: float) -> list[Event]:
        """Run what is due: renewals, leases of the replica, a DSS that has fallen silent."""
        if self._silent_at is not None and self._silent_at <= now:
            self._silent_at = None
            self.failure = "the dss does not answer"
        if self._settle_at is not None and self._settle_at <= now:
            self._settle_at = None
            self._settled = True
        if self._renew_at is not None and self._renew_at <= now:
            self._renew(now)
        if self._replica.ask_at is not None and self._replica.ask_at <= now:
            self._ask_for_snapshot(now)
        return _changed(self.directory.expire(now))

    def next_deadline(self) -> float | None:
        """Return when `advance` has something to do."""
        times = (
            self._silent_at,
            self._renew_at,
            self._replica.ask_at,
            self._settle_at,
            self.directory.next_deadline(),
        )
        return min((time for time in times if time is not None), default=None)

    def _handle(self, message: Message, now: float) -> list[Event]:
        if isinstance(message, Refused):
            return self._refused(message)
        if isinstance(message, Roster) and self._membership is not None:
            self._learn_of_members(message, self._membership, now)  # also before Hello: we were revoked
            return []
        if not self.greeted:
            return self._greet(message, now)
        self._heard(now)
        match message:
            case DomainParameters(parameters=parameters):
                return self._learn(parameters, now)
            case Delta() | Renewed():
                return self._merge(message, now)
            case SnapshotEnd():
                return [*_changed(self._replica.snapshot_read(now)), SnapshotRead()]
            case Acknowledge():
                self._acknowledged(message)
                return _changed(self._replica.lives(self.registration, self._snapshot_pause, now))
            case DomainSecret() if self._membership is not None:
                self._learn_of_members(message, self._membership, now)
            case Goodbye(text=text):
                self.failure = text or "the dss has gone"
            case _:
                self.failure = "the dss sent what only a node may send"
        return []

    def _acknowledged(self, message: Acknowledge) -> None:
        full = message.refused - len(message.denied)
        if full > 0:
            self.turned_away += full
            _log.warning("the dss has no room for %d records of this node", full)
        records: list[Record] = []
        if self._registering and self._registering[0][0] == message.request:
            _, records = self._registering.popleft()
        why = dict(message.denied)
        for place, record in enumerate(records):
            before = self.denied.pop(record.key, None)
            if place in why:
                self.denied[record.key] = sentence = f"{record.value}: {why[place]}"
                if before != sentence:
                    _log.warning("the domain does not take %s", sentence)
        if self.denied and any(isinstance(record.value, Route) for record in records):
            self.registration.again(key for key in self.denied if key[0] is Kind.SERVICE)

    def _try_again(self, changes: Iterable[Change]) -> None:
        """Register once more what another's record stood in the way of that has gone."""
        if self.denied:
            self.registration.again(
                key for change in changes if change.removed and (key := change.record.key) in self.denied
            )

    def _refused(self, message: Refused) -> list[Event]:
        self.refusal = message
        if message.reason == Reason.EXPIRED:
            self.registration.distrust()
        self.failure = message.text or f"the dss refused for reason {message.reason}"
        return []

    def _greet(self, message: Message, now: float) -> list[Event]:
        domain, *_ = self._greeting
        if not isinstance(message, Hello) or message.role != "dss":
            self.failure = "what answers is no dss: its first message is no hello of one"
            return []
        if domain and message.domain.casefold() != domain.casefold():
            self.failure = f"the dss serves the domain {message.domain}"
            return []
        if self._proven and message.identity != self._proven:
            self.failure = "the dss does not have the identity of its key"
            return []
        self.greeted = True
        self._replica.opened(now)
        if self._role == "node":
            self.registration.begin((message.incarnation, message.counter))
            self._told_floor = NOTHING
            self._settle_at = None if self._settled else now + SETTLE
        self._ask_for_snapshot(now)
        return [Opened(message)]

    def _learn(self, parameters: Parameters, now: float) -> list[Event]:
        first = self._renew_at is None
        known, self.parameters = self.parameters, parameters
        self.directory.first_lease = parameters.lease
        changes = self.directory.set_policy(Policy(parameters.filters))
        if first:
            self._renew(now)
        self._heard(now)
        learned: list[Event] = [ParametersLearned(parameters)] if parameters != known else []
        return learned + _changed(changes)

    def _learn_of_members(self, message: Roster | DomainSecret, membership: "Membership", now: float) -> None:
        if isinstance(message, DomainSecret):
            membership.secrets.learn(message.epoch, message.secret, now)
            return
        for signed in message.statements:
            membership.roster.merge(signed)
        if membership.roster.is_revoked(self._proven):
            self.failure = "the dss was revoked: it is no member of the domain any more"

    def _heard(self, now: float) -> None:
        if self._renew_at is not None and self.parameters is not None:
            self._silent_at = now + self.parameters.renewal * (SILENT_RENEWALS + 0.5)

    def _renew(self, now: float) -> None:
        if self.parameters is not None:
            self._renew_at = now + self.parameters.renewal
        self.registration.renewal += 1
        self.registration.again(self.denied)
        self._send(Renew(self._next_request(), self.registration.sequence[0], self.registration.renewal))

    def _send_changes(self) -> None:
        changes = self.registration.take()
        if changes:
            request = self._next_request()
            incarnation, _ = self.registration.sequence
            records = [change for change in changes if isinstance(change, Record)]
            withdrawals = [change for change in changes if not isinstance(change, Record)]
            if records:
                self._registering.append((request, records))
                self._send(Register(request, incarnation, self.registration.renewal, records))
            else:
                self._send(Withdraw(request, withdrawals))
        elif self._settled and self._told_floor != self.registration.floor:
            self._told_floor = self.registration.floor
            self._send(Complete(self._next_request(), *self._told_floor))

    def _merge(self, news: Delta | Renewed, now: float) -> list[Event]:
        delta = self._replica.in_full(news) if isinstance(news, Renewed) else news
        for record in delta.records:
            if record.owner == self.identity and record.sequence > self.registration.sequence:
                self.registration.jump_above(record.sequence)
        changes = self._replica.merge(delta, self._snapshot_pause, now)
        self._try_again(changes)
        return _changed(changes)

    @property
    def _snapshot_pause(self) -> float:
        return self.parameters.lease if self.parameters else GREETING_LIMIT

    def _ask_for_snapshot(self, now: float) -> None:
        self._replica.asked(now)
        self._send(Subscribe(self._kinds))

    def _next_request(self) -> int:
        self._request = (self._request + 1) & 0xFFFFFFFF
        return self._request

    def _send(self, message: Message) -> None:
        self._outbox.append(frame(encode(message)))


def _changed(changes: list[Change]) -> list[Event]:
    return [DirectoryChanged(changes)] if changes else []
