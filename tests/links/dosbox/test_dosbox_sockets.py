"""The link and the player on real sockets."""

import asyncio
import logging
import socket

import pytest

from links.dosbox.simulation import GATEWAY, KEY, NETWORK
from links.dosbox.switch import Switch
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration_reply
from nwip.links.dosbox import DosboxLink, DosboxPlayer

pytestmark = pytest.mark.asyncio
MAC = bytes.fromhex("00A0C9123456")


def packet_to(node: bytes, payload: bytes) -> Packet:
    return Packet(Address(0, node, 9), Address(0, node, 9), payload=payload)


def dosbox_link(*hosts: str) -> DosboxLink:
    return DosboxLink("dosbox", NETWORK, GATEWAY, [(host, 0) for host in hosts or ("127.0.0.1",)], KEY)


async def test_players_meet_over_the_link(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nwip.links.dosbox")
    link, switch = dosbox_link(), Switch()
    await link.open(switch)
    (server,) = link.endpoints
    async with DosboxPlayer(server) as one, DosboxPlayer(server, node=MAC) as two:
        assert (await one.register()).network == NETWORK
        assert (await two.register()).node == MAC
        await switch.until_hosts(2)
        one.send(packet_to(BROADCAST_NODE, b"who is there?"))
        question = await two.receive()
        assert question.payload == b"who is there?"
        two.send(packet_to(question.source.node, b"I am"))
        assert (await one.receive()).source == Address(NETWORK, MAC, 9)
        assert [node for node, _ in await one.ping(answers=1)] == [MAC]
        assert [node for node, _ in await two.ping(node=one.address.node, answers=1)] == [one.address.node]
        link.release(MAC)
        assert set(switch.hosts) == {one.address.node}
        _, port = one.local
        assert f"client {one.address.node.hex().upper()} joined from 127.0.0.1:{port}" in caplog.messages
        assert "left: moved to another gateway" in caplog.text
    await link.close()


async def test_a_number_that_moves_is_reported_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nwip.links.dosbox")
    link, switch = dosbox_link(), Switch()
    await link.open(switch)
    (server,) = link.endpoints
    async with DosboxPlayer(server, node=MAC) as old, DosboxPlayer(server, node=MAC) as new:
        await old.register()
        await switch.until_hosts(1)
        await new.register()
        new.send(packet_to(BROADCAST_NODE, b"draws the ping that proves it"))
        await switch.until_moved(1)
        assert [client.address[1] for client in link.clients()] == [new.local[1]]
        assert "client 00A0C9123456 moved from 127.0.0.1:" in caplog.text
    await link.close()


async def test_a_player_is_answered_from_the_address_it_asked() -> None:
    link = dosbox_link("127.0.0.2", "127.0.0.3")
    await link.open(Switch())
    for server in link.endpoints:
        async with DosboxPlayer(server) as player:
            assert await player.register()  # it hears nobody but the address that it asked
    await link.close()


async def test_the_hop_of_all_reaches_all() -> None:
    link, switch = dosbox_link(), Switch()
    await link.open(switch)
    async with DosboxPlayer(link.endpoints[0]) as one, DosboxPlayer(link.endpoints[0]) as two:
        await one.register()
        await two.register()
        await switch.until_hosts(2)
        link.send(packet_to(BROADCAST_NODE, b"everyone").encode(), BROADCAST_NODE)
        assert [(await player.receive()).payload for player in (one, two)] == [b"everyone"] * 2
    await link.close()


async def test_a_player_listens_to_its_server_alone() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        async with DosboxPlayer(server.getsockname(), local=("127.0.0.1", 0)) as player:
            registering = asyncio.create_task(player.register())
            await loop.sock_recvfrom(server, 64)
            stranger.sendto(registration_reply(NETWORK, b"\2wrong").encode(), player.local)
            server.sendto(registration_reply(NETWORK, b"\2right").encode(), player.local)
            assert (await registering).node == b"\2right"


async def test_the_clients_of_a_routed_link_are_no_hosts_of_the_virtual_network() -> None:
    link = DosboxLink("dosbox", NETWORK, GATEWAY, [("127.0.0.1", 0)], KEY, joined=False)
    switch = Switch()
    await link.open(switch)
    async with DosboxPlayer(link.endpoints[0]) as one, DosboxPlayer(link.endpoints[0]) as two:
        await one.register()
        await two.register()
        one.send(packet_to(BROADCAST_NODE, b"I am here"))
        two.send(packet_to(one.address.node, b"and I"))
        assert (await one.receive()).payload == b"and I"
    assert switch.hosts == {}
    await link.close()


async def test_it_says_what_to_type() -> None:
    link = dosbox_link()
    await link.open(Switch())
    _, port = link.endpoints[0]
    assert link.describe()["in DOSBox, type"] == f"ipxnet connect 127.0.0.1 {port}"
    assert link.describe()["clients"] == "0 of 1024"
    await link.close()


async def test_an_address_in_use_is_an_error_and_leaves_no_port_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        link = DosboxLink("dosbox", NETWORK, GATEWAY, [("127.0.0.1", 0), taken.getsockname()], KEY)
        with pytest.raises(OSError, match="in use"):
            await link.open(Switch())
        assert link.endpoints == []


async def test_a_closed_link_drops_what_it_is_given_and_counts_it() -> None:
    link, switch = dosbox_link(), Switch()
    await link.open(switch)
    async with DosboxPlayer(link.endpoints[0]) as player:
        await player.register()
        await switch.until_hosts(1)
        await link.close()
        link.send(packet_to(player.address.node, b"late").encode(), player.address.node)
    assert link.counters.drops == {"refused by the kernel": 1}


async def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with DosboxPlayer(silent.getsockname()) as player:
            with pytest.raises(TimeoutError):
                await player.register(0.05)
            with pytest.raises(RuntimeError, match="not registered"):
                _ = player.address
