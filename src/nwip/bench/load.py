"""How packets are put on their way: as many as come back, at a rate, in bursts, or one at a time."""

from time import perf_counter, perf_counter_ns
from typing import Final, NamedTuple

from nwip.bench.messages import BATCH
from nwip.bench.packets import Sender
from nwip.bench.sink import Sink

PATIENCE: Final = 0.5  # seconds without a packet, after which what is still under way counts as lost
STALLED: Final = 0.1  # seconds without a packet, after which a closed loop sends more
BEHIND: Final = 0.02  # seconds: a paced load that is later than this leaves some packets out


class Count(NamedTuple):
    """What became of a load: packets that had to arrive, that did, and seconds of sending."""

    due: int
    arrived: int
    seconds: float

    @property
    def lost(self) -> int:
        """How many did not arrive."""
        return self.due - self.arrived


def closed(sender: Sender, sink: Sink, window: int, seconds: float, least: int = 0) -> Count:
    """Keep `window` packets under way; each that arrives lets another go. What is lost makes room too.

    Goes on until at least `least` packets were sent, for ten times as long at most.
    """
    due = arrived = under_way = 0
    start = heard = perf_counter()
    end = start + seconds
    while True:
        came = sink.take()
        now = perf_counter()
        if came:
            arrived += came
            under_way = max(0, under_way - came)
            heard = now
        elif under_way and now - heard > STALLED:
            under_way, heard = 0, now
        if now >= end and (due >= least or now >= start + 10 * seconds):
            break
        room = window - under_way
        if sender.fan > 1:
            room = 1 if room >= sender.fan or not under_way else 0
        elif room < BATCH // 2 and came:  # whole batches, as long as some are under way
            continue
        if room > 0:
            fresh = sender.send(room) * sender.fan
            due += fresh
            under_way += fresh
    return Count(due, arrived + drained(sink, due - arrived), now - start)


def paced(sender: Sender, sink: Sink, rate: float, seconds: float, at_once: int = 1) -> Count:
    """Offer `rate` packets a second, `at_once` together, whatever arrives; behind by 20 ms, skip some."""
    due = arrived = 0
    start = perf_counter()
    turn, step = start, at_once / rate
    end = start + seconds
    while True:
        arrived += sink.take()
        now = perf_counter()
        if now >= end:
            break
        if now >= turn:
            turns = min(int((now - turn) / step) + 1, max(1, BATCH // at_once))
            due += sender.send(turns * at_once) * sender.fan
            turn = max(turn + turns * step, now - BEHIND)
    return Count(due, arrived + drained(sink, due - arrived), now - start)


def singly(sender: Sender, sink: Sink, seconds: float, rate: float = 0) -> tuple[Count, list[int]]:
    """Send one packet at a time, at most `rate` a second; return also the nanoseconds of each arrival."""
    times: list[int] = []
    due = 0
    start = perf_counter()
    end = start + seconds
    while (now := perf_counter()) < end:
        while rate and perf_counter() < now + 1 / rate:
            pass
        begin = perf_counter_ns()
        latest = begin + int(PATIENCE * 1e9)
        due += sender.send(1)
        while not (came := sink.take()) and perf_counter_ns() < latest:
            pass
        if came:
            times.append(perf_counter_ns() - begin)
    return Count(due, len(times), now - start), times


def drained(sink: Sink, missing: int) -> int:
    """Wait for what is still under way; return how many of it came."""
    came, heard = 0, perf_counter()
    while came < missing and perf_counter() - heard < PATIENCE:
        more = sink.take()
        if more:
            came += more
            heard = perf_counter()
    return came
