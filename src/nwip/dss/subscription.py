"""What a subscriber is told: snapshots in slices, changes as they come, by kind. Pure."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from nwip.directory.records import Kind, Record
from nwip.directory.table import Directory
from nwip.dss.messages import BATCH, Delta, SnapshotEnd

Kinds = frozenset[Kind]
PART: Final = 64  # records: taken in as a whole, in half a millisecond, so that packets need not wait
SCAN: Final = 1024  # records looked at for one part, so that it stays below a millisecond


class Snapshot:
    """A snapshot as a series of Deltas, made one at a time as the subscriber takes them.

    So it costs neither memory nor a pause. Changes may be told between its parts: merging does not mind
    any order. A lease is told in or before the part that has the owner's first record.
    """

    def __init__(self, directory: Directory, kinds: Kinds) -> None:
        self._directory = directory
        self._kinds = kinds
        self._owners = iter(directory.heard_owners())
        self._untold: bytes | None = None  # the owner whose lease comes with its next record
        self._records: Iterator[Record] = iter(())
        self._withdrawals = iter(directory.withdrawals())
        self._told = 0
        self._all_told = False

    def part(self, now: float) -> Delta | SnapshotEnd:
        """Make the next part; behind `SnapshotEnd` there is none."""
        leases = []
        records: list[Record] = []
        for record in islice(self._remaining(), SCAN):
            if record.key[0] not in self._kinds:
                continue
            if self._untold and (lease := self._directory.lease(self._untold, now)):
                leases.append(lease)
            self._untold = None
            records.append(record)
            if len(records) == PART:
                break
        if self._all_told and not records:
            return self._rest()
        self._told += len(records)
        return Delta(leases, records)

    def _remaining(self) -> Iterator[Record]:
        while True:
            yield from self._records
            self._untold = next(self._owners, None)
            if self._untold is None:
                self._all_told = True
                return
            if self._directory.is_heard(self._untold):
                self._records = iter(self._directory.of_owner(self._untold))

    def _rest(self) -> Delta | SnapshotEnd:
        gone = (withdrawal for withdrawal in self._withdrawals if withdrawal.key[0] in self._kinds)
        part = list(islice(gone, BATCH))
        return Delta(withdrawals=part) if part else SnapshotEnd(self._told)


def restrict(delta: Delta, kinds: Kinds) -> Delta | None:
    """Return the part of a Delta that a subscriber of these kinds is told, None for nothing."""
    records = [record for record in delta.records if record.key[0] in kinds]
    withdrawals = [withdrawal for withdrawal in delta.withdrawals if withdrawal.key[0] in kinds]
    if not (delta.leases or records or withdrawals):
        return None
    return Delta(delta.leases, records, withdrawals)


def known_kinds(numbers: Iterable[int]) -> Kinds:
    """Return the kinds among these numbers; others belong to later versions and are left out."""
    return frozenset(kind for kind in Kind if kind in set(numbers))
