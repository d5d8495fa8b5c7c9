"""A plan for a domain, tried out: how long until all agree, and what crosses the network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from msgspec.structs import replace

from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Node, Service
from nwip.dss.comparison import digest_message
from nwip.routing.numbering import node_number
from nwip.sim.clock import Clock
from nwip.sim.machines import DssMachine, NodeMachine
from nwip.sim.network import Network, Wire

Fault = Literal["none", "partition", "crash", "loss"]

LEAF_KINDS: Final = (Kind.HOST, Kind.NODE)
EARS: Final = 1 << 32  # the first number of a reader: above those of nodes
STEP: Final = 0.25  # seconds between looks whether all agree
FAULT_TIME: Final = 60.0  # seconds that a fault lasts
PATIENCE: Final = 600.0  # seconds to wait for agreement


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the domain is, and what happens to it."""

    gateways: int = 20
    leaves: int = 100
    services: int = 1000
    dss: int = 3
    fault: Fault = "none"
    seed: int = 1
    classic: bool = False
    loss: float = 0.01
    delay: float = 0.02


@dataclass
class Report:
    """What it came to. Times are simulated seconds, None where all did not agree in `PATIENCE`."""

    start: float | None = None
    change: float | None = None
    heal: float | None = None
    records: int = 0
    steady_octets_per_minute: dict[str, float] = field(default_factory=dict)
    octets: dict[str, int] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)


class Scenario:
    """A domain of gateways, which register services, and leaves, which only follow nodes and hosts.

    Ten thousand copies of ten thousand nodes are more than a laptop holds, and all leaves of a DSS are told
    the same. So every leaf registers and renews by itself, and one reader hears for all leaves of one DSS
    that are on one side of a cut; what it is sent counts once for each of them.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = Clock()
        random = Random(plan.seed)  # noqa: S311 - a repeatable simulation
        wire = Wire(plan.loss if plan.fault == "loss" else 0.0, plan.delay, plan.delay / 2)
        self.network = Network(self.clock, random, wire)
        self.parameters = Parameters(domain="sim.test", identity=bytes([0xD0, 0]) * 8)
        if plan.classic:
            self.parameters = replace(self.parameters, lease=900.0, renewal=300.0, synchronisation=300.0)
        self.dsss = [DssMachine(number, self.network, self.parameters) for number in range(plan.dss)]
        for dss in self.dsss:
            dss.others = [other for other in self.dsss if other.identity > dss.identity]
        self.gateways = [self._node(number + 1, tuple(Kind)) for number in range(plan.gateways)]
        first = plan.gateways + 1
        self.leaves = [self._node(first + number, ()) for number in range(plan.leaves)]
        nodes = [*self.gateways, *self.leaves]
        self._near = set(nodes[: len(nodes) // 2])
        """The nodes on this side of a cut."""
        self.ears = [self._ear(turn, near=near) for turn in range(plan.dss) for near in (True, False)]

    def run(self, progress: Callable[[str], None] = lambda _: None) -> Report:
        """Live through the plan; `progress` is told what begins."""
        report = Report()
        progress("the domain starts")
        for dss in self.dsss:
            dss.start()
        for ear in self.ears:
            ear.start()
        for node in (*self.gateways, *self.leaves):
            node.start()
            at = (node.ip, self.parameters.data_port)
            node.offer(Node(node_number(at, self.parameters, node.identity), node.name, [at]))
        for number in range(self.plan.services):
            self._offer(number, hops=0)
        report.start = self._until_agreed()
        progress("nothing changes for a minute")
        before = self.network.octets.copy()
        minutes = 10 if self.plan.classic else 1
        self.clock.run(self.clock.now + 60 * minutes)
        report.steady_octets_per_minute = {
            kind: (count - before[kind]) / minutes for kind, count in self.network.octets.items()
        }
        if self.plan.fault in ("partition", "crash"):
            progress(f"{self.plan.fault} of {FAULT_TIME:g} seconds")
            mend = self._break()
            self.clock.run(self.clock.now + FAULT_TIME / 2)
            self._change()
            self.clock.run(self.clock.now + FAULT_TIME / 2)
            mend()
            report.heal = self._until_agreed()
        progress("one service in ten changes")
        self._change()
        report.change = self._until_agreed()
        report.records = len(self.dsss[0].server.directory)
        report.octets, report.segments = dict(self.network.octets), dict(self.network.segments)
        return report

    def _until_agreed(self) -> float | None:
        """Run until all DSSs and nodes hold what is offered; return how long it took."""
        began = self.clock.now
        while self.clock.now < began + PATIENCE:
            self.clock.run(self.clock.now + STEP)
            if all(self._disagreements()):
                return self.clock.now - began
        return None

    def _disagreements(self) -> Iterator[bool]:
        """Yield, cheapest first, whether each thing that must be alike is."""
        wanted = sum(len(node.offers) for node in (*self.gateways, *self.leaves))
        for dss in self.dsss:
            yield dss.up and len(dss.server.directory) == wanted
        for node in self.gateways:
            yield node.connected and len(node.engine.directory) == wanted
        yield all(leaf.connected for leaf in self.leaves)
        for ear in self.ears:
            yield ear.connected and len(ear.engine.directory) == self.plan.gateways + self.plan.leaves
        first = digest_message(self.dsss[0].server.directory)
        for dss in self.dsss[1:]:
            yield digest_message(dss.server.directory) == first
        for node in self.gateways:
            yield digest_message(node.engine.directory) == first

    def _break(self) -> Callable[[], None]:
        if self.plan.fault == "crash":
            fallen = self.dsss[-1]
            fallen.crash()
            return lambda: fallen.start(disk=False)
        half = {dss.name for dss in self.dsss[: len(self.dsss) // 2]}
        half |= {node.name for node in self._near} | {ear.name for ear in self.ears[::2]}
        everybody = {machine.name for machine in (*self.dsss, *self.gateways, *self.leaves, *self.ears)}
        self.network.partition(half, everybody - half)
        return self.network.heal

    def _change(self) -> None:
        for number in range(0, self.plan.services, 10):
            self._offer(number, hops=1 + int(self.clock.now) % 14)

    def _offer(self, number: int, hops: int) -> None:
        node = self.gateways[number % len(self.gateways)]
        node.offer(Service(4, f"SERVER{number}", number + 1, b"\0\0\0\0\0\1", 0x451, hops))

    def _node(self, number: int, kinds: tuple[Kind, ...]) -> NodeMachine:
        return NodeMachine(number, self.network, "sim.test", self._servers(number), kinds)

    def _ear(self, turn: int, *, near: bool) -> NodeMachine:
        """Return the reader that hears for the leaves of one DSS on one side."""
        stands_for = sum(
            leaf.servers[0] is self.dsss[turn] and (leaf in self._near) == near for leaf in self.leaves
        )
        number = EARS + 2 * turn + near
        return NodeMachine(
            number,
            self.network,
            "sim.test",
            self._servers(turn),
            LEAF_KINDS,
            role="reader",
            weight=stands_for,
        )

    def _servers(self, number: int) -> list[DssMachine]:
        """Return the DSSs in the order in which the node with a number tries them."""
        turn = number % len(self.dsss)
        return [*self.dsss[turn:], *self.dsss[:turn]]
