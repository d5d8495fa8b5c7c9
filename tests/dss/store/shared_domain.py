"""Several DSSs at one shared store, all of it simulated: the store may fail, forget, and be late."""

from dataclasses import dataclass
from random import Random

from dss.replicated_domain import Domain, Site
from dss.simulated_domain import PARAMETERS
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch, Kept
from nwip.dss.store.pending import Place
from nwip.dss.store.sharing import Sharing

MEDIUM = b"M" * 16
LEASE_TIME = 60.0
KEEP_EVERY = 20.0
STRAY = 12.0  # seconds until a write comes about that was given up
NOBODY = -1


class Cloud:
    """A store that several DSSs share: what stands in it, and the tale of how that came."""

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
        farewells = {lease.owner for lease in batch.leases if lease.age >= lease.lease}
        for lease in batch.ended:
            if lease.owner not in farewells:
                self.end(lease.owner)
        for lease in batch.leases:
            self.leases[lease.owner] = (lease, writer)
        for owner in {lease.owner for lease in batch.leases} | {record.owner for record in batch.records}:
            self.ends[owner] = now + LEASE_TIME
        for place in batch.removed:
            self.records.pop(place, None)
        self.withdrawals |= {(gone.owner, gone.key): gone for gone in batch.withdrawals}
        self.records |= {(record.owner, record.key): record for record in batch.records}
        self.parameters = batch.parameters or self.parameters
        told = Batch(batch.parameters, batch.leases, batch.records, batch.withdrawals)
        self.tale.append((writer, told))
        for lease in batch.ended:
            if lease.owner in farewells:
                self.end(lease.owner)

    def end(self, owner: bytes) -> None:
        """Let a lease end, with all that stands under it."""
        self.ends.pop(owner, None)
        lease, _ = self.leases.pop(owner, (None, 0))
        self.records = {place: record for place, record in self.records.items() if place[0] != owner}
        if lease is not None:
            self.tale.append((NOBODY, Batch(ended=[lease])))

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


@dataclass
class Seat:
    """A DSS at the store: `heard` is how much of the tale it knows, None when it has to load again."""

    number: int
    site: Site
    sharing: Sharing
    reaches: bool = True
    heard: int | None = None
    late: float = 0.0  # until when nothing of the tale reaches it
    keeps_at: float = 0.0
    carried: bool = False
    fails: bool = False  # its next batch is written, and it does not hear so
    strays: bool = False  # its next batch is written once more, much later


class SharedDomain(Domain):
    """DSSs that may or may not have sessions with each other, before one store."""

    def __init__(self, count: int, parameters: Parameters = PARAMETERS) -> None:
        self.cloud = Cloud()
        self.seats: list[Seat] = []
        super().__init__(count, parameters)
        for number, site in enumerate(self.sites):
            self.sit_down(number, site)
        self.settle()

    def sit_down(self, number: int, site: Site) -> None:
        """Bring a DSS to the store; one that has the number of another takes its place."""
        sharing = Sharing(site.server)
        sharing.origin = MEDIUM
        sharing.follow()
        seat = Seat(number, site, sharing)
        self.seats[number:] = [seat, *self.seats[number + 1 :]]

    def restart(self, number: int) -> None:
        """Let a DSS lose all that it had in memory."""
        for member, (site, _) in list(self.members.items()):
            if site == number:
                self.detach(member)
        for ends in [ends for ends in self.wires if number in ends]:
            self.part(*sorted(ends))
        self.sites[number] = Site(number, self.now, boot=Random(self.now).randrange(256))  # noqa: S311
        self.sit_down(number, self.sites[number])
        self.settle()

    def settle(self) -> None:
        moved = True
        while moved:
            super().settle()
            moved = sum(self._exchange(seat) for seat in self.seats) > 0

    def run(self, seconds: float) -> None:
        """Let time pass, in steps that are short beside every time of the store."""
        end = self.now + seconds
        while self.now < end:
            super().run(min(1.0, end - self.now))
            if self.cloud.works:  # without a majority nothing ends there
                self.cloud.expire(self.now)
                self.cloud.bring_strays(self.now)
            for seat in self.seats:
                seat.sharing.sweep()
                if seat.keeps_at <= self.now and seat.reaches and self.cloud.works:
                    seat.keeps_at = self.now + KEEP_EVERY
                    self.cloud.keep(seat.number, self.now)
            self.settle()

    def _exchange(self, seat: Seat) -> bool:
        """Let a DSS tell the store and hear from it; say whether something was new."""
        if not (seat.reaches and self.cloud.works):
            seat.heard = None
            return self._carry(seat, carried=False)
        moved = self._hear(seat)
        while seat.sharing.wanted:
            batch = seat.sharing.take()
            self.cloud.save(seat.number, batch, self.now)
            if seat.strays:
                seat.strays = False
                self.cloud.astray.append((self.now + STRAY, batch))
            if seat.fails:
                seat.fails = False
                seat.sharing.put_back(batch)
            moved = True
        while seat.sharing.missed:
            owner = next(iter(seat.sharing.missed))
            owned = Batch(records=[record for record in self.cloud.records.values() if record.owner == owner])
            for _ in seat.sharing.answered(owner, owned, self.now):
                pass
            moved = True
        return moved

    def _hear(self, seat: Seat) -> bool:
        if seat.heard is None or seat.heard < self.cloud.forgotten:
            seat.heard = len(self.cloud.tale)
            for _ in seat.sharing.found(self.cloud.kept(), self.now):
                pass
            self._carry(seat, carried=True)
            return True
        if self.now < seat.late or seat.heard == len(self.cloud.tale):
            return False
        tale, seat.heard = self.cloud.tale[seat.heard :], len(self.cloud.tale)
        for writer, batch in tale:
            if writer != seat.number:
                for _ in seat.sharing.told(batch, self.now):
                    pass
        return True

    def _carry(self, seat: Seat, *, carried: bool) -> bool:
        if seat.carried == carried:
            return False
        seat.carried = carried
        seat.site.replication.carried_by(MEDIUM if carried else b"", self.now)
        return True
