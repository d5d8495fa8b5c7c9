"""A domain of several DSSs under churn, watched from outside: readers, probers and the nodes' own journals.

How the DSSs keep and carry their directory is up to `store`; nothing else here knows.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Self

from real.domain_copy import Copy
from real.domain_machines import Machine, NodeProcess, Timing
from real.domain_nodes import TYPES, Orders
from real.domain_prober import Prober
from real.domain_reader import Reader
from real.domain_verdict import Lags, Services, Truth

DOMAIN: Final = "Etcd.Test"
AGREED_WITHIN: Final = 60.0  # seconds until all copies are as the journals say
LOOK_EVERY: Final = 0.25  # seconds
SILENCE: Final = 5.0  # seconds without an answer at most, on a loaded machine: the store is away for 12


class Sizes:
    """`processes` of `nodes` nodes in all, `services` services each, `rate` changes a second."""

    def __init__(self, processes: int = 4, nodes: int = 50, services: int = 200, rate: float = 400) -> None:
        self.processes, self.nodes, self.services, self.rate = processes, nodes, services, rate


class Domain:
    """The domain: `machines` are its DSSs, `readers` and `probers` stand by their names.

    `store` writes the settings of a DSS by its number; `kept` reads the services that stand in the store.
    """

    def __init__(
        self,
        folder: Path,
        sizes: Sizes,
        timing: Timing,
        store: Callable[[int], str],
        kept: Callable[[], Awaitable[Services]] | None = None,
    ) -> None:
        self.truth = Truth()
        self.machines: dict[str, Machine] = {}
        self.readers: dict[str, Reader] = {}
        self.probers: dict[str, Prober] = {}
        self.nodes: list[NodeProcess] = []
        self.told: list[str] = []
        self._copies: dict[str, Copy] = {}
        self._folder, self._sizes, self._timing = folder, sizes, timing
        self._store, self._kept = store, kept
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await asyncio.gather(*(process.kill() for process in self.nodes))
        await asyncio.gather(*(machine.kill() for machine in self.machines.values()))

    async def add_dss(self) -> Machine:
        """Start one more DSS, with a reader and a prober at it."""
        machine = Machine(
            DOMAIN, self._folder, len(self.machines), self._timing, self._store(len(self.machines))
        )
        self.machines[machine.name] = machine
        await machine.start()
        reader = await self._stack.enter_async_context(Reader(DOMAIN, machine.address, "reader"))
        self.readers[machine.name] = reader
        self._copies[machine.name] = reader.copy
        return machine

    async def add_nodes(self, servers: Iterable[Machine], first: int, count: int) -> NodeProcess:
        """Start a process of nodes, each of which prefers another of these DSSs."""
        addresses = [machine.address for machine in servers]
        turns = [[*addresses[turn:], *addresses[:turn]] for turn in range(len(addresses))]
        orders = Orders(DOMAIN, str(self._folder), first, count, self._sizes.services, turns, seed=first)
        process = NodeProcess(orders)
        self.nodes.append(process)
        await process.start()
        return process

    async def begin(self, dss: int = 3) -> None:
        """Start DSSs and nodes, and wait until all agree."""
        began = time.monotonic()
        for _ in range(dss):
            await self.add_dss()
        each = -(-self._sizes.nodes // self._sizes.processes)
        for first in range(0, self._sizes.nodes, each):
            count = min(each, self._sizes.nodes - first)
            await self.add_nodes(self.machines.values(), first, count)
        await self.agree("the start", began)
        for name in self.machines:
            await self.probe(name)

    async def probe(self, name: str) -> None:
        """Ask a DSS from now on, again and again."""
        prober = Prober(self.machines[name].address, TYPES[0])
        self.probers[name] = await self._stack.enter_async_context(prober)

    @asynccontextmanager
    async def under_churn(self, what: str) -> AsyncIterator[None]:
        """Have services change all the time; behind it see that nothing was lost: `agree`."""
        began = time.monotonic()
        for process in self.nodes:
            await process.churn(self._sizes.rate / len(self.nodes))
        yield
        await self.agree(what, began)

    async def agree(self, what: str, began: float) -> None:
        """End the churn; see that every copy becomes what the journals say, and that nothing was lost."""
        settled = await asyncio.gather(*(process.settle() for process in self.nodes))
        quiet = time.monotonic()
        for accounts in settled:
            self.truth.learn(accounts)
        assert not self.truth.refused, f"{what}: {self.truth.refused} records were refused"
        differing = await self._until_equal()
        agreed = time.monotonic()
        assert not differing, f"{what}: after {AGREED_WITHIN:.0f} s: {differing}; {self._vanished(began)}"
        self.judge(what)
        silence = max(self.silences().values(), default=0.0)
        self.told.append(
            f"{what}: {quiet - began:.1f} s, agreed {agreed - quiet:.1f} s after; visible everywhere"
            f" {max(self.lags(began, quiet))}; longest silence {silence:.2f} s"
        )

    async def kill_nodes(self, process: NodeProcess) -> float:
        """Kill a process of nodes; return when."""
        await process.churn(0)
        self.truth.learn(await process.settle())
        await process.kill()
        self.nodes.remove(process)
        now = time.monotonic()
        self.truth.kill(process.identities, now)
        return now

    async def kill_dss(self, name: str) -> None:
        """Kill a DSS for good; what its reader has seen goes on to be judged."""
        await self.machines[name].kill()
        reader, prober = self.readers.pop(name), self.probers.pop(name)
        assert prober.longest < SILENCE, f"{name} gave no answer for {prober.longest:.1f} s"
        await prober.__aexit__()
        await reader.__aexit__()

    def judge(self, what: str) -> None:
        """See that no session was lost, no service has vanished unjustly, and no DSS was silent."""
        for name, reader in self.readers.items():
            assert not reader.ended, f"{what}: at {name}: {reader.ended}"
        for name, copy in self._copies.items():
            unjust = self.truth.unjust(copy.vanished)
            assert not unjust, f"{what}: {len(unjust)} services vanished at {name}, as {unjust[:3]}"
        silent = {name: longest for name, longest in self.silences().items() if longest > SILENCE}
        assert not silent, f"{what}: seconds without an answer: {silent}"
        for machine in self.machines.values():
            assert "Traceback" not in machine.log, f"{what}: {machine.name}: {machine.log[-4000:]}"

    def silences(self) -> dict[str, float]:
        """Return the longest time without an answer of each DSS."""
        return {name: prober.longest for name, prober in self.probers.items()}

    def lags(self, since: float, until: float) -> list[Lags]:
        """Return how late each reader has seen what was acknowledged in a span of time."""
        return [self.truth.lags(reader.copy, since, until) for reader in self.readers.values()]

    async def _until_equal(self) -> str:
        until = time.monotonic() + AGREED_WITHIN
        differing = "nothing was compared"
        while differing and time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY)
            copies = {name: reader.copy.services() for name, reader in self.readers.items()}
            differing = self._difference(copies) or self._difference(await self._read_anew())
        return differing

    def _vanished(self, since: float) -> str:
        """Return what has vanished from the copies of the readers, and why."""
        why = {
            name: Counter(gone.why for gone in copy.vanished if gone.at >= since)
            for name, copy in self._copies.items()
        }
        return f"vanished from {', '.join(f'{name}: {dict(count)}' for name, count in why.items())}"

    async def _read_anew(self) -> dict[str, Services]:
        """Return what new readers are told, and what stands in the store."""
        found: dict[str, Services] = {} if self._kept is None else {"the store": await self._kept()}
        for name in self.readers:
            async with Reader(DOMAIN, self.machines[name].address, "new") as reader:
                await reader.whole()
                found[f"a new reader at {name}"] = reader.copy.services()
        return found

    def _difference(self, found: Mapping[str, Services]) -> str:
        told = {name: self.truth.differences(services) for name, services in found.items()}
        return "; ".join(f"{name}: {difference}" for name, difference in told.items() if difference)
