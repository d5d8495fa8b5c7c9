"""The virtual link on real sockets: over a cable with an MTU of 1500, and under the policy `subnet`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from nwip.dataplane.flows import Books
from nwip.dataplane.port import Port, Received, open_port
from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, Packet
from nwip.links.base import Arrival, Link
from nwip.links.virtual import VirtualLink
from real.namespaces import inside, two_hosts
from real.sniffer import Sniffer

pytestmark = pytest.mark.asyncio

NETWORK: Final = 0x00C0FFEE
NODES: Final = {"192.0.2.1": bytes.fromhex("7E01C0000201"), "192.0.2.2": bytes.fromhex("7E01C0000202")}
PORT: Final = 43981


class Listener:
    """Stands for a node: keeps what its link receives."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        for packet, _ in batch:
            self.packets.put_nowait(packet)

    def host_gained(self, link: Link, node: bytes, hop: object) -> None:
        raise AssertionError

    def host_lost(self, link: Link, node: bytes) -> None:
        raise AssertionError

    def carrier(self, link: Link, *, present: bool) -> None:
        raise AssertionError

    async def next(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.packets.get()


async def open_link(
    host: str, namespace: str | None, broadcast: str | None = None
) -> tuple[VirtualLink, Listener]:
    def opener(
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: Books | None = None,
    ) -> Port:
        if namespace is None:
            return open_port(at, received, broadcast=broadcast, shared=shared, books=books)
        with inside(namespace):
            return open_port(at, received, broadcast=broadcast, shared=shared, books=books)

    everyone = (broadcast, PORT) if broadcast else None
    link, listener = VirtualLink(NETWORK, NODES[host], (host, PORT), everyone, opener=opener), Listener()
    await link.open(listener)
    link.know({(other, PORT): node for other, node in NODES.items() if other != host})
    return link, listener


def packet_of(size: int) -> bytes:
    source, destination = (Address(NETWORK, node, 0x5678) for node in NODES.values())
    payload = bytes(index % 251 for index in range(size - HEADER_SIZE))
    return Packet(destination, source, payload=payload).encode()


@pytest.mark.real("root", "netns", "tshark")
async def test_a_packet_of_1500_octets_arrives_over_a_path_of_1500_in_two_fragments(tmp_path: Path) -> None:
    with two_hosts("192.0.2.1/24", "192.0.2.2/24", mtu=1500) as (west, east):
        sender, _ = await open_link("192.0.2.1", west)
        receiver, heard = await open_link("192.0.2.2", east)
        # A capture filter on the port would miss second fragments, so the whole interface is read.
        with Sniffer(tmp_path / "cable.pcapng", None, interface="eth0", namespace=east) as sniffer:
            for size in (HEADER_SIZE, 1472, 1473, MAXIMUM_SIZE):
                sender.send(packet_of(size), ("192.0.2.2", PORT))
                assert await heard.next() == packet_of(size)
            sender.send(packet_of(MAXIMUM_SIZE + 1), ("192.0.2.2", PORT))
        assert sender.counters.drops == {"too large": 1}
        assert (sender.counters.packets_out, receiver.counters.packets_in) == (4, 4)
        await sender.close()
        await receiver.close()
    fragments = await sniffer.fields("ip.flags.df", "ip.flags.mf", "ip.len", display="ip")
    assert [fragment[2] for fragment in fragments] == ["58", "1500", "1500", "21", "1500", "48"]
    assert {fragment[0] for fragment in fragments} == {"0"}
    assert [fragment[1] for fragment in fragments] == ["0", "0", "1", "0", "1", "0"]
    whole = await sniffer.fields("ipx.len", "_ws.malformed", display="ipx")
    assert whole == [["30", ""], ["1472", ""], ["1473", ""], ["1500", ""]]


@pytest.mark.real("root", "netns")
async def test_a_broadcast_to_the_subnet_is_heard_by_a_node_on_it() -> None:
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as (west, east):
        sender, own = await open_link("192.0.2.1", west, broadcast="192.0.2.255")
        receiver, heard = await open_link("192.0.2.2", east, broadcast="192.0.2.255")
        sender.send_to_all(packet_of(100))
        assert await heard.next() == packet_of(100)
        assert sender.counters.packets_out == 1
        receiver.send(packet_of(100), ("192.0.2.1", PORT))  # its number is another node's: refused
        receiver.send_to_all(packet_of(101))
        assert own.packets.empty()
        await sender.close()
        await receiver.close()
