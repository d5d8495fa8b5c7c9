"""DSSs on real sockets of the loopback interface: they find each other, agree, and come back."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from random import Random

import pytest

from nodes import PARAMETERS, until
from nwip.directory.records import Endpoint, Kind
from nwip.dss.reader import read_domain
from nwip.dss.server import DssServer


@contextlib.asynccontextmanager
async def site(number: int, *peers: Endpoint, port: int = 0) -> AsyncIterator[DssServer]:
    server = DssServer(
        PARAMETERS,
        identity=bytes([0xD0 + number]) * 16,
        boot=bytes([number]) * 16,
        admit=lambda _: True,
        name=f"dss{number}",
    )
    chance = Random(number)  # noqa: S311 - spreads reconnections

    async def named() -> tuple[Endpoint, ...]:
        return peers

    try:
        await server.start([("127.0.0.1", 0)])
        await server.join([("127.0.0.1", port)], named, chance, incarnation=1, hold=bool(peers))
        yield server
    finally:
        await server.close()


def at(server: DssServer) -> Endpoint:
    assert server.peering is not None
    return server.peering.endpoints[0]


def peers_of(server: DssServer) -> int:
    return len(server.replication.peers())


def others(server: DssServer) -> set[str]:
    return {record.value.name for record in server.directory.records(Kind.DSS)}  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_a_third_dss_that_knows_one_meets_all() -> None:
    async with site(3) as first, site(2, at(first)) as second, site(1, at(second)) as third:
        await until(lambda: peers_of(first) == peers_of(second) == peers_of(third) == 2)
        for server in (first, second, third):
            await until(lambda server=server: others(server) == {"dss1", "dss2", "dss3"})  # type: ignore[misc]
            assert not server.engine.is_held


@pytest.mark.asyncio
async def test_a_dss_starts_alone_where_its_peers_are_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[:2]
    async with site(1, nobody) as server:
        await until(lambda: not server.engine.is_held, within=5)


@pytest.mark.asyncio
async def test_an_orderly_stop_is_seen_at_once_and_a_return_too() -> None:
    async with site(1) as first:
        async with site(2, at(first)):
            await until(lambda: others(first) == {"dss1", "dss2"})
        await until(lambda: others(first) == {"dss1"}, within=1)
        async with site(2, at(first)):
            await until(lambda: others(first) == {"dss1", "dss2"})


@pytest.mark.asyncio
async def test_an_address_that_is_taken_is_an_error_and_the_dss_goes_on_alone() -> None:
    async with site(1) as first:
        with pytest.raises(OSError, match="in use"):
            async with site(2, port=at(first)[1]):
                pass
        assert first.replication.peers() == []


@pytest.mark.asyncio
async def test_a_stranger_may_not_be_a_dss() -> None:
    async with site(1) as server:
        server.replication._admit = lambda _: False
        reader, writer = await asyncio.open_connection(*at(server))
        assert b"is not named as a dss" in await reader.read()
        writer.close()


@pytest.mark.asyncio
async def test_a_reader_is_told_by_one_what_another_has_heard() -> None:
    async with site(1) as first, site(2, at(first)) as second:
        await until(lambda: others(second) == {"dss1", "dss2"})
        domain = await read_domain(second.endpoints[0])
        assert {reading.record.value.name for reading in domain.readings} == {"dss1", "dss2"}  # type: ignore[union-attr]
