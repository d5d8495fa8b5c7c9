"""What packets cost that have unusual ones among them: each tenth a ping, to nobody, or malformed."""

import statistics
from functools import partial
from typing import Final, NamedTuple

from nwip.bench import packets
from nwip.bench.load import Count, closed, paced
from nwip.bench.messages import BATCH
from nwip.bench.packets import Sender
from nwip.bench.processes import cpu_ns, loading
from nwip.bench.relays import nwip
from nwip.bench.sink import Sink
from nwip.bench.trials import Plan, cost, fresh_mark
from nwip.bench.ways import Way

OCTETS: Final = 100  # of a packet
PEERS: Final = 64


class Mix(NamedTuple):
    """Nanoseconds for a packet, medians; `ratio`, of `mixed` to `clean`, is the median of the rounds' own.

    `clean` and `mixed` are for the usual packets, without and with unusual ones among them.
    """

    ratio: float
    clean: float
    mixed: float
    unusual: float
    packets: int
    lost: int


def mix(plan: Plan) -> Mix:
    """Send usual packets, then a mix, then as many unusual ones as were in it, alone and in whole batches.

    What the unusual ones cost alone is no fault of the mix, so it is taken off from what a usual packet of
    the mix has cost.
    """
    rounds: list[tuple[float, float, float]] = []
    due = lost = 0
    with nwip(PEERS) as way, loading():
        (gateway,) = (f"CPU of {name}" for name in way.processes)
        for number in range(plan.rounds):
            plan.say(f"round {number + 1} of {plan.rounds}: each tenth packet is an unusual one")
            loop = partial(_closed, way.clients.window, plan.seconds)
            clean = cost(way, _clean, loop)
            mixed = cost(way, _mixed, loop)
            alone = unusual(way, max(1.0, mixed.due / packets.USUAL), plan.seconds)
            rounds.append((clean.values[gateway], mixed.values[gateway], alone))
            due, lost = due + clean.due + mixed.due, lost + clean.lost + mixed.lost
    rest = [mixed - alone / packets.USUAL for _, mixed, alone in rounds]
    return Mix(
        statistics.median(left / clean for left, (clean, _, _) in zip(rest, rounds, strict=True)),
        statistics.median(clean for clean, _, _ in rounds),
        statistics.median(rest),
        statistics.median(alone for _, _, alone in rounds),
        due,
        lost,
    )


def unusual(way: Way, count: float, seconds: float) -> float:
    """Send so many unusual packets, in batches over so many seconds; return what one costs."""
    way.keep()
    mark = fresh_mark()
    sender = packets.unusual_alone(way, OCTETS, mark)
    (pid,) = way.processes.values()
    before = cpu_ns(pid)
    sent = paced(sender, Sink(way.clients.receiver, OCTETS, mark), count / seconds, seconds, BATCH)
    return (cpu_ns(pid) - before) / max(1, sent.due)


def _clean(way: Way, mark: int) -> Sender:
    return packets.to_peers(way, OCTETS, PEERS, mark)


def _mixed(way: Way, mark: int) -> Sender:
    return packets.mixed(way, OCTETS, PEERS, mark)


def _closed(window: int, seconds: float, sender: Sender, sink: Sink) -> Count:
    return closed(sender, sink, window, seconds)
