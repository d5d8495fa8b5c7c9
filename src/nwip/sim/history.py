"""One random history of a domain, from a seed: changes and faults, then peace, then the invariants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, TypeVar

from nwip.directory.parameters import Parameters
from nwip.directory.records import Route, Service, Value
from nwip.sim import invariants
from nwip.sim.clock import Clock
from nwip.sim.machines import HOLD, LONGEST_PAUSE, DssMachine, NodeMachine
from nwip.sim.network import GIVE_UP, Network, Wire

PARAMETERS: Final = Parameters(
    domain="sim.test", identity=bytes([0xD0, 0]) * 8, lease=6.0, renewal=2.0, synchronisation=2.0
)
M = TypeVar("M", DssMachine, NodeMachine)

SKEW: Final = 2e-4  # of a clock's rate
NAMES: Final = 8  # services of one node: few, so that they are withdrawn and come back
OWN_NETWORKS: Final = 0x100  # and a node's number: where its services are; nobody registers these


@dataclass
class Verdict:
    """What became of a history: sentences that say what is broken, and what happened on the way."""

    seed: int
    broken: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    events: int = 0


class History:
    """A domain of a few DSSs and nodes that lives through random changes and faults."""

    def __init__(self, seed: int, prepare: Callable[["History"], None] | None = None) -> None:
        self.random = random = Random(seed)  # noqa: S311 - a repeatable simulation
        self.clock = Clock()
        wire = Wire(
            loss=random.choice([0.0, 0.02, 0.1]),
            delay=random.choice([0.0005, 0.01, 0.05]),
            jitter=random.choice([0.0, 0.03]),
            duplicate=random.choice([0.0, 0.1]),
        )
        self.verdict = Verdict(seed, trace=[f"{wire}"])
        self.network = Network(self.clock, random, wire)
        self.dsss = [
            DssMachine(
                number,
                self.network,
                self._parameters(number),
                offset=random.uniform(0, 1e5),
                rate=self._rate(),
            )
            for number in range(random.randint(2, 4))
        ]
        for dss in self.dsss:
            dss.others = [other for other in self.dsss if other is not dss and random.random() < 0.8]
        for left, right in zip(self.dsss, self.dsss[1:], strict=False):
            if right not in left.others and left not in right.others:
                left.others.append(right)
        self.nodes = [
            NodeMachine(
                number,
                self.network,
                "sim.test",
                random.sample(self.dsss, len(self.dsss)),
                offset=random.uniform(0, 1e5),
                rate=self._rate(),
                slowness=random.choice([0.0, 0.0, 0.5]),
            )
            for number in range(1, random.randint(2, 5))
        ]
        if prepare is not None:
            prepare(self)

    def run(self) -> Verdict:
        """Live through it; the verdict has no sentences in `broken` when all invariants held."""
        for dss in self.dsss:
            dss.start()
        for node in self.nodes:
            node.start()
            for _ in range(self.random.randint(0, 5)):
                node.offer(self._value(node))
        self.clock.run(self.random.uniform(1, 3))
        for _ in range(self.random.randint(1, 2)):
            self._live()
            self._peace()
            if self.verdict.broken:
                break
        self.verdict.events = self.clock.events
        return self.verdict

    def _live(self) -> None:
        for _ in range(self.random.randint(4, 14)):
            self._act()
            self.clock.run(self.clock.now + self.random.expovariate(0.8))
            self._check(
                invariants.the_dead_are_gone(self.dsss, self.nodes, self.clock.now, self._longest_mourning())
            )

    def _peace(self) -> None:
        """Mend everything, wait as long as promised, and look."""
        self._note("peace")
        self.network.heal()
        bad, self.network.wire = self.network.wire, replace(self.network.wire, loss=0.0)
        for dss in self.dsss:
            if not dss.up:
                dss.start()
        parameters = PARAMETERS
        reconnected = 2.5 * parameters.lease + GIVE_UP + 2 * LONGEST_PAUSE + HOLD
        self.clock.run(self.clock.now + reconnected + 2 * parameters.synchronisation)
        self._check(invariants.converged(self.dsss, self.nodes))
        settled = invariants.expected(self.nodes)
        self._check(invariants.no_half_snapshot(self.dsss, settled, self.clock.now))
        self.network.wire = bad

    def _act(self) -> None:
        actions: list[tuple[int, Callable[[], None]]] = [
            (10, self._offer),
            (5, self._retract),
            (2, self._partition),
            (2, self.network.heal),
            (2, self._crash_dss),
            (3, self._start_dss),
            (2, self._crash_node),
            (1, self._stop_node),
            (3, self._start_node),
            (1, self._promote),
        ]
        weights, choices = zip(*actions, strict=True)
        (action,) = self.random.choices(choices, weights)
        self._note(action.__name__.strip("_"))
        action()

    def _offer(self) -> None:
        node = self.random.choice(self.nodes)
        for _ in range(self.random.randint(1, 4)):
            node.offer(self._value(node))

    def _retract(self) -> None:
        node = self.random.choice(self.nodes)
        if node.offers:
            node.retract(self.random.choice(list(node.offers)))

    def _partition(self) -> None:
        everybody = [machine.name for machine in (*self.dsss, *self.nodes)]
        side = set(self.random.sample(everybody, self.random.randint(1, len(everybody) - 1)))
        self._note(f"  {sorted(side)} apart")
        self.network.partition(side, set(everybody) - side)

    def _crash_dss(self) -> None:
        self._one(self.dsss, up=True, action=lambda dss: dss.crash())

    def _start_dss(self) -> None:
        disk = self.random.random() < 0.5
        self._one(self.dsss, up=False, action=lambda dss: dss.start(disk=disk))

    def _crash_node(self) -> None:
        self._one(self.nodes, up=True, action=lambda node: node.crash())

    def _stop_node(self) -> None:
        self._one(self.nodes, up=True, action=lambda node: node.stop())

    def _start_node(self) -> None:
        incarnation = self.random.choice([1, int(self.clock.now) + 2])
        self._one(self.nodes, up=False, action=lambda node: node.start(incarnation))

    def _promote(self) -> None:
        def promote(dss: DssMachine) -> None:
            dss.server.promote()
            dss.pump()

        self._one(self.dsss, up=True, action=promote)

    def _one(self, machines: list[M], *, up: bool, action: Callable[[M], None]) -> None:
        fitting = [machine for machine in machines if machine.up == up]
        if fitting:
            machine = self.random.choice(fitting)
            self._note(f"  {machine.name}")
            action(machine)

    def _longest_mourning(self) -> float:
        """Return after how many seconds a dead node must be gone everywhere.

        A renewal may have been under way, from DSS to DSS and to a slow node, as long as connections last.
        """
        return PARAMETERS.lease + 1.0 + (len(self.dsss) + 1) * GIVE_UP

    def _value(self, node: NodeMachine) -> Value:
        number = self.random.randint(1, NAMES)
        if self.random.random() < 0.7:
            return Service(
                4,
                f"S{number}",
                OWN_NETWORKS + int.from_bytes(node.identity[-4:], "big"),
                bytes(6),
                1,
                self.random.randint(0, 3),
            )
        hops, ticks = self.random.randint(0, 3), self.random.randint(1, 9)
        return Route(number, hops, ticks, lan=number if hops == 0 else number % 3, turn=ticks)

    def _parameters(self, number: int) -> Parameters:
        return (
            PARAMETERS
            if number == 0
            else Parameters(
                domain="sim.test",
                term=0,
                identity=bytes([0xD0, number]) * 8,
                lease=6.0,
                renewal=2.0,
                synchronisation=2.0,
            )
        )

    def _rate(self) -> float:
        return 1.0 + self.random.uniform(-SKEW, SKEW)

    def _check(self, sentences: Iterator[str]) -> None:
        for sentence in sentences:
            self._note(f"BROKEN: {sentence}")
            self.verdict.broken.append(sentence)

    def _note(self, text: str) -> None:
        self.verdict.trace.append(f"{self.clock.now:8.3f}  {text}")
