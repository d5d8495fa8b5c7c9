"""What one naive gateway would make a storm of: ways back into the domain. Without hellos, which end them."""

from collections import Counter

import pytest

from dataplane.simulated_loop import run
from links.uplink.party import Party
from nwip.ipx.numbers import PacketType


def test_one_gateway_carries_each_broadcast_once_either_way() -> None:
    async def work() -> None:
        party = Party()
        await party.gateway("10.0.0.1")
        await party.run(2)
        (player,) = party.players
        player.broadcast(b"anyone?")
        assert await party.settle() < 10
        assert player.heard == []
        await party.close()

    run(work())


@pytest.mark.parametrize("gateways", [2, 3, 4])
@pytest.mark.parametrize("packet_type", [PacketType.UNKNOWN, PacketType.PROPAGATED])
def test_several_gateways_with_uplinks_to_one_server_make_no_storm(gateways: int, packet_type: int) -> None:
    async def work() -> None:
        party = Party()
        for number in range(gateways):
            await party.gateway(f"10.0.0.{number + 1}")
        await party.run(2)
        took = []
        for count in range(12):
            party.players[0].broadcast(bytes([count]), packet_type=packet_type)
            took.append(await party.settle())
            await party.run(1)
        assert max(took) <= 12 * gateways**3
        for player in party.players:
            copies = Counter(packet.payload for packet in player.heard)
            assert max(copies.values()) <= 4 * gateways**2
            assert max(copies[bytes([count])] for count in range(1, 12)) <= 2 * gateways**2
        await party.close()

    run(work())


def test_two_uplinks_of_one_gateway_to_one_server_make_no_storm() -> None:
    async def work() -> None:
        party = Party()
        member = await party.gateway("10.0.0.1")
        await party.uplink(member, "10.0.0.2")
        await party.run(2)
        for count in range(5):
            party.players[0].broadcast(bytes([count]))
            assert await party.settle() < 100
            await party.run(1)
        copies = Counter(packet.payload for packet in party.players[0].heard)
        assert max(copies.values()) <= 4
        await party.close()

    run(work())
