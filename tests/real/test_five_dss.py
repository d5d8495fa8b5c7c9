"""Five DSSs on five hosts: a bad wire, a partition, kill -9 of each in turn, under churn: nothing is lost."""

import os
import time
from pathlib import Path

import pytest

from real.churning_node import name
from real.five_dss import COUNT, Lab

# Short in CI; the long form: NWIP_LONG=1 (10,000 services, a partition of 60 s, leases as by default).
LONG = bool(os.environ.get("NWIP_LONG"))
SERVICES = 10_000 if LONG else 500
PARTITION = 60.0 if LONG else 8.0
LEASE = 15.0 if LONG else 6.0
SYNCHRONISATION = 5.0 if LONG else 2.0
AGREED_WITHIN = 2 * SYNCHRONISATION + 2.5 * LEASE + 10.0  # seconds: silence is noticed, connections come back
PER_HOST = SERVICES // COUNT

pytestmark = [
    pytest.mark.real("root", "netns", "shared", "ethtool"),
    pytest.mark.timeout(1200 if LONG else 300),
]


def offered(round_: int) -> set[str]:
    return {name(host, number, round_) for host in range(COUNT) for number in range(PER_HOST)}


def agreed(lab: Lab, round_: int) -> float:
    """Wait until every DSS answers with just what is offered; return how long it took."""
    wanted, began = offered(round_), time.monotonic()
    states: list[str] = []
    while time.monotonic() - began < AGREED_WITHIN:
        found = [host.names() for host in lab.hosts]
        if all(names == wanted for names in found):
            return time.monotonic() - began
        states = [f"{len(wanted - names)} missing, {len(names - wanted)} too many" for names in found]
    raise AssertionError(f"round {round_}, after {AGREED_WITHIN:.0f} s: {states}")


def churn(lab: Lab, round_: int) -> None:
    for host in lab.hosts:
        host.churn(round_)


def test_five_dss_lose_nothing_and_agree_whatever_happens(tmp_path: Path) -> None:
    took: dict[str, float] = {}
    with Lab(tmp_path, lease=LEASE, synchronisation=SYNCHRONISATION) as lab:
        lab.impair(loss=0.05, delay=0.03, jitter=0.02, seconds=1100)
        for host in lab.hosts:
            host.start_dss()
        for host in lab.hosts:
            servers = [lab.hosts[(host.number + turn) % COUNT].address for turn in range(COUNT)]
            host.start_node(*servers, count=PER_HOST)
        churn(lab, 1)
        took["start"] = agreed(lab, 1)
        lab.cut(cut=True)
        began = time.monotonic()
        round_ = 1
        while time.monotonic() - began < PARTITION:
            round_ += 1
            churn(lab, round_)
            reads_go_on = [bool(host.names()) for host in lab.hosts]
            assert all(reads_go_on), reads_go_on
        lab.cut(cut=False)
        took["partition healed"] = agreed(lab, round_)
        for host in lab.hosts:
            host.kill_dss()
            round_ += 1
            churn(lab, round_)
            host.start_dss()
            took[f"kill -9 of dss {host.number}"] = agreed(lab, round_)
    (tmp_path / "took.txt").write_text(
        "\n".join(f"{what}: {seconds:.1f} s" for what, seconds in took.items())
    )
