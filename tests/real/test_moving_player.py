"""A player with a number of its own (DOSBox-X) who leaves one gateway for another, between real nodes."""

import asyncio

import pytest

from nwip.demo.domain import DemoDomain
from nwip.ipx.packet import Packet
from nwip.links.dosbox.player import DosboxPlayer

pytestmark = pytest.mark.asyncio

NODE = bytes.fromhex("AC DE 48 88 99 AA")
GAME = 0x5678


async def test_a_player_with_its_own_number_is_found_at_its_new_gateway_at_once() -> None:
    async with (
        DemoDomain() as domain,
        DosboxPlayer(domain.players_at["west"]) as anna,
        DosboxPlayer(domain.players_at["west"], node=NODE) as before,
        DosboxPlayer(domain.players_at["east"], node=NODE) as after,
    ):
        await anna.register()
        await anna.ping(timeout=0.05)
        for ben in (before, after):
            assert (await ben.register()).node == NODE
            await arrival(ben)
            here, there = (player.address._replace(socket=GAME) for player in (anna, ben))
            ben.send(Packet(here, there, payload=b"here I am"))
            assert (await anna.receive(2)).source.node == NODE
            anna.send(Packet(there, here, payload=b"found"))
            assert (await ben.receive(2)).payload == b"found"
        await domain.sites["west"].until("clients", 1)
        assert [row["node"] for row in domain.sites["east"].ask("clients")] == [NODE.hex().upper()]
        assert NODE.hex().upper() not in [row["node"] for row in domain.sites["west"].ask("clients")]


async def arrival(player: DosboxPlayer) -> None:
    """Wait until the gateway has proof of a player: its pings are then answered by others."""
    async with asyncio.timeout(5):
        while not await player.ping(timeout=0.2, answers=1):
            pass
