"""A node's own records, and what of them its DSS has still to be told. Pure."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from nwip.directory.owners import NOTHING, Sequence
from nwip.directory.records import Key, Record, Value
from nwip.directory.tombstones import Withdrawal
from nwip.dss.messages import BATCH

OWN_LIMIT: Final = 200_000  # records of one node; more is refused


class Registration:
    """The records of one owner, numbered in the order of their changes.

    `sequence` is the highest in use, `floor` the one below which nothing of this owner exists any more,
    `renewal` counts the renewals. What waits to be sent stands in the order of its counters: so a DSS that
    knows the highest knows all.
    """

    def __init__(self, identity: bytes, incarnation: int) -> None:
        self.identity = identity
        self.sequence: Sequence = (incarnation, 0)
        self.floor: Sequence = NOTHING
        self.renewal = 0
        self._values: dict[Key, Record] = {}
        self._unsent: dict[Key, Record | Withdrawal] = {}
        self._told = False

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._values)

    def records(self) -> list[Record]:
        """Return the records as they are numbered now."""
        return list(self._values.values())

    def offer(self, value: Value) -> bool:
        """Register a value, or change the one of its key; False when there is no room for it."""
        key = value.key
        known = self._values.get(key)
        if known is not None and known.value == value:
            return True
        if known is None and len(self._values) >= OWN_LIMIT:
            return False
        record = Record(self.identity, *self._next(), value)
        self._values[key] = record
        self._queue(key, record)
        return True

    def retract(self, key: Key) -> None:
        """Withdraw the record of a key; unknown keys are left alone."""
        if self._values.pop(key, None) is not None:
            self._queue(key, Withdrawal(self.identity, *self._next(), key))

    def begin(self, known: Sequence) -> None:
        """Start with a DSS that knows this owner up to `known`: everything waits to be sent again.

        A DSS that knows just what there is gets the same records again, which changes nothing. One that
        knows less (it may have missed withdrawals), or more (another life of this owner), gets all of them
        under new numbers, with everything below gone.
        """
        self.renewal += 1
        if self._told and known == self.sequence:
            self._unsent = dict(sorted(self._values.items(), key=lambda item: item[1].sequence))
            return
        incarnation, _ = self.sequence
        if known > self.sequence or (not self._told and known[0] >= incarnation):
            self.jump_above(known)
        else:
            self._renumber()
        self._told = True

    def distrust(self) -> None:
        """Learn that the domain remembers what this life did not say: at the next DSS jump above it all."""
        self._told = False

    def jump_above(self, known: Sequence) -> None:
        """Leave a sequence behind that this life of the owner did not give out."""
        self.sequence = (known[0] + 1, 0)
        self._renumber()

    def take(self) -> list[Record] | list[Withdrawal]:
        """Return the next records or withdrawals for one message and count them as sent."""
        first = next(iter(self._unsent.values()), None)
        records: list[Record] = []
        withdrawals: list[Withdrawal] = []
        for item in islice(self._unsent.values(), BATCH):
            if type(item) is not type(first):
                break
            if isinstance(item, Record):
                records.append(item)
            else:
                withdrawals.append(item)
        for sent in records or withdrawals:
            del self._unsent[sent.key]
        return records or withdrawals

    def again(self, keys: Iterable[Key]) -> None:
        """Register the values of some keys once more, as if they had changed."""
        for key in keys:
            if (known := self._values.get(key)) is not None:
                self._values[key] = record = Record(self.identity, *self._next(), known.value)
                self._queue(key, record)

    def _renumber(self) -> None:
        self._unsent = {}
        self.floor = (self.sequence[0], self.sequence[1] + 1)
        for key, record in list(self._values.items()):
            self._values[key] = self._unsent[key] = Record(self.identity, *self._next(), record.value)

    def _next(self) -> Sequence:
        self.sequence = (self.sequence[0], self.sequence[1] + 1)
        return self.sequence

    def _queue(self, key: Key, change: Record | Withdrawal) -> None:
        self._unsent.pop(key, None)  # keeps the order of the counters
        self._unsent[key] = change
        if len(self._unsent) > 2 * OWN_LIMIT:
            self._renumber()  # the floor stands for all withdrawals
