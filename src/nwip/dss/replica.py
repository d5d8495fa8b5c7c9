"""A subscriber's copy of the directory: merges what its DSS tells, asks again for what it missed. Pure."""

from msgspec.structs import replace

from nwip.directory.owners import NEVER_HEARD, Sequence
from nwip.directory.records import Change
from nwip.directory.table import Directory
from nwip.dss.doubts import Doubts
from nwip.dss.messages import Delta, Renewed
from nwip.dss.registration import Registration
from nwip.dss.shorthand import Longhand


class Replica:
    """A directory that follows a DSS; frozen while there is none.

    `ask_at` is when a (new) snapshot is wanted, None when nothing is missing.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.ask_at: float | None = None
        self._asked_at = 0.0
        self._floors: dict[bytes, Sequence] | None = None
        self._doubts = Doubts()
        self._longhand = Longhand()
        directory.freeze(0.0)

    def opened(self, now: float) -> None:
        """Go on after a freeze: who is not heard of for a full lease from now on is gone."""
        self.directory.thaw(now)
        self._longhand.clear()
        self.ask_at = now

    def closed(self, now: float) -> None:
        """Freeze: what was known stays."""
        self.directory.freeze(now)
        self._doubts.clear()
        self.ask_at = None

    def asked(self, now: float) -> None:
        """Learn that a snapshot was asked for; until its end no floor removes anything."""
        self.ask_at = None
        self._asked_at = now
        self._floors = self._floors or {}
        self._doubts.begin(self.directory)

    def lives(self, registration: Registration, pause: float, now: float) -> list[Change]:
        """Learn that the DSS has taken in a renewal of the node itself, which it does not tell the node."""
        known = self.directory.lease(registration.identity, now)
        if known is None:
            return []
        incarnation, _ = registration.sequence
        ours = replace(known, incarnation=incarnation, renewal=registration.renewal, age=0.0, index=0)
        return self.merge(Delta([ours]), pause, now)

    def in_full(self, message: Renewed) -> Delta:
        """Return renewals in short form as leases; of those that were not told they say nothing."""
        return Delta(list(self._longhand.leases(message)))

    def merge(self, delta: Delta, pause: float, now: float) -> list[Change]:
        """Take in a Delta; when an owner was missed, ask again, `pause` seconds after the last time."""
        self._longhand.learn(delta.leases)
        told = {record.owner for record in delta.records}
        missed = False
        for lease in delta.leases:
            had_expired = self.directory.renewed(lease.owner) != NEVER_HEARD
            if self.directory.heard(
                lease.owner, lease.incarnation, lease.renewal, lease.lease, lease.age, now
            ):
                missed |= had_expired or lease.owner not in told
            self._doubts.heard(lease.owner, (lease.incarnation, lease.renewal))
        for record in delta.records:
            self._doubts.told(record.owner, record.key)
        changes = [self.directory.merge(record, now) for record in delta.records]
        changes += [
            self.directory.withdraw(gone.owner, gone.key, gone.sequence, now) for gone in delta.withdrawals
        ]
        happened = [change for change in changes if change is not None]
        for lease in delta.leases:
            floor = (lease.floor_incarnation, lease.floor_counter)
            if self._floors is None:
                happened += self.directory.complete(lease.owner, floor, now)
            else:
                self._floors[lease.owner] = max(floor, self._floors.get(lease.owner, floor))
        if missed and self.ask_at is None:
            self.ask_at = max(now, self._asked_at + pause)
        return happened + self._settle() + self.directory.expire(now)

    def snapshot_read(self, now: float) -> list[Change]:
        """Take in the end of a snapshot: now the floors hold."""
        floors, self._floors = self._floors or {}, None
        self._doubts.end()
        changes = [
            change for owner, floor in floors.items() for change in self.directory.complete(owner, floor, now)
        ]
        return changes + self._settle()

    def _settle(self) -> list[Change]:
        gone = (self.directory.drop(owner, key) for owner, key in self._doubts.settled())
        return [change for change in gone if change is not None]
