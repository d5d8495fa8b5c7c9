"""What one DSS writes to a store that others write, too, and what it takes from there. Pure.

A DSS writes the owners that it hears: nodes with a session here, itself, and what DSSs tell that are not at
the store. What the store tells is merged like the word of another DSS. Whoever writes an owner sees to it
that the newest stands there: what is older, or has gone with a lease that ended too early, is written anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Several
from itertools import islice
from typing import Final

from msgspec.structs import replace

from nwip.directory.owners import NEVER_HEARD, NOTHING, Lease, Sequence
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.exchange import Exchange
from nwip.dss.messages import BATCH, Delta
from nwip.dss.store.base import Batch, Kept
from nwip.dss.store.pending import Pending, Place

STEP: Final = BATCH  # items that are merged before others have their turn
ENDED_LIMIT: Final = 10_000  # leases that wait for their end to be written; others end there by themselves
CHECKED: Final = 1000  # records of ours that the store is asked for at each `sweep`, of whole owners


class Sharing:
    """One DSS at a shared store.

    `origin` is the identity of the store among DSSs: what comes from there is told on under that name.
    `waits` is called when something begins to wait. `missed` are owners of which the store is to be asked
    what stands under their lease: they have come to life here by that alone, or this DSS begins to write
    them.
    """

    def __init__(
        self, exchange: Exchange, waits: Callable[[], None] = lambda: None, checked: int = CHECKED
    ) -> None:
        self.origin = b""
        self.missed: dict[bytes, None] = {}
        self._waits = waits
        self._checked = checked
        self._exchange = exchange
        self._directory = exchange.directory
        self._ours: dict[bytes, Sequence] = {}  # and the floor of each that was written
        self._floors: dict[bytes, Sequence] = {}  # of each owner the one that was written
        self._held: dict[bytes, Sequence] = {}  # the one that waits for what stands above it
        self._pending = Pending()
        self._ended: dict[bytes, Lease] = {}

    def __len__(self) -> int:
        """Return how many changes are not written yet."""
        return len(self._pending)

    @property
    def wanted(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._pending or self._ended)

    @property
    def ours(self) -> Iterable[bytes]:
        """The owners that this DSS writes."""
        return self._ours

    def follow(self) -> None:
        """Write what the DSS learns from now on, and what it knows of the domain's parameters."""
        self._exchange.listeners.append(self._news)
        self._exchange.removal_listeners.append(self._removed)
        self._exchange.parameter_listeners.append(self._parameters_changed)

    def take(self) -> Batch:
        """Take out the next batch to be written: what stands here now, and what is to be taken out there."""
        batch = self._pending.take()
        places = [(record.owner, record.key) for record in batch.records] + batch.removed
        standing = {place: self._directory.standing(*place) for place in places if place[0] in self._ours}
        batch.records = [record for record in standing.values() if record is not None]
        batch.removed = [place for place, record in standing.items() if record is None]
        batch.withdrawals = [gone for gone in batch.withdrawals if self._is_withdrawn(gone)]
        self._hold_floors(batch)
        batch.ended = [lease for owner, lease in self._ended.items() if owner not in self._pending.leases]
        for lease in batch.ended:
            del self._ended[lease.owner]
        return batch

    def put_back(self, batch: Batch) -> None:
        """Let a batch that was not written wait again."""
        self._pending.put_back(batch)
        for lease in batch.leases:
            self._floors.pop(lease.owner, None)
            self._held.pop(lease.owner, None)
        for lease in batch.ended:
            if lease.owner not in self._ours:
                self._ended.setdefault(lease.owner, lease)

    def told(self, batch: Batch, now: float) -> Iterator[None]:
        """Take in what the store tells, in steps of about a millisecond; others may run between them."""
        if batch.parameters is not None:
            self._meet(batch.parameters)
        for lease in batch.leases:
            self._leave_to_others(lease)
            if not self._directory.is_live(lease.owner) and lease.age < lease.lease:
                self.missed[lease.owner] = None
        lives = [_with_floor(lease, NOTHING) for lease in batch.leases]
        for start in range(0, len(lives), STEP):
            self._take_in(Delta(lives[start : start + STEP]), now)
            yield
        for start in range(0, max(len(batch.records), len(batch.withdrawals)), STEP):
            end = start + STEP
            self._take_in(Delta([], batch.records[start:end], batch.withdrawals[start:end]), now)
            yield
        for start in range(0, len(batch.leases), STEP):  # last: what stands above a floor may come with it
            self._take_in(Delta(batch.leases[start : start + STEP]), now)
            yield
        self.missed.update(dict.fromkeys(owner for owner in batch.lacking if owner in self._ours))
        for lease in batch.ended:
            self._over(lease, now)
        self._say_so()

    def found(self, kept: Kept, now: float) -> Iterator[None]:
        """Take in all that the store holds, then see to it that it lacks nothing of ours, in steps.

        What was withdrawn while nothing was told is told by its withdrawal, which the store remembers for
        `TOMBSTONE_TIME`; who has ended meanwhile is not renewed, and ends here with its lease.
        """
        yield from self.told(Batch(kept.parameters, kept.leases, kept.records, kept.withdrawals), now)
        for lease in kept.leases:
            self.missed.pop(lease.owner, None)
        if kept.parameters is None:
            self._parameters_changed(self._exchange.parameters)
        if kept.stale:
            return
        leases = {lease.owner: _rank(lease) for lease in kept.leases}
        there: dict[Place, Sequence] = {}
        for place, record in enumerate(kept.records):
            there[record.owner, record.key] = record.sequence
            if not place % STEP:
                yield
        for owner in list(self._ours):
            known = self._directory.lease(owner, now)
            if known is not None and leases.get(owner, ()) < _rank(known):
                self._pending.leases.setdefault(owner, known)
            yield from self._mend(owner, there)
        self._say_so()

    def ask(self, count: int) -> list[bytes]:
        """Take out a few owners of which the store is to be asked now.

        Not once it has answered: what happens to them meanwhile has to be asked for anew.
        """
        owners = list(islice(self.missed, count))
        for owner in owners:
            del self.missed[owner]
        return owners

    def answered(self, owner: bytes, batch: Batch, now: float) -> Iterator[None]:
        """Take in what stands under the lease of an owner that was asked for, in steps, as `told`."""
        yield from self.told(batch, now)
        if owner in self._ours:
            yield from self._mend(owner, {(owner, record.key): record.sequence for record in batch.records})
        self._say_so()

    def sweep(self) -> None:
        """Look after what nothing else does; call it now and then.

        Owners that have ended without a record, or that others write, are let go of. Of some owners of ours
        the store is asked what it has: so even what was lost there unnoticed comes back.
        """
        directory, leases = self._directory, self._pending.leases
        for owner in [owner for owner in self._ours if not directory.is_live(owner)]:
            self._end(owner)
        for owner in [name for name in leases if not (directory.is_live(name) or directory.has_left(name))]:
            del leases[owner]
        for table in (self._floors, self._held):
            for owner in table.keys() - self._ours.keys():
                del table[owner]
        for owner in [owner for owner in self.missed if not directory.is_live(owner)]:
            del self.missed[owner]
        room = self._checked
        for owner in list(self._ours):
            if room <= 0:
                break
            room -= 1 + len(directory.of_owner(owner))
            self._ours[owner] = self._ours.pop(owner)  # the others come first the next time
            self.missed[owner] = None
        self._say_so()

    def _hold_floors(self, batch: Batch) -> None:
        """Let a new floor wait until the records above it are written: others drop what is below."""
        here = {record.owner for record in batch.records}
        waiting = {owner for owner, _ in self._pending.changes}
        for place, lease in enumerate(batch.leases):
            owner, floor = lease.owner, (lease.floor_incarnation, lease.floor_counter)
            before = self._floors.get(owner, NOTHING)
            if floor > before and (owner in waiting or (owner in here and self._held.get(owner) != floor)):
                self._held[owner] = NOTHING if owner in waiting else floor
                self._pending.leases.setdefault(owner, lease)
                batch.leases[place] = _with_floor(lease, before)
            else:
                self._floors[owner] = floor
                self._held.pop(owner, None)

    def _take_in(self, delta: Delta, now: float) -> None:
        for record in delta.records:
            if record.owner in self._ours:
                self._answer_older(record)
        self._exchange.take_in(delta, self.origin, now)

    def _answer_older(self, record: Record) -> None:
        """Write a record of ours again where the store holds an older one, or one that was withdrawn."""
        standing = self._directory.standing(record.owner, record.key)
        if standing is not None and standing.sequence > record.sequence:
            self._pending.changes.setdefault((record.owner, record.key), standing)
        elif standing is None and self._is_gone(record):
            self._pending.changes.setdefault((record.owner, record.key), None)

    def _is_gone(self, record: Record) -> bool:
        return self._is_withdrawn(record) or record.sequence < self._directory.floor(record.owner)

    def _is_withdrawn(self, change: Record | Withdrawal) -> bool:
        return self._directory.is_withdrawn(change.owner, change.key, change.sequence)

    def _leave_to_others(self, lease: Lease) -> None:
        """Stop writing an owner of which somebody else has heard more."""
        if (lease.incarnation, lease.renewal) > self._directory.renewed(lease.owner):
            self._ours.pop(lease.owner, None)
            self._pending.leases.pop(lease.owner, None)

    def _over(self, lease: Lease, now: float) -> None:
        """Learn that a lease has ended in the store: with its owner, unless we know better."""
        owner = lease.owner
        if owner in self._ours and self._directory.is_live(owner):
            self._write_all(owner, now)
        elif (lease.incarnation, lease.renewal) >= self._directory.renewed(owner):
            self._exchange.take_in(Delta([replace(lease, age=lease.lease)]), self.origin, now)

    def _write_all(self, owner: bytes, now: float) -> None:
        if (lease := self._directory.lease(owner, now)) is not None:
            self._pending.leases[owner] = lease
        for record in self._directory.of_owner(owner):
            self._pending.changes.setdefault((owner, record.key), record)

    def _mend(self, owner: bytes, there: Mapping[Place, Sequence]) -> Iterator[None]:
        """Write what the store lacks of the records of an owner of ours, as each is in its turn."""
        for place, record in enumerate(self._directory.of_owner(owner)):
            lacks = there.get((owner, record.key), NEVER_HEARD) < record.sequence
            if lacks and self._directory.standing(owner, record.key) is record:
                self._pending.changes.setdefault((owner, record.key), record)
            if not place % STEP:
                yield

    def _meet(self, theirs: Parameters) -> None:
        if self._exchange.learn_parameters(theirs):
            self._pending.parameters = None
        elif theirs.rank < self._exchange.parameters.rank:
            self._parameters_changed(self._exchange.parameters)

    def _parameters_changed(self, parameters: Parameters) -> None:
        if parameters.term:  # else nobody has said anything yet
            self._pending.parameters = parameters
            self._say_so()

    def _news(self, delta: Delta, origin: bytes) -> None:
        """Note what is to be written: everything but what the store itself has told."""
        if origin == self.origin and origin:
            for lease in delta.leases:
                self._ours.pop(lease.owner, None)
            return
        for lease in delta.leases:
            self._pending.leases[lease.owner] = lease
            if lease.age < lease.lease:
                self._begin(lease.owner, (lease.floor_incarnation, lease.floor_counter))
            else:
                self._end(lease.owner, lease)
        for record in delta.records:
            self._begin(record.owner, NOTHING)
            self._pending.changed(record)
        for withdrawal in delta.withdrawals:
            self._pending.changed(withdrawal)
        self._say_so()

    def _begin(self, owner: bytes, floor: Sequence) -> None:
        """Write an owner from now on; what the store has of it from before, and lacks, has to be found."""
        if owner not in self._ours or floor > self._ours[owner]:
            self._ours[owner] = floor
            self.missed[owner] = None

    def _removed(self, changes: Several[Change]) -> None:
        for change in changes:
            owner = change.record.owner
            if not change.removed:
                continue
            if not self._directory.is_live(owner):
                if owner not in self._ended:  # it may be there with its farewell
                    self._end(owner)
            elif owner in self._ours:
                self._pending.removed(change.record)
        self._say_so()

    def _say_so(self) -> None:
        if self.wanted or self.missed:
            self._waits()

    def _end(self, owner: bytes, farewell: Lease | None = None) -> None:
        """Let the owner's lease end in the store, if this DSS has written it there last.

        A farewell is written there first, so that all hear it.
        """
        self._ours.pop(owner, None)
        self._floors.pop(owner, None)
        self._held.pop(owner, None)
        lease = farewell or self._pending.leases.pop(owner, None) or Lease(owner, 0, 0, 1.0, 1.0)
        self._ended[owner] = lease
        if len(self._ended) > ENDED_LIMIT:
            del self._ended[next(iter(self._ended))]


def _rank(lease: Lease) -> tuple[int, ...]:
    return (lease.incarnation, lease.renewal, lease.floor_incarnation, lease.floor_counter)


def _with_floor(lease: Lease, floor: Sequence) -> Lease:
    incarnation, counter = floor
    return replace(lease, floor_incarnation=incarnation, floor_counter=counter)
