import asyncio
from collections.abc import Callable

import pytest

from dataplane.simulated_loop import SimulatedLoop, run
from nwip.dataplane.wakeup import Wakeup


class Engine:
    """An engine with deadlines of its own; `woken` is when it was advanced."""

    def __init__(self, *deadlines: float) -> None:
        self.deadlines = sorted(deadlines)
        self.woken: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def next_deadline(self) -> float | None:
        return self.deadlines[0] if self.deadlines else None

    def advance(self, now: float) -> None:
        self.woken.append(now)
        self.deadlines = [each for each in self.deadlines if each > now]
        self.then()


def close_to(*times: float) -> object:
    """Timers of asyncio may fire one tick of the clock early."""
    return pytest.approx(times, abs=1e-6)


def test_an_engine_is_advanced_at_its_deadlines_and_never_between() -> None:
    async def story() -> None:
        engine = Engine(1001.0, 1002.5, 1060.0)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        wakeup.arm()
        await asyncio.sleep(100)
        assert engine.woken == close_to(1001.0, 1002.5, 1060.0)
        assert wakeup.now() == pytest.approx(1100.0)

    run(story())


def test_nothing_is_advanced_before_arm_is_called_or_without_a_deadline() -> None:
    async def story() -> None:
        engine = Engine(1001.0)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        await asyncio.sleep(10)
        engine.deadlines.clear()
        wakeup.arm()
        await asyncio.sleep(10)
        assert engine.woken == []

    run(story())


@pytest.mark.parametrize(("before", "after"), [(1050.0, 1010.0), (1010.0, 1050.0)])
def test_arm_moves_the_timer_to_another_deadline(before: float, after: float) -> None:
    async def story() -> None:
        engine = Engine(before)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        wakeup.arm()
        engine.deadlines = [after]
        wakeup.arm()
        await asyncio.sleep(100)
        assert engine.woken == close_to(after)

    run(story())


def test_arm_sets_no_second_timer_for_the_same_deadline() -> None:
    async def story() -> None:
        engine = Engine(1001.0)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        for _ in range(10):
            wakeup.arm()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        assert len(loop._scheduled) == 1  # type: ignore[attr-defined]  # asyncio's own list of timers
        engine.then = wakeup.arm
        await asyncio.sleep(10)
        assert engine.woken == close_to(1001.0)

    run(story())


def test_a_deadline_that_has_gone_takes_its_timer_with_it() -> None:
    async def story() -> None:
        engine = Engine(1001.0)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        wakeup.arm()
        engine.deadlines.clear()
        wakeup.arm()
        await asyncio.sleep(10)
        assert engine.woken == []

    run(story())


def test_cancel_stops_the_timer_until_arm_is_called_again() -> None:
    async def story() -> None:
        engine = Engine(1001.0)
        wakeup = Wakeup(engine.next_deadline, engine.advance)
        wakeup.arm()
        wakeup.cancel()
        wakeup.cancel()
        await asyncio.sleep(10)
        assert engine.woken == []
        wakeup.arm()
        await asyncio.sleep(1)
        assert engine.woken == close_to(1010.0)

    run(story())


def test_an_engine_with_work_left_over_is_advanced_again_at_once_but_others_have_their_turns() -> None:
    async def story() -> None:
        turns: list[str] = []
        engine = Engine(1001.0, 1001.0, 1001.0)

        def advance(now: float) -> None:
            turns.append("engine")
            engine.deadlines.pop()
            asyncio.get_running_loop().call_soon(turns.append, "other")

        wakeup = Wakeup(engine.next_deadline, advance)
        wakeup.arm()
        await asyncio.sleep(1.5)
        assert turns == ["engine", "other"] * 3
        assert wakeup.now() == pytest.approx(1001.5)

    run(story())
