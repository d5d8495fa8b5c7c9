"""In a sealed domain, too, both kinds of port do the same, packet for packet, whatever happens."""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataplane.drawing import HAPPENINGS, batches
from dataplane.histories import CLIENTS, Batch, Happening
from dataplane.memory_kernel import KernelLoop
from dataplane.sealed_twins import SealedHistory, SealedTwins

HISTORIES_LIVED = int(os.environ.get("NWIP_TWINS", "40"))

SEALED = st.builds(Happening, what=st.sampled_from(["tamper", "tamper", "revoke"]), which=st.integers(0, 200))
HISTORIES = st.lists(st.one_of(batches(), batches(), HAPPENINGS, SEALED), min_size=8, max_size=40)


async def live(steps: list[Batch | Happening]) -> None:
    """Live through a history; after each step both sides must agree."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        twins = SealedTwins(monkeypatch)
        await twins.open()
        history = SealedHistory(twins)
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
def test_any_history_of_a_sealed_domain_is_the_same_by_both_ports(steps: list[Batch | Happening]) -> None:
    with asyncio.Runner(loop_factory=KernelLoop) as runner:
        runner.run(live(steps))
