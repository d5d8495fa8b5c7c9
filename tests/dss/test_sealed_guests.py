"""Guests of a sealed domain, on real sockets of loopback: in once, by an invitation."""

from __future__ import annotations

import asyncio

import pytest

from dss.sealed_parties import SECRET, inviting, party
from dss.sealed_sites import LOOPBACK, Running, Written, members_of, peers_at, site
from nodes import until
from nwip.dss import messages
from nwip.dss.connecting import Connection
from nwip.dss.framing import frame
from nwip.dss.guest import Welcome, _read, join_domain
from nwip.dss.messages import DomainSecret, Goodbye, Joined, encode
from nwip.dss.reader import DssRefused, DssUnreachable, read_domain
from nwip.dss.server import DssServer
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitation
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Member, read_statement
from security.membership_parts import DOMAIN, key


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
async def test_a_guest_that_is_sent_away_without_its_due_is_no_member() -> None:
    whole: list[messages.Message] = [
        Joined(b"s"),
        messages.Roster([b"r"]),
        DomainSecret(1, SECRET),
        Goodbye(),
    ]
    for missing in (0, 2, 3):
        reader = asyncio.StreamReader()
        for message in whole[:missing] + whole[missing + 1 :]:
            reader.feed_data(frame(encode(message)))
        reader.feed_eof()
        with pytest.raises(ConnectionError, match="too early"):
            await _read(Connection(reader, Written()))  # type: ignore[arg-type]
