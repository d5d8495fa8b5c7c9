"""Sealed sessions over real sockets on loopback: who gets in, what the wire shows, who is thrown out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random
from typing import TYPE_CHECKING, Self

import pytest

from dss.sealed_parties import SECRET, inviting, party, revoked
from nodes import until
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind, Node, Record, Service
from nwip.directory.table import Directory
from nwip.dss.client import DssClient
from nwip.dss.connecting import connect
from nwip.dss.door import Door, _source
from nwip.dss.framing import Splitter
from nwip.dss.guest import Welcome, join_domain
from nwip.dss.introduction import member_seal
from nwip.dss.messages import Hello, Reason, Refused, decode
from nwip.dss.peers import Limits
from nwip.dss.probe import probe
from nwip.dss.reader import DssRefused, DssUnreachable, read_domain
from nwip.dss.sealed_connection import SealedConnection
from nwip.dss.server import DssServer
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapOperation, SapQuery
from nwip.routing.numbering import node_number
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitation
from nwip.security.limits import TokenBuckets
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Member, read_statement
from nwip.security.stream import CallingStream, ServingStream
from security.membership_parts import DOMAIN, key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nwip.directory.records import Change

LOOPBACK = "127.0.0.1"
PARAMETERS = Parameters(domain=DOMAIN)


@contextlib.asynccontextmanager
async def site(
    membership: Membership | None, *peers: Endpoint, limits: Limits | None = None, number: int = 0
) -> AsyncIterator[DssServer]:
    server = DssServer(
        PARAMETERS,
        identity=membership.identity if membership else b"D" * 16,
        boot=bytes([number]) * 16,
        admit=lambda _: True,
        name=f"dss{number}",
        limits=limits or Limits(),
        membership=membership,
    )

    async def named() -> tuple[Endpoint, ...]:
        return peers

    try:
        await server.start([(LOOPBACK, 0)])
        chance = Random(number)  # noqa: S311 - spreads reconnections
        await server.join([(LOOPBACK, 0)], named, chance, incarnation=1, hold=bool(peers))
        yield server
    finally:
        await server.close()


def peers_at(server: DssServer) -> Endpoint:
    assert server.peering is not None
    return server.peering.endpoints[0]


class Running:
    """A node's client and its task."""

    def __init__(self, name: str, *servers: Endpoint, membership: Membership | None = None) -> None:
        self.membership = membership or party(name)
        self.happened: list[str] = []
        self.client = DssClient(
            DOMAIN,
            self.membership.identity,
            name,
            servers,
            boot=name.encode().ljust(16),
            listener=self,
            random=Random(1),  # noqa: S311 - a test is to be repeatable
            return_every=0.1,
            membership=self.membership,
        )
        at = (LOOPBACK, 9)
        mine = node_number(at, Parameters(domain=DOMAIN), self.membership.identity, sealed=True)
        self.client.offer(Node(mine, name, [at]))
        self.client.offer(Service(4, name.upper(), 1, bytes(6), 0x451, 0))
        self.task = asyncio.ensure_future(self.client.run())

    def parameters_changed(self, parameters: Parameters) -> None:
        self.happened.append("parameters")

    def directory_changed(self, changes: list[Change]) -> None:
        self.happened.append("changes")

    def session_opened(self, server: Endpoint) -> None:
        self.happened.append("opened")

    def session_closed(self, reason: str) -> None:
        self.happened.append(f"closed: {reason}")

    def names(self) -> set[str]:
        return names(self.client.directory)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def names(directory: object) -> set[str]:
    records = directory.records(Kind.SERVICE)  # type: ignore[attr-defined]
    return {record.value.name for record in records}


