"""Connections with a DSS: how many get in, of whom, how fast, and how slowly they may read."""

import asyncio
import socket

import pytest

from nwip.directory.parameters import Parameters
from nwip.dss import doorkeeper as doors
from nwip.dss.doorkeeper import Doorkeeper
from nwip.dss.peering import Peering
from nwip.dss.pump import Pump
from nwip.dss.server import DssServer
from nwip.dss.session import Session

LOOPBACK = "127.0.0.1"


async def end(opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    for _, writer in opened:
        writer.transport.abort()
    await asyncio.gather(*(writer.wait_closed() for _, writer in opened), return_exceptions=True)


def everyone(_ip: str) -> bool:
    return True


def test_connections_of_one_source_are_bounded_and_leaving_makes_room() -> None:
    keeper = Doorkeeper(10, 2, everyone)
    places = [keeper.enter("192.0.2.1", 0.0) for _ in range(2 + doors.SPARE_PER_SOURCE)]
    assert None not in places
    assert keeper.enter("::ffff:192.0.2.1", 0.0) is None
    assert keeper.enter("192.0.2.2", 0.0) is not None
    assert places[0] is not None
    keeper.leave(places[0])
    assert keeper.enter("192.0.2.1", 0.0) is not None
    assert keeper.turned_away == {"too many connections of one source": 1}


def test_an_ipv6_source_is_a_64() -> None:
    keeper = Doorkeeper(10, 2, everyone)
    hosts = [f"2001:db8::{number:x}" for number in range(1, 12)]
    assert [keeper.enter(host, 0.0) is not None for host in hosts] == [True] * 10 + [False]
    assert keeper.enter("2001:db8:0:1::1%eth0", 0.0) is not None


def test_connections_in_all_are_bounded() -> None:
    keeper = Doorkeeper(1, 1000, everyone)
    entered = [keeper.enter(f"10.0.{number >> 8}.{number & 255}", 0.0) for number in range(doors.SPARE + 3)]
    assert [place is None for place in entered] == [False] * (doors.SPARE + 1) + [True] * 2
    assert len(keeper) == doors.SPARE + 1


def test_strangers_take_no_place_of_those_who_may_join() -> None:
    keeper = Doorkeeper(1, 1000, lambda ip: ip == "192.0.2.1")
    strangers = [keeper.enter(f"10.1.{number >> 8}.{number & 255}", 0.0) for number in range(600)]
    assert sum(place is not None for place in strangers) == doors.STRANGERS
    assert keeper.enter("192.0.2.1", 0.0) is not None
    for place in strangers:
        if place is not None:
            keeper.leave(place)
    assert len(keeper) == 1
    assert not keeper._open.keys() - {"192.0.2.1"}, "nothing is remembered of who has gone"


def test_connections_of_one_source_are_slowed_down() -> None:
    keeper = Doorkeeper(10, 10, everyone, rate=2, burst=3)

    def knock(now: float) -> bool:
        place = keeper.enter("192.0.2.1", now)
        if place is not None:
            keeper.leave(place)
        return place is not None

    assert [knock(0.0) for _ in range(4)] == [True, True, True, False]
    assert [knock(0.5) for _ in range(2)] == [True, False]


@pytest.mark.asyncio
async def test_a_dss_cuts_connections_beyond_and_takes_others_again() -> None:
    server = DssServer(Parameters(domain="doors.test"), identity=b"D" * 16, boot=b"0" * 16, admit=everyone)
    await server.start([(LOOPBACK, 0)])
    at = server.endpoints[0]
    server._doorkeeper = Doorkeeper(1, 1, everyone, rate=0, burst=2)
    opened = [await asyncio.open_connection(*at) for _ in range(3)]
    assert await asyncio.wait_for(opened[2][0].read(), 5.0) == b"", "cut without a word"
    assert server.drops == {"connections too fast": 1}
    assert len(server._doorkeeper) == 2
    opened[0][1].transport.abort()
    async with asyncio.timeout(5.0):
        while len(server._doorkeeper) > 1:
            await asyncio.sleep(0)
    await server.close()
    await end(opened)
    assert len(server._doorkeeper) == 0


@pytest.mark.asyncio
async def test_a_dss_cuts_calls_of_others_beyond() -> None:
    server = DssServer(Parameters(domain="doors.test"), identity=b"D" * 16, boot=b"0" * 16, admit=everyone)
    await server.start([(LOOPBACK, 0)])
    peering = Peering(server.replication, b"D" * 16, _nobody, None, lambda: None)  # type: ignore[arg-type]
    await peering.listen([(LOOPBACK, 0)])
    peering._doorkeeper = Doorkeeper(1, 1, everyone, rate=0, burst=1)
    opened = [await asyncio.open_connection(*peering.endpoints[0]) for _ in range(2)]
    assert await asyncio.wait_for(opened[1][0].read(), 5.0) == b""
    assert len(server.replication) == len(peering._doorkeeper) == 1
    await end(opened)
    async with asyncio.timeout(5.0):
        while len(peering._doorkeeper):
            await asyncio.sleep(0)
    await peering.close()
    await server.close()


async def _nobody() -> list[tuple[str, int]]:
    return []


class Endless:
    """An engine with one session that always has something to send."""

    def __init__(self) -> None:
        self.gone: list[Session] = []

    def receive(self, session: Session, data: bytes, now: float) -> None:
        """Nothing is expected."""

    def lost(self, session: Session) -> None:
        self.gone.append(session)

    def ready(self) -> set[Session]:
        return set()


class Talkative(Session):
    def take(self, now: float) -> bytes:
        return bytes(65536)


@pytest.mark.asyncio
async def test_who_reads_nothing_is_cut_off() -> None:
    engine = Endless()
    pump: Pump[Session] = Pump(engine, lambda: None, patience=0.05)
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pump.serve(Talkative(LOOPBACK), reader, writer)
        served.set()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(server.sockets[0].getsockname())
            await asyncio.wait_for(served.wait(), 5.0)
    assert len(engine.gone) == 1
