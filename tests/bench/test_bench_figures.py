"""What is made of the measurements: medians of rounds, and rounds that alternate."""

import os
from collections.abc import Callable

import pytest

from nwip.bench import domain
from nwip.bench.relays import nwip
from nwip.bench.trials import Job, Plan, Sample, compare


def told(
    log: list[str], name: str, values: list[dict[str, float]], lost: int = 0
) -> Callable[[float], Sample]:
    def measure(seconds: float) -> Sample:
        log.append(f"{name} {seconds}")
        return Sample(values[sum(line.startswith(name) for line in log) - 1], 100, lost)

    return measure


def test_rounds_alternate_and_a_ratio_is_the_median_of_the_rounds_own() -> None:
    log: list[str] = []
    ours = told(log, "ours", [{"CPU of a": 2.0}, {"CPU of a": 9.0}, {"CPU of a": 3.0}], lost=1)
    theirs = told(log, "theirs", [{"CPU of relay": 1.0}, {"CPU of relay": 10.0}, {"CPU of relay": 1.0}])
    (figure,) = compare([Job(40, 1, ours, theirs)], Plan(3, 0.5))
    assert log == ["ours 0.5", "theirs 0.5"] * 3
    assert (figure.ratio, figure.nwip, figure.yardstick) == (2.0, 3.0, 1.0)
    assert (figure.packets, figure.lost, figure.yardstick_lost) == (300, 3, 0)


def test_a_value_stands_beside_its_namesake_else_beside_the_only_one() -> None:
    def found(ours: dict[str, float], theirs: dict[str, float]) -> list[tuple[str, str, float]]:
        log: list[str] = []
        job = Job(40, 1, told(log, "ours", [ours]), told(log, "theirs", [theirs]))
        return [(figure.of, figure.unit, figure.ratio) for figure in compare([job], Plan(1))]

    latency = found({"p50": 4.0, "p99": 9.0}, {"p50": 2.0, "p99": 3.0})
    assert latency == [("p50", "us", 2.0), ("p99", "us", 3.0)]
    tunnel = found({"CPU of west": 3.0, "CPU of east": 4.0}, {"CPU of relay": 2.0})
    assert tunnel == [("CPU of west", "ns", 1.5), ("CPU of east", "ns", 2.0)]


def test_it_is_said_how_it_goes() -> None:
    said: list[str] = []
    job = Job(576, 64, told([], "x", [{"p50": 1.0}] * 2), told([], "y", [{"p50": 1.0}] * 2))
    compare([job], Plan(2, 0.1, said.append))
    assert said == [f"round {number} of 2: 576 octets, 64 peers" for number in (1, 2)]


@pytest.mark.parametrize(
    ("free", "one", "two"),
    [([3], [3], [3, 3]), ([0, 1], [1], [1, 1]), ([0, 2, 5], [5], [2, 5]), ([0, 1, 2, 3], [3], [2, 3])],
)
def test_the_load_has_a_core_of_its_own_where_there_are_two(
    free: list[int], one: list[int], two: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "cores", lambda: free)
    assert [domain.core_for(number, 1) for number in range(1)] == one
    assert [domain.core_for(number, 2) for number in range(2)] == two


def test_a_gateway_beside_its_dss_is_on_the_last_core() -> None:
    free = sorted(os.sched_getaffinity(0))
    with nwip(1, own_dss=True) as way:
        (pid,) = way.processes.values()
        assert os.sched_getaffinity(pid) == {free[-1]}
