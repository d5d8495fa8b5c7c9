"""Thousands of random histories of whole domains: no invariant breaks; and the invariants can break."""

import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import get_context

import pytest
from msgspec.structs import replace

from nwip.dss.difference import Difference
from nwip.dss.messages import Delta, SnapshotEnd
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.subscription import Snapshot
from nwip.sim.history import History, Verdict
from sim.seeds import FAILED_ONCE

HISTORIES = int(os.environ.get("NWIP_HISTORIES", "2000"))
FIRST = int(os.environ.get("NWIP_FIRST_SEED", "0"))
PORTION = 50


def broken(seeds: range) -> list[tuple[int, list[str]]]:
    verdicts = [History(seed).run() for seed in seeds]
    return [(verdict.seed, verdict.broken[:3]) for verdict in verdicts if verdict.broken]


@pytest.mark.timeout(0)
@pytest.mark.usefixtures("untraced")
def test_random_histories_break_no_invariant() -> None:
    portions = [
        range(start, min(start + PORTION, FIRST + HISTORIES))
        for start in range(FIRST, FIRST + HISTORIES, PORTION)
    ]
    with get_context("forkserver").Pool(os.cpu_count()) as pool:
        found = [failure for portion in pool.imap_unordered(broken, portions) for failure in portion]
    assert sorted(found) == []


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_seed_that_once_failed_fails_no_more(seed: int) -> None:
    verdict = History(seed).run()
    assert verdict.broken == [], "\n".join(verdict.trace)


def first_broken(histories: int = 150) -> Verdict:
    for seed in range(histories):
        verdict = History(seed).run()
        if verdict.broken:
            return verdict
    pytest.fail(f"{histories} histories noticed nothing")


def without_withdrawals(self: Difference, *arguments: object) -> Iterator[Delta]:
    for part in PARTS_OF(self, *arguments):  # type: ignore[arg-type]
        yield replace(part, withdrawals=[])


def half(self: Snapshot, now: float) -> Delta | SnapshotEnd:
    part = PART(self, now)
    return replace(part, records=part.records[:1]) if isinstance(part, Delta) else part


PARTS_OF, PART = Difference._parts_of, Snapshot.part


@pytest.mark.parametrize(
    ("owner", "name", "fault", "sentence"),
    [
        (Difference, "_parts_of", without_withdrawals, "which nobody offers"),
        (ReplicationEngine, "_send_missing", lambda *_: None, "has lost"),
        (ReplicationEngine, "_news", lambda *_: None, "has lost"),
        (ReplicationEngine, "_parameters_changed", lambda *_: None, "different parameters"),
        (Snapshot, "part", half, "half snapshot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_in_the_engine_is_noticed(
    owner: object, name: str, fault: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, fault)
    verdict = first_broken()
    assert any(sentence in line for line in verdict.broken), verdict.broken


def test_a_seed_gives_the_same_history_in_every_process() -> None:
    program = (
        "from nwip.sim.history import History; found = History(7).run(); print(found.events, found.trace)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2", "3")
    }
    assert len(runs) == 1
