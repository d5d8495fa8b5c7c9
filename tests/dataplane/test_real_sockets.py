"""Players on real loopback sockets: everything arrives, once and in order, by either kind of port."""

import asyncio
import socket

import pytest

from dataplane.site import Player, site
from dataplane.twins import packet
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BatchedPort
from nwip.ipx.address import BROADCAST_NODE
from nwip.links.dosbox.clients import SILENCE

pytestmark = pytest.mark.asyncio
ROUNDS, BURST = 10, 50


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


HOSTS: list[tuple[str, ...]] = [("127.0.0.1",), ("127.0.0.1", "127.0.0.2")]
if has_ipv6():
    HOSTS += [("::1",), ("127.0.0.1", "::1")]
KINDS = [True, *([False] if IS_THERE else [])]


Heard = dict[bytes, list[bytes]]
"""What was sent to a node number, or has arrived there."""


async def talk(players: list[Player]) -> tuple[Heard, Heard]:
    """Let each send bursts to others in turn; return what was sent and what arrived."""
    sent: Heard = {player.node: [] for player in players}
    taken: Heard = {player.node: [] for player in players}
    for turn in range(ROUNDS):
        for index, player in enumerate(players):
            other = players[(index + 1 + turn % 3) % len(players)]
            for mark in range(BURST):
                data = packet(0, player.node, 0, other.node, size=50 + 97 * turn, mark=mark)
                player.send(data)
                sent[other.node].append(data)
        for player in players:
            while len(taken[player.node]) < len(sent[player.node]):
                data = await player.receive()
                if data[16:18] != b"\0\2":
                    taken[player.node].append(data)
    return sent, taken


def by_source(packets: list[bytes]) -> Heard:
    found: Heard = {}
    for data in packets:
        found.setdefault(data[22:28], []).append(data)
    return found


@pytest.mark.parametrize("portable", KINDS)
@pytest.mark.parametrize("hosts", HOSTS)
async def test_everything_arrives_once_and_in_order(hosts: tuple[str, ...], *, portable: bool) -> None:
    async with site(*hosts, portable=portable) as (_, link):
        players = [Player(link.endpoints[index % len(hosts)]) for index in range(4)]
        for player in players:
            await player.join()
        for player in players:
            player.send(packet(0, player.node, 0, player.node))  # makes it a client, and comes back
            while await player.receive() != packet(link.network, player.node, link.network, player.node):
                pass
        sent, taken = await talk(players)
        number = link.network.to_bytes(4, "big")
        for player in players:
            assert {data[6:10] + data[18:22] for data in taken[player.node]} == {number * 2}
            got = [data[:6] + bytes(4) + data[10:18] + bytes(4) + data[22:] for data in taken[player.node]]
            assert by_source(got) == by_source(sent[player.node])
        views = {view.node: view for view in link.clients()}
        assert {view.packets_in for view in views.values()} == {ROUNDS * BURST + 1}
        assert link.counters.packets_in == link.counters.packets_out == len(players) * (ROUNDS * BURST + 1)
        assert link.counters.drops == {}
        assert all(isinstance(port, BatchedPort) is not portable for port in link._ports)
        assert link.describe()["data plane"] == ("portable" if portable else "batched")
        for player in players:
            player.sock.close()


@pytest.mark.parametrize("portable", KINDS)
async def test_a_broadcast_reaches_everybody_else(*, portable: bool) -> None:
    async with site("127.0.0.1", "127.0.0.2", portable=portable) as (_, link):
        players = [Player(link.endpoints[index % 2]) for index in range(5)]
        for player in players:
            await player.join()
            player.send(packet(0, player.node, 0, player.node))
            await player.receive()
        for mark in range(20):
            players[0].send(packet(0, players[0].node, 0, BROADCAST_NODE, mark=mark))
        for player in players[1:]:
            heard: list[int] = []
            while len(heard) < 20:
                data = await player.receive()
                if data[10:16] == BROADCAST_NODE and data[16:18] != b"\0\2":
                    heard.append(int.from_bytes(data[30:32], "big"))
            assert heard == list(range(20))
        await asyncio.sleep(0)
        assert not [data for data in players[0].waiting() if data[22:28] == players[0].node]
        for player in players:
            player.sock.close()


@pytest.mark.parametrize("portable", KINDS)
@pytest.mark.parametrize("hosts", HOSTS)
async def test_players_of_every_family_come_stay_and_go(hosts: tuple[str, ...], *, portable: bool) -> None:
    async with site(*hosts, portable=portable) as (_, link):
        players = [Player(link.endpoints[index % len(hosts)]) for index in range(2)]
        for player in players:
            await player.join()
            data = packet(link.network, player.node, link.network, player.node)
            for _ in range(2):
                player.send(data)
                while await player.receive() != data:
                    pass
        now = asyncio.get_running_loop().time()
        link._advance(now + SILENCE + 1)
        assert [view.packets_in for view in link.clients()] == [2, 2]
        link.release(players[0].node)
        assert [view.node for view in link.clients()] == [players[1].node]
        for player in players:
            player.sock.close()
