"""The store in etcd: the directory of a domain that many DSSs share, told by the watches of a cluster.

Each owner's lease and records stand under one lease of etcd, which every DSS knows by the same number. The
DSS that hears an owner keeps that lease. When it ends, at once or because nobody keeps it any more, etcd
deletes all that stands under it and tells the others: so its time only counts where a DSS has died with its
nodes.

Source: the API of etcd 3, https://etcd.io/docs/v3.5/learning/api/
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from nwip.directory.parameters import Parameters
from nwip.directory.records import Record
from nwip.directory.tombstones import TOMBSTONE_TIME, Withdrawal
from nwip.dss.conversation import end_tasks
from nwip.dss.store.base import Batch, Kept
from nwip.dss.store.etcd_gateway import (
    Access,
    Compacted,
    Delete,
    EtcdError,
    Event,
    Gateway,
    LeaseLost,
    Page,
    Put,
)
from nwip.dss.store.etcd_layout import Layout, Value, Written, encode, end_of, medium_of

_log = logging.getLogger(__name__)

LEASE_TIME: Final = 60  # seconds that an owner's records outlive the DSS that hears it
KEEP_EVERY: Final = LEASE_TIME / 3
RETRY_EVERY: Final = 1.0  # seconds after etcd has failed
STONE_TURN: Final = 600.0  # seconds for which new withdrawals share one lease
STONE_TIME: Final = int(TOMBSTONE_TIME + STONE_TURN)
TRANSACTION: Final = 100  # operations: etcd takes 128
LEASES_AT_ONCE: Final = 32
PAGE: Final = 2000  # entries of one read
READS: Final = 5  # tries to read a directory that is compacted meanwhile
OWN_LIMIT: Final = 4096  # revisions of our own that are remembered until they are heard of

NOBODY: Final = b""
STONES: Final = b"stones"  # who holds the withdrawals


class _Change(NamedTuple):
    """A key that gets a value, or loses it, under the lease of `holder`: an owner, `STONES` or `NOBODY`."""

    key: bytes
    value: bytes | None
    holder: bytes = NOBODY


class EtcdStore:
    """The directory of a domain in an etcd cluster, as the DSS with this identity sees it.

    Loading takes a majority of the cluster, but for the first time: then any one machine of it will do.
    """

    kind = "etcd"
    shared = True

    def __init__(self, access: Access, domain: str, identity: bytes) -> None:
        self._gateway = Gateway(access)
        self._layout = Layout(domain)
        self._identity = identity
        self._revision = 0
        self._kept: set[bytes] = set()
        self._leases: dict[bytes, Written] = {}
        self._own: dict[int, None] = {}
        self._deleting: set[bytes] = set()
        self._stones = (0, 0.0)
        self._keeping: asyncio.Task[None] | None = None
        self._lease_places = asyncio.Semaphore(LEASES_AT_ONCE)

    @property
    def place(self) -> str:
        """The machine of the cluster that is asked now."""
        return self._gateway.endpoint

    @property
    def medium(self) -> bytes:
        """The identity of this domain in this cluster; empty before anything was heard of it."""
        cluster = self._gateway.cluster
        return medium_of(self._layout, cluster) if cluster else b""

    @property
    def others(self) -> int:
        """How many other DSSs are registered there by themselves."""
        return sum(owner == written.dss != self._identity for owner, written in self._leases.items())

    async def load(self) -> Kept:
        """Return everything, as of one moment; `watch` goes on from there."""
        try:
            return await self._read_all(stale=False)
        except EtcdError:
            if self._revision:
                raise
            return await self._read_all(stale=True)

    async def save(self, batch: Batch) -> None:
        """Write a batch in one transaction, or in several of at most `TRANSACTION` changes; leases first.

        What has ended goes before what begins anew, but behind its own farewell.
        """
        for owner in batch.forgotten:
            await self._end(owner)
            await self._delete_range(self._layout.all_gone(owner))
        farewells = {lease.owner for lease in batch.leases if lease.age >= lease.lease}
        await _all(self._end_ours(lease.owner) for lease in batch.ended if lease.owner not in farewells)
        if batch.all_withdrawals:
            await self._drop_withdrawals_but(batch.withdrawals)
        owners = [lease.owner for lease in batch.leases] + [record.owner for record in batch.records]
        await self._grant(owner for owner in dict.fromkeys(owners) if owner not in self._kept)
        heads, bodies = list(self._heads(batch)), list(self._bodies(batch))
        fits_one = len(heads) + len(bodies) <= TRANSACTION
        for part in [heads + bodies] if fits_one else [heads, bodies]:
            await self._write(part)
        self._kept.update(lease.owner for lease in batch.leases)  # those told meanwhile were written before
        await _all(self._end(lease.owner) for lease in batch.ended if lease.owner in farewells)

    async def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        """Give out what others have written; it ends where etcd does not remember all that happened."""
        start = self._layout.prefix
        told = self._gateway.watch(start, end_of(start), self._revision + 1, started, previous=False)
        with contextlib.suppress(Compacted):
            async with contextlib.aclosing(told):
                async for news in told:
                    batch = self._batch(event for event in news.events if event.revision not in self._own)
                    self._revision = max(self._revision, news.revision)
                    for revision in [old for old in self._own if old <= self._revision]:
                        del self._own[revision]
                    if batch:
                        yield batch

    async def owned(self, owner: bytes) -> Batch:
        """Return an owner's records."""
        batch = Batch()
        async for page in self._pages(self._layout.record(owner)):
            batch.records += [value for value in self._values(page) if isinstance(value, Record)]
        return batch

    async def found(self, parameters: Parameters) -> Parameters:
        """Keep the domain's first parameters; return those that stand."""
        if await self._gateway.create(self._layout.parameters, encode(parameters)):
            return parameters
        page = await self._gateway.read(self._layout.parameters)
        return next((value for value in self._values(page) if isinstance(value, Parameters)), parameters)

    async def close(self) -> None:
        """Keep no lease any more, and end all connections."""
        if self._keeping is not None:
            await end_tasks(self._keeping)
            self._keeping = None
        await self._gateway.close()

    async def _read_all(self, *, stale: bool) -> Kept:
        for _ in range(READS):
            with contextlib.suppress(Compacted):
                return await self._read_once(stale=stale)
        raise EtcdError(f"etcd at {self.place} forgets faster than it is read: let it compact less often")

    async def _read_once(self, *, stale: bool) -> Kept:
        kept = Kept(stale=stale)
        self._leases.clear()
        revision = damaged = 0
        async for page in self._pages(self._layout.prefix, of_one_moment=True, stale=stale):
            revision = revision or page.revision
            damaged += sum(not self._read_into(kept, item.key, item.value) for item in page.items)
        if damaged:
            kept.dropped.append(f"etcd at {self.place} has {damaged} entries that cannot be read: left alone")
        self._revision = revision
        return kept

    async def _pages(
        self, prefix: bytes, *, of_one_moment: bool = False, stale: bool = False
    ) -> AsyncGenerator[Page, None]:
        """Give out all that stands below a prefix, page by page, each as it is then or all of one moment."""
        start, revision = prefix, 0
        while True:
            page = await self._gateway.read(
                start, end_of(prefix), revision=revision, limit=PAGE, serializable=stale
            )
            yield page
            if not page.more:
                return
            start = page.items[-1].key + b"\0"
            revision = revision or (page.revision if of_one_moment else 0)

    def _values(self, page: Page) -> Iterator[Value | None]:
        return (self._layout.value(item.key, item.value) for item in page.items)

    def _read_into(self, told: Kept | Batch, key: bytes, octets: bytes) -> bool:
        """Add what stands at a key; False when it is damaged, or not of this version."""
        match self._layout.value(key, octets):
            case Written(lease=lease) as written:
                told.leases.append(lease)
                self._note(written)
            case Record() as record:
                told.records.append(record)
            case Withdrawal() as withdrawal:
                told.withdrawals.append(withdrawal)
            case Parameters() as parameters:
                told.parameters = parameters
            case _:
                return False
        return True

    def _batch(self, events: Iterable[Event]) -> Batch:
        """Return what events tell. Of records that are deleted the reason is told, too: it counts.

        But a deletion may be late, and hit what was written since: who hears the owner has to look.
        """
        batch = Batch()
        for event in events:
            if event.value is None:
                self._note_end(self._layout.owner_at(event.key), batch)
                owner = self._layout.owner_of_record(event.key)
                if owner is not None and event.key not in self._deleting:
                    batch.lacking.add(owner)
            else:
                self._read_into(batch, event.key, event.value)
        return batch

    def _note_end(self, owner: bytes | None, batch: Batch) -> None:
        """Learn that what says that an owner lives is deleted; of other keys `owner` is None."""
        written = self._leases.pop(owner, None) if owner is not None else None
        if written is not None:
            self._kept.discard(written.lease.owner)
            batch.ended.append(written.lease)

    def _note(self, written: Written) -> None:
        """Learn that an owner lives, and who hears it: its lease in etcd is kept by that DSS alone."""
        self._leases[written.lease.owner] = written
        if written.dss != self._identity:
            self._kept.discard(written.lease.owner)

    def _heads(self, batch: Batch) -> Iterator[_Change]:
        """Yield what must be there before the records: who knows no lease of an owner takes none of them."""
        if batch.parameters is not None:
            yield _Change(self._layout.parameters, encode(batch.parameters))
        for lease in batch.leases:
            written = Written(lease, self._identity)
            self._note(written)
            yield _Change(self._layout.owner(lease.owner), encode(written), lease.owner)

    def _bodies(self, batch: Batch) -> Iterator[_Change]:
        layout = self._layout
        for gone in batch.withdrawals:
            yield _Change(layout.gone(gone.owner, gone.key), encode(gone), STONES)
        standing = {(record.owner, record.key) for record in batch.records}
        for owner, key in batch.removed:
            if (owner, key) not in standing:
                yield _Change(layout.record(owner, key), None)
        for record in batch.records:
            yield _Change(layout.record(record.owner, record.key), encode(record), record.owner)

    async def _write(self, changes: Sequence[_Change]) -> None:
        """Write changes, one transaction behind the other: the others hear of them in their order."""
        for start in range(0, len(changes), TRANSACTION):
            await self._write_part(changes[start : start + TRANSACTION])

    async def _write_part(self, part: Sequence[_Change]) -> None:
        deleted = {change.key for change in part if change.value is None}
        self._deleting |= deleted
        try:
            revision = await self._write_in_time(part)
        finally:
            self._deleting -= deleted
        self._own[revision] = None
        if len(self._own) > OWN_LIMIT:
            del self._own[next(iter(self._own))]

    async def _write_in_time(self, part: Sequence[_Change]) -> int:
        """Write a part, once more where a lease has ended meanwhile; return the revision."""
        try:
            return await self._gateway.write(await self._operations(part))
        except LeaseLost:
            self._stones = (0, 0.0)
            await self._grant({change.holder for change in part} - {NOBODY, STONES})
            return await self._gateway.write(await self._operations(part))

    async def _operations(self, part: Sequence[_Change]) -> list[Put | Delete]:
        leases = {NOBODY: 0}
        if any(change.holder == STONES for change in part):
            leases[STONES] = await self._stone_lease()
        return [
            Delete(change.key)
            if change.value is None
            else Put(
                change.key,
                change.value,
                leases[change.holder] if change.holder in leases else self._layout.lease(change.holder),
            )
            for change in part
        ]

    async def _stone_lease(self) -> int:
        """Return the lease of new withdrawals; it ends when they need not be remembered any more."""
        lease, until = self._stones
        now = asyncio.get_running_loop().time()
        if not lease or now >= until:
            lease = secrets.randbits(62) + 1
            self._stones = (lease, now + STONE_TURN)
            await self._gateway.grant(lease, STONE_TIME)
        return lease

    async def _grant(self, owners: Iterable[bytes]) -> None:
        await _all(self._grant_one(owner) for owner in owners)
        if self._keeping is None and self._kept:
            self._keeping = asyncio.ensure_future(self._keep())

    async def _grant_one(self, owner: bytes) -> None:
        lease = self._layout.lease(owner)
        async with self._lease_places:
            if not await self._gateway.grant(lease, LEASE_TIME) and not await self._gateway.keep_alive(lease):
                await self._gateway.grant(lease, LEASE_TIME)
        self._kept.add(owner)

    async def _keep(self) -> None:
        """Keep the leases of the owners that this DSS hears."""
        pause = KEEP_EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                await _all(self._keep_one(owner) for owner in list(self._kept))
                pause = KEEP_EVERY
            except EtcdError as error:
                _log.debug("leases are not kept: %s", error)
                pause = RETRY_EVERY

    async def _keep_one(self, owner: bytes) -> None:
        async with self._lease_places:
            if owner in self._kept and not await self._gateway.keep_alive(self._layout.lease(owner)):
                # Its end is told by the watch, and what stood under it is written anew.
                self._kept.discard(owner)

    async def _end_ours(self, owner: bytes) -> None:
        """End the lease of an owner that is silent here, unless another DSS has heard it since."""
        if owner not in self._kept and owner not in self._leases:
            return
        async with self._lease_places:
            page = await self._gateway.read(self._layout.owner(owner))
        written = (value for value in self._values(page) if isinstance(value, Written))
        if any(value.dss != self._identity for value in written):
            self._kept.discard(owner)
        else:
            await self._end(owner)

    async def _end(self, owner: bytes) -> None:
        self._kept.discard(owner)
        async with self._lease_places:
            await self._gateway.revoke(self._layout.lease(owner))

    async def _drop_withdrawals_but(self, kept: Iterable[Withdrawal]) -> None:
        start = self._layout.all_gone()
        page = await self._gateway.read(start, end_of(start), keys_only=True)
        unwanted = {item.key for item in page.items}
        unwanted -= {self._layout.gone(gone.owner, gone.key) for gone in kept}
        await self._write([_Change(key, None) for key in unwanted])

    async def _delete_range(self, prefix: bytes) -> None:
        revision = await self._gateway.write([Delete(prefix, end_of(prefix))])
        self._own[revision] = None


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Do everything side by side; the first failure ends the rest."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end_tasks(*tasks)
