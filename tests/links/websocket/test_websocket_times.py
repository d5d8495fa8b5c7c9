"""What a room does as time passes, on a simulated clock, with channels that are no sockets."""

import asyncio

from dataplane.simulated_loop import run
from links.dosbox.switch import Switch
from links.websocket.browser import REGISTRATION
from links.websocket.channels import FakeChannel, attended
from links.websocket.room import link_of
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.packet import Packet
from nwip.ipx.ping import is_ping
from nwip.links.websocket.channel import QUEUE_LIMIT


def test_who_does_not_register_within_ten_seconds_is_closed() -> None:
    async def story() -> None:
        channel = FakeChannel()
        async with attended(link_of(listen=()), channel, b"noise") as (switch, task):
            begun = asyncio.get_running_loop().time()
            await task
            assert channel.closed == (1008, "no registration in time")
            assert 9 < channel.closed_at - begun <= 10
            assert switch.hosts == {}

    run(story())


def test_a_host_that_only_listens_and_answers_pings_stays() -> None:
    async def story() -> None:
        channel = FakeChannel(answers=True)
        link = link_of(listen=(), idle=600.0)
        async with attended(link, channel, REGISTRATION) as (switch, task):
            await asyncio.sleep(3600)
            assert not task.done()
            assert len(switch.hosts) == 1
            assert len(channel.sent) > 100
            assert switch.arrivals == []  # its answers go no further

    run(story())


def test_a_client_without_a_sign_of_life_is_let_go_after_the_idle_time() -> None:
    async def story() -> None:
        channel = FakeChannel()
        async with attended(link_of(listen=(), idle=600.0), channel, REGISTRATION) as (switch, task):
            begun = asyncio.get_running_loop().time()
            await asyncio.sleep(590)
            assert len(switch.hosts) == 1
            await task
            assert channel.closed == (1008, "silent")
            assert 599 <= channel.closed_at - begun <= 610
            assert switch.hosts == {}

    run(story())


def test_no_ping_is_taken_for_the_reply_and_there_is_none_for_newcomers() -> None:
    async def story() -> None:
        channel = FakeChannel()
        async with attended(link_of(listen=()), channel, REGISTRATION):
            await asyncio.sleep(25)
            assert len(channel.sent) == 1  # the reply; DOSBox's server over UDP would have pinged by now
            await asyncio.sleep(10)
            assert is_ping(Packet.decode(channel.sent[1]))

    run(story())


def test_who_reads_nothing_for_fifteen_seconds_is_closed_and_what_is_beyond_the_queue_is_counted() -> None:
    async def story() -> None:
        channel = FakeChannel()
        link = link_of(listen=())
        async with attended(link, channel, REGISTRATION) as (switch, task):
            channel.stuck = True
            (node,) = switch.hosts
            packet = (b"\xff\xff\0\x1e\0\0" + bytes(4) + node).ljust(30, b"\0")
            for _ in range(QUEUE_LIMIT + 10):
                link.send(packet, node)
            assert link.counters.drops == {"slow reader": 10}
            begun = asyncio.get_running_loop().time()
            await task
            assert channel.closed == (1008, "reads too slowly")
            assert 14 < channel.closed_at - begun <= 16
            assert switch.hosts == {}

    run(story())


def test_a_connection_that_breaks_is_a_client_that_leaves() -> None:
    async def story() -> None:
        channel = FakeChannel()
        link = link_of(listen=())
        async with attended(link, channel, REGISTRATION) as (switch, task):
            channel.broken = True
            link.send(bytes(30), BROADCAST_NODE)
            await task
            assert channel.closed is None
            assert switch.hosts == {}

    run(story())


def test_a_client_that_has_moved_to_another_gateway_is_closed() -> None:
    async def story() -> None:
        channel = FakeChannel()
        link = link_of(listen=())
        async with attended(link, channel, REGISTRATION) as (switch, task):
            (node,) = switch.hosts
            link.release(node)
            await task
            assert channel.closed == (1008, "moved to another gateway")

    run(story())


def test_the_clients_of_a_routed_room_are_no_hosts_of_the_virtual_network() -> None:
    async def story() -> None:
        channel = FakeChannel()
        link = link_of(listen=(), joined=False)
        async with attended(link, channel, REGISTRATION) as (switch, _):
            assert len(link.clients()) == 1
            assert switch.hosts == {}

    run(story())


def test_a_closed_room_lets_nobody_in() -> None:
    async def story() -> None:
        link = link_of(listen=())
        refusal = link.refusal(("192.0.2.1", 4711), None)
        assert refusal is not None
        assert refusal == (503, "this room is closed")
        await link.open(Switch())
        assert link.refusal(("192.0.2.1", 4711), None) is None
        await link.close()

    run(story())
