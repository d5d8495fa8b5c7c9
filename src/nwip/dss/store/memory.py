"""A store that lasts as long as its object: for DSSs that need none, and as the model of all others."""

from collections.abc import AsyncGenerator, Callable

from nwip.directory.owners import Lease, Sequence
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch, Kept

Place = tuple[bytes, Key]


class MemoryStore:
    """Keeps everything in dictionaries."""

    kind = "memory"
    shared = False
    place = ""

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._floors: dict[bytes, Sequence] = {}
        self._records: dict[Place, Record] = {}
        self._withdrawals: dict[Place, Withdrawal] = {}

    async def load(self) -> Kept:
        """Return everything that is kept."""
        return Kept(
            self._parameters,
            [Lease(owner, 0, 0, 1.0, 0.0, *floor) for owner, floor in self._floors.items()],
            list(self._records.values()),
            list(self._withdrawals.values()),
        )

    async def save(self, batch: Batch) -> None:
        """Keep a batch."""
        self._parameters = batch.parameters or self._parameters
        for owner in batch.forgotten:
            self._forget(owner)
        if batch.all_withdrawals:
            self._withdrawals.clear()
        for place in batch.removed:
            self._records.pop(place, None)
        for lease in batch.leases:
            self._floors[lease.owner] = (lease.floor_incarnation, lease.floor_counter)
        for withdrawal in batch.withdrawals:
            self._withdrawals[withdrawal.owner, withdrawal.key] = withdrawal
        for record in batch.records:
            self._records[record.owner, record.key] = record

    async def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        """End at once: nobody else writes here."""
        del started
        return
        yield Batch()

    async def close(self) -> None:
        """Do nothing: what is kept stays as long as this object."""

    def _forget(self, owner: bytes) -> None:
        self._floors.pop(owner, None)
        for table in (self._records, self._withdrawals):
            for place in [place for place in table if place[0] == owner]:
                del table[place]
