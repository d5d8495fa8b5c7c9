"""A gateway that is offered more than it can carry: whether it grows, answers, and keeps its lease."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from nwip.bench import packets
from nwip.bench.clients import Clients
from nwip.bench.domain import Gateway, domain
from nwip.bench.joining import Membership
from nwip.bench.load import paced
from nwip.bench.looking import looking
from nwip.bench.processes import loading, status
from nwip.bench.sink import Sink
from nwip.bench.trials import Plan, fresh_mark
from nwip.bench.ways import Way
from nwip.control import NodeRefused, NodeUnreachable, ask

PEERS: Final = 64
OCTETS: Final = 100
FLOOD: Final = 1e7  # packets a second: as many as can be sent
TIMES: Final = 2  # what it can carry
SETTLED: Final = 1.0  # seconds of a flood at least, before memory is looked at
LEAST: Final = 4.0  # seconds: longer than the lease, so that a node whose renewals are late is let go
EVERY: Final = 0.1  # seconds between questions

_AGEING: Final = "lease = 3\nrenewal = 1\n"


class Overload(NamedTuple):
    """What came of it. Packets a second; octets that the gateway grew by; milliseconds.

    `nodes` is how many nodes the other gateway saw at least: 3 if no renewal was late for long.
    """

    capacity: float
    offered: float
    carried: float
    grown: int
    slowest_answer_ms: float
    nodes: int


class Witness(NamedTuple):
    """What was seen from outside meanwhile."""

    answers: list[float]
    nodes: list[int]


def overload(plan: Plan) -> Overload:
    """Offer a gateway twice what it carries of a flood, as far as one core can offer that much."""
    with ExitStack() as stack:
        names = ("gateway", "witness")
        gateways = stack.enter_context(domain(names, own_dss=True, ageing=_AGEING))
        gateway, clients = gateways["gateway"], stack.enter_context(Clients())
        members = Membership(clients, gateway.players_at, gateway.players_at)
        members.join(PEERS)
        clients.sender.connect(gateway.players_at)
        way = Way(clients, members.network, members.nodes, {})
        stack.enter_context(loading())
        mark = fresh_mark()
        sender, sink = packets.to_peers(way, OCTETS, PEERS, mark), Sink(clients.receiver, OCTETS, mark)
        count = paced(sender, sink, FLOOD, max(SETTLED, plan.seconds))
        capacity = count.arrived / count.seconds
        plan.say(f"offering {TIMES} x {capacity:.0f} packets a second")
        before = status(gateway.process.pid, "VmRSS")
        with watched(gateway, gateways["witness"]) as seen:
            count = paced(sender, sink, TIMES * capacity, max(LEAST, plan.seconds))
        grown = status(gateway.process.pid, "VmRSS") - before
    rates = capacity, count.due / count.seconds, count.arrived / count.seconds
    return Overload(*rates, grown * 1024, max(seen.answers) * 1000, min(seen.nodes))


@contextmanager
def watched(gateway: Gateway, witness: Gateway) -> Iterator[Witness]:
    """Ask the gateway for its links and the other one for its nodes, all the time, beside the block."""
    seen = Witness([], [])

    def look() -> None:
        begin = time.monotonic()
        try:
            ask(gateway.control, {"ask": "links"})
            nodes = ask(witness.control, {"ask": "nodes"})
        except (NodeUnreachable, NodeRefused):
            nodes = []
        seen.answers.append(time.monotonic() - begin)
        seen.nodes.append(len(nodes) if isinstance(nodes, list) else 0)

    with looking(look, EVERY):
        yield seen
