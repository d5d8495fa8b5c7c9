"""Far more is offered than can be carried: what else there is to do is done, and nothing piles up."""

import asyncio
import gc
import itertools
import tracemalloc

import pytest

from dataplane.site import Player, site
from dataplane.twins import packet
from nwip.dataplane.arena import SLOTS
from nwip.dataplane.batched import BATCHES
from nwip.dataplane.buffers import FULL
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BUDGET

pytestmark = pytest.mark.asyncio
TURNS = 30
GROWTH = 200_000  # octets: less than a hundredth of what was dropped
KINDS = [True, *([False] if IS_THERE else [])]


@pytest.mark.parametrize("portable", KINDS)
async def test_timers_have_their_turn_memory_stays_and_drops_are_counted(*, portable: bool) -> None:
    async with site("127.0.0.1", portable=portable) as (gateway, link):
        here, there = Player(link.endpoints[0]), Player(link.endpoints[0])
        for player in (here, there):
            await player.join()
            player.send(packet(0, player.node, 0, player.node))
            await player.receive()
        most = BUDGET if portable else BATCHES * SLOTS
        room = 1 << 18  # a buffer that a turn of the loop does not empty
        link._ports[0]._socket.setsockopt(1, 8, room)  # type: ignore[attr-defined] # SOL_SOCKET, SO_RCVBUF
        data = packet(0, here.node, 0, there.node, size=1400)
        loop = asyncio.get_running_loop()
        offered, timers, handled = 0, 0, [link.counters.packets_in]

        def tick() -> None:
            nonlocal timers
            timers += 1

        for turn in range(TURNS):
            for _ in range(2 * most):
                here.send(data)
                offered += 1
            loop.call_soon(tick)
            loop.call_later(0, tick)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            there.waiting()
            handled.append(link.counters.packets_in)
            if turn == 5:
                gc.collect()
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert timers >= 2 * TURNS - 2
        assert max(late - early for early, late in itertools.pairwise(handled)) <= 3 * most
        assert grown < GROWTH
        dropped = link.counters.all_drops()[FULL]
        async with asyncio.timeout(10):
            while link.counters.packets_in - handled[0] + dropped < offered:
                await asyncio.sleep(0)
                there.waiting()
        assert link.counters.packets_in - handled[0] + link.counters.all_drops()[FULL] == offered
        assert dropped > 0
        assert gateway.drops()["passed too many routers"] == 0
        for player in (here, there):
            player.sock.close()
