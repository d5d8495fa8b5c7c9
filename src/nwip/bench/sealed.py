"""A tunnel between two gateways in a sealed domain, beside one in an open domain and the bare AEAD."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from nwip.bench.load import Count, closed
from nwip.bench.packets import Sender
from nwip.bench.processes import loading
from nwip.bench.relays import nwip
from nwip.bench.scenarios import SIZES, to_peers
from nwip.bench.sealing import Aead, aead, handshakes
from nwip.bench.sink import Sink
from nwip.bench.trials import Plan, Sample, cost
from nwip.bench.ways import Way

NAMES: Final = ("west", "east")
BOTH: Final = "both"
AEAD_SECONDS: Final = 0.1
HANDSHAKES: Final = 200  # of a round


class Side(NamedTuple):
    """Nanoseconds of CPU time of a packet in one gateway, or in both: `of`.

    `ratio` is what it takes in a sealed domain over what it takes in an open one and by the AEAD together.
    `lost` and `plain_lost` are packets that did not arrive, of `packets` in each domain or more.
    """

    of: str
    octets: int
    peers: int
    ratio: float
    sealed: float
    plain: float
    aead: float
    packets: int
    lost: int
    plain_lost: int


class Sealing(NamedTuple):
    """The figures, and how many handshakes one process does in a second for both sides."""

    sides: list[Side]
    handshakes: float


class _Round(NamedTuple):
    plain: Sample
    sealed: Sample
    bare: Aead


def sealed(plan: Plan, sizes: Sequence[int] = SIZES, peers: int = 64) -> Sealing:
    """Measure the three in turn, as many rounds as planned."""
    rounds: dict[int, list[_Round]] = {size: [] for size in sizes}
    rates: list[float] = []
    with (
        nwip(peers, NAMES, own_dss=True) as open_way,
        nwip(peers, NAMES, own_dss=True, sealed=True) as sealed_way,
        loading(),
    ):
        for number in range(plan.rounds):
            for size in sizes:
                plan.say(f"round {number + 1} of {plan.rounds}: {size} octets, {peers} peers")
                plain = _tunnel(open_way, size, peers, plan.seconds)
                bare = aead(size, AEAD_SECONDS)
                rounds[size].append(_Round(plain, _tunnel(sealed_way, size, peers, plan.seconds), bare))
            rates.append(handshakes(HANDSHAKES))
    sides = [side for size, found in rounds.items() for side in _sides(size, peers, found)]
    return Sealing(sides, statistics.median(rates))


def _tunnel(way: Way, size: int, peers: int, seconds: float) -> Sample:
    def load(sender: Sender, sink: Sink) -> Count:
        return closed(sender, sink, way.clients.window, seconds, least=peers)

    return cost(way, partial(to_peers, size, peers, None), load)


def _sides(octets: int, peers: int, rounds: Sequence[_Round]) -> Iterator[Side]:
    """Yield a figure for each gateway and for both: the medians of the rounds."""
    rows = [(_by_side(each.sealed.values), _by_side(each.plain.values), _calls(each.bare)) for each in rounds]
    packets, lost = sum(each.sealed.due for each in rounds), sum(each.sealed.lost for each in rounds)
    plain_lost = sum(each.plain.lost for each in rounds)
    for of in (*NAMES, BOTH):
        ratio = statistics.median(row[0][of] / (row[1][of] + row[2][of]) for row in rows)
        ours, plain, bare = (statistics.median(row[place][of] for row in rows) for place in range(3))
        yield Side(of, octets, peers, ratio, ours, plain, bare, packets, lost, plain_lost)


def _by_side(values: Mapping[str, float]) -> dict[str, float]:
    found = {name: values[f"CPU of {name}"] for name in NAMES}
    return {**found, BOTH: sum(found.values())}


def _calls(bare: Aead) -> dict[str, float]:
    """Return what the AEAD takes where: one gateway seals and the other opens."""
    west, east = NAMES
    return {west: bare.seal, east: bare.open, BOTH: sum(bare)}
