"""A sealed stream over a connection: its slices, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from dss.sealed_parties import SECRET, party
from dss.sealed_sites import Written, site
from nwip.dss.connecting import connect
from nwip.dss.introduction import member_seal
from nwip.dss.sealed_connection import SealedConnection
from nwip.security.stream import CallingStream, ServingStream
from security.membership_parts import DOMAIN, key


@pytest.mark.asyncio
async def test_an_end_that_was_not_announced_is_a_loss() -> None:
    async with site(party("dss")) as server:
        connection = await connect(server.endpoints[0], None, member_seal(party("ann")))
        assert isinstance(connection.reader, SealedConnection)
        connection.reader._reader.feed_eof()
        with pytest.raises(ConnectionResetError, match="not announced"):
            await connection.reader.read(4096)
        connection.writer.transport.abort()


@pytest.mark.parametrize("way", ["close", "write_eof"])
@pytest.mark.asyncio
async def test_every_end_is_announced(way: str) -> None:
    client = CallingStream(*member_seal(party("ann")))
    server = ServingStream(key("dss"), DOMAIN, 1, lambda _, __: SECRET)
    for _ in range(2):
        list(server.receive(client.take()))
        list(client.receive(server.take()))
    written = Written()
    connection = SealedConnection(client, asyncio.StreamReader(), written)  # type: ignore[arg-type]
    connection.write(b"last")
    getattr(connection, way)()
    assert list(server.receive(bytes(written.octets))) == [b"last"]
    assert server.ended
    assert written.is_closed


@pytest.mark.asyncio
async def test_a_record_is_read_in_slices() -> None:
    client = CallingStream(*member_seal(party("ann")))
    server = ServingStream(key("dss"), DOMAIN, 1, lambda _, __: SECRET)
    for _ in range(2):
        list(server.receive(client.take()))
        list(client.receive(server.take()))
    server.send(bytes(10_000))
    server.end()
    reader = asyncio.StreamReader()
    reader.feed_data(server.take())
    connection = SealedConnection(client, reader, Written())  # type: ignore[arg-type]
    assert [len(await connection.read(4096)) for _ in range(4)] == [4096, 4096, 1808, 0]
