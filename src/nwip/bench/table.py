"""How a gateway grows with its clients: what a packet costs among 100,000 of them, and what each takes."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from nwip.bench.processes import line, module, running, status
from nwip.bench.relays import Yardstick, nwip
from nwip.bench.scenarios import beside, to_peers
from nwip.bench.trials import Figure, Plan, compare

SIZES: Final = (10, 100, 1000, 10_000, 100_000)
OCTETS: Final = 40  # of a packet


class Growth(NamedTuple):
    """The figures by number of peers; octets of memory for each peer, in all and for its record."""

    figures: list[Figure]
    octets: float
    record_octets: float

    @property
    def octets_beside_record(self) -> float:
        """What a peer takes beside its record in the directory."""
        return self.octets - self.record_octets


def table(plan: Plan, yardstick: Yardstick, sizes: Sequence[int] = SIZES) -> Growth:
    """Let the clients of one gateway grow in number; its DSS is a process of its own.

    Memory is counted from the first size to the last, after the load, so what is made when a packet
    first needs it is in it.
    """
    figures: list[Figure] = []
    memory: list[int] = []
    with nwip(sizes[0], own_dss=True) as way:
        (pid,) = way.processes.values()
        for size in sizes:
            plan.say(f"{size} clients register")
            way.grow(size)
            with yardstick(size) as other:
                figures += compare(
                    [beside(way, other, partial(to_peers, OCTETS, size, None), OCTETS, size)], plan
                )
            memory.append(status(pid, "VmRSS") * 1024)
    more = sizes[-1] - sizes[0]
    return Growth(figures, (memory[-1] - memory[0]) / more, record_octets(more))


def record_octets(count: int) -> float:
    """Return how many octets a record of a host takes in a directory that holds so many, measured."""
    with TemporaryDirectory(prefix="nwip-bench-") as folder:
        log = Path(folder) / "log"
        with running(module("nwip.bench.records", count), log) as process:
            return float(line(process, log))
