"""A session with another DSS, as one of the two sees it. Pure."""

from dataclasses import dataclass
from typing import Final

from nwip.directory.table import Directory
from nwip.dss.difference import Difference
from nwip.dss.messages import Delta, Message, Seen, Synchronised
from nwip.dss.session import Session

BEHIND_AT: Final = 1 << 20  # octets that wait for a slow peer; what is new then goes with the next comparison


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """How it stands with another DSS.

    `since` and `last_heard` are seconds ago; `lag` is for how many seconds the two have not been seen to
    agree, 0 while they do; records are counted as they crossed; `repairs` counts owners that had to be sent
    whole.
    """

    identity: bytes
    name: str
    address: str
    calling: bool
    since: float
    last_heard: float
    lag: float
    records_in: int
    records_out: int
    repairs: int
    synchronised: bool


class PeerSession(Session):
    """The state of a session between two DSSs; only `ReplicationEngine` changes it.

    `calling`: this side has opened the connection. `synchronised` is True from the first time that everything
    which was missing here has arrived.
    """

    __slots__ = (
        "agreed_at",
        "agrees",
        "behind",
        "calling",
        "greeted",
        "last_heard",
        "missing",
        "neighbours",
        "opened_at",
        "records_in",
        "records_out",
        "repairs",
        "summaries",
        "synchronised",
        "theirs",
    )

    def __init__(self, peer: str, directory: Directory, now: float, *, calling: bool) -> None:
        super().__init__(peer)
        self.calling = calling
        self.greeted = False
        self.opened_at = self.last_heard = self.agreed_at = now
        self.agrees = self.behind = self.synchronised = False
        self.neighbours: frozenset[bytes] = frozenset()
        self.theirs: dict[bytes, Seen] = {}
        self.missing = Difference(directory)
        self.summaries = 0
        self.records_in = self.records_out = self.repairs = 0

    def tell(self, data: bytes, records: int) -> None:
        """Put a change in the outbox; a peer that is too slow finds it out at the next comparison instead."""
        if self.waiting > BEHIND_AT:
            self.behind = True
            return
        self.records_out += records
        self.send_frame(data)

    def take(self, now: float) -> bytes:
        """Return the next slice: what waits, or part of what the other side lacks; empty if nothing."""
        if not (self.waiting or self.closing or self.introduction):
            message: Message | None = self.missing.part(now)
            if isinstance(message, Delta):
                self.records_out += len(message.records)
            elif self.summaries:
                self.summaries -= 1
                message = Synchronised()
            if message is not None:
                self.send(message)
        return super().take(now)

    def status(self, now: float) -> PeerStatus:
        """Say how it stands."""
        return PeerStatus(
            identity=self.identity,
            name=self.hello.name if self.hello else "",
            address=self.peer,
            calling=self.calling,
            since=now - self.opened_at,
            last_heard=now - self.last_heard,
            lag=0.0 if self.agrees else now - self.agreed_at,
            records_in=self.records_in,
            records_out=self.records_out,
            repairs=self.repairs,
            synchronised=self.synchronised,
        )