class Wire:
    """A relay between a client and a server, that sees all octets and may alter what goes to the server."""

    def __init__(self, target: Endpoint) -> None:
        self.target = target
        self.seen = bytearray()
        self.alter: Callable[[bytes], bytes] = lambda data: data

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.endpoint: Endpoint = self._server.sockets[0].getsockname()[:2]
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, back = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(self._copy(reader, back, change=True), self._copy(onward, writer))
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, change: bool = False
    ) -> None:
        while data := await source.read(4096):
            self.seen += data
            target.write(self.alter(data) if change else data)
        target.write_eof()


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
        with pytest.raises(DssUnreachable, match="no DSS of this domain"):
            await read_domain(at, membership=party("ann", knows=("ann",)))


@pytest.mark.asyncio
async def test_a_dss_that_does_not_have_the_identity_of_its_key_is_none() -> None:
    async with site(party("dss")) as server:
        server.engine.identity = key("dss2").identity
        assert await probe(server.endpoints[0], membership=party("ann")) is None
        with pytest.raises(DssUnreachable, match="identity of its key"):
            await read_domain(server.endpoints[0], membership=party("ann"))


@pytest.mark.asyncio
async def test_a_dss_drops_what_its_store_kept_of_the_revoked_when_it_starts() -> None:
    membership = party("dss")
    membership.roster.merge(revoked("ann"))
    directory = Directory()
    owner = key("ann").identity
    directory.merge(Record(owner, 1, 1, Service(4, "ANN", 1, bytes(6), 0x451, 0)), 0.0)
    server = DssServer(
        PARAMETERS,
        identity=membership.identity,
        boot=b"0" * 16,
        admit=lambda _: True,
        directory=directory,
        membership=membership,
    )
    await server.start([(LOOPBACK, 0)])
    await until(lambda: not directory.of_owner(owner), within=1.0)
    await server.close()


@pytest.mark.asyncio
async def test_an_end_that_was_not_announced_is_a_loss() -> None:
    async with site(party("dss")) as server:
        connection = await connect(server.endpoints[0], None, member_seal(party("ann")))
        assert isinstance(connection.reader, SealedConnection)
        connection.reader._reader.feed_eof()
        with pytest.raises(ConnectionResetError, match="not announced"):
            await connection.reader.read(4096)
        connection.writer.transport.abort()


class Written:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.octets += data

    def close(self) -> None:
        self.is_closed = True

    def write_eof(self) -> None:
        self.is_closed = True


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

    def open(self, _: Endpoint, received: Callable[[list[tuple[bytes, Endpoint]]], None]) -> Self:
        self.received = received
        return self

    def send(self, _: bytes, to: Endpoint) -> None:
        self.answered.append(to)

    def close(self) -> None:
        pass


@pytest.mark.asyncio
async def test_plain_questions_are_answered_over_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert asked.answered == [(LOOPBACK, 4000)]
    assert server.drops == {"plain, in a sealed domain": 1}
    await server.close()


@pytest.mark.asyncio
async def test_who_says_nothing_or_half_a_handshake_is_told_that_it_is_late() -> None:
    async with site(party("dss"), limits=Limits(first_message=0.1)) as server:
        for beginning in (b"", b"NW", b"NWS1", b"NWS1\0\0", b"NWS1\0\x65" + bytes(50)):
            reader, writer = await asyncio.open_connection(*server.endpoints[0])
            writer.write(beginning)
            answer = await asyncio.wait_for(reader.read(), 2.0)
            hint = 38 if beginning == b"NWS1\0\0" else 0
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
        for buckets, words in (("_total", "from everywhere"), ("_handshakes", "from this address")):
            setattr(door, buckets, TokenBuckets(0.0, 1.0))
            await read_domain(at, membership=party("bob"))
            with pytest.raises(DssRefused, match=words):
                await read_domain(at, membership=party("bob"))
            setattr(door, buckets, TokenBuckets(8.0, 128.0))


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


