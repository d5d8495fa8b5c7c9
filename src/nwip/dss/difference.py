"""What somebody lacks of certain owners, as a series of Deltas made as they are taken. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from nwip.directory.owners import NOTHING, Sequence
from nwip.directory.records import Kind
from nwip.directory.table import Directory
from nwip.dss.messages import BATCH, Delta
from nwip.dss.subscription import Kinds

EVERYTHING: Final[Sequence] = (-1, -1)
"""Below every sequence."""

ALL_KINDS: Final[Kinds] = frozenset(Kind)


class Difference:
    """Owners of which the other side is to be told all above a sequence, one part at a time.

    The records of an owner go in the order of their sequences, its lease first, then its withdrawals; what
    the lease says of a floor comes last, so that nothing goes before what replaces it has come. They are
    looked up when their turn comes, so changes may be told in between.
    """

    __slots__ = ("_directory", "_kinds", "_owners", "_parts", "told")

    def __init__(self, directory: Directory, kinds: Kinds = ALL_KINDS) -> None:
        self.told = 0
        self._directory = directory
        self._kinds = kinds
        self._owners: deque[tuple[bytes, Sequence]] = deque()
        self._parts: Iterator[Delta] = iter(())

    def add(self, owner: bytes, above: Sequence = EVERYTHING) -> None:
        """Queue what an owner has above a sequence."""
        self._owners.append((owner, above))

    def part(self, now: float) -> Delta | None:
        """Make the next part; None when nothing is left."""
        while True:
            part = next(self._parts, None)
            if part is not None:
                self.told += len(part.records)
                return part
            if not self._owners:
                return None
            self._parts = self._parts_of(*self._owners.popleft(), now)

    def _parts_of(self, owner: bytes, above: Sequence, now: float) -> Iterator[Delta]:
        lease = self._directory.lease(owner, now)
        if lease is None or not self._directory.is_heard(owner):
            return
        records = [
            record
            for record in self._directory.of_owner(owner)
            if record.sequence > above and record.key[0] in self._kinds
        ]
        records.sort(key=lambda record: record.sequence)
        gone = [
            withdrawal
            for withdrawal in self._directory.withdrawals_of(owner)
            if withdrawal.sequence > above and withdrawal.key[0] in self._kinds
        ]
        yield Delta([replace(lease, floor_incarnation=0, floor_counter=0)], records[:BATCH])
        for start in range(BATCH, len(records), BATCH):
            yield Delta(records=records[start : start + BATCH])
        for start in range(0, len(gone), BATCH):
            yield Delta(withdrawals=gone[start : start + BATCH])
        if (lease.floor_incarnation, lease.floor_counter) > NOTHING:
            yield Delta([lease])
