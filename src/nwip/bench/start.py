"""What a node costs that does nothing: how soon it is ready, and how often it wakes up."""

import statistics
import subprocess
import time
from typing import Final, NamedTuple

from nwip.bench.domain import domain
from nwip.bench.processes import module, status
from nwip.bench.trials import Plan

IDLE: Final = 5.0  # seconds of watching, at least: the slowest timer of a usual node
SETTLED: Final = 1.0  # seconds after the start


class Start(NamedTuple):
    """Seconds until `nwip up` is ready, and until `nwip --help` is done; wake-ups a second when idle."""

    ready_seconds: float
    help_seconds: float
    wakeups: float


def start(plan: Plan) -> Start:
    """Start a node with a DSS and a DOSBox link, several times, and watch the last one do nothing."""
    ready: list[float] = []
    helped: list[float] = []
    wakeups = 0.0
    for number in range(plan.rounds):
        plan.say(f"start {number + 1} of {plan.rounds}")
        begin = time.perf_counter()
        subprocess.run(module("nwip", "--help"), stdout=subprocess.DEVNULL, check=True, timeout=30)
        helped.append(time.perf_counter() - begin)
        with domain(("gateway",)) as gateways:
            gateway = gateways["gateway"]
            ready.append(gateway.ready_after)
            if number == plan.rounds - 1:
                wakeups = idle(gateway.process.pid, max(IDLE, plan.seconds))
    return Start(statistics.median(ready), statistics.median(helped), wakeups)


def idle(pid: int, seconds: float) -> float:
    """Return how often a second a process goes to sleep: each time something has woken it up."""
    time.sleep(SETTLED)
    before = status(pid, "voluntary_ctxt_switches")
    time.sleep(seconds)
    return (status(pid, "voluntary_ctxt_switches") - before) / seconds
