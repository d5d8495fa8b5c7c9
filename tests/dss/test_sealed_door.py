"""The door of a sealed DSS, on real sockets of loopback: who is late, who is one too many."""

from __future__ import annotations

import asyncio

import pytest

from dss.sealed_parties import party, statement
from dss.sealed_sites import LOOPBACK, PARAMETERS, Running, peers_at, site
from nodes import until
from nwip.dss.connecting import connect
from nwip.dss.door import Door
from nwip.dss.framing import Splitter
from nwip.dss.introduction import member_seal
from nwip.dss.messages import Reason, Refused, decode
from nwip.dss.peers import Limits
from nwip.dss.reader import DssRefused, read_domain
from nwip.dss.server import DssServer
from nwip.security.limits import TokenBuckets


@pytest.mark.asyncio
async def test_who_says_nothing_or_half_a_handshake_is_told_that_it_is_late() -> None:
    async with site(party("dss"), limits=Limits(first_message=0.1)) as server:
        for beginning in (b"", b"NW", b"NWS1", b"NWS1\0\0", b"NWS1\0\x65" + bytes(50)):
            reader, writer = await asyncio.open_connection(*server.endpoints[0])
            writer.write(beginning)
            answer = await asyncio.wait_for(reader.read(), 2.0)
            hint = 38 + len(statement("dss")) if beginning == b"NWS1\0\0" else 0
            (octets,) = Splitter().feed(answer[hint:])
            message = decode(octets)
            assert isinstance(message, Refused)
            assert message.reason == Reason.LATE
            writer.transport.abort()
        await until(lambda: len(server.engine) == 0)


@pytest.mark.asyncio
async def test_a_handshake_without_a_hello_is_late_too() -> None:
    async with site(party("dss"), limits=Limits(first_message=0.2)) as server:
        connection = await connect(server.endpoints[0], None, member_seal(party("ann")))
        octets = await asyncio.wait_for(connection.reader.read(4096), 2.0)
        (message,) = (decode(each) for each in Splitter().feed(octets))
        assert isinstance(message, Refused)
        assert message.reason == Reason.LATE
        assert await connection.reader.read(4096) == b""
        connection.writer.transport.abort()


@pytest.mark.asyncio
async def test_handshakes_are_limited_by_address_and_sessions_too() -> None:
    async with site(party("dss"), limits=Limits(sessions=1)) as server:
        at = server.endpoints[0]
        async with Running("ann", at) as ann:
            await until(lambda: ann.client.connected is not None)
            with pytest.raises(DssRefused, match="unproven: no more sessions"):
                await read_domain(at, membership=party("bob"))
        await until(lambda: len(server.engine) == 0)
        door = server._pump.door
        assert isinstance(door, Door)
        door._limits._each = TokenBuckets(0.0, 1.0)
        await read_domain(at, membership=party("bob"))
        with pytest.raises(DssRefused, match="from this address"):
            await read_domain(at, membership=party("bob"))


@pytest.mark.asyncio
async def test_an_address_is_known_once_a_member_has_spoken_from_it() -> None:
    async with site(party("dss")) as server:
        door = server._pump.door
        assert isinstance(door, Door)
        connection = await connect(server.endpoints[0], None, member_seal(party("ann")))
        connection.writer.transport.abort()
        await until(lambda: len(server.engine) == 0)
        assert not door._limits._known
        await read_domain(server.endpoints[0], membership=party("ann"))
        await until(lambda: LOOPBACK in door._limits._known)


@pytest.mark.asyncio
async def test_who_says_nothing_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.dss.door.WAITING_LIMIT", 3)
    async with site(party("dss")) as server, Running("bob", server.endpoints[0]) as bob:
        await until(lambda: bob.client.connected)
        for at in (server.endpoints[0], peers_at(server)):
            silent = [await asyncio.open_connection(*at) for _ in range(6)]
            first, _ = silent[0]
            assert await asyncio.wait_for(_ended(first), 2.0)
            name = "ann" if at == server.endpoints[0] else "dss2"
            connection = await connect(at, None, member_seal(party(name)))
            connection.writer.transport.abort()
            for _, writer in silent:
                writer.transport.abort()
        assert bob.happened.count("opened") == 1
        assert bob.client.connected is not None


async def _ended(reader: asyncio.StreamReader) -> bool:
    """Return when a connection has ended without a word."""
    try:
        return not await reader.read(1)
    except ConnectionError:
        return True


@pytest.mark.asyncio
async def test_who_is_turned_away_holds_no_place_and_is_told_no_more_than_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nwip.dss.door.LAST_WORDS", 1)
    async with site(party("dss")) as server:
        door = server._pump.door
        assert isinstance(door, Door)
        door._limits._each = TokenBuckets(0.0, 1.0)
        await read_domain(server.endpoints[0], membership=party("ann"))
        told, writer = await asyncio.open_connection(*server.endpoints[0])
        await until(lambda: door._last_words == 1)
        assert len(server.engine) == 0
        untold, other = await asyncio.open_connection(*server.endpoints[0])
        assert await _ended(untold)
        assert b"too many handshakes" in await told.read()
        writer.transport.abort()
        other.transport.abort()


def test_a_key_decides_which_dss_may_call_and_no_address() -> None:
    membership = party("dss")
    options = {"identity": membership.identity, "boot": b"0" * 16, "admit": lambda _: True}
    sealed = DssServer(PARAMETERS, **options, membership=membership)  # type: ignore[arg-type]
    assert sealed.replication._admit("203.0.113.9")
    listed = DssServer(PARAMETERS, **options, membership=membership, admit_peers=lambda _: False)  # type: ignore[arg-type]
    assert not listed.replication._admit("203.0.113.9")
