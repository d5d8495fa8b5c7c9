"""A subscriber's copy of a directory, by the rules of `docs/protocol.md` and nothing else. Pure.

It is built of one snapshot and the changes behind it; it never asks again. What vanishes from it is written
down, with the reason, so that a verdict can say whether that was right.
"""

from typing import Final, NamedTuple

from real.domain_frames import (
    DELTA,
    RENEWED,
    SERVICE,
    SNAPSHOT_END,
    Key,
    Message,
    Sequence,
    key_of,
    version_of,
)

NOTHING: Final[Sequence] = (0, 0)


class Held(NamedTuple):
    """A record of the copy."""

    sequence: Sequence
    value: Message


class Vanished(NamedTuple):
    """A service that the copy had to drop."""

    owner: bytes
    key: Key
    version: int
    why: str
    at: float


class Owner:
    """What the copy knows of one owner: its records live until `ends`."""

    def __init__(self) -> None:
        self.renewed: Sequence = (-1, -1)
        self.length = 0.0
        self.ends = 0.0
        self.records: dict[Key, Held] = {}


class Copy:
    """The copy. `seen` has when each version of a service came, `whole_at` when the snapshot ended."""

    def __init__(self) -> None:
        self.owners: dict[bytes, Owner] = {}
        self.vanished: list[Vanished] = []
        self.seen: dict[tuple[bytes, Key], list[tuple[int, float]]] = {}
        self.whole_at: float | None = None
        self._gone: dict[tuple[bytes, Key], Sequence] = {}
        self._floors: dict[bytes, Sequence] = {}
        self._by_index: dict[int, bytes] = {}

    def services(self) -> dict[tuple[bytes, Key], Message]:
        """Return the value of each service, by owner and key."""
        return {
            (name, key): held.value
            for name, owner in self.owners.items()
            for key, held in owner.records.items()
            if key[0] == SERVICE
        }

    def identities(self, kind: int) -> set[int | bytes]:
        """Return the numbers of all records of a kind."""
        return {key[1] for owner in self.owners.values() for key in owner.records if key[0] == kind}

    def take(self, message: Message, now: float) -> None:
        """Take in one message of a session."""
        match message[0]:
            case tag if tag == DELTA:
                self._delta(*message[1:4], now=now)
            case tag if tag == RENEWED:
                for index, renewal, age, *_ in message[1]:
                    if (name := self._by_index.get(index)) is not None:
                        owner = self.owners[name]
                        self._renew(name, (owner.renewed[0], renewal), owner.length, age / 1000, now)
            case tag if tag == SNAPSHOT_END:
                self.whole_at = now
                for name in list(self._floors):
                    self._drop_below_floor(name, now)

    def age(self, now: float) -> None:
        """Drop what has outlived its lease."""
        for name, owner in self.owners.items():
            if owner.ends <= now and owner.records:
                self._drop(name, list(owner.records), "aged", now)

    def _delta(
        self,
        leases: list[Message] = [],  # noqa: B006 - none is changed
        records: list[Message] = [],  # noqa: B006
        withdrawals: list[Message] = [],  # noqa: B006
        *,
        now: float,
    ) -> None:
        for name, incarnation, renewal, length, age, *rest in leases:
            floor_incarnation, floor_counter, index = [*rest, 0, 0, 0][:3]
            self._renew(name, (incarnation, renewal), length, age, now)
            if index:
                self._by_index[index] = name
            self._floors[name] = max(self._floors.get(name, NOTHING), (floor_incarnation, floor_counter))
        for name, incarnation, counter, value in records:
            self._record(name, (incarnation, counter), value, now)
        for name, incarnation, counter, (kind, number, text) in withdrawals:
            key, sequence = (kind, number, text), (incarnation, counter)
            self._gone[name, key] = max(self._gone.get((name, key), NOTHING), sequence)
            held = self.owners[name].records.get(key) if name in self.owners else None
            if held is not None and held.sequence <= sequence:
                self._drop(name, [key], "withdrawn", now)
        if self.whole_at is not None:
            for name, *_ in leases:
                self._drop_below_floor(name, now)

    def _renew(self, name: bytes, renewed: Sequence, length: float, age: float, now: float) -> None:
        owner = self.owners.setdefault(name, Owner())
        if renewed > owner.renewed:
            owner.renewed, owner.length, owner.ends = renewed, length, now + length - age
        elif renewed == owner.renewed:
            owner.ends = min(owner.ends, now + length - age)
        if owner.ends <= now:
            self._drop(name, list(owner.records), "its lease was told to have ended", now)

    def _record(self, name: bytes, sequence: Sequence, value: Message, now: float) -> None:
        owner, key = self.owners.setdefault(name, Owner()), key_of(value)
        held = owner.records.get(key)
        stale = held is not None and held.sequence >= sequence
        if stale or self._gone.get((name, key), NOTHING) >= sequence or owner.ends <= now:
            return
        owner.records[key] = Held(sequence, value)
        if key[0] == SERVICE:
            self.seen.setdefault((name, key), []).append((version_of(value), now))

    def _drop_below_floor(self, name: bytes, now: float) -> None:
        floor, records = self._floors[name], self.owners[name].records
        self._drop(
            name, [key for key, held in records.items() if held.sequence < floor], "below the floor", now
        )

    def _drop(self, name: bytes, keys: list[Key], why: str, now: float) -> None:
        for key in keys:
            held = self.owners[name].records.pop(key)
            if key[0] == SERVICE:
                self.vanished.append(Vanished(name, key, version_of(held.value), why, now))
