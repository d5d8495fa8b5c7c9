"""Takes what an export held into a DSS, by the sequences in it. Pure.

A file is no sign of life: nothing here renews a lease. Of an owner that is heard only what is above all that
it has told is taken, for what else it once had is gone; of one that was not heard yet the records are served
until its first lease ends, and passed on once it renews.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from nwip.directory.owners import NEVER_HEARD, Lease, Sequence
from nwip.directory.records import Key, Record
from nwip.dss.exchange import OURSELVES
from nwip.dss.messages import BATCH, Delta
from nwip.dss.portable import Reading
from nwip.dss.server_engine import ServerEngine

OUTCOMES: Final = ("new", "known", "older", "refused")


class Intake:
    """One import. `counts` says how many records were new, known, older than what is here, or refused.

    Refused is what finds no room, and the records of an owner whose lease has ended. `withdrawals` counts the
    new ones; `parameters` is True when those of the file were of higher rank and are now the domain's.
    """

    def __init__(self, engine: ServerEngine, reading: Reading) -> None:
        self._engine = engine
        self._directory = engine.directory
        self._reading = reading
        self._told: dict[bytes, Sequence] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self.withdrawals = 0
        self.parameters = False

    def steps(self, now: float) -> Iterator[None]:
        """Take everything in, in steps of about a millisecond; others may run between them."""
        reading = self._reading
        for start in range(0, len(reading.records), BATCH):
            for owner in {record.owner for record in reading.records[start : start + BATCH]}:
                if self._directory.is_heard(owner):
                    self._told.setdefault(owner, self._directory.highest(owner))
            yield
        if reading.parameters is not None:
            self.parameters = self._engine.learn_parameters(reading.parameters)
        for start in range(0, len(reading.withdrawals), BATCH):
            part = Delta(withdrawals=reading.withdrawals[start : start + BATCH])
            self.withdrawals += len(self._engine.take_in(part, OURSELVES, now).withdrawals)
            yield
        for start in range(0, len(reading.records), BATCH):
            for owner, records in groupby(reading.records[start : start + BATCH], attrgetter("owner")):
                self._records_of(owner, list(records), now)
            yield
        for start in range(0, len(reading.leases), BATCH):
            self._floors_of(reading.leases[start : start + BATCH], now)
            yield

    def _floors_of(self, leases: Iterable[Lease], now: float) -> None:
        """Take the floors of owners that are not heard; the others have told theirs."""
        for lease in leases:
            if not self._directory.is_heard(lease.owner):
                floor = (lease.floor_incarnation, lease.floor_counter)
                gone = self._directory.complete(lease.owner, floor, now)
                for listener in self._engine.removal_listeners if gone else ():
                    listener(gone)

    def _records_of(self, owner: bytes, records: list[Record], now: float) -> None:
        directory = self._directory
        told = self._told.get(owner)
        here = {record.key: record.sequence for record in directory.of_owner(owner)}
        wanted = []
        for record in records:
            if self._is_older(record, told, here):
                self.counts["known" if here.get(record.key) == record.sequence else "older"] += 1
            else:
                wanted.append(record)
        if directory.is_heard(owner):
            new = len(self._engine.take_in(Delta(records=wanted), OURSELVES, now).records)
        else:
            new = sum(directory.merge(record, now) is not None for record in wanted)
        self.counts["new"] += new
        self.counts["refused"] += len(wanted) - new

    def _is_older(self, record: Record, told: Sequence | None, here: dict[Key, Sequence]) -> bool:
        directory, sequence = self._directory, record.sequence
        return (
            (told is not None and sequence <= told)
            or here.get(record.key, NEVER_HEARD) >= sequence
            or sequence < directory.floor(record.owner)
            or directory.is_withdrawn(record.owner, record.key, sequence)
        )
