"""The RFC 1234 tunnel between two namespaces, and tshark's word on what crosses the cable."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from links.uplink.test_uplink_link import Listener
from nwip.dataplane.flows import Books
from nwip.dataplane.port import Port, Received, open_port
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import IPX_TUNNEL_PORT, Socket
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.links.rfc1234 import Rfc1234Link
from nwip.links.rfc1234.engine import node_of
from real.namespaces import inside, two_hosts
from real.sniffer import Sniffer

pytestmark = pytest.mark.asyncio

NETWORK: Final = 0x1F20
WEST: Final = "192.0.2.1"
EAST: Final = "192.0.2.2"


def opener(namespace: str) -> Callable[..., Port]:
    def open_inside(at: Endpoint, received: Received, *, books: Books | None = None) -> Port:
        with inside(namespace):
            return open_port(at, received, books=books)

    return open_inside


async def nobody(name: str) -> Sequence[str]:
    raise OSError("no such name")


async def open_tunnel(here: str, there: str, namespace: str) -> tuple[Rfc1234Link, Listener]:
    link = Rfc1234Link(
        "tunnel",
        NETWORK,
        (here, IPX_TUNNEL_PORT),
        peers=[there],
        resolve=nobody,
        chance=lambda: 0.5,
        opener=opener(namespace),
    )
    listener = Listener()
    await link.open(listener)
    async with asyncio.timeout(5):
        while link.peers != [there]:
            await asyncio.sleep(0.01)
    return link, listener


def packet(to: bytes, socket: int, payload: bytes, packet_type: int = 0) -> bytes:
    here = Address(NETWORK, node_of(WEST), socket)
    return Packet(Address(NETWORK, to, socket), here, packet_type, payload).encode()


@pytest.mark.real("root", "netns", "tshark")
async def test_tshark_takes_what_crosses_for_ipx_and_packets_of_1500_octets_arrive(tmp_path: Path) -> None:
    rip = RipPacket(RipOperation.RESPONSE, (RipEntry(0x77, 1, 2),)).encode()
    game = bytes(MAXIMUM_SIZE - HEADER_SIZE)
    with two_hosts(f"{WEST}/24", f"{EAST}/24") as (west, east):
        sender, _ = await open_tunnel(WEST, EAST, west)
        receiver, heard = await open_tunnel(EAST, WEST, east)
        with Sniffer(tmp_path / "cable.pcapng", None, interface="eth0", namespace=east) as sniffer:
            sender.send_to_all(packet(BROADCAST_NODE, Socket.RIP, rip, 1))
            for payload in (b"", bytes(546), game):
                sender.send(packet(node_of(EAST), 0x5678, payload), node_of(EAST))
            await heard.until(lambda: len(heard.arrivals) == 4)
        assert [len(arrival.packet) for arrival in heard.arrivals[1:]] == [30, 576, 1500]
        assert receiver.counters.drops == {}
        await sender.close()
        await receiver.close()
    names = ("udp.srcport", "udp.dstport", "ipx.src.node", "ipx.dst.node", "ipx.len", "_ws.malformed")
    rows = await sniffer.fields(*names, display="ipx")
    ours, theirs = "00:00:c0:00:02:01", "00:00:c0:00:02:02"
    assert rows == [
        ["213", "213", ours, to, length, ""]
        for to, length in [("ff:ff:ff:ff:ff:ff", "40"), (theirs, "30"), (theirs, "576"), (theirs, "1500")]
    ]
    ((network, hops),) = await sniffer.fields("ipxrip.response", "ipx.hops", display="ipxrip")
    assert (network, hops) == ("1", "0")
