"""What tunnels of a gateway carry goes in batches once it is known, and stops when it is so no more."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from nwip.dataplane.forwarding import Forwarder, Way
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BatchedPort
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival, Link
from nwip.links.rfc1234.engine import node_of
from nwip.links.rfc1234.link import RELEARN, Rfc1234Link

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform != "linux" or not IS_THERE, reason="batches are Linux's"),
]

GATEWAY, FIRST, SECOND = "127.0.21.1", "127.0.21.2", "127.0.21.3"


class Router:
    """Forwards between links, and nothing else."""

    def __init__(self) -> None:
        self.forwarder = Forwarder(lambda *_: None, 16)
        self.seen = 0

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.seen += len(batch)
        self.forwarder.forward(link, batch)

    def host_gained(self, link: Link, node: bytes, hop: object) -> None:
        """Nothing."""

    def host_lost(self, link: Link, node: bytes) -> None:
        """Nothing."""

    def carrier(self, link: Link, *, present: bool) -> None:
        """Nothing."""


async def nobody(_name: str) -> Sequence[str]:
    raise OSError("no such name")


@contextmanager
def peer(address: str, port: int = 0) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        sock.settimeout(5)
        yield sock


@asynccontextmanager
async def tunnels(
    *, joined: bool
) -> AsyncIterator[tuple[Router, Rfc1234Link, Rfc1234Link, list[socket.socket]]]:
    """Network 1 with a peer at FIRST, and network 2 with one at SECOND, on two ports."""
    router = Router()
    with ExitStack() as stack:
        peers = [stack.enter_context(peer(address)) for address in (FIRST, SECOND)]
        links = [
            Rfc1234Link(
                f"tunnel{number}",
                number,
                (GATEWAY, sock.getsockname()[1]),
                peers=[sock.getsockname()[0]],
                resolve=nobody,
                chance=lambda: 0.5,
                joined=joined,
            )
            for number, sock in enumerate(peers, start=1)
        ]
        for link in links:
            await link.open(router)
        router.forwarder.networks[(2).to_bytes(4, "big")] = Way(links[1], node_of(SECOND))
        try:
            async with asyncio.timeout(10):
                while not all(link.peers for link in links):
                    await asyncio.sleep(0)
                yield router, links[0], links[1], peers
        finally:
            for link in links:
                await link.close()


def packet(mark: int, hops: int = 0) -> bytes:
    here, there = Address(1, node_of(FIRST), 0x4003), Address(2, b"\2\0\0\0\0\x09", 0x4003)
    return Packet(there, here, payload=bytes([mark]), transport_control=hops).encode()


async def arrived(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(None, sock.recv, 2048)


async def test_packets_behind_the_first_pass_in_batches_and_are_counted() -> None:
    async with tunnels(joined=False) as (router, west, east, (first, second)):
        for mark in range(5):
            first.sendto(packet(mark), west.endpoint)
            assert await arrived(second) == packet(mark, hops=1)
        assert router.seen == 1
        assert (west.counters.packets_in, east.counters.packets_out) == (5, 5)


async def test_a_peer_that_is_none_any_more_is_not_believed() -> None:
    async with tunnels(joined=False) as (router, west, _, (first, second)):
        for mark in range(2):
            first.sendto(packet(mark), west.endpoint)
            await arrived(second)
        west._know(frozenset())
        first.sendto(packet(7), west.endpoint)
        while not west.counters.drops:
            await asyncio.sleep(0)
        assert west.counters.drops == {"not from a peer": 1}
        assert router.seen == 1


async def test_a_host_of_a_joined_tunnel_is_heard_by_the_engine_again_before_it_would_be_let_go() -> None:
    async with tunnels(joined=True) as (router, west, _, (first, second)):
        for mark in range(2):
            first.sendto(packet(mark), west.endpoint)
            await arrived(second)
        assert router.seen == 1
        due = west._next_deadline()
        assert due is not None
        assert due <= west._now() + RELEARN
        west._advance(due)
        assert isinstance(west._port, BatchedPort)
        assert west._port.flows.exits == []
        first.sendto(packet(9), west.endpoint)
        await arrived(second)
        assert router.seen == 2
