"""What has changed in a directory and is not saved yet: of each place the newest. Pure."""

from itertools import islice
from typing import Final

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch

BATCH_LIMIT: Final = 1000  # changes of one batch

Place = tuple[bytes, Key]
"""An owner, and the key of a record that it has or had."""


class Pending:
    """Changes that wait for a store. Holds at most one for each place, owner and domain that there are."""

    def __init__(self) -> None:
        self.parameters: Parameters | None = None
        self.changes: dict[Place, Record | Withdrawal | None] = {}
        self.leases: dict[bytes, Lease] = {}

    def __len__(self) -> int:
        return len(self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes or self.leases or self.parameters is not None)

    def changed(self, change: Record | Withdrawal) -> None:
        """Learn of a record that is new, or withdrawn."""
        self.changes[change.owner, change.key] = change

    def removed(self, record: Record) -> None:
        """Learn that a record is gone, whatever the reason."""
        place = (record.owner, record.key)
        known = self.changes.get(place)
        if known is None or known.sequence <= record.sequence:
            self.changes[place] = None if not isinstance(known, Withdrawal) else known

    def take(self) -> Batch:
        """Take out the next batch, of at most `BATCH_LIMIT` changes."""
        batch = Batch(self.parameters, list(islice(self.leases.values(), BATCH_LIMIT)))
        self.parameters = None
        for lease in batch.leases:
            del self.leases[lease.owner]
        for place in list(islice(self.changes, BATCH_LIMIT)):
            change = self.changes.pop(place)
            if isinstance(change, Record):
                batch.records.append(change)
                continue
            batch.removed.append(place)
            if change is not None:
                batch.withdrawals.append(change)
        return batch

    def put_back(self, batch: Batch) -> None:
        """Let a batch that was not saved wait again, behind what has changed since."""
        self.parameters = self.parameters or batch.parameters
        for lease in batch.leases:
            self.leases.setdefault(lease.owner, lease)
        for gone in batch.withdrawals:
            self.changes.setdefault((gone.owner, gone.key), gone)
        for place in batch.removed:
            self.changes.setdefault(place, None)
        for record in batch.records:
            self.changes.setdefault((record.owner, record.key), record)
