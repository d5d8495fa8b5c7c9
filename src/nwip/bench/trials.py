"""Measures two ways in turn, round after round, and compares them round by round.

What else the machine does comes and goes; two measurements made one right after the other suffer alike. So a
ratio is the median of the rounds' own ratios, and each figure the median of its rounds.
"""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from nwip.bench.load import Count, closed
from nwip.bench.packets import Sender
from nwip.bench.processes import cpu_ns, loading
from nwip.bench.sink import Sink
from nwip.bench.ways import Way

WARM_UP: Final = 0.03  # seconds

_marks = itertools.cycle(range(1, 256))


class Plan(NamedTuple):
    """How often each is measured, for how many seconds, and who is told how it goes."""

    rounds: int = 5
    seconds: float = 0.5
    say: Callable[[str], None] = lambda _: None


class Sample(NamedTuple):
    """What one measurement found, by name; what had to arrive; and what did not."""

    values: Mapping[str, float]
    due: int
    lost: int


class Job(NamedTuple):
    """One thing to measure: through nwip (`ours`) and through the yardstick (`theirs`)."""

    octets: int
    peers: int
    ours: Callable[[float], Sample]
    theirs: Callable[[float], Sample]


class Figure(NamedTuple):
    """A line of the answer: nanoseconds for a packet, or microseconds for its way."""

    of: str
    unit: str
    octets: int
    peers: int
    ratio: float
    nwip: float
    yardstick: float
    packets: int
    lost: int
    yardstick_lost: int


def compare(jobs: Sequence[Job], plan: Plan) -> list[Figure]:
    """Do all jobs, as many rounds as planned."""
    found: list[list[tuple[Sample, Sample]]] = [[] for _ in jobs]
    with loading():
        for number in range(plan.rounds):
            for job, samples in zip(jobs, found, strict=True):
                plan.say(f"round {number + 1} of {plan.rounds}: {job.octets} octets, {job.peers} peers")
                samples.append((job.ours(plan.seconds), job.theirs(plan.seconds)))
    return [figure for job, samples in zip(jobs, found, strict=True) for figure in _figures(job, samples)]


def cost(way: Way, make: Callable[[Way, int], Sender], load: Callable[[Sender, Sink], Count]) -> Sample:
    """Put a load on a way; return the nanoseconds that each of its processes spent on an arrived packet."""
    way.keep()
    mark = next(_marks)
    sender = make(way, mark)
    sink = Sink(way.clients.receiver, sender.size, mark)
    warm = closed(sender, sink, way.clients.window, WARM_UP)
    before = {name: cpu_ns(pid) for name, pid in way.processes.items()}
    count = load(sender, sink)
    spent = {name: cpu_ns(pid) - before[name] for name, pid in way.processes.items()}
    values = {f"CPU of {name}": ns / max(1, count.arrived) for name, ns in spent.items()}
    return Sample(values, warm.due + count.due, warm.lost + count.lost)


def fresh_mark() -> int:
    """Return a mark for packets that no packet of the latest measurements has."""
    return next(_marks)


def _figures(job: Job, samples: Sequence[tuple[Sample, Sample]]) -> list[Figure]:
    """Return a figure for each value of ours; where theirs has none of that name, beside its only one."""
    columns: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for ours, theirs in samples:
        only = next(iter(theirs.values.values()))
        for name, value in ours.values.items():
            columns[name].append((value, theirs.values.get(name, only)))
    due = sum(ours.due for ours, _ in samples)
    lost = sum(ours.lost for ours, _ in samples), sum(theirs.lost for _, theirs in samples)
    return [
        Figure(
            name,
            "ns" if name.startswith("CPU") else "us",
            job.octets,
            job.peers,
            statistics.median(ours / theirs for ours, theirs in pairs),
            statistics.median(ours for ours, _ in pairs),
            statistics.median(theirs for _, theirs in pairs),
            due,
            *lost,
        )
        for name, pairs in columns.items()
    ]
