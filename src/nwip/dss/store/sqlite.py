"""The usual store: one SQLite file in WAL mode, written in a thread of its own.

The file is the snapshot, its write-ahead log the journal. A process that is killed loses nothing that `save`
has returned for. (With synchronous=NORMAL a power cut may lose the last batches; their owners tell them
again.) A file that is damaged is put aside, and what can be read of it goes into a new one.
"""

import asyncio
import itertools
import logging
import sqlite3
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from nwip.dss.store.base import Batch, Kept, StoreError
from nwip.dss.store.entries import Type, entries, number, read_into
from nwip.dss.store.salvage import readable_rows

_log = logging.getLogger(__name__)

SCHEMA: Final = 1
BUSY_LIMIT: Final = 2.0  # seconds to wait for whoever else has the file open

Result = TypeVar("Result")


class SqliteStore:
    """Keeps a directory in the SQLite file at `path`, mode 0600."""

    kind = "sqlite"
    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nwip-store")

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    async def load(self) -> Kept:
        """Return everything that is kept; what is damaged is dropped, and said."""
        return await self._run(self._load)

    async def save(self, batch: Batch) -> None:
        """Keep a batch in one transaction."""
        await self._run(lambda: self._save(batch))

    async def watch(self, started: Callable[[], None] = lambda: None) -> AsyncGenerator[Batch, None]:
        """End at once: the file is this DSS's own."""
        del started
        return
        yield Batch()

    async def close(self) -> None:
        """Close the file."""
        if not self._closed:
            self._closed = True
            await self._run(self._close)
            self._thread.shutdown()

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{self._path} cannot be used ({error});"
                " see that the disk has room and this user may write there"
            ) from None

    def _load(self) -> Kept:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = Kept()
        try:
            self._open()
            damage: list[int] = []
            wrong = self._read(kept, damage)
        except sqlite3.OperationalError:
            raise  # no room, no permission, somebody else's lock: the file itself may be sound
        except sqlite3.DatabaseError:
            damage, wrong = [0], 0
        if damage or wrong:
            self._replace(kept, len(damage), wrong)
        return kept

    def _open(self) -> None:
        self._close()
        self._path.touch(mode=0o600)
        self._connection = connection = sqlite3.connect(
            self._path, timeout=BUSY_LIMIT, isolation_level=None, check_same_thread=False
        )
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise StoreError(
                f"{self._path} was written by a later version of nwip (its form {version}, ours {SCHEMA});"
                " run that version, or move the file away"
            )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS entries"
            " (id INTEGER PRIMARY KEY, type INTEGER, owner BLOB, data BLOB, mark BLOB)"
        )
        connection.execute(f"PRAGMA user_version={SCHEMA}")

    def _read(self, kept: Kept, damage: list[int]) -> int:
        assert self._connection is not None  # noqa: S101 - opened just before
        return sum(not read_into(kept, row) for row in readable_rows(self._connection, damage))

    def _replace(self, kept: Kept, places: int, wrong: int) -> None:
        """Put the damaged file aside, and write what was read into a new one."""
        self._close()
        aside = self._path.with_name(self._path.name + ".damaged")
        further = itertools.count(2)
        while aside.exists():
            aside = self._path.with_name(f"{self._path.name}.damaged-{next(further)}")
        self._path.rename(aside)
        for ending in ("-wal", "-shm"):
            log = self._path.with_name(self._path.name + ending)
            if log.exists():
                log.rename(aside.with_name(aside.name + ending))
        self._open()
        self._save(Batch(kept.parameters, kept.leases, kept.records, kept.withdrawals))
        held = len(kept.records)
        kept.dropped.append(
            f"{self._path} was damaged ({places} places unreadable, {wrong} entries wrong):"
            f" {held} records were saved, the rest is learned again from its owners;"
            f" the damaged file is kept as {aside.name}"
        )

    def _save(self, batch: Batch) -> None:
        if self._connection is None:
            self._open()
        connection = self._connection
        assert connection is not None  # noqa: S101 - opened just before
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "DELETE FROM entries WHERE owner = ?", [(owner,) for owner in batch.forgotten]
            )
            if batch.all_withdrawals:
                connection.execute("DELETE FROM entries WHERE type = ?", (int(Type.WITHDRAWAL),))
            connection.executemany(
                "DELETE FROM entries WHERE id = ?",
                ((number(Type.RECORD, owner, key),) for owner, key in batch.removed),
            )
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", entries(batch))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
