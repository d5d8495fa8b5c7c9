"""Between slices of a directory others run; a loop that has packets to carry is left alone for a while."""

import asyncio
from functools import partial

import pytest

from dataplane.simulated_loop import SimulatedLoop, run
from nwip.dataplane.port import open_port
from nwip.dss.courtesy import LONGEST_PAUSE, PAUSE_PER_PACKET, let_others_run


def test_where_no_packets_come_the_next_slice_comes_at_once() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        began = loop.time()
        others: list[int] = []
        for number in range(100):
            loop.call_soon(partial(others.append, number))
            await let_others_run()
        assert others == list(range(100))
        assert loop.time() == began

    run(story())


@pytest.mark.parametrize(("packets", "pause"), [(1, PAUSE_PER_PACKET), (60, 60 * PAUSE_PER_PACKET)])
def test_packets_that_came_meanwhile_go_first_and_then_there_is_a_pause(packets: int, pause: float) -> None:
    assert pause < LONGEST_PAUSE

    async def story() -> None:
        loop = asyncio.get_running_loop()
        arrived: list[float] = []
        port = open_port(("127.0.0.1", 0), lambda _: arrived.append(loop.time()))
        try:
            began = loop.time()
            for _ in range(packets):
                assert port.send(b"packet", port.endpoint)
            await let_others_run()
            assert arrived == [began]
            assert loop.time() == pytest.approx(began + pause)
        finally:
            port.close()

    run(story())
