"""What there is to measure: one relay, a tunnel of two, broadcasts, latency. Each beside a yardstick."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from nwip.bench import packets
from nwip.bench.load import Count, closed, paced, singly
from nwip.bench.packets import Sender
from nwip.bench.relays import Yardstick, nwip
from nwip.bench.sink import Sink
from nwip.bench.trials import Figure, Job, Plan, Sample, compare, cost, fresh_mark
from nwip.bench.ways import Way

SIZES: Final = (40, 576, 1400)  # octets, IPX header included
PEERS: Final = (1, 64)
PACE: Final = 1000.0  # packets a second: a game's pace, where each packet wakes the relay up

Make = Callable[[Way, int], Sender]


def relay(
    plan: Plan,
    yardstick: Yardstick,
    sizes: Sequence[int] = SIZES,
    peers: Sequence[int] = PEERS,
    *,
    rate: float = 0,
    network: bytes | None = None,
) -> list[Figure]:
    """One gateway between clients of its own: a closed loop, or `rate` packets a second."""
    with ExitStack() as stack:
        way = stack.enter_context(nwip(max(peers)))
        others = {count: stack.enter_context(yardstick(count)) for count in peers}
        jobs = []
        for size in sizes:
            for count in peers:
                make = partial(to_peers, size, count, network)
                jobs.append(beside(way, others[count], make, size, count, rate=rate))
        return compare(jobs, plan)


def tunnel(plan: Plan, yardstick: Yardstick, sizes: Sequence[int] = SIZES, peers: int = 64) -> list[Figure]:
    """Client, west, east, client: what each gateway spends, beside one relay of the yardstick."""
    with nwip(peers, ("west", "east"), own_dss=True) as way, yardstick(peers) as other:
        jobs = [beside(way, other, partial(to_peers, size, peers, None), size, peers) for size in sizes]
        return compare(jobs, plan)


def broadcast(
    plan: Plan, yardstick: Yardstick, sizes: Sequence[int] = SIZES[:2], peers: int = 64
) -> list[Figure]:
    """One packet in, a copy to each other client out: what each copy costs."""
    with nwip(peers) as way, yardstick(peers, copies=True) as other:

        def make(size: int, by: Way, mark: int) -> Sender:
            return packets.broadcasts(by, size, mark)

        return compare([beside(way, other, partial(make, size), size, peers) for size in sizes], plan)


def bursts(
    plan: Plan, yardstick: Yardstick, sizes: Sequence[int] = SIZES, *, grouped: bool = True
) -> list[Figure]:
    """Equal packets to one client, from a sender that hands the kernel whole bursts, or single packets."""
    with nwip(1) as way, yardstick(1) as other:

        def make(size: int, by: Way, mark: int) -> Sender:
            return packets.bursts(by, size, mark) if grouped else packets.to_peers(by, size, 1, mark)

        return compare([beside(way, other, partial(make, size), size, 1) for size in sizes], plan)


def latency(plan: Plan, yardstick: Yardstick, size: int = 100, peers: int = 64) -> list[Figure]:
    """How long one packet takes through a gateway, back to back and at a game's pace."""
    with nwip(peers) as way, yardstick(peers) as other:
        ours, theirs = (partial(times, by, size, peers) for by in (way, other))
        return compare([Job(size, peers, ours, theirs)], plan)


def times(way: Way, size: int, peers: int, seconds: float) -> Sample:
    """Send packets one at a time; return the microseconds of the median and of the slowest hundredth."""
    way.keep()
    values: dict[str, float] = {}
    due = lost = 0
    for pace, rate in (("back to back", 0.0), ("1000/s", PACE)):
        mark = fresh_mark()
        sender = packets.to_peers(way, size, peers, mark)
        count, taken = singly(sender, Sink(way.clients.receiver, size, mark), seconds / 2, rate)
        due, lost = due + count.due, lost + count.lost
        percentiles = statistics.quantiles([*taken, *taken[:1]] or [0, 0], n=100, method="inclusive")
        values |= {f"p50 {pace}": percentiles[49] / 1000, f"p99 {pace}": percentiles[98] / 1000}
    return Sample(values, due, lost)


def to_peers(size: int, peers: int, network: bytes | None, way: Way, mark: int) -> Sender:
    """Make a sender to so many receivers; see `packets.to_peers`."""
    return packets.to_peers(way, size, peers, mark, network=network)


def beside(way: Way, other: Way, make: Make, size: int, peers: int, *, rate: float = 0) -> Job:
    """Return the job to put the same load on both ways."""

    def measure(by: Way, seconds: float) -> Sample:
        def load(sender: Sender, sink: Sink) -> Count:
            if rate:
                return paced(sender, sink, rate, seconds)
            return closed(sender, sink, by.clients.window, seconds, least=peers)

        return cost(by, make, load)

    return Job(size, peers, partial(measure, way), partial(measure, other))
