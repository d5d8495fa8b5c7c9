"""Sealed sessions on real sockets of loopback: who talks with whom, and what the wire shows."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING, Self

import pytest

from dss.sealed_parties import party, revoked
from dss.sealed_sites import LOOPBACK, PARAMETERS, Running, Wire, names, peers_at, site
from nodes import until
from nwip.directory.records import Endpoint, Record, Route, Service
from nwip.dss.asking import ask
from nwip.dss.client import DssClient
from nwip.dss.messages import Hello, Reason, Refused
from nwip.dss.probe import probe
from nwip.dss.reader import DssRefused, DssUnreachable, read_domain
from nwip.dss.server import DssServer
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket
from nwip.ipx.sap import SapOperation, SapQuery, SapResponse
from security.membership_parts import DOMAIN, key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nwip.security.membership import Membership


@pytest.mark.asyncio
async def test_nodes_meet_in_a_sealed_domain_and_the_wire_shows_nothing() -> None:
    async with site(party("dss")) as server, Wire(server.endpoints[0]) as wire:
        async with Running("ann", wire.endpoint) as ann, Running("bob", server.endpoints[0]) as bob:
            await until(lambda: ann.names() == bob.names() == {"ANN", "BOB"})
            domain = await read_domain(server.endpoints[0], membership=party("cy"))
            assert domain.dss_identity == key("dss").identity
            assert {"ANN", "BOB"} <= {getattr(each.record.value, "name", "") for each in domain.readings}
            await ann.client.stop()
            await until(lambda: bob.names() == {"BOB"})  # its goodbye was heard to the end
        assert wire.seen.startswith(b"NWS1")
        for text in (b"ANN", b"BOB", DOMAIN.encode(), key("ann").public, key("ann").identity):
            assert text not in wire.seen


@pytest.mark.asyncio
async def test_a_plain_client_is_told_how_to_get_in() -> None:
    async with site(party("dss")) as server:
        for at in (server.endpoints[0], peers_at(server)):
            with pytest.raises(DssRefused, match="this domain is sealed: join it with an invitation"):
                await read_domain(at)
            answer = await probe(at)
            assert isinstance(answer, Refused)
            assert answer.reason == Reason.SEALED
        assert len(server.engine) == 0


@pytest.mark.asyncio
async def test_a_member_does_not_talk_to_an_open_dss() -> None:
    async with site(None) as server:
        with pytest.raises(DssRefused, match="its domain is open"):
            await read_domain(server.endpoints[0], membership=party("ann"))

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n")
        writer.close()

    async with await asyncio.start_server(greet, LOOPBACK, 0) as other:
        with pytest.raises(DssUnreachable):
            await read_domain(other.sockets[0].getsockname(), timeout=1.0, membership=party("ann"))


@pytest.mark.asyncio
async def test_strangers_are_told_why_they_are_not_let_in() -> None:
    membership = party("dss", knows=("dss", "dss2", "ann", "bob"))
    membership.roster.merge(revoked("bob"))
    async with site(membership) as server:
        at = server.endpoints[0]
        for name, words in (("cy", "no member's"), ("bob", "was revoked")):
            with pytest.raises(DssRefused, match=words):
                await read_domain(at, membership=party(name))
        with pytest.raises(DssRefused, match="only sessions between DSS"):
            await read_domain(peers_at(server), membership=party("ann"))
        assert isinstance(await probe(at, membership=party("ann")), Hello)


@pytest.mark.asyncio
async def test_a_dss_shows_that_it_is_one_to_a_member_that_has_not_heard_of_it() -> None:
    newly = party("ann", knows=("ann",))
    async with site(party("dss")) as server, site(party("dss2", knows=("ann",))) as false:
        with pytest.raises(DssUnreachable, match="no DSS of this domain"):
            await read_domain(false.endpoints[0], membership=newly)
        assert (await read_domain(server.endpoints[0], membership=newly)).dss_identity == key("dss").identity


@pytest.mark.asyncio
async def test_a_dss_that_does_not_have_the_identity_of_its_key_is_none() -> None:
    async with site(party("dss")) as server:
        server.engine.identity = key("dss2").identity
        assert await probe(server.endpoints[0], membership=party("ann")) is None
        with pytest.raises(DssUnreachable, match="identity of its key"):
            await read_domain(server.endpoints[0], membership=party("ann"))


@pytest.mark.asyncio
async def test_a_node_goes_back_to_the_server_it_prefers() -> None:
    async with (
        site(party("dss"), number=1) as first,
        site(party("dss2"), number=2) as second,
        Wire((LOOPBACK, 1)) as wire,
        Running("ann", wire.endpoint, second.endpoints[0]) as ann,
    ):
        await until(lambda: ann.client.connected == second.endpoints[0])
        wire.target = first.endpoints[0]
        await until(lambda: ann.client.connected == wire.endpoint)


class Asked:
    """A UDP port that keeps to whom it was told to send."""

    endpoint = (LOOPBACK, 396)

    def __init__(self) -> None:
        self.received: Callable[[list[tuple[bytes, Endpoint]]], None] = lambda _: None
        self.answered: list[Endpoint] = []

    def open(
        self, _: Endpoint, received: Callable[[list[tuple[bytes, Endpoint]]], None], *, passed: object
    ) -> Self:
        self.received = received
        return self

    def send(self, _: bytes, to: Endpoint) -> None:
        self.answered.append(to)

    def close(self) -> None:
        pass


@pytest.mark.asyncio
async def test_plain_questions_get_nothing_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    monkeypatch.setattr("nwip.dss.server.open_port", asked.open)
    membership = party("dss")
    server = DssServer(
        PARAMETERS,
        identity=membership.identity,
        boot=b"0" * 16,
        admit=lambda _: True,
        trust=lambda _: True,
        membership=membership,
    )
    await server.start([(LOOPBACK, 0)], [asked.endpoint])
    server.directory.merge(Record(b"o" * 16, 1, 1, Service(4, "ANN", 1, bytes(6), 0x451, 0)), 0.0)
    query = SapQuery(SapOperation.NEAREST_QUERY, 4).encode()
    question = Packet(Address(0, b"\xff" * 6, 0x452), Address(0, b"myself", 0x4000), 0, query).encode()
    asked.received([(question, ("192.0.2.1", 4000)), (question, (LOOPBACK, 4000))])
    assert asked.answered == []
    assert server.drops == {"not sealed by a member": 2}
    server.answer_nearest = lambda data, _source: data if data == question else None
    asked.received([(question, ("192.0.2.1", 4000))])
    assert asked.answered == [("192.0.2.1", 4000)], "where a DSS is, everybody is told"
    await server.close()


@contextlib.asynccontextmanager
async def answering(membership: Membership | None) -> AsyncIterator[Endpoint]:
    """Give the address of a DSS that answers questions on UDP: of 20 services and a network."""
    server = DssServer(
        PARAMETERS,
        identity=membership.identity if membership else b"D" * 16,
        boot=b"0" * 16,
        admit=lambda _: True,
        trust=lambda _: False,
        membership=membership,
    )
    await server.start([(LOOPBACK, 0)], [(LOOPBACK, 0)])
    for number in range(1, 21):
        value = Service(4, f"S{number}", 1, bytes(6), 0x451, 0)
        server.directory.merge(Record(b"o" * 16, 1, number, value), 0.0)
    server.directory.merge(Record(b"o" * 16, 1, 21, Route(0xC0FFEE, 0, 1)), 0.0)
    try:
        yield server.question_endpoints[0]
    finally:
        await server.close()


def all_services() -> tuple[bytes, int]:
    return SapQuery(SapOperation.GENERAL_QUERY, 0xFFFF).encode(), 0x452


@pytest.mark.asyncio
async def test_a_member_asks_over_udp_sealed_and_is_told_all() -> None:
    async with answering(party("dss")) as endpoint:
        found = await ask(endpoint, *all_services(), 5.0, party("ann"))
        assert sum(len(SapResponse.decode(packet.payload).entries) for packet in found.packets) == 20
        routes = await ask(endpoint, RipPacket.request(0xC0FFEE).encode(), 0x453, 5.0, party("ann"))
        (packet,) = routes.packets
        assert [entry.network for entry in RipPacket.decode(packet.payload).entries] == [0xC0FFEE]


@pytest.mark.asyncio
async def test_a_member_learns_that_there_is_nothing_a_stranger_learns_not_even_that() -> None:
    nothing = SapQuery(SapOperation.GENERAL_QUERY, 0x7777).encode(), 0x452
    async with answering(party("dss")) as endpoint:
        assert await ask(endpoint, *nothing, 0.3, party("ann")) == ([], True)
        assert await ask(endpoint, *all_services(), 0.3, party("stranger", knows=("dss",))) == ([], False)
        assert await ask(endpoint, *all_services(), 0.3) == ([], False)


@pytest.mark.asyncio
async def test_an_open_dss_is_asked_in_the_clear_and_sends_a_stranger_no_more_than_it_got() -> None:
    async with answering(None) as endpoint:
        found = await ask(endpoint, *all_services(), 5.0)
        assert sum(len(SapResponse.decode(packet.payload).entries) for packet in found.packets) == 14


@pytest.mark.asyncio
async def test_an_altered_octet_ends_the_session_and_changes_nothing() -> None:
    async with (
        site(party("dss")) as server,
        Wire(server.endpoints[0]) as wire,
        Running("ann", wire.endpoint) as ann,
    ):
        await until(lambda: names(server.directory) == {"ANN"})
        wire.alter = lambda data: data[:-1] + bytes([data[-1] ^ 1])
        ann.client.offer(Service(4, "FORGED", 1, bytes(6), 0x451, 0))
        await until(lambda: ann.client.connected is None)
        assert names(server.directory) == {"ANN"}
        wire.alter = lambda data: data
        await until(lambda: names(server.directory) == {"ANN", "FORGED"})


@pytest.mark.asyncio
async def test_a_server_that_stops_says_goodbye_sealed() -> None:
    async with site(party("dss")) as server, Running("ann", server.endpoints[0]) as ann:
        await until(lambda: ann.client.connected is not None)
        await server.close()
        await until(lambda: "closed: the dss stops" in ann.happened)


def test_an_identity_that_is_not_the_keys_is_a_fault_of_the_caller() -> None:
    membership = party("dss")
    with pytest.raises(ValueError, match="identity of its key"):
        DssServer(PARAMETERS, identity=b"x" * 16, boot=b"0" * 16, admit=lambda _: True, membership=membership)
    with pytest.raises(ValueError, match="identity of its key"):
        DssClient(
            DOMAIN,
            b"x" * 16,
            "x",
            [],
            boot=b"0" * 16,
            listener=None,  # type: ignore[arg-type]
            random=Random(1),  # noqa: S311
            membership=party("ann"),
        )