@pytest.mark.asyncio
async def test_a_revocation_takes_effect_at_three_dss_within_a_second() -> None:
    async with (
        site(party("dss"), number=3) as first,
        site(party("dss2"), peers_at(first), number=2) as second,
        site(party("dss3"), peers_at(first), peers_at(second), number=1) as third,
    ):
        sites = (first, second, third)
        await until(lambda: all(len(each.replication.peers()) == 2 for each in sites))
        async with (
            Running("ann", first.endpoints[0]) as ann,
            Running("bob", second.endpoints[0]) as bob,
            Running("cy", third.endpoints[0]) as cy,
        ):
            await until(lambda: ann.names() == bob.names() == cy.names() == {"ANN", "BOB", "CY"})
            began = time.monotonic()
            members_of(third).roster.merge(revoked("ann"))
            await until(
                lambda: (
                    all(names(each.directory) == {"BOB", "CY"} for each in sites)
                    and bob.names() == cy.names() == {"BOB", "CY"}
                    and ann.client.connected is None
                )
            )
            assert time.monotonic() - began < 1.0
            await until(lambda: "closed: this node was revoked" in ann.happened)
            for each in (bob, cy):
                assert each.membership.roster.is_revoked(key("ann").identity)
                assert each.client.connected is not None
            for server in sites:
                with pytest.raises(DssRefused, match="was revoked"):
                    await read_domain(server.endpoints[0], membership=party("ann"))


def members_of(server: DssServer) -> Membership:
    assert server.engine.members is not None
    return server.engine.members._membership


def invitation_to(server: DssServer) -> Invitation:
    membership = members_of(server)
    assert membership.invitations is not None
    now = asyncio.get_running_loop().time()
    return Invitation(
        domain=DOMAIN,
        servers=server.endpoints,
        dss_key=membership.key.public,
        authority=membership.authority,
        secret=membership.invitations.issue("node", "guest", (), now),
    )


def member_by(welcome: Welcome, invitation: Invitation, name: str) -> Membership:
    """Return what a guest has afterwards."""
    roster = Roster(invitation.authority, invitation.domain)
    for signed in (welcome.statement, *welcome.statements):
        roster.merge(signed)
    secrets = DomainSecrets([(welcome.epoch, welcome.secret)])
    return Membership(key(name), invitation.domain, invitation.authority, roster, secrets)


@pytest.mark.asyncio
async def test_a_guest_joins_comes_back_as_a_member_is_revoked_and_stays_out() -> None:
    async with site(inviting(), number=2) as first, site(party("dss2"), peers_at(first), number=1) as second:
        await until(lambda: len(second.replication.peers()) == 1)
        async with Running("bob", second.endpoints[0]) as bob:
            await until(lambda: bob.client.connected is not None)
            invitation = invitation_to(first)
            welcome = await join_domain(invitation, key("guest"), "guest")
            said = read_statement(welcome.statement, invitation.authority, DOMAIN)
            assert isinstance(said, Member)
            assert said.public == key("guest").public
            membership = member_by(welcome, invitation, "guest")
            await until(lambda: bob.membership.is_member(key("guest").public))
            async with Running("guest", second.endpoints[0], membership=membership) as guest:
                await until(lambda: bob.names() == guest.names() == {"BOB", "GUEST"})
                members_of(first).revoke(key("guest").identity)
                await until(lambda: bob.names() == {"BOB"} and guest.client.connected is None)
            with pytest.raises(DssRefused, match="has been used"):  # the old token, and a new identity
                await join_domain(invitation, key("another"))
            with pytest.raises(DssRefused, match="was revoked"):
                await join_domain(invitation, key("guest"))
            renewed = member_by(welcome, invitation, "another")  # it has all the secrets, under a new key
            with pytest.raises(DssRefused, match="no member's"):
                await read_domain(second.endpoints[0], membership=renewed)


