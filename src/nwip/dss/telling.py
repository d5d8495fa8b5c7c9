"""The sessions of one DSS, and the telling of what is new to those that have asked for it. Pure."""

from collections.abc import Iterable, Iterator

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.table import Directory
from nwip.dss.difference import Difference
from nwip.dss.exchange import Exchange
from nwip.dss.framing import frame
from nwip.dss.messages import Delta, DomainParameters, DomainSecret, Message, Reason, Roster, encode
from nwip.dss.session import Session
from nwip.dss.shorthand import Shorthand
from nwip.dss.subscription import Kinds, restrict


class Telling(Exchange):
    """What is known, and the sessions that hear of it. After any call, `ready()` names those to write to."""

    def __init__(self, parameters: Parameters, identity: bytes, directory: Directory) -> None:
        super().__init__(parameters, identity, directory)
        self.parameter_listeners.append(self._tell_parameters)
        self._shorthand = Shorthand()
        self._sessions: set[Session] = set()
        self._ready: set[Session] = set()

    def ready(self) -> set[Session]:
        """Return, once, the sessions that have something to send or are to be closed."""
        ready, self._ready = self._ready, set()
        return ready

    def sessions(self) -> Iterable[Session]:
        """Give out the sessions; they must not change meanwhile."""
        return self._sessions

    def _tell_sessions(self, delta: Delta) -> None:
        """Put a change in the outbox of every subscriber, encoded once for each set of kinds."""
        if delta.leases and not (delta.records or delta.withdrawals):
            delta = self._tell_renewals(delta.leases)
        frames: dict[Kinds, bytes | None] = {}
        for session in self._subscribers():
            if session.kinds not in frames:
                part = restrict(delta, session.kinds)
                frames[session.kinds] = frame(encode(part)) if part else None
            data = frames[session.kinds]
            if data is not None:
                session.send_frame(data)
                self._ready.add(session)

    def _tell_renewals(self, leases: list[Lease]) -> Delta:
        """Tell the subscribers what can be told in short; return the rest. A node knows that it lives."""
        full, short = self._shorthand.split(leases)
        alone = leases[0].owner if len(leases) == 1 else None
        for data in [frame(encode(message)) for message in short]:
            for session in self._subscribers():
                if session.identity != alone or not session.is_node:
                    session.send_frame(data)
                    self._ready.add(session)
        return Delta(full)

    def _subscribers(self) -> Iterator[Session]:
        return (session for session in self._sessions if session.kinds and not session.closing)

    def _tell_owner(self, owner: bytes) -> None:
        for session in self._sessions:
            if session.kinds and not session.closing:
                session.difference = session.difference or Difference(self.directory, session.kinds)
                session.difference.add(owner)
                self._ready.add(session)

    def _tell_parameters(self, parameters: Parameters) -> None:
        for session in self._sessions:
            if session.hello is not None:
                self._send(session, DomainParameters(parameters))

    def _tell_of_members(self, message: Roster | DomainSecret, origin: bytes) -> None:
        """Tell whoever is a member; a guest hears all of it before it goes."""
        del origin  # no node tells of members
        for session in self._sessions:
            if session.hello is not None:
                self._send(session, message)

    def _send(self, session: Session, message: Message) -> None:
        session.send(message)
        self._ready.add(session)

    def _refuse(self, session: Session, reason: Reason, text: str) -> None:
        session.refuse(reason, text)
        self._ready.add(session)
