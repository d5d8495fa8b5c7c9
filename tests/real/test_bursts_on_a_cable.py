"""Joined bursts leave by a cable in packets that fit its MTU; loopback cannot show it."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from dataplane.relay import CAROL, Relay, bound, relay
from dataplane.test_bursts import run
from nwip.dataplane.buffers import enlarge
from nwip.dataplane.groups import LARGEST_PACKET
from real.namespaces import inside, two_hosts

pytestmark = [pytest.mark.asyncio, pytest.mark.real("root", "netns", "ethtool")]

ETH_P_IP: Final = 0x0800  # <linux/if_ether.h>
ETHERNET: Final = 14  # octets of a header
IP_AND_UDP: Final = 28
COUNT: Final = 40


@contextlib.contextmanager
def cable(mtu: int) -> Iterator[tuple[Relay, socket.socket]]:
    """Let Carol be at the other end of one; return what hears there the frames as they are on the wire."""
    with two_hosts("192.0.2.1/24", "192.0.2.2/24", mtu=mtu) as (west, east):
        # veth would carry a group uncut, as no card does
        cut = ["ip", "netns", "exec", west, "ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]
        subprocess.run(cut, check=True, capture_output=True, timeout=10)
        with inside(east):
            receiver = bound("192.0.2.2")
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
            wire.bind(("eth0", ETH_P_IP))
            wire.setblocking(False)
            enlarge(wire)
        with wire, contextlib.ExitStack() as opened:
            with inside(west):
                scene = opened.enter_context(relay("127.0.0.1", "192.0.2.1", receiver))
            scene.raising.maximum = 1500
            yield scene, wire


def frames(wire: socket.socket) -> list[int]:
    """Return how long the frames were."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(len(wire.recv(65535)))
    return found


@pytest.mark.parametrize("size", [50, 1001, LARGEST_PACKET])
async def test_a_burst_that_fits_the_route_leaves_cut_as_it_came(size: int) -> None:
    burst = run(CAROL, size=size, count=COUNT)
    with cable(1500) as (scene, wire):
        scene.burst(burst)
        await scene.until(COUNT)
        assert [each[30:] for each in scene.arrived] == [each[30:] for each in burst]
        assert frames(wire) == [ETHERNET + IP_AND_UDP + size] * COUNT
        assert scene.raising.groups_of_some is not None
        assert scene.raising.groups_of_some.refused == set()


async def test_a_burst_of_packets_that_do_not_leaves_in_fragments_that_do() -> None:
    burst = run(CAROL, size=1400, count=COUNT)
    with cable(1000) as (scene, wire):
        for number in (1, 2):
            scene.burst(burst)
            await scene.until(number * COUNT)
        assert [each[30:] for each in scene.arrived] == [each[30:] for each in burst] * 2
        lengths = frames(wire)
        assert len(lengths) == 2 * 2 * COUNT
        assert max(lengths) <= ETHERNET + 1000
        assert scene.raising.groups_of_some is not None
        assert scene.raising.groups_of_some.refused == {scene.there}
        assert scene.books[1].packets_out == 2 * COUNT
        assert scene.books[1].drops == {}