@pytest.mark.asyncio
async def test_of_two_guests_at_the_same_moment_one_gets_in() -> None:
    async with site(inviting()) as server:
        invitation = invitation_to(server)
        results = await asyncio.gather(
            *(join_domain(invitation, key(name)) for name in ("one", "two")), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["DssRefused", "Welcome"]
        members = members_of(server)
        assert sum(members.is_member(key(name).public) for name in ("one", "two")) == 1


@pytest.mark.asyncio
async def test_an_invitation_to_another_dss_or_with_another_secret_is_of_no_use() -> None:
    async with site(inviting()) as server, site(party("dss2")) as other:
        good = invitation_to(server)
        false = Invitation(
            domain=DOMAIN,
            servers=good.servers,
            dss_key=good.dss_key,
            authority=good.authority,
            secret=bytes(16),
        )
        with pytest.raises(DssRefused, match="not known"):
            await join_domain(false, key("one"))
        elsewhere = Invitation(
            domain=DOMAIN,
            servers=[(LOOPBACK, 1), *other.endpoints],
            dss_key=good.dss_key,
            authority=good.authority,
            secret=good.secret,
        )
        with pytest.raises(DssRefused, match="other keys"):
            await join_domain(elsewhere, key("one"))
        assert not members_of(server).is_member(key("one").public)
        with pytest.raises(DssUnreachable, match="refused"):
            await join_domain(
                Invitation(
                    domain=DOMAIN,
                    servers=[(LOOPBACK, 1)],
                    dss_key=good.dss_key,
                    authority=good.authority,
                    secret=good.secret,
                ),
                key("one"),
            )


@pytest.mark.asyncio
async def test_the_secret_changes_while_sessions_live_and_a_sleeper_comes_back() -> None:
    async with (
        site(party("dss"), number=2) as first,
        site(party("dss2"), peers_at(first), number=1) as second,
    ):
        await until(lambda: len(second.replication.peers()) == 1)
        async with Running("ann", first.endpoints[0]) as ann, Running("bob", second.endpoints[0]) as bob:
            await until(lambda: ann.names() == bob.names() == {"ANN", "BOB"})
            for epoch in (2, 3):
                now = asyncio.get_running_loop().time()
                members_of(first).secrets.rotate(bytes([epoch]) * 32, now)
            everybody = (ann.membership, bob.membership, members_of(second))
            await until(lambda: all(each.secrets.current == (3, b"\3" * 32) for each in everybody))
            assert ann.happened.count("opened") == bob.happened.count("opened") == 1
            async with Running("cy", second.endpoints[0]) as cy:  # it knows only the first
                await until(lambda: cy.membership.secrets.current == (3, b"\3" * 32))
                await until(lambda: ann.names() == {"ANN", "BOB", "CY"})


@pytest.mark.asyncio
async def test_a_dss_that_starts_again_with_what_it_kept_knows_its_members() -> None:
    before = party("dss")
    async with site(before) as server:
        members_of(server).roster.merge(revoked("bob"))
    roster = Roster(before.authority, before.domain)
    for signed in before.roster.signed():
        roster.merge(signed)
    after = Membership(
        before.key, before.domain, before.authority, roster, DomainSecrets(before.secrets.kept())
    )
    async with site(after) as server:
        async with Running("ann", server.endpoints[0]) as ann:
            await until(lambda: ann.membership.roster.is_revoked(key("bob").identity))
        with pytest.raises(DssRefused, match="was revoked"):
            await read_domain(server.endpoints[0], membership=party("bob"))
    assert before.roster.listeners == []
    assert before.secrets.listeners == []


def test_a_key_decides_which_dss_may_call_and_no_address() -> None:
    membership = party("dss")
    options = {"identity": membership.identity, "boot": b"0" * 16, "admit": lambda _: True}
    sealed = DssServer(PARAMETERS, **options, membership=membership)  # type: ignore[arg-type]
    assert sealed.replication._admit("203.0.113.9")
    listed = DssServer(PARAMETERS, **options, membership=membership, admit_peers=lambda _: False)  # type: ignore[arg-type]
    assert not listed.replication._admit("203.0.113.9")


def test_handshakes_of_one_ipv6_network_are_counted_together() -> None:
    assert _source("2001:db8::1") == _source("2001:db8::ffff:1") != _source("2001:db8:0:1::1")
    assert _source("192.0.2.1") != _source("192.0.2.2")


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
