"""A real DOSBox as the server, without a screen: what players had before, under the same load.

DOSBox looks for packets once a millisecond and takes one each time; it has room for 16 clients.
"""

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench import packets
from nwip.bench.clients import Clients
from nwip.bench.domain import free_port
from nwip.bench.error import BenchError
from nwip.bench.joining import Membership
from nwip.bench.load import Count, closed, singly
from nwip.bench.processes import cores, cpu_ns, loading, running
from nwip.bench.sink import Sink
from nwip.bench.trials import Plan, fresh_mark
from nwip.bench.ways import Way

PEERS: Final = 4
OCTETS: Final = 100  # of a packet
WINDOW: Final = 8  # packets: each waits for its turn

_CONFIGURATION: Final = """\
[sdl]
output=surface
[mixer]
nosound=true
[ipx]
ipx=true
[cpu]
core=normal
cycles=fixed 6000
[autoexec]
@echo off
ipxnet startserver {port}
"""


class Server(NamedTuple):
    """What a DOSBox carries, and what a packet takes of it: CPU time, and time on the way alone."""

    packets_per_second: float
    cpu_ns: float
    p50_us: float
    packets: int
    lost: int


def dosbox(plan: Plan) -> Server:
    """Measure it as a gateway is measured. Raises `BenchError` where there is no DOSBox."""
    rounds: list[tuple[Count, float, float]] = []
    with through_dosbox() as way, loading():
        (pid,) = way.processes.values()
        for number in range(plan.rounds):
            plan.say(f"round {number + 1} of {plan.rounds}: DOSBox")
            mark = fresh_mark()
            sender = packets.to_peers(way, OCTETS, PEERS, mark)
            sink = Sink(way.clients.receiver, OCTETS, mark)
            before = cpu_ns(pid)
            count = closed(sender, sink, WINDOW, plan.seconds)
            spent = cpu_ns(pid) - before
            _, times = singly(sender, sink, plan.seconds)
            rounds.append((count, spent / max(1, count.arrived), statistics.median(times or [0]) / 1000))
    return Server(
        statistics.median(count.arrived / count.seconds for count, _, _ in rounds),
        statistics.median(cpu for _, cpu, _ in rounds),
        statistics.median(time for _, _, time in rounds),
        sum(count.due for count, _, _ in rounds),
        sum(count.lost for count, _, _ in rounds),
    )


@contextmanager
def through_dosbox() -> Iterator[Way]:
    """Run a DOSBox that is a server."""
    program = shutil.which("dosbox")
    if program is None:
        raise BenchError("there is no dosbox here")
    at = ("127.0.0.1", free_port())
    with tempfile.TemporaryDirectory(prefix="nwip-bench-") as folder, Clients() as clients:
        configuration = Path(folder) / "dosbox.conf"
        configuration.write_text(_CONFIGURATION.format(port=at[1]), "ascii")
        dummies = ["SDL_VIDEODRIVER=dummy", "SDL_AUDIODRIVER=dummy", f"HOME={folder}"]
        command = ["env", *dummies, program, "-conf", str(configuration), "-noconsole"]
        with running(command, Path(folder) / "log", cores()[-1]) as process:
            members = Membership(clients, at, at)
            members.join(PEERS)
            clients.sender.connect(at)
            yield Way(clients, members.network, members.nodes, {"dosbox": process.pid}, members.keep)
