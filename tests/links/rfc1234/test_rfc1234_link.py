"""The RFC 1234 link on real sockets, and between two routers."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from links.dosbox.simulation import KEY
from links.uplink.test_uplink_link import Listener
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox import DosboxLink
from nwip.links.rfc1234 import Rfc1234Link
from nwip.links.rfc1234.engine import node_of

pytestmark = pytest.mark.asyncio

NETWORK = 0x1234
WEST, EAST = "127.0.0.2", "127.0.0.3"


async def nobody(name: str) -> Sequence[str]:
    raise OSError("no such name")


def tunnel(
    address: str, port: int, *others: str, source: Path | None = None, joined: bool = False
) -> Rfc1234Link:
    return Rfc1234Link(
        "tunnel",
        NETWORK,
        (address, port),
        peers=others,
        source=str(source) if source else None,
        resolve=nobody,
        chance=lambda: 0.5,
        joined=joined,
    )


async def until_peers(link: Rfc1234Link, *addresses: str) -> None:
    async with asyncio.timeout(5):
        while link.peers != list(addresses):
            await asyncio.sleep(0.01)


def packet(source: str, to: bytes, payload: bytes = b"") -> bytes:
    return Packet(Address(NETWORK, to, 9), Address(NETWORK, node_of(source), 9), payload=payload).encode()


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((WEST, 0))
        port: int = sock.getsockname()[1]
        return port


async def test_packets_cross_both_ways_and_the_shared_list_may_name_us_too(tmp_path: Path) -> None:
    listed = tmp_path / "peers.txt"
    listed.write_text(f"{WEST}\n{EAST}\n")
    port, here, there = free_port(), Listener(), Listener()
    west, east = tunnel(WEST, port, source=listed), tunnel(EAST, port, source=listed)
    await west.open(here)
    await east.open(there)
    await until_peers(west, EAST)
    await until_peers(east, WEST)
    west.send_to_all(packet(WEST, BROADCAST_NODE, b"anyone?"))
    await there.until(lambda: len(there.arrivals) == 1)
    assert there.arrivals[0] == (packet(WEST, BROADCAST_NODE, b"anyone?"), node_of(WEST))
    east.send(packet(EAST, node_of(WEST), b"I am"), node_of(WEST))
    await here.until(lambda: len(here.arrivals) == 1)
    assert here.arrivals[0].packet == packet(EAST, node_of(WEST), b"I am")
    told = west.describe()
    assert told["node on the tunnel"] == "00007F000002"
    assert (told["peers"], told["list of peers"]) == ("1", f"{listed}: 2 peers")
    await west.close()
    await east.close()
    west.send_to_all(packet(WEST, BROADCAST_NODE))
    assert west.counters.drops == {"refused by the kernel": 1}


async def test_the_list_is_read_anew_without_a_restart(tmp_path: Path) -> None:
    listed = tmp_path / "peers.txt"
    listed.write_text(f"{EAST}\n")
    west = tunnel(WEST, free_port(), "127.0.0.9", source=listed)
    await west.open(Listener())
    await until_peers(west, EAST, "127.0.0.9")
    listed.write_text("127.0.0.4\n127.0.0.9\n")
    assert await west.refresh()
    assert west.peers == ["127.0.0.4", "127.0.0.9"]
    await west.close()


async def test_peers_of_a_joined_tunnel_are_hosts_of_the_virtual_network() -> None:
    port, here = free_port(), Listener()
    west, east = tunnel(WEST, port, EAST, joined=True), tunnel(EAST, port, WEST)
    await west.open(here)
    await east.open(Listener())
    await until_peers(west, EAST)
    await until_peers(east, WEST)
    east.send_to_all(packet(EAST, BROADCAST_NODE))
    await here.until(lambda: here.hosts == {node_of(EAST): node_of(EAST)})
    west.release(node_of(EAST))
    assert here.hosts == {}
    await west.close()
    await east.close()


async def test_a_tunnel_and_a_dosbox_link_cannot_have_one_port_at_one_address() -> None:
    dosbox = DosboxLink("dosbox", NETWORK, b"\2\0\0\0\0\1", [(WEST, 0)], KEY)
    await dosbox.open(Listener())
    ((_, port),) = dosbox.endpoints
    with pytest.raises(OSError, match="in use"):
        await tunnel(WEST, port).open(Listener())
    elsewhere = tunnel(EAST, port)
    await elsewhere.open(Listener())
    await elsewhere.close()
    await dosbox.close()


async def test_there_are_no_ipv6_tunnels() -> None:
    with pytest.raises(ValueError, match="::1"):
        tunnel("::1", 213)
