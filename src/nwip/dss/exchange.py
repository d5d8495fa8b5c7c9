"""One DSS's directory and parameters, and everybody who wants to know what is new in them. Pure.

Nothing here takes this DSS for the only one: records merge, whoever brings them. The sessions of nodes hear
of what is new (see `server_engine.py`), and who else wants to know (other DSSs, a store) listens.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from nwip.directory.filters import Policy
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Record
from nwip.directory.table import Directory
from nwip.dss.messages import BATCH, Delta

RENEWAL_PUSH: Final = 1.0  # seconds at most: renewals are told together, with their ages
RENEWAL_PUSH_OF_LEASE: Final = 0.2  # of the lease, where that is less: a copy must hear before its lease ends
OURSELVES: Final = b""  # the origin of what no other DSS has told


class Exchange:
    """What is known, and the telling of what is new.

    `listeners` are told what is new, and by which DSS (its identity; empty: a node's session or this DSS
    itself); `removal_listeners` what is gone; `parameter_listeners` new parameters.
    """

    def __init__(self, parameters: Parameters, identity: bytes, directory: Directory) -> None:
        self.parameters = parameters
        self.identity = identity
        self.directory = directory
        self.listeners: list[Callable[[Delta, bytes], None]] = []
        self.removal_listeners: list[Callable[[Sequence[Change]], None]] = []
        self.parameter_listeners: list[Callable[[Parameters], None]] = []
        self._renewed: dict[bytes, bytes] = {}
        self._push_at: float | None = None
        self._take_policy(parameters)

    @property
    def is_primary(self) -> bool:
        """Whether the domain's parameters are this DSS's own; term 0 is that of nobody yet."""
        return self.parameters.term > 0 and self.parameters.identity == self.identity

    def learn_parameters(self, parameters: Parameters) -> bool:
        """Take another DSS's parameters if they are of higher rank; say whether they were."""
        same = parameters.domain.casefold() == self.parameters.domain.casefold()
        if not same or parameters.rank <= self.parameters.rank:
            return False
        self.set_parameters(parameters)
        return True

    def promote(self) -> None:
        """Make this DSS the primary: its parameters, under a higher term and its own identity."""
        now = self.parameters
        self.set_parameters(replace(now, term=now.term + 1, version=now.version + 1, identity=self.identity))

    def set_parameters(self, parameters: Parameters) -> None:
        """Give the domain new parameters; every session is told."""
        self.parameters = parameters
        self._take_policy(parameters)
        for listener in self.parameter_listeners:
            listener(parameters)

    def take_in(self, delta: Delta, origin: bytes, now: float) -> Delta:
        """Merge what another DSS or a shared store brings; tell everybody the news and return it."""
        directory = self.directory
        told = dict.fromkeys(
            lease.owner
            for lease in delta.leases
            if self._hear(lease, origin, now) and lease.age >= lease.lease
        )
        records = [
            record
            for record in delta.records
            if directory.is_live(record.owner) and directory.merge(record, now) is not None
        ]
        withdrawals = [
            gone
            for gone in delta.withdrawals
            if not directory.is_withdrawn(gone.owner, gone.key, gone.sequence)
        ]
        removed = [
            change
            for gone in withdrawals
            if (change := directory.withdraw(gone.owner, gone.key, gone.sequence, now)) is not None
        ]
        for lease in delta.leases:
            floor = (lease.floor_incarnation, lease.floor_counter)
            if floor > directory.floor(lease.owner):
                removed += directory.complete(lease.owner, floor, now)
                told[lease.owner] = None
        if origin:
            owners = [change.record.owner for change in removed] + [record.owner for record in records]
            for owner in dict.fromkeys([*owners, *self._other_lives(delta.records)]):
                self._contradicted(owner)
        told.update(dict.fromkeys(record.owner for record in records))
        leases = [found for owner in told if (found := directory.lease(owner, now))]
        news = Delta(leases, records, withdrawals)
        if leases or withdrawals:
            self._tell(news, origin)
        self._removed(removed)
        self._expire(now)
        return news

    def _other_lives(self, records: Iterable[Record]) -> Iterable[bytes]:
        """Yield the owners of records that bear the sequence of what stands here, but another value."""
        for record in records:
            standing = self.directory.standing(record.owner, record.key)
            if standing is not None and standing.sequence == record.sequence and standing != record:
                yield record.owner

    def forget(self, owner: bytes, now: float) -> int:
        """Drop all records of an owner, everywhere, until it registers anew; return how many there were."""
        count = len(self.directory.of_owner(owner))
        if self.directory.forget(owner, now):
            self._expire(now, tell_listeners=True)
        return count

    def _hear(self, lease: Lease, origin: bytes, now: float) -> bool:
        """Take in a renewal; say whether it was news. An owner that only a disk remembered is told whole."""
        before = self.directory.renewed(lease.owner)
        first = self.directory.heard(
            lease.owner, lease.incarnation, lease.renewal, lease.lease, lease.age, now
        )
        if self.directory.renewed(lease.owner) == before:
            return False
        if first and self.directory.has_records(lease.owner):
            self._tell_owner(lease.owner)
        self._renewed[lease.owner] = origin
        if self._push_at is None:
            self._push_at = now + min(RENEWAL_PUSH, RENEWAL_PUSH_OF_LEASE * self.parameters.lease)
        return True

    def _push_renewals(self, now: float) -> None:
        """Tell, from time to time, who has renewed."""
        if self._push_at is not None and self._push_at <= now:
            self._push_at = None
            renewed, self._renewed = self._renewed, {}
            by_origin: dict[bytes, list[bytes]] = {}
            for owner, origin in renewed.items():
                if self.directory.has_records(owner):
                    by_origin.setdefault(origin, []).append(owner)
            for origin, owners in by_origin.items():
                self._tell_leases(owners, now, origin)

    def _expire(self, now: float, *, tell_listeners: bool = False) -> None:
        """Remove what is due. Every DSS sees leases end by itself; only a farewell has to be passed on."""
        changes = self.directory.expire(now)
        gone = dict.fromkeys(change.record.owner for change in changes if change.removed)
        if tell_listeners:
            self._tell_leases(gone, now)
        else:
            for delta in self._leases(gone, now):
                self._tell_sessions(delta)
        self._removed(changes)

    def _removed(self, changes: Sequence[Change]) -> None:
        if changes:
            for listener in self.removal_listeners:
                listener(changes)

    def _leases(self, owners: Iterable[bytes], now: float) -> Iterable[Delta]:
        leases = [lease for owner in owners if (lease := self.directory.lease(owner, now))]
        for start in range(0, len(leases), BATCH):
            yield Delta(leases[start : start + BATCH])

    def _tell_leases(self, owners: Iterable[bytes], now: float, origin: bytes = OURSELVES) -> None:
        for delta in self._leases(owners, now):
            self._tell(delta, origin)

    def _tell(self, delta: Delta, origin: bytes = OURSELVES) -> None:
        self._tell_sessions(delta)
        for listener in self.listeners:
            listener(delta, origin)

    def _tell_sessions(self, delta: Delta) -> None:
        """Tell the sessions what is new."""

    def _contradicted(self, owner: bytes) -> None:
        """Learn that another DSS knew of an owner what the owner, if it is here, has not told."""

    def _tell_owner(self, owner: bytes) -> None:
        """Tell the sessions everything of an owner."""

    def _take_policy(self, parameters: Parameters) -> None:
        self.directory.first_lease = parameters.lease
        self.directory.set_policy(Policy(parameters.filters))
