"""An event loop whose clock is simulated: what would wait for a time is there at once."""

import asyncio
import selectors
from collections.abc import Coroutine


class _Selector(selectors.DefaultSelector):
    loop: "SimulatedLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that the loop would wait, and wait for nothing."""
        self.loop.clock += timeout or 0.0
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Waits for no timer; for sockets it does not wait either, so it is for pure engines."""

    def __init__(self) -> None:
        self.clock = 1000.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the simulated time, in seconds."""
        return self.clock


def run(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine on a loop of its own."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(work)
