"""Whatever goes wrong, two things at a time: no process dies, no file breaks, no descriptor leaks, all agree.

`make chaos` runs it for as long as it is told; a test run has a short form.
"""

import contextlib
import os
import sqlite3
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from conftest import SHARED
from real.churning_node import name
from real.five_dss import COUNT, Host, Lab
from real.troubles import TROUBLES, descriptors, environment, no_disk, settled, small_disk

SECONDS = float(os.environ.get("NWIP_CHAOS", "20"))
SEED = int(os.environ.get("NWIP_CHAOS_SEED", "0")) or time.time_ns() % 1_000_000
LEASE = 6.0
AGREED_WITHIN = 45.0
PER_HOST = 60
LEFT_OVER = 12  # descriptors more than at first that are no leak: sessions come and go

pytestmark = [pytest.mark.real("root", "netns", "ethtool", "faketime"), pytest.mark.timeout(SECONDS + 400)]


class Domain:
    """The five hosts under trouble, and what their DSSs must agree on: what the nodes offer in this round."""

    def __init__(self, lab: Lab, chance: Random) -> None:
        self.lab = lab
        self.chance = chance
        self.round = 0
        self.had: Counter[str] = Counter()
        self._usual: list[int] = []

    def begin(self) -> None:
        for host in self.lab.hosts:
            host.start_dss()
        for host in self.lab.hosts:
            servers = [self.lab.hosts[(host.number + turn) % COUNT].address for turn in range(COUNT)]
            host.start_node(*servers, count=PER_HOST)
        self.churn()
        self.agree("the start")
        self._usual = [descriptors(host) for host in self.lab.hosts]

    def churn(self) -> None:
        self.round += 1
        for host in self.lab.hosts:
            host.churn(self.round)

    def suffer(self) -> None:
        """Let two things happen at once, for a while; then all must be as if nothing had been."""
        kinds = self.chance.sample(sorted(TROUBLES), 2)
        struck = self.chance.sample(self.lab.hosts, 2)
        at = [f"{kind} at host {host.number}" for kind, host in zip(kinds, struck, strict=True)]
        what = " and ".join(at)
        self.had.update(kinds)
        with contextlib.ExitStack() as troubles:
            for kind, host in zip(kinds, struck, strict=True):
                troubles.enter_context(TROUBLES[kind](self.lab, host, self.chance))
            lasts = time.monotonic() + self.chance.uniform(1.0, 2.0 * LEASE)
            while time.monotonic() < lasts:
                self.churn()
                answers = [host.names() for host in self.lab.hosts if host not in struck]
                assert all(answers), f"seed {SEED}, during {what}: no answer"
        self.agree(what)
        for host in self.lab.hosts:
            is_whole(host, what)

    def agree(self, what: str) -> None:
        wanted = {name(host, number, self.round) for host in range(COUNT) for number in range(PER_HOST)}
        found: list[set[str]] = []

        def look() -> bool:
            found[:] = [host.names() for host in self.lab.hosts]
            return all(names == wanted for names in found)

        agreed = settled(look, AGREED_WITHIN)
        told = "; ".join(f"{len(wanted - names)} missing, {len(names - wanted)} too many" for names in found)
        assert agreed, f"seed {SEED}, behind {what}: {told}"

    def has_no_leak(self) -> bool:
        counted = zip(self.lab.hosts, self._usual, strict=True)
        return all(descriptors(host) <= before + LEFT_OVER for host, before in counted)


def is_whole(host: Host, what: str) -> None:
    """See that a DSS lives, has said nothing unexpected, and keeps a database that is sound."""
    assert host.dss is not None
    log = (host.logs / "dss.log").read_text()
    assert host.dss.poll() is None, f"seed {SEED}, behind {what}: {log[-2000:]}"
    assert "Traceback" not in log, f"seed {SEED}, behind {what}: {log[-4000:]}"
    with contextlib.closing(
        sqlite3.connect(f"file:{host.folder}/directory.db?mode=ro", uri=True)
    ) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_domain_outlives_whatever_happens(tmp_path: Path) -> None:
    with contextlib.ExitStack() as at_end:
        for number in range(COUNT):
            folder = tmp_path / f"host{number}"
            small_disk(folder)
            at_end.callback(no_disk, folder)
        lab = at_end.enter_context(Lab(tmp_path, lease=LEASE, synchronisation=2.0, environment=environment))
        if SHARED.is_dir():
            lab.impair(loss=0.02, delay=0.01, jitter=0.01, seconds=SECONDS + 300)
        domain = Domain(lab, Random(SEED))  # noqa: S311 - the same troubles for the same seed
        domain.begin()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            domain.suffer()
        assert settled(domain.has_no_leak, 30.0), f"seed {SEED}: a leak"
    said = ", ".join(f"{count} x {kind}" for kind, count in sorted(domain.had.items()))
    print(f"seed {SEED}, {domain.round} rounds: {said}")  # noqa: T201 - what `make chaos` tells
