"""The interface of all stores. A store keeps records, and perhaps carries them from DSS to DSS.

It decides nothing: the merge rule is the directory's. What it gives back at start is served, and passed on
once its owners have renewed.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol, TypeGuard

from msgspec import Struct, field

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal


class StoreError(Exception):
    """A store cannot be read or written; the message is one sentence for people, with the mend."""


class Kept(Struct):
    """What a store held: `leases` for the owners' floors; `dropped` says in sentences what was damaged.

    Of a shared store the leases are signs of life, too; `stale`: it was read without a majority of its
    machines, so there may be something newer.
    """

    parameters: Parameters | None = None
    leases: list[Lease] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    stale: bool = False


class Batch(Struct):
    """What has changed since the last batch.

    `removed` are (owner, key) whose records are gone, whatever the reason; `forgotten` are owners of which
    nothing needs to be kept any more; with `all_withdrawals`, no others than these need be kept.
    `lacking` are owners of which somebody else has deleted records in a shared store, rightly or not, and
    `ended` are leases that are over: what stood under them is gone in a shared store, or has to go, if it is
    this DSS that has written them last, and in any case where one of `leases` is a farewell.
    """

    parameters: Parameters | None = None
    leases: list[Lease] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    removed: list[tuple[bytes, Key]] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    all_withdrawals: bool = False
    ended: list[Lease] = field(default_factory=list)
    lacking: set[bytes] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(
            self.parameters
            or self.leases
            or self.records
            or self.withdrawals
            or self.removed
            or self.forgotten
            or self.all_withdrawals
            or self.ended
            or self.lacking
        )


class Store(Protocol):
    """Where a DSS keeps its directory.

    `kind` names it for people, `place` says where it is (a file, a server; empty: nowhere); `shared` says
    whether other DSSs write to it too, so that it carries records as well as keeping them: then each owner's
    records stand under its lease there, and are gone with it.
    """

    kind: str
    shared: bool

    @property
    def place(self) -> str:
        """Where it is, for people."""
        ...

    async def load(self) -> Kept:
        """Return everything that is kept; call it first. Raises `StoreError`, never for mere damage."""
        ...

    async def save(self, batch: Batch) -> None:
        """Keep a batch: it then outlives the process. Raises `StoreError`.

        Then nothing has changed; in a shared store a part may have, and saving it all again is right.
        """
        ...

    def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        """Give out what other DSSs write from the last `load` on; a private store ends at once.

        `started` is called each time that the store has promised to tell. The end of a shared one's tale
        means that something between is missing: load again. Raises `StoreError` when it tells no more.
        """
        ...

    async def close(self) -> None:
        """Let go of it; safe to call twice."""
        ...


class SharedStore(Store, Protocol):
    """A store that several DSSs share; `medium` names it among them, with 16 octets, once it was loaded."""

    @property
    def medium(self) -> bytes:
        """Its identity, the same for all who share it; empty before the first `load`."""
        ...

    @property
    def others(self) -> int:
        """How many other DSSs are at it."""
        ...

    async def owned(self, owner: bytes) -> Batch:
        """Return what stands under an owner's lease now. Raises `StoreError`."""
        ...

    async def found(self, parameters: Parameters) -> Parameters:
        """Keep the domain's first parameters; return those that stand, if somebody was earlier.

        Raises `StoreError`.
        """
        ...


def is_shared(store: Store) -> TypeGuard[SharedStore]:
    """Say whether other DSSs write to a store, too."""
    return store.shared
