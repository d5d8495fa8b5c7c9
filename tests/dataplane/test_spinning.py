"""After a datagram the port looks for the next one at every turn of the loop, for a while."""

import asyncio
from collections.abc import Iterator

import pytest

from dataplane.simulated_loop import SimulatedLoop, run
from dataplane.site import Player, site
from dataplane.twins import packet
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.spinning import Spinner
from nwip.dataplane.traffic import traffic

LOOK = 10e-6  # seconds that one takes here
BUSY = 1000  # microseconds
LOOKS = round(BUSY / 1e6 / LOOK)


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    before = traffic.datagrams
    yield
    traffic.datagrams = before


class Socket:
    """Something to drain; at these looks there is a datagram."""

    def __init__(self, loop: SimulatedLoop, *full: int) -> None:
        self.looks = 0
        self._full = full
        self._loop = loop

    def drain(self) -> None:
        if self.looks in self._full:
            traffic.datagrams += 1
        self.looks += 1
        self._loop.clock += LOOK


def loop() -> SimulatedLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, SimulatedLoop)
    return running


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_it_looks_for_as_long_as_was_said_and_no_longer() -> None:
    async def work() -> None:
        sock = Socket(loop(), 0)
        Spinner(sock.drain, BUSY)()
        await turns(3 * LOOKS)
        assert LOOKS - 2 <= sock.looks <= LOOKS + 2

    run(work())


def test_each_datagram_begins_the_time_anew() -> None:
    async def work() -> None:
        sock = Socket(loop(), 0, LOOKS // 2)
        Spinner(sock.drain, BUSY)()
        await turns(3 * LOOKS)
        assert 3 * LOOKS // 2 - 3 <= sock.looks <= 3 * LOOKS // 2 + 3

    run(work())


def test_a_wakeup_without_a_datagram_begins_nothing() -> None:
    async def work() -> None:
        sock = Socket(loop())
        Spinner(sock.drain, BUSY)()
        await turns(5)
        assert sock.looks == 1

    run(work())


def test_timers_have_their_turn_meanwhile() -> None:
    async def work() -> None:
        sock = Socket(loop(), 0)
        at: list[int] = []
        loop().call_later(BUSY / 2e6, lambda: at.append(sock.looks))
        Spinner(sock.drain, BUSY)()
        await turns(3 * LOOKS)
        assert at
        assert LOOKS // 2 - 2 <= at[0] <= LOOKS // 2 + 2

    run(work())


def test_one_that_is_stopped_looks_no_more() -> None:
    async def work() -> None:
        sock = Socket(loop(), 0)
        spinner = Spinner(sock.drain, BUSY)
        spinner()
        await turns(3)
        looks = sock.looks
        spinner.stop()
        await turns(5)
        assert sock.looks == looks

    run(work())


def test_one_that_is_stopped_by_what_it_found_looks_no_more() -> None:
    async def work() -> None:
        sock = Socket(loop(), 0)

        def drain() -> None:
            sock.drain()
            spinner.stop()

        spinner = Spinner(drain, BUSY)
        spinner()
        await turns(5)
        assert sock.looks == 1

    run(work())


@pytest.mark.asyncio
@pytest.mark.parametrize("portable", [True, *([False] if IS_THERE else [])])
async def test_players_are_served_and_the_link_closes_in_the_midst_of_it(*, portable: bool) -> None:
    async with site("127.0.0.1", portable=portable, busy_poll=100_000) as (_, link):
        player = Player(link.endpoints[0])
        await player.join()
        data = packet(link.network, player.node, link.network, player.node)
        for _ in range(20):
            player.send(data)
            while await player.receive() != data:
                pass
    await asyncio.sleep(0)
    player.sock.close()
