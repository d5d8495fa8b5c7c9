"""One random network: it settles, everything in it fails and is mended, and it settles each time.

All from a seed. What is promised: within `PATIENCE` after any failure or repair every router reaches every
network that it is connected with; at no time does a chain of ways come back to where it began; no probe
passes a cable twice, and none passes too many routers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from nwip.sim.routing.topology import Failure, failures, random_plan
from nwip.sim.routing.world import World

PATIENCE: Final = 600.0
"""Seconds: a silent router ages out (240 s), a longer way waits (80 s), its registration too (180 s), and
what there is then is told at the next update."""

STEP: Final = 10.0  # seconds between looks whether all has settled
PROBES: Final = (
    6  # after each failure and each repair, while all is in motion; and as many when it has settled
)


@dataclass
class Verdict:
    """What came of it: what was broken, and the longest time until all had settled again, in seconds."""

    seed: int
    broken: list[str] = field(default_factory=list)
    failures: int = 0
    longest: float = 0.0
    events: int = 0
    trace: list[str] = field(default_factory=list)


class Trial:
    """A network of up to `most` routers; `at_once` 0 lets each thing fail alone, else as many together."""

    def __init__(self, seed: int, most: int = 12, at_once: int = 0) -> None:
        self._random = Random(f"{seed} {most}")  # noqa: S311 - a repeatable simulation
        self.world = World(random_plan(self._random, most, most if at_once else 2))
        self.verdict = Verdict(seed)
        self._at_once = at_once

    def run(self) -> Verdict:
        """Live through it."""
        verdict = self.verdict
        self._settle("at the start")
        every = failures(self.world.plan)
        if self._at_once:
            self._live(self._random.sample(every, self._at_once))
        else:
            for failure in every:
                self._live([failure])
                if verdict.broken:
                    break
        verdict.events = self.world.clock.events
        return verdict

    def _live(self, some: Iterable[Failure]) -> None:
        world = self.world
        some = list(some)
        self.verdict.failures += len(some)
        for action in (world.fail, world.repair):
            for failure in some:
                action(failure)
            what = f"{action.__name__} {', '.join(map(str, some))}"
            self._probe(expected=False)
            self._settle(what)

    def _settle(self, what: str) -> None:
        world, verdict = self.world, self.verdict
        began = world.clock.now
        open_end: str | None = ""
        moves = -1
        while open_end is not None and world.clock.now < began + PATIENCE:
            world.clock.run(world.clock.now + STEP)
            if world.moves != moves or world.clock.now >= began + PATIENCE:
                moves = world.moves
                open_end = next(world.unsettled(), None)
        took = world.clock.now - began
        verdict.longest = max(verdict.longest, took)
        verdict.trace.append(f"{world.clock.now:.0f} s: {what}: {took:.0f} s")
        if open_end is not None:
            world.breaks(f"{what}: {open_end}")
        self._probe(expected=open_end is None)
        verdict.broken += world.broken
        world.broken.clear()

    def _probe(self, *, expected: bool) -> None:
        """Send probes between random hosts; those that can arrive must, where that is expected."""
        world, random = self.world, self._random
        sent: list[tuple[bytes, str, str]] = []
        parts, split = world.parts(), world.is_virtual_split()
        for _ in range(PROBES):
            source, target = random.choice(list(world.hosts)), random.choice(list(world.hosts))
            if source == target:
                continue
            name = world.probe(source, target)
            if expected and self._must_arrive(source, target, parts, split=split):
                sent.append((name or b"", source, target))
        world.clock.run(world.clock.now + 1.0)
        for name, source, target in sent:
            if name not in world.arrived:
                world.breaks(f"a probe from {source} to {target} did not arrive")
        world.arrived.clear()
        world.check_probes({name for name, _, _ in sent})

    def _must_arrive(self, source: str, target: str, parts: dict[str, int], *, split: bool) -> bool:
        cables = {plan.name: plan for plan in self.world.plan.cables}
        if split and (cables[source].joined or cables[target].joined):
            return False
        return parts[source] == parts[target]
