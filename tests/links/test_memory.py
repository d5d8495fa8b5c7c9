from collections.abc import Sequence

import pytest

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.memory import MemoryLink

pytestmark = pytest.mark.asyncio

NETWORK, ELSEWHERE = 0x0000AB12, 0x2E5A0001
A, B, C = (bytes.fromhex(f"02000000000{letter}") for letter in "ABC")


class Listener:
    """Stands for a node: keeps what its link reports."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.hosts: list[tuple[str, bytes]] = []

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.arrivals += batch

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        assert hop == node
        self.hosts.append(("gained", node))

    def host_lost(self, link: Link, node: bytes) -> None:
        self.hosts.append(("lost", node))

    def carrier(self, link: Link, *, present: bool) -> None:
        raise AssertionError


def ignore(packet: Packet) -> None:
    """Be a station that does nothing with what it hears."""


class Lan:
    """A link with the stations A, B and C, and what each has heard."""

    def __init__(self, *, joined: bool = False) -> None:
        self.link = MemoryLink("lan", NETWORK, b"\x02\0\0\0\0\xfe", joined=joined)
        self.gateway = Listener()
        self.heard: dict[bytes, list[Packet]] = {A: [], B: [], C: []}
        for node, inbox in self.heard.items():
            self.link.attach(node, inbox.append)

    def counts(self) -> list[int]:
        return [len(inbox) for inbox in self.heard.values()]


async def lan(*, joined: bool = False) -> Lan:
    made = Lan(joined=joined)
    await made.link.open(made.gateway)
    return made


def packet(node: bytes, network: int = NETWORK, source: bytes = A, source_network: int = NETWORK) -> Packet:
    return Packet(Address(network, node, 1), Address(source_network, source, 2), 4, b"hello")


@pytest.mark.parametrize("network", [NETWORK, 0])
async def test_a_packet_between_stations_reaches_that_station_alone_and_not_the_gateway(network: int) -> None:
    here = await lan()
    here.link.transmit(packet(B, network))
    assert here.heard == {A: [], B: [packet(B, network)], C: []}
    assert here.gateway.arrivals == []
    assert here.link.counters.packets_in == 0


async def test_a_broadcast_reaches_everyone_else_and_the_gateway() -> None:
    here = await lan()
    sent = packet(BROADCAST_NODE)
    here.link.transmit(sent)
    assert here.heard == {A: [], B: [sent], C: [sent]}
    assert here.gateway.arrivals == [Arrival(sent.encode(), A)]


@pytest.mark.parametrize("node", [B, BROADCAST_NODE, b"\0\0\0\0\0\1"])
async def test_what_is_for_another_network_reaches_the_gateway_alone(node: bytes) -> None:
    here = await lan()
    here.link.transmit(packet(node, ELSEWHERE))
    assert here.counts() == [0, 0, 0]
    assert [each.packet for each in here.gateway.arrivals] == [packet(node, ELSEWHERE).encode()]


async def test_what_is_for_the_gateway_or_a_stranger_reaches_the_gateway_and_is_counted() -> None:
    here = await lan()
    for node in (here.link.node, b"\x02\0\0\0\0\x77"):
        here.link.transmit(packet(node))
    assert here.counts() == [0, 0, 0]
    assert len(here.gateway.arrivals) == 2
    assert (here.link.counters.packets_in, here.link.counters.octets_in) == (2, 70)


async def test_network_0_is_the_links_own_when_the_gateway_hears_it() -> None:
    here = await lan()
    here.link.transmit(packet(BROADCAST_NODE, 0, source_network=0))
    here.link.transmit(packet(C, ELSEWHERE, source_network=0))
    assert [each.packet for each in here.gateway.arrivals] == [
        packet(BROADCAST_NODE).encode(),
        packet(C, ELSEWHERE).encode(),
    ]


async def test_the_gateway_sends_to_one_station_by_its_node_number() -> None:
    here = await lan()
    here.link.send(packet(B).encode(), C)
    assert here.heard == {A: [], B: [], C: [packet(B)]}
    assert (here.link.counters.packets_out, here.link.counters.octets_out) == (1, 35)


async def test_the_gateway_sends_to_all_but_one() -> None:
    here = await lan()
    here.link.send_to_all(packet(BROADCAST_NODE).encode(), besides=B)
    assert here.counts() == [1, 0, 1]
    here.link.send_to_all(packet(BROADCAST_NODE).encode())
    here.link.send(packet(BROADCAST_NODE).encode(), BROADCAST_NODE)
    assert here.counts() == [3, 2, 3]
    assert here.link.counters.packets_out == 8


@pytest.mark.parametrize("hop", [b"\x02\0\0\0\0\x77", ("192.0.2.1", 1), None])
async def test_a_packet_to_no_station_is_a_counted_drop(hop: Hop) -> None:
    here = await lan()
    here.link.send(packet(B).encode(), hop)
    assert here.counts() == [0, 0, 0]
    assert here.link.counters.drops == {"no such station": 1}
    assert here.link.counters.packets_out == 0


async def test_a_joined_link_reports_its_stations_and_when_they_leave() -> None:
    here = Lan(joined=True)
    assert here.gateway.hosts == []
    await here.link.open(here.gateway)
    here.link.attach(b"\x02\0\0\0\0\x77", ignore)
    here.link.release(B)
    here.link.release(B)
    assert here.gateway.hosts == [
        ("gained", A),
        ("gained", B),
        ("gained", C),
        ("gained", b"\x02\0\0\0\0\x77"),
        ("lost", B),
    ]
    here.link.transmit(packet(B))
    assert here.heard[B] == []
    assert len(here.gateway.arrivals) == 1


async def test_a_routed_link_reports_no_hosts() -> None:
    here = await lan()
    here.link.attach(b"\x02\0\0\0\0\x77", ignore)
    here.link.release(B)
    assert here.gateway.hosts == []


async def test_a_closed_link_reports_nothing_but_its_stations_still_hear_each_other() -> None:
    here = await lan(joined=True)
    await here.link.close()
    here.gateway.hosts.clear()
    here.link.transmit(packet(BROADCAST_NODE))
    here.link.attach(b"\x02\0\0\0\0\x77", ignore)
    here.link.release(B)
    assert (here.gateway.arrivals, here.gateway.hosts) == ([], [])
    assert here.counts() == [0, 1, 1]


async def test_a_station_may_leave_while_a_broadcast_is_delivered() -> None:
    here = await lan()
    here.link.attach(A, lambda _: here.link.release(B))
    here.link.send_to_all(packet(BROADCAST_NODE).encode())
    assert here.link.describe() == {"stations": "02000000000A, 02000000000C"}
