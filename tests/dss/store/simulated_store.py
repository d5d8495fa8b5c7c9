"""A shared store, simulated: what stands in it, and the tale of how that came."""

from collections.abc import Iterator

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch, Kept
from nwip.dss.store.pending import Place

LEASE_TIME = 60.0
NOBODY = -1
PART = 4  # changes of one transaction


class Cloud:
    """A store that several DSSs share. It may fail, forget, and be late."""

    def __init__(self) -> None:
        self.parameters: Parameters | None = None
        self.leases: dict[bytes, tuple[Lease, int]] = {}
        self.ends: dict[bytes, float] = {}
        self.records: dict[Place, Record] = {}
        self.withdrawals: dict[Place, Withdrawal] = {}
        self.tale: list[tuple[int, Batch]] = []
        self.forgotten = 0  # how much of the tale is not told any more
        self.works = True
        self.astray: list[tuple[float, Batch]] = []

    def bring_strays(self, now: float) -> None:
        """Let batches come about that somebody has given up; what is to stand under a lost lease does not."""
        due, self.astray = (
            [batch for at, batch in self.astray if at <= now],
            [(at, batch) for at, batch in self.astray if at > now],
        )
        for batch in due:
            leases = [lease for lease in batch.leases if lease.owner in self.ends]
            records = [record for record in batch.records if record.owner in self.ends]
            stray = Batch(
                batch.parameters, leases, records, batch.withdrawals, batch.removed, ended=batch.ended
            )
            self.save(NOBODY, stray, now)

    def save(self, writer: int, batch: Batch, now: float) -> None:
        for part in parts_of(batch):
            self.write(writer, part, now)

    def write(self, writer: int, part: Batch, now: float) -> None:
        """Write what goes into one transaction, or let leases end: those of others if `forgotten`."""
        for lease in part.ended:
            _, last = self.leases.get(lease.owner, (None, NOBODY))
            if last == writer or lease.owner in part.forgotten:
                self.end(lease.owner)
        for lease in part.leases:
            self.leases[lease.owner] = (lease, writer)
        for owner in {lease.owner for lease in part.leases} | {record.owner for record in part.records}:
            self.ends[owner] = now + LEASE_TIME
        gone = [place for place in part.removed if self.records.pop(place, None) is not None]
        self.withdrawals |= {(gone.owner, gone.key): gone for gone in part.withdrawals}
        self.records |= {(record.owner, record.key): record for record in part.records}
        self.parameters = part.parameters or self.parameters
        told = Batch(part.parameters, part.leases, part.records, part.withdrawals)
        told.lacking = {owner for owner, _ in gone}
        if told:
            self.tale.append((writer, told))

    def end(self, owner: bytes) -> None:
        """Let a lease end, with all that stands under it."""
        self.ends.pop(owner, None)
        lease, _ = self.leases.pop(owner, (None, 0))
        gone = [place for place in self.records if place[0] == owner]
        for place in gone:
            del self.records[place]
        ended = [lease] if lease is not None else []
        if told := Batch(ended=ended, lacking={owner for owner, _ in gone}):
            self.tale.append((NOBODY, told))

    def keep(self, writer: int, now: float) -> None:
        for owner in self.ends:
            if owner in self.leases and self.leases[owner][1] == writer:
                self.ends[owner] = now + LEASE_TIME

    def expire(self, now: float) -> None:
        for owner in [owner for owner, end in self.ends.items() if end <= now]:
            self.end(owner)

    def kept(self) -> Kept:
        leases = [lease for lease, _ in self.leases.values()]
        return Kept(self.parameters, leases, list(self.records.values()), list(self.withdrawals.values()))

    def owned(self, owner: bytes) -> Batch:
        return Batch(records=[record for record in self.records.values() if record.owner == owner])


def parts_of(batch: Batch) -> Iterator[Batch]:
    """Yield what is written one behind the other: as the store in etcd does, in small."""
    farewells = {lease.owner for lease in batch.leases if lease.age >= lease.lease}
    if first := [lease for lease in batch.ended if lease.owner not in farewells]:
        yield Batch(ended=first)
    yield Batch(batch.parameters, batch.leases)
    for start in range(0, len(batch.withdrawals), PART):
        yield Batch(withdrawals=batch.withdrawals[start : start + PART])
    for start in range(0, len(batch.removed), PART):
        yield Batch(removed=batch.removed[start : start + PART])
    for start in range(0, len(batch.records), PART):
        yield Batch(records=batch.records[start : start + PART])
    if last := [lease for lease in batch.ended if lease.owner in farewells]:
        yield Batch(ended=last, forgotten=[lease.owner for lease in last])
