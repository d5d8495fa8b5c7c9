"""Random networks of routers: everything fails once and is mended, all settles, no way ever comes back."""

import os
import subprocess
import sys
from multiprocessing import get_context

import pytest

from nwip.routing import line
from nwip.routing.registering import Registrar
from nwip.routing.routes import _Network
from nwip.sim.routing.trial import Trial, Verdict
from sim.routing_seeds import FAILED_ONCE

TOPOLOGIES = int(os.environ.get("NWIP_TOPOLOGIES", "200"))
LARGE = int(os.environ.get("NWIP_LARGE_TOPOLOGIES", str(TOPOLOGIES // 10)))
FIRST = int(os.environ.get("NWIP_FIRST_SEED", "0"))


def broken(trial: tuple[int, int, int]) -> tuple[int, list[str]]:
    verdict = Trial(*trial).run()
    return verdict.failures, [f"Trial{trial}: {sentence}" for sentence in verdict.broken[:3]]


def live(trials: list[tuple[int, int, int]]) -> tuple[int, list[str]]:
    """Live through trials on all processors; return how many failures there were, and what was broken."""
    with get_context("forkserver").Pool(os.cpu_count()) as pool:
        found = list(pool.imap_unordered(broken, trials, chunksize=4))
    return sum(failures for failures, _ in found), sorted(sentence for _, some in found for sentence in some)


@pytest.mark.timeout(0)
@pytest.mark.usefixtures("untraced")
def test_every_single_failure_of_networks_of_up_to_twelve_routers_heals_without_a_loop() -> None:
    failures, found = live([(seed, 12, 0) for seed in range(FIRST, FIRST + TOPOLOGIES)])
    assert found == []
    assert failures > 10 * TOPOLOGIES


@pytest.mark.timeout(0)
@pytest.mark.usefixtures("untraced")
def test_ten_failures_at_once_in_networks_of_fifty_routers_heal_without_a_loop() -> None:
    failures, found = live([(seed, 50, 10) for seed in range(FIRST, FIRST + LARGE)])
    assert found == []
    assert failures == 10 * LARGE


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_network_that_once_broke_a_promise_keeps_them_now(seed: int) -> None:
    verdict = Trial(seed).run()
    assert verdict.broken == [], "\n".join(verdict.trace)


def first_broken(seeds: int = 40) -> Verdict:
    for seed in range(seeds):
        verdict = Trial(seed).run()
        if verdict.broken:
            return verdict
    pytest.fail(f"{seeds} networks noticed nothing")


@pytest.mark.parametrize(
    ("owner", "name", "fault", "sentence"),
    [
        (_Network, "usable", lambda _self, reach, _now: reach.port.active, "goes round"),
        (Registrar, "_may_offer", lambda *_: True, "goes round"),
        (line, "_lost_route", lambda entry: entry, "believes that it reaches"),
    ],
    ids=["every way is usable", "everything is registered", "losses are not told"],
)
def test_a_fault_in_the_router_is_noticed(
    owner: object, name: str, fault: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, fault)
    verdict = first_broken()
    assert any(sentence in line for line in verdict.broken), verdict.broken


def test_a_seed_gives_the_same_network_and_history_in_every_process() -> None:
    program = (
        "from nwip.sim.routing.trial import Trial; found = Trial(9).run(); print(found.events, found.trace)"
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
