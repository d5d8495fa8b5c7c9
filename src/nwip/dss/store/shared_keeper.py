"""Keeps a DSS at a store that it shares with others: writes what it hears, takes in what they write.

While the store works, both ways, and does not take its time, it is the medium by which news reach the others;
`medium_changed` says so.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from nwip.dss.conversation import end_tasks
from nwip.dss.exchange import Exchange
from nwip.dss.store.base import Batch, Kept, SharedStore, StoreError
from nwip.dss.store.pending import BATCH_LIMIT
from nwip.dss.store.sharing import Sharing

_log = logging.getLogger(__name__)

GATHER: Final = 0.002  # seconds in which changes come together for one batch
SLOW: Final = 0.5  # seconds for `FEW` changes: the others need not wait longer, as while a leader is elected
FEW: Final = 100
RETRY_EVERY: Final = 1.0  # seconds after the store has failed
SWEEP_EVERY: Final = 10.0
RESTORE_LIMIT: Final = 5.0  # seconds until a DSS begins without a store that has not said a word
ASKED_AT_ONCE: Final = 8  # owners: what changes meanwhile waits for the answers
FAREWELL_LIMIT: Final = 5.0  # seconds for the last words


class SharedKeeper:
    """Between one DSS and a shared store. `problem` is empty while the store works, else one sentence.

    `changed` is called when the store has told something; `medium_changed` with the identity of the store
    once it carries news in both directions, and with nothing when it does no more. With `founding` the DSS
    becomes the primary of a domain that the store knows nothing of.
    """

    def __init__(
        self,
        store: SharedStore,
        exchange: Exchange,
        changed: Callable[[], None],
        medium_changed: Callable[[bytes], None],
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._changed = changed
        self._medium_changed = medium_changed
        self._wanted = asyncio.Event()
        self._sharing = Sharing(exchange, self._wanted.set)
        self._unwritten = self._untold = ""
        self._is_told = self._is_slow = False
        self._medium = b""
        self._said = ""
        self._loaded = False
        self._tasks: list[asyncio.Task[None]] = []
        self.founding = False
        self.failing_since: float | None = None
        self.saved_at: float | None = None

    @property
    def kind(self) -> str:
        """What people call the store."""
        return self._store.kind

    @property
    def shared(self) -> bool:
        """Whether other DSSs write to the store."""
        return True

    @property
    def place(self) -> str:
        """Where the store is."""
        return self._store.place

    @property
    def carries(self) -> int:
        """To how many other DSSs the store carries what this one hears."""
        return self._store.others

    @property
    def waiting(self) -> int:
        """How many changes are not saved yet."""
        return len(self._sharing)

    @property
    def problem(self) -> str:
        """What is wrong with the store: a sentence, or nothing."""
        return self._untold or self._unwritten

    async def restore(self) -> Kept:
        """Take in what the store holds, and share from now on; return what it held.

        A store that cannot be read, or not soon, is reported and tried again; until then the DSS has what it
        hears.
        """
        self._sharing.follow()
        kept = Kept()
        loading = asyncio.ensure_future(self._load())
        done, _ = await asyncio.wait([loading], timeout=RESTORE_LIMIT)
        if not done and not self._store.medium:
            await end_tasks(loading)
            self._lost(f"{self.kind} at {self.place} has not answered yet; see that it can be reached")
        else:
            try:
                kept = await loading
            except StoreError as error:
                self._lost(str(error))
        self._tasks = [asyncio.ensure_future(work) for work in (self._follow(), self._write(), self._sweep())]
        return kept

    async def close(self) -> None:
        """Write what waits and let go of the store; safe to call twice."""
        if self._tasks:
            await end_tasks(*self._tasks)
            self._tasks = []
            if not self.problem:
                with contextlib.suppress(StoreError, TimeoutError):
                    async with asyncio.timeout(FAREWELL_LIMIT):
                        while self._sharing.wanted:
                            await self._write_batch()
        with contextlib.suppress(StoreError):
            await self._store.close()

    async def _load(self) -> Kept:
        kept = await self._store.load()
        for sentence in kept.dropped:
            _log.warning("%s", sentence)
        self._sharing.origin = self._store.medium
        await self._do(self._sharing.found(kept, _now()))
        if self.founding and kept.parameters is None and not (kept.stale or self._exchange.parameters.term):
            await self._found()
        self._loaded = not kept.stale
        return kept

    async def _ask_for_missed(self) -> None:
        """Ask for a few owners.

        Not while something is written, or the answer would lack that.
        """
        owners = self._sharing.ask(ASKED_AT_ONCE)
        try:
            batches = await asyncio.gather(*map(self._store.owned, owners))
        except BaseException:
            self._sharing.missed.update(dict.fromkeys(owners))
            raise
        for owner, batch in zip(owners, batches, strict=True):
            await self._do(self._sharing.answered(owner, batch, _now()))

    async def _found(self) -> None:
        """Make this DSS the primary of a new domain, unless another one was quicker."""
        now, identity = self._exchange.parameters, self._exchange.identity
        first = replace(now, term=now.term + 1, version=now.version + 1, identity=identity)
        self._exchange.learn_parameters(await self._store.found(first))

    async def _follow(self) -> None:
        """Take in what the others write, for ever."""
        while True:
            try:
                if not self._loaded:
                    await self._load()
                async with contextlib.aclosing(self._store.watch(self._followed)) as told:
                    async for batch in told:
                        await self._do(self._sharing.told(batch, _now()))
                self._is_told = self._loaded = False
                self._judge()
            except StoreError as error:
                self._loaded = False
                self._lost(str(error))
                await asyncio.sleep(RETRY_EVERY)

    async def _write(self) -> None:
        """Write what this DSS hears, for ever."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER)
            self._wanted.clear()
            try:
                while self._sharing.wanted or self._sharing.missed:
                    if self._sharing.wanted:
                        await self._write_batch()
                    if len(self._sharing) < BATCH_LIMIT:  # while a domain is filled that can wait
                        await self._ask_for_missed()
                self._written()
            except StoreError as error:
                self._unwritten = str(error)
                self._judge()
                self._wanted.set()
                await asyncio.sleep(RETRY_EVERY)

    async def _write_batch(self) -> None:
        batch = self._sharing.take()
        late = asyncio.get_running_loop().call_later(time_for(batch), self._be_slow)
        try:
            await self._store.save(batch)
        except BaseException:
            self._sharing.put_back(batch)
            raise
        finally:
            late.cancel()
        self.saved_at = _now()
        self._written()  # where much changes there is always more to write

    def _written(self) -> None:
        self._unwritten, self._is_slow = "", False
        self._judge()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            self._sharing.sweep()

    async def _do(self, steps: Iterator[None]) -> None:
        for _ in steps:
            self._changed()
            await asyncio.sleep(0)
        self._changed()

    def _followed(self) -> None:
        self._untold, self._is_told = "", True
        self._judge()

    def _lost(self, sentence: str) -> None:
        self._untold, self._is_told = sentence, False
        self._judge()

    def _be_slow(self) -> None:
        """Let the others be told directly while the store takes its time."""
        self._is_slow = True
        self._judge()
        self._changed()

    def _judge(self) -> None:
        """Say, once, how it stands with the store, and whether it carries."""
        problem = self.problem
        if not problem:
            self.failing_since = None
        elif self.failing_since is None:
            self.failing_since = _now()
        if problem and problem != self._said:
            _log.warning("%s; the directory goes on in memory", problem)
        elif self._said and not problem:
            _log.warning("the store works again")
        self._said = problem
        works = self._is_told and not problem and not self._is_slow
        medium = self._store.medium if works else b""
        if medium != self._medium:
            self._medium = medium
            self._medium_changed(medium)


def time_for(batch: Batch) -> float:
    """Return how many seconds a store may take over a batch before the others are told directly."""
    return SLOW * (1 + (len(batch.records) + len(batch.removed)) // FEW)


def _now() -> float:
    return asyncio.get_running_loop().time()
