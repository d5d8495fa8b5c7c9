"""Revocation, and the change of the secret, at several sealed DSSs on real sockets of loopback."""

from __future__ import annotations

import asyncio
import time

import pytest

from dss.sealed_parties import party, revoked
from dss.sealed_sites import LOOPBACK, PARAMETERS, Running, members_of, names, peers_at, site
from nodes import until
from nwip.directory.records import Record, Service
from nwip.directory.table import Directory
from nwip.dss.client import REVOKED_PAUSE
from nwip.dss.framing import frame
from nwip.dss.messages import Reason, Refused, encode
from nwip.dss.reader import DssRefused, read_domain
from nwip.dss.server import DssServer
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from security.membership_parts import key


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
            assert ann.membership.roster.is_revoked(key("ann").identity), "it is proven to it"
            for each in (bob, cy):
                assert each.membership.roster.is_revoked(key("ann").identity)
                assert each.client.connected is not None
            for server in sites:
                sleeper = party("ann")
                with pytest.raises(DssRefused, match="was revoked"):
                    await read_domain(server.endpoints[0], membership=sleeper)
                assert sleeper.roster.is_revoked(key("ann").identity), "at every dss"
                assert not sleeper.roster.is_revoked(key("bob").identity)


@pytest.mark.asyncio
async def test_a_dss_that_was_revoked_is_shown_so_while_it_is_up_and_when_it_calls() -> None:
    async with site(party("dss"), number=2) as first:
        other, sleeper = party("dss2"), party("dss2")
        async with site(other, peers_at(first), number=1):
            await until(lambda: len(first.replication.peers()) == 1)
            members_of(first).roster.merge(revoked("dss2"))
            await until(lambda: other.roster.is_revoked(key("dss2").identity))
        async with site(sleeper, peers_at(first), number=1):
            await until(lambda: sleeper.roster.is_revoked(key("dss2").identity))
            assert not first.replication.peers()


@pytest.mark.asyncio
async def test_who_is_told_so_in_plain_does_not_believe_it_and_does_not_come_again_at_once() -> None:
    forged = frame(encode(Refused(Reason.REVOKED, "this node was revoked")))

    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(writer)
        writer.write(forged)
        writer.write_eof()

    calls: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(refuse, LOOPBACK, 0)
    async with Running("bob", server.sockets[0].getsockname()[:2]) as bob:
        await until(lambda: any("unproven: this node was revoked" in text for text in bob.happened))
        assert not bob.membership.roster.is_revoked(key("bob").identity)
        assert bob.client._pause(whole_round=False) == bob.client._pause() == REVOKED_PAUSE
        assert len(calls) == 1
    server.close()
    for writer in calls:
        writer.close()


@pytest.mark.asyncio
async def test_who_was_revoked_learns_nothing_but_that() -> None:
    async with site(party("dss")) as server, Running("ann", server.endpoints[0]) as ann:
        await until(lambda: ann.client.connected is not None)
        members_of(server).roster.merge(revoked("bob"))
        late = party("bob", knows=("dss", "bob"))
        async with Running("bob", server.endpoints[0], membership=late) as bob:
            await until(lambda: late.roster.is_revoked(key("bob").identity))
            assert "opened" not in bob.happened
            assert "parameters" not in bob.happened
            assert late.roster.member(key("ann").identity) is None


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
