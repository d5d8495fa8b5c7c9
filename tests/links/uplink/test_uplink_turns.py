"""Gateways of one domain with uplinks to one server take turns; a link that leads back to us is blocked."""

from pathlib import Path

import pytest

from dataplane.simulated_loop import run
from gateway.world import NETWORK
from links.uplink.party import FarPlayer, Party
from nodes import dss, node, until
from nwip.config.links import UplinkSettings
from nwip.gateway.sharing import BLOCKED, STANDING_BY
from nwip.ipx.address import BROADCAST_NODE, Address

EVERYONE = Address(NETWORK, BROADCAST_NODE, 9)


def test_of_several_gateways_on_one_server_one_carries_and_everybody_hears_everything_once() -> None:
    async def work() -> None:
        party = Party()
        for number in (1, 2, 3):
            await party.gateway(f"10.0.0.{number}", shares=True)
        await party.run(8)
        muted = [
            member.gateway.muted(link) for member, link in zip(party.members, party.uplinks, strict=True)
        ]
        assert sorted(muted, key=str) == [None, STANDING_BY, STANDING_BY]
        far = FarPlayer(party.far, "192.0.2.9")
        await party.run(2)
        for number, player in enumerate(party.players):
            far.heard.clear()
            player.send(EVERYONE, f"from player {number}".encode(), socket=9)
            await party.run(1)
            assert [packet.payload for packet in far.heard].count(f"from player {number}".encode()) == 1
        for player in party.players:
            player.heard.clear()
        far.send(Address(0, BROADCAST_NODE, 9), b"from afar")
        await party.run(1)
        for player in party.players:
            assert [packet.payload for packet in player.heard].count(b"from afar") == 1
        await party.close()

    run(work())


@pytest.mark.asyncio
async def test_an_uplink_to_our_own_dosbox_link_is_blocked_and_says_why(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        assert running.link_set is not None
        gateway = running.gateway
        assert gateway is not None
        link = await running.link_set.add(UplinkSettings(server="127.0.0.5:20213"))
        await until(lambda: gateway.muted(link) == BLOCKED, within=15)
        assert gateway.why(link)
