"""The directory: records of all owners, merged whatever the order and repetition of messages. Pure.

What is known of an owner only ever grows: the highest sequence of each key (a record or its withdrawal), the
highest floor, the highest renewal. So two copies that have heard the same messages, in any order, are equal.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import force_setattr

from nwip.directory.deadlines import Deadlines
from nwip.directory.digest import digest_of, mark
from nwip.directory.filters import Policy
from nwip.directory.lans import Lans
from nwip.directory.offers import Offers
from nwip.directory.owners import NEVER_HEARD, NOTHING, Lease, Owner, Sequence
from nwip.directory.parameters import DEFAULT_LEASE
from nwip.directory.records import Change, Key, Kind, Node, Record
from nwip.directory.tombstones import Tombstones, Withdrawal

DEFAULT_LIMIT: Final = 200_000  # records: Novell's largest networks had some 150,000 entries
OWNER_LIMIT: Final = 16_384
MEMORY_LEASES: Final = 2  # an owner that has expired is remembered this many leases longer
SLICE: Final = 200  # records removed by one `expire`: about a millisecond


class Directory:
    """All records that are known, with their owners' leases.

    Holds at most `limit` records and as many withdrawals, of at most `owner_limit` owners. A record or
    owner over the limit is refused and counted in `refused`; of withdrawals the oldest are forgotten.
    `now` is seconds of one monotonic clock, the caller's. `first_lease` is how long an owner is believed of
    which no renewal was heard yet, in seconds.
    `version` goes up with every change of what answers could hold. `lans` knows who is active on each LAN,
    `policy` is what answers leave out.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT, owner_limit: int = OWNER_LIMIT) -> None:
        self._limit = limit
        self._owner_limit = owner_limit
        self._owners: dict[bytes, Owner] = {}
        self._offers = Offers()
        self.lans = Lans(self.of_owner, self.standing)
        self._tombstones = Tombstones(limit)
        self._deadlines: Deadlines[bytes] = Deadlines()
        self._expired: deque[Owner] = deque()
        self._count = 0
        self._created = 0
        self._frozen = False
        self.policy = Policy(())
        self._hidden: set[tuple[bytes, Key]] = set()
        self._unhidden: list[Change] = []
        self.refused = 0
        self.version = 0
        self.first_lease = DEFAULT_LEASE

    def __len__(self) -> int:
        """Return the number of live records."""
        return self._count

    def merge(self, record: Record, now: float) -> Change | None:
        """Take in a record; None when it tells nothing new, was withdrawn, is too old or finds no room.

        The record of an owner that was not heard yet lives for `first_lease`; that of an owner whose lease
        has ended is refused until the owner is heard again.
        """
        key, sequence = record.key, record.sequence
        owner = self._owner(record.owner, now)
        if owner is None or not owner.live or sequence < owner.floor:
            return None
        current = owner.records.get(key)
        if current is not None and current.sequence >= sequence:
            return None
        if self._tombstones.covers(record.owner, key, sequence):
            return None
        if current is None and self._count >= self._limit:
            self.refused += 1
            return None
        if current is not None:
            self._remove(owner, current)
        force_setattr(record, "owner", owner.identity)  # one copy of it for all, not one for each record
        owner.highest = max(owner.highest, sequence)
        owner.records[key] = record
        self.lans.add(record)
        if owner.digest is not None:
            owner.digest ^= mark(record)
        self._count += 1
        self.version += 1
        if isinstance(record.value, Node):
            renamed = owner.node is None or owner.node.name != record.value.name
            owner.node = record.value
            if renamed and self.policy.asks_for_owners:
                self._unhidden += self._judge_anew(owner)
        if self.policy and self._hides(owner, record):
            self._hidden.add((record.owner, key))
            return Change(record, hidden=True)
        self._offers.add(key, record)
        return Change(record, hidden=self.lans.is_superseded(record))

    def withdraw(self, owner: bytes, key: Key, sequence: Sequence, now: float) -> Change | None:
        """Take in a withdrawal: removes the owner's record of that key up to `sequence`, now and later."""
        state = self._owner(owner, now)
        if state is None or not self._tombstones.put(owner, key, sequence, now):
            return None
        state.highest = max(state.highest, sequence)
        current = state.records.get(key)
        if current is None or current.sequence > sequence:
            return None
        return self._remove(state, current)

    def complete(self, owner: bytes, floor: Sequence, now: float) -> list[Change]:
        """Take in an owner's word that nothing of it below the sequence `floor` exists any more."""
        state = self._owner(owner, now)
        if state is None or floor <= state.floor:
            return []
        state.floor = floor
        gone = [record for record in state.records.values() if record.sequence < floor]
        return [self._remove(state, record) for record in gone]

    def drop(self, owner: bytes, key: Key) -> Change | None:
        """Take out one record that does not exist any more, without a withdrawal to tell of."""
        state = self._owners.get(owner)
        record = state.records.get(key) if state else None
        return self._remove(state, record) if state and record else None

    def heard(  # noqa: PLR0917 - the fields of a `Lease`
        self, owner: bytes, incarnation: int, renewal: int, lease: float, age: float, now: float
    ) -> bool:
        """Take in a renewal that was made `age` seconds ago and holds for `lease` seconds.

        The higher (incarnation, renewal) stands; a repeated one never makes the lease end later. Returns
        True when the owner was not heard before, or was dead, so that its records may have to be asked for.
        """
        state = self._owners.get(owner)
        known = state is not None
        state = state or self._owner(owner, now)
        if state is None:
            return False
        first = state.renewed == NEVER_HEARD
        deadline = now + lease - age
        if (incarnation, renewal) > state.renewed:
            state.renewed = (incarnation, renewal)
            state.lease, state.has_left = lease, age >= lease
        elif (incarnation, renewal) != state.renewed or not state.live:
            return False
        else:
            deadline = min(deadline, state.deadline)
        if state.live:
            state.deadline = deadline
            self._deadlines.set(owner, deadline)
            return first or not known
        if age >= lease:
            return False
        state.live, state.deadline = True, deadline
        self._deadlines.set(owner, deadline)
        return True

    def expire(self, now: float) -> list[Change]:
        """Remove records of owners whose lease has ended, at most `SLICE` a call; see `next_deadline`."""
        changes = self.lans.take_changes(SLICE, self._hidden)
        if self._frozen:
            return changes
        for identity in self._deadlines.pop_due(now):
            owner = self._owners[identity]
            if owner.live:
                owner.live = False
                self._expired.append(owner)
                self._deadlines.set(identity, now + MEMORY_LEASES * owner.lease)
            elif owner.records:  # slices of it are left over
                self._deadlines.set(identity, now + owner.lease)
            else:
                del self._owners[identity]
        self._tombstones.expire(now)
        changes += self._unhidden
        self._unhidden = []
        while self._expired and len(changes) < SLICE:
            owner = self._expired[0]
            if owner.live or not owner.records:
                self._expired.popleft()
            else:
                changes.append(self._drop(owner, *owner.records.popitem()))
        return changes

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do: at once when a slice is left over."""
        if self.lans.has_changes or (self._unhidden and not self._frozen):
            return 0.0
        if self._frozen:
            return None
        if self._expired:
            return self._expired[0].deadline
        times = (self._deadlines.next(), self._tombstones.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def forget(self, owner: bytes, now: float) -> bool:
        """End the lease of an owner at once, as if it had run out; False when it was not live."""
        state = self._owners.get(owner)
        if state is None or not state.live:
            return False
        state.deadline = now
        self._deadlines.set(owner, now)
        return True

    def set_policy(self, policy: Policy) -> list[Change]:
        """Take the domain's filters; return what appears and what vanishes by them."""
        if policy == self.policy:
            return []
        self.policy = policy
        return [change for owner in self._owners.values() for change in self._judge_anew(owner)]

    def is_hidden(self, record: Record) -> bool:
        """Say whether the domain's filters keep a record from every answer."""
        return (record.owner, record.key) in self._hidden

    def freeze(self, now: float) -> None:
        """Let nothing expire from now on: who would renew it cannot be heard."""
        del now
        self._frozen = True

    def thaw(self, now: float) -> None:
        """End a freeze: every owner has a full lease from now on to be heard again."""
        if not self._frozen:
            return
        self._frozen = False
        for owner in self._owners.values():
            if owner.live:
                owner.deadline = now + owner.lease
                self._deadlines.set(owner.identity, owner.deadline)

    def records(self, kind: Kind) -> Iterator[Record]:
        """Give out the live records of a kind, of all owners; the directory must not change meanwhile."""
        return self._offers.of_kind(kind)

    def keys(self, kind: Kind) -> Iterator[Key]:
        """Give out each key of a kind once; the directory must not change meanwhile."""
        return self._offers.keys(kind)

    def services(self, service_type: int) -> Iterator[Key]:
        """Give out each service of a type once, fewest hops first; it must not change meanwhile."""
        return self._offers.services(service_type)

    def claims(self, key: Key) -> list[Record]:
        """Return all owners' live records of a key, superseded ones too, best metric first."""
        return self._offers.of_key(key)

    def offers(self, key: Key) -> list[Record]:
        """Return the records of a key that are used, best metric first."""
        return self.lans.in_use(self._offers.of_key(key))

    def best(self, key: Key) -> Record | None:
        """Return the best offer of a key."""
        return next(iter(self.offers(key)), None)

    def nearest(self, service_type: int) -> Record | None:
        """Return the service of a type with the fewest hops, without a scan."""
        return self._offers.nearest(service_type)

    def of_owner(self, owner: bytes) -> list[Record]:
        """Return the live records of one owner."""
        return list(state.records.values()) if (state := self._owners.get(owner)) else []

    def standing(self, owner: bytes, key: Key) -> Record | None:
        """Return the record that an owner has of a key now, hidden or not."""
        return state.records.get(key) if (state := self._owners.get(owner)) else None

    def node_of(self, owner: bytes) -> Node | None:
        """Return the owner's `Node` value: its name, node number and addresses."""
        return state.node if (state := self._owners.get(owner)) else None

    def is_live(self, owner: bytes) -> bool:
        """Say whether the owner's lease runs."""
        return (state := self._owners.get(owner)) is not None and state.live

    def has_left(self, owner: bytes) -> bool:
        """Say whether the owner's last word was that it leaves: a renewal for no time at all."""
        return (state := self._owners.get(owner)) is not None and state.has_left

    def is_heard(self, owner: bytes) -> bool:
        """Say whether the owner lives by a renewal, and not only by what a disk remembers."""
        return (state := self._owners.get(owner)) is not None and state.is_heard

    def digest(self, owner: bytes) -> int:
        """Return the digest of an owner's live records; see `digest.py`."""
        state = self._owners.get(owner)
        if state is None:
            return 0
        if state.digest is None:
            state.digest = digest_of(state.records.values())
        return state.digest

    def count_of(self, owner: bytes) -> int:
        """Return the number of live records of one owner."""
        return len(state.records) if (state := self._owners.get(owner)) else 0

    def has_records(self, owner: bytes) -> bool:
        """Say whether the owner has any record."""
        return self.count_of(owner) > 0

    def highest(self, owner: bytes) -> Sequence:
        """Return the highest sequence known of an owner, (0, 0) if none; its renewals count too."""
        state = self._owners.get(owner)
        return max(state.highest, state.floor, (state.renewed[0], 0)) if state else NOTHING

    def ever_used(self, owner: bytes) -> Sequence:
        """Return the highest sequence that anything here remembers of an owner, past lives included.

        Who comes as this owner must begin above it: what is withdrawn would not let its records in.
        """
        stones = (withdrawal.sequence for withdrawal in self._tombstones.of_owner(owner))
        return max(self.highest(owner), max(stones, default=NOTHING))

    def floor(self, owner: bytes) -> Sequence:
        """Return the sequence below which nothing of an owner exists any more, (0, 0) if none is known."""
        return state.floor if (state := self._owners.get(owner)) else NOTHING

    def renewed(self, owner: bytes) -> Sequence:
        """Return the highest (incarnation, renewal) heard of an owner, (0, -1) if none."""
        return state.renewed if (state := self._owners.get(owner)) else NEVER_HEARD

    def lease(self, owner: bytes, now: float) -> Lease | None:
        """Return the owner's lease and its age, for passing on."""
        return state.describe(now) if (state := self._owners.get(owner)) else None

    def owners(self) -> list[bytes]:
        """Return the identities of the live owners."""
        return [owner.identity for owner in self._owners.values() if owner.live]

    def heard_owners(self) -> list[bytes]:
        """Return the identities of the live owners that were heard: those that may be passed on."""
        return [owner.identity for owner in self._owners.values() if owner.is_heard]

    def withdrawals(self) -> Iterable[Withdrawal]:
        """Give out the withdrawals that are remembered, for passing on."""
        return self._tombstones

    def is_withdrawn(self, owner: bytes, key: Key, sequence: Sequence) -> bool:
        """Say whether a withdrawal of a key up to that sequence is known."""
        return self._tombstones.covers(owner, key, sequence)

    def withdrawals_of(self, owner: bytes) -> list[Withdrawal]:
        """Return the withdrawals of one owner that are remembered."""
        return self._tombstones.of_owner(owner)

    def _owner(self, identity: bytes, now: float) -> Owner | None:
        owner = self._owners.get(identity)
        if owner is not None:
            return owner
        if len(self._owners) >= self._owner_limit:
            self.refused += 1
            return None
        self._created += 1
        owner = self._owners[identity] = Owner(identity, self.first_lease, now, self._created)
        # Who compares what it has heard counts withdrawals of a life that was else forgotten, too.
        owner.highest = max((gone.sequence for gone in self._tombstones.of_owner(identity)), default=NOTHING)
        self._deadlines.set(identity, owner.deadline)
        return owner

    def _remove(self, owner: Owner, record: Record) -> Change:
        key = record.key
        del owner.records[key]
        return self._drop(owner, key, record)

    def _drop(self, owner: Owner, key: Key, record: Record) -> Change:
        """Take a record that its owner has no more out of everything else."""
        if record.value is owner.node:
            owner.node = None
        if owner.digest is not None:
            owner.digest ^= mark(record)
        self.lans.remove(record)
        self._count -= 1
        self.version += 1
        if self._hidden and (record.owner, key) in self._hidden:
            self._hidden.discard((record.owner, key))
            return Change(record, removed=True, hidden=True)
        self._offers.remove(key, record)
        return Change(record, removed=True)

    def _hides(self, owner: Owner, record: Record) -> bool:
        return self.policy.hides(record.value, owner.identity, owner.node.name if owner.node else "")

    def _judge_anew(self, owner: Owner) -> list[Change]:
        """Show or hide each record of an owner as the filters now say."""
        changes = []
        for key, record in owner.records.items():
            place = (owner.identity, key)
            hidden, was_hidden = self._hides(owner, record), place in self._hidden
            if hidden and not was_hidden:
                self._offers.remove(key, record)
                self._hidden.add(place)
            elif was_hidden and not hidden:
                self._hidden.discard(place)
                self._offers.add(key, record)
            else:
                continue
            self.version += 1
            changes.append(Change(record, removed=hidden))
        return changes
