"""Both kinds of port do the same, packet for packet, whatever happens to whatever they have remembered."""

import asyncio
import os
from collections.abc import Coroutine

import pytest
from hypothesis import HealthCheck, given, settings

from dataplane.drawing import HISTORIES
from dataplane.histories import CLIENTS, Batch, Happening, History
from dataplane.memory_kernel import KernelLoop
from dataplane.twins import Twins
from nwip.dataplane import batched, joining

HISTORIES_LIVED = int(os.environ.get("NWIP_TWINS", "60"))


def run(work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=KernelLoop) as runner:
        runner.run(work)


async def live(steps: list[Batch | Happening], *, joined: bool) -> None:
    """Live through a history; after each step, and twice at the end, both sides must agree."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        twins = Twins(monkeypatch)
        await twins.open()
        history = History(twins)
        if joined:
            for client in range(CLIENTS):
                await history.become(Happening("join", client))
        assert not twins.differences()
        for step in steps:
            if isinstance(step, Happening):
                await history.become(step)
            else:
                history.take(step)
            differences = twins.differences()
            assert not differences, (step, differences)


@settings(max_examples=HISTORIES_LIVED, deadline=None, suppress_health_check=list(HealthCheck))
@given(HISTORIES)
def test_any_history_is_the_same_by_both_ports(steps: list[Batch | Happening]) -> None:
    run(live(steps, joined=True))


def test_any_history_is_the_same_while_the_kernel_begins_and_ceases_to_join_datagrams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"ENOUGH": 1, "PUT_OFF": 1, "IDLE": 3, "SINGLES": 5, "PAYS": 2}.items():
        monkeypatch.setattr(joining, name, value)
    monkeypatch.setattr(batched, "MANY", 4)
    test_any_history_is_the_same_by_both_ports()
