"""Keeps a DSS's directory in a store: restores it at the start, then saves what changes, in batches."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change
from nwip.dss.conversation import end_tasks
from nwip.dss.exchange import Exchange
from nwip.dss.messages import Delta
from nwip.dss.store.base import Batch, Kept, Store, StoreError
from nwip.dss.store.pending import Pending

_log = logging.getLogger(__name__)

SAVE_EVERY: Final = 0.2  # seconds: what a crash may cost, and its owners tell again
RETRY_EVERY: Final = 5.0  # seconds after a store has failed
RESTORE_SLICE: Final = 500  # records merged before others have their turn
TIDY_EVERY: Final = 3600.0  # seconds between drops of withdrawals that nobody remembers any more


class Keeper:
    """Between one DSS and its store. `problem` is empty while the store works, else one sentence."""

    def __init__(self, store: Store, exchange: Exchange) -> None:
        self._store = store
        self._exchange = exchange
        self._pending = Pending()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._followed = False
        self.founding = False  # who keeps a directory alone knows by its own parameters what it is
        self._problem = ""
        self.failing_since: float | None = None
        self.saved_at: float | None = None
        self.carries = 0  # no other DSS is at this store

    @property
    def problem(self) -> str:
        """Why the store does not work, one sentence; empty while it does."""
        return self._problem

    @problem.setter
    def problem(self, sentence: str) -> None:
        if not sentence:
            self.failing_since = None
        elif not self._problem:
            self.failing_since = asyncio.get_running_loop().time()
        self._problem = sentence

    @property
    def kind(self) -> str:
        """What people call the store."""
        return self._store.kind

    @property
    def shared(self) -> bool:
        """Whether other DSSs write to it too."""
        return self._store.shared

    @property
    def place(self) -> str:
        """Where the store is."""
        return self._store.place

    @property
    def waiting(self) -> int:
        """How many changes are not saved yet."""
        return len(self._pending)

    async def restore(self) -> Kept:
        """Merge what the store has kept, and follow the DSS from now on; return what was kept.

        Its records are served, and not passed on until their owners renew. A store that cannot be read is
        reported, and the DSS begins with nothing.
        """
        kept = Kept()
        try:
            kept = await self._store.load()
        except StoreError as error:
            self._report(str(error))
        for sentence in kept.dropped:
            _log.warning("%s", sentence)
        if kept.parameters is not None:
            self._exchange.learn_parameters(kept.parameters)
        await self._merge(kept)
        self._exchange.listeners.append(self._news)
        self._exchange.removal_listeners.append(self._removed)
        self._exchange.parameter_listeners.append(self._parameters_changed)
        self._parameters_changed(self._exchange.parameters)
        self._followed = True
        self._task = asyncio.ensure_future(self._run())
        return kept

    async def close(self) -> None:
        """Save what waits and let go of the store."""
        if self._task is not None:
            await end_tasks(self._task)
            self._task = None
        if not self.problem and self._followed:
            with contextlib.suppress(StoreError):
                await self._save_all()
        with contextlib.suppress(StoreError):
            await self._store.close()

    async def _merge(self, kept: Kept) -> None:
        directory, now = self._exchange.directory, asyncio.get_running_loop().time()
        for lease in kept.leases:
            directory.complete(lease.owner, (lease.floor_incarnation, lease.floor_counter), now)
        for withdrawal in kept.withdrawals:
            directory.withdraw(withdrawal.owner, withdrawal.key, withdrawal.sequence, now)
        for start in range(0, len(kept.records), RESTORE_SLICE):
            for record in kept.records[start : start + RESTORE_SLICE]:
                directory.merge(record, now)
            await asyncio.sleep(0)

    def _news(self, delta: Delta, _: bytes) -> None:
        for lease in delta.leases:
            if lease.floor_incarnation or lease.floor_counter:
                self._pending.leases[lease.owner] = lease
        for record in delta.records:
            self._pending.changed(record)
        for withdrawal in delta.withdrawals:
            self._pending.changed(withdrawal)
        self._changed.set()

    def _removed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.removed:
                self._pending.removed(change.record)
        self._changed.set()

    def _parameters_changed(self, parameters: Parameters) -> None:
        self._pending.parameters = parameters
        self._changed.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tidy_at = loop.time() + TIDY_EVERY
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(tidy_at):
                    await self._changed.wait()
            await asyncio.sleep(SAVE_EVERY)
            self._changed.clear()
            try:
                await self._save_all()
                if loop.time() >= tidy_at:
                    tidy_at = loop.time() + TIDY_EVERY
                    await self._store.save(
                        Batch(withdrawals=list(self._exchange.directory.withdrawals()), all_withdrawals=True)
                    )
            except StoreError as error:
                self._report(str(error))
                self._changed.set()
                await asyncio.sleep(RETRY_EVERY)

    async def _save_all(self) -> None:
        while self._pending:
            batch = self._pending.take()
            try:
                await self._store.save(batch)
            except BaseException:
                self._pending.put_back(batch)
                raise
            if self.problem:
                _log.warning("the store works again")
            self.problem = ""
            self.saved_at = asyncio.get_running_loop().time()

    def _report(self, sentence: str) -> None:
        if sentence != self.problem:
            _log.warning("%s; the directory goes on in memory", sentence)
        self.problem = sentence
