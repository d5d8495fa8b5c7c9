"""Owners and their leases: one lease keeps all records of an owner alive. Pure.

A lease is a duration and an age is added up from copy to copy, so no two machines' clocks are compared.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from nwip.directory.records import Counter, Identity, Key, Node, Record

Sequence = tuple[int, int]
"""(incarnation, counter): what orders the versions of what one owner registers."""

NOTHING: Final[Sequence] = (0, 0)
NEVER_HEARD: Final[Sequence] = (0, -1)

Seconds = Annotated[float, Meta(ge=0.0, le=86400.0)]


class Lease(Struct, frozen=True, array_like=True):
    """How long an owner is believed; also on the wire.

    `age` seconds have passed of `lease` since its renewal, as far as is known.
    (`incarnation`, `renewal`) orders the renewals of an owner. Every record of it with a sequence below
    (`floor_incarnation`, `floor_counter`) is gone. `index` is the number by which who tells it calls the
    owner from then on; 0 is none.
    """

    owner: Identity
    incarnation: Counter
    renewal: Counter
    lease: Annotated[float, Meta(ge=1.0, le=86400.0)]
    age: Seconds
    floor_incarnation: Counter = 0
    floor_counter: Counter = 0
    index: Counter = 0


class Owner:
    """What a directory knows of one owner; only `Directory` changes it.

    `renewed` is the highest (incarnation, renewal) heard, `highest` the highest sequence of any record or
    withdrawal, `floor` the sequence below which nothing of it exists, `deadline` the end of its lease,
    `index` its number in this directory, `node` its latest `Node` value, `digest` that of its records once
    somebody has asked for it; `has_left` is set by its farewell.
    An owner that is not `live` is remembered without records, so that old messages do not bring it back.
    """

    __slots__ = (
        "deadline",
        "digest",
        "floor",
        "has_left",
        "highest",
        "identity",
        "index",
        "lease",
        "live",
        "node",
        "records",
        "renewed",
    )

    def __init__(self, identity: bytes, lease: float, now: float, index: int = 0) -> None:
        self.identity = identity
        self.index = index
        self.renewed = NEVER_HEARD
        self.highest = NOTHING
        self.floor = NOTHING
        self.lease = lease
        self.deadline = now + lease
        self.live = True
        self.has_left = False
        self.node: Node | None = None
        self.digest: int | None = None
        self.records: dict[Key, Record] = {}

    @property
    def is_heard(self) -> bool:
        """Whether it lives by a renewal, and not only by what a disk remembers."""
        return self.live and self.renewed != NEVER_HEARD

    def describe(self, now: float) -> Lease:
        """Return the lease as of `now`, for passing on."""
        age = min(max(0.0, now - (self.deadline - self.lease)), self.lease)
        incarnation, renewal = self.renewed
        return Lease(self.identity, incarnation, max(renewal, 0), self.lease, age, *self.floor, self.index)
