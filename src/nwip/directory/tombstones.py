"""Withdrawals that are remembered, so that an old message does not bring a record back. Pure."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct

from nwip.directory.owners import Sequence
from nwip.directory.records import Counter, Identity, Key, Kind

TOMBSTONE_TIME: Final = 3600.0  # seconds: the longest partition after which no withdrawn record comes back

KeyNumber = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
KeyOctets = Annotated[bytes, Meta(min_length=6, max_length=16)]
KeyName = Annotated[str, Meta(max_length=47)]


class Withdrawal(Struct, frozen=True, array_like=True):
    """An owner's word that a key is withdrawn; also on the wire.

    Stands against the owner's records of that key up to this sequence.
    """

    owner: Identity
    incarnation: Counter
    counter: Counter
    key: tuple[Kind, KeyNumber | KeyOctets, KeyName]

    @property
    def sequence(self) -> Sequence:
        """What orders it among the versions of a record."""
        return (self.incarnation, self.counter)


class Tombstones:
    """The latest withdrawal of each (owner, key), for `TOMBSTONE_TIME`; over `limit` the oldest go."""

    __slots__ = ("_by_owner", "_limit", "_stones", "evicted")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stones: OrderedDict[tuple[bytes, Key], tuple[Sequence, float]] = OrderedDict()
        self._by_owner: dict[bytes, dict[Key, None]] = {}
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._stones)

    def __iter__(self) -> Iterator[Withdrawal]:
        """Give out all of them, for passing on."""
        for (owner, key), (sequence, _) in list(self._stones.items()):
            yield Withdrawal(owner, *sequence, key)

    def of_owner(self, owner: bytes) -> list[Withdrawal]:
        """Return those of one owner."""
        keys = self._by_owner.get(owner, ())
        return [Withdrawal(owner, *self._stones[owner, key][0], key) for key in keys]

    def covers(self, owner: bytes, key: Key, sequence: Sequence) -> bool:
        """Say whether a record of that sequence has been withdrawn."""
        stone = self._stones.get((owner, key))
        return stone is not None and stone[0] >= sequence

    def put(self, owner: bytes, key: Key, sequence: Sequence, now: float) -> bool:
        """Remember a withdrawal; False when this one or a later one is known."""
        if self.covers(owner, key, sequence):
            return False
        self._stones[owner, key] = (sequence, now + TOMBSTONE_TIME)
        self._stones.move_to_end((owner, key))
        self._by_owner.setdefault(owner, {})[key] = None
        if len(self._stones) > self._limit:
            self._forget_oldest()
            self.evicted += 1
        return True

    def expire(self, now: float) -> None:
        """Forget what is older than `TOMBSTONE_TIME`."""
        while (due := self.next_deadline()) is not None and due <= now:
            self._forget_oldest()

    def next_deadline(self) -> float | None:
        """Return when the oldest is to be forgotten, or None."""
        return next(iter(self._stones.values()))[1] if self._stones else None

    def _forget_oldest(self) -> None:
        (owner, key), _ = self._stones.popitem(last=False)
        keys = self._by_owner[owner]
        del keys[key]
        if not keys:
            del self._by_owner[owner]
