"""The DSS is killed while players talk: their traffic does not depend on it, and it is soon whole again."""

import asyncio
import itertools
import signal

import pytest

from nwip.demo.domain import DemoDomain
from nwip.directory.records import Kind
from nwip.dss.reader import DssError, read_domain
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.player import DosboxPlayer

pytestmark = pytest.mark.asyncio

LEASE = 1.5
GAME = 0x5678
EVERYTHING = {Kind.NODE: 3, Kind.HOST: 2, Kind.SERVICE: 0, Kind.ROUTE: 0}


async def connect(domain: DemoDomain, site: str) -> DosboxPlayer:
    player = await DosboxPlayer(domain.players_at[site]).__aenter__()
    await player.register()
    await player.ping(timeout=0.05)
    return player


class Traffic:
    """Two players who send packets to and fro until told to stop; counts those that do not come back."""

    def __init__(self, anna: DosboxPlayer, ben: DosboxPlayer) -> None:
        self._anna, self._ben = anna, ben
        self.exchanged = 0
        self.lost = 0
        self._moved = asyncio.Event()
        self._stop = False

    async def run(self) -> None:
        here, there = (player.address._replace(socket=GAME) for player in (self._anna, self._ben))
        for number in itertools.count():
            if self._stop:
                return
            await self._exchange(here, there, number.to_bytes(4, "big"))

    async def _exchange(self, here: Address, there: Address, payload: bytes) -> None:
        try:
            self._anna.send(Packet(there, here, payload=payload))
            self._ben.send(Packet(here, there, payload=(await self._ben.receive(0.5)).payload))
            assert (await self._anna.receive(0.5)).payload == payload
        except TimeoutError:
            self.lost += 1
        else:
            self.exchanged += 1
            self._moved.set()

    async def some(self, count: int) -> None:
        """Wait until so many more packets have gone to and fro."""
        goal = self.exchanged + count
        async with asyncio.timeout(30):
            while self.exchanged < goal:
                self._moved.clear()
                await self._moved.wait()

    async def lasting(self, seconds: float) -> None:
        """Wait until traffic has flowed for so long: the time that a fault is left to do its harm."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self.some(1)

    def stop(self) -> None:
        self._stop = True


async def until_complete(domain: DemoDomain) -> float:
    """Wait until the DSS holds everything; return the seconds since it first answered."""
    loop = asyncio.get_running_loop()
    answered: float | None = None
    async with asyncio.timeout(20):
        while True:
            try:
                readings = (await read_domain(domain.dss)).readings
            except DssError:
                await asyncio.sleep(0.02)
                continue
            answered = answered or loop.time()
            kinds = [reading.record.key[0] for reading in readings]
            if all(kinds.count(kind) == count for kind, count in EVERYTHING.items()):
                return loop.time() - answered
            await asyncio.sleep(0.02)


async def test_traffic_outlives_the_dss_and_its_tables_are_complete_within_two_seconds_of_its_return() -> (
    None
):
    async with DemoDomain(lease=LEASE, renewal=0.5) as domain:
        anna, ben = await connect(domain, "west"), await connect(domain, "east")
        await until_complete(domain)
        traffic = Traffic(anna, ben)
        running = asyncio.create_task(traffic.run())
        await traffic.some(100)
        dss = domain.sites["dss"]
        dss.process.kill()
        dss.process.wait()
        await traffic.lasting(2 * LEASE)  # longer than any lease: nothing may depend on a renewal meanwhile
        dss.restart()
        seconds = await until_complete(domain)
        await traffic.lasting(
            1.5 * LEASE
        )  # what its near-empty return did not confirm would be cut off by now
        traffic.stop()
        await running
        await anna.__aexit__(None, None, None)
        await ben.__aexit__(None, None, None)
    assert traffic.lost == 0
    assert seconds < 2.0


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_an_orderly_stop_withdraws_what_a_gateway_had_registered(
    stop: signal.Signals, code: int
) -> None:
    async with DemoDomain() as domain:
        anna = await connect(domain, "west")
        west = domain.sites["west"]
        await domain.sites["east"].until("nodes", 3)
        west.process.send_signal(stop)
        assert west.process.wait(5) == code
        assert {row["name"] for row in domain.sites["east"].ask("nodes")} == {"dss", "east"}
        await anna.__aexit__(None, None, None)
