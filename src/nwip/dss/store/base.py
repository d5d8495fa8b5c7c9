"""The interface of all stores. A store keeps records, and perhaps carries them from DSS to DSS.

It decides nothing: the merge rule is the directory's. What it gives back at start is served, and passed on
once its owners have renewed.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct, field

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal


class StoreError(Exception):
    """A store cannot be read or written; the message is one sentence for people, with the mend."""


class Kept(Struct):
    """What a store held: `leases` for the owners' floors; `dropped` says in sentences what was damaged."""

    parameters: Parameters | None = None
    leases: list[Lease] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


class Batch(Struct):
    """What has changed since the last batch: kept as a whole or not at all.

    `removed` are (owner, key) whose records are gone, whatever the reason; `forgotten` are owners of which
    nothing needs to be kept any more; with `all_withdrawals`, no others than these need be kept.
    """

    parameters: Parameters | None = None
    leases: list[Lease] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    removed: list[tuple[bytes, Key]] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    all_withdrawals: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.parameters
            or self.leases
            or self.records
            or self.withdrawals
            or self.removed
            or self.forgotten
            or self.all_withdrawals
        )


class Store(Protocol):
    """Where a DSS keeps its directory.

    `kind` names it for people; `shared` says whether other DSSs write to it too, so that it carries records
    as well as keeping them: then each owner's records stand under its lease there.
    """

    kind: str
    shared: bool

    async def load(self) -> Kept:
        """Return everything that is kept; call it once, first. Raises `StoreError`, never for mere damage."""
        ...

    async def save(self, batch: Batch) -> None:
        """Keep a batch: it then outlives the process. Raises `StoreError`; then nothing has changed."""
        ...

    def watch(self) -> AsyncIterator[Batch]:
        """Give out what other DSSs write, for a shared store; a private one ends at once."""
        ...

    async def close(self) -> None:
        """Let go of it; safe to call twice."""
        ...
