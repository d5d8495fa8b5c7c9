"""The SQLite store survives what happens to files: it says what it dropped, and keeps the rest."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nwip.directory.records import Record, Service
from nwip.dss.store.base import Batch, Kept, StoreError
from nwip.dss.store.sqlite import SCHEMA, SqliteStore

COUNT = 2000


def records(count: int = COUNT) -> list[Record]:
    return [
        Record(b"o" * 16, 1, number + 1, Service(4, f"SERVER{number}", 1, bytes(6), 1, 0))
        for number in range(count)
    ]


async def filled(path: Path) -> None:
    store = SqliteStore(path)
    await store.load()
    await store.save(Batch(records=records()))
    await store.close()


async def loaded(path: Path) -> Kept:
    store = SqliteStore(path)
    kept = await store.load()
    await store.close()
    return kept


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(12))
async def test_flipped_bits_cost_what_they_hit_and_no_more(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    await filled(path)
    chance = random.Random(seed)  # noqa: S311 - a repeatable test
    octets = bytearray(path.read_bytes())
    octets[chance.randrange(4096, len(octets))] ^= 1 << chance.randrange(8)
    path.write_bytes(octets)
    kept = await loaded(path)
    assert {record.key for record in kept.records} <= {record.key for record in records()}
    assert set(kept.records) <= set(records())
    assert len(kept.records) > COUNT * 0.8
    if len(kept.records) < COUNT:
        (sentence,) = kept.dropped
        assert "d.db.damaged" in sentence
        assert (tmp_path / "d.db.damaged").exists()
    again = await loaded(path)
    assert again.dropped == []
    assert set(again.records) == set(kept.records)


@pytest.mark.asyncio
@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.5, 0.99])
async def test_a_truncated_file_gives_what_is_left(part: float, tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    await filled(path)
    os.truncate(path, int(path.stat().st_size * part))
    kept = await loaded(path)
    assert set(kept.records) <= set(records())
    store = SqliteStore(path)
    await store.load()
    await store.save(Batch(records=records()))
    assert len((await store.load()).records) == COUNT
    await store.close()


@pytest.mark.asyncio
async def test_noise_in_place_of_a_database_is_put_aside_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    for ending in ("damaged", "damaged-2"):
        path.write_bytes(b"this was never a database" * 200)
        kept = await loaded(path)
        assert kept.records == []
        assert ending in kept.dropped[0]
        assert (tmp_path / f"d.db.{ending}").read_bytes().startswith(b"this was never")


@pytest.mark.asyncio
async def test_a_later_form_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    await filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
    connection.close()
    before = path.read_bytes()
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="later version"):
        await store.load()
    await store.close()
    assert path.read_bytes() == before


@pytest.mark.asyncio
async def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SqliteStore(tmp_path / "file" / "d.db")
    with pytest.raises(StoreError, match="cannot be used"):
        await store.load()
    with pytest.raises(StoreError, match="cannot be used"):
        await store.save(Batch(records=records(1)))
    await store.close()


@pytest.mark.asyncio
async def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    await filled(tmp_path / "d.db")
    assert (tmp_path / "d.db").stat().st_mode & 0o777 == 0o600


WRITER = """
import asyncio, sys
from pathlib import Path
from nwip.directory.records import Record, Service
from nwip.dss.store.base import Batch
from nwip.dss.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await store.load()
    for number in range(100_000):
        value = Service(4, f"S{number % 500}", 1, bytes(6), 1, 0)
        await store.save(Batch(records=[Record(b"o" * 16, 1, number + 1, value)]))
        print(number + 1, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 60, 300])
def test_what_save_has_returned_for_outlives_a_kill(lines: int, tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    with process, process.stdout:
        saved = [int(process.stdout.readline()) for _ in range(lines)][-1]
        process.send_signal(signal.SIGKILL)
        saved = max([saved, *(int(line) for line in process.stdout if line.strip().isdecimal())])
    kept = asyncio.run(loaded(path))
    assert kept.dropped == []
    assert max(record.counter for record in kept.records) >= saved
    assert len(kept.records) >= min(saved, 500)
