"""Taps: what passes a gateway's links is seen once, and nothing is in the way while nobody looks."""

import pytest

from gateway.world import Domain, Member, Station
from nwip.gateway.taps import Taps
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.base import Hop, Link
from nwip.links.memory import MemoryLink

pytestmark = pytest.mark.asyncio

ANNA, BEN = "02000000000A", "02000000000B"
EAST = ("10.0.0.2", 43981)


class Log:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, Hop | None]] = []

    def hear(self, link: Link, out: bool, packet: bytes, hop: Hop | None) -> None:
        self.seen.append((link.name, "out" if out else "in", Packet.decode(packet).payload, hop))


async def site() -> tuple[Domain, Member, MemoryLink, Station]:
    domain = Domain()
    west = await domain.member("10.0.0.1")
    lan = await west.lan("lan")
    return domain, west, lan, Station(lan, ANNA)


def covered(*things: object) -> list[str]:
    return [
        name
        for thing in things
        for name in ("receive", "send", "send_to_all", "attach")
        if name in vars(thing)
    ]


async def test_both_directions_of_every_link_are_seen_with_their_hops() -> None:
    domain, west, _, anna = await site()
    east = await domain.member("10.0.0.2")
    ben = Station(await east.lan("lan"), BEN)
    log = Log()
    Taps([west.gateway]).add(log.hear)
    anna.send(ben.address(), b"there")
    domain.wire.deliver()
    ben.send(anna.address(), b"back")
    domain.wire.deliver()
    assert log.seen == [
        ("lan", "in", b"there", anna.node),
        ("virtual", "out", b"there", EAST),
        ("virtual", "in", b"back", EAST),
        ("lan", "out", b"back", anna.node),
    ]
    assert [packet.payload for packet in ben.heard] == [b"there"]


async def test_a_broadcast_is_told_once_on_each_link_though_it_goes_out_to_many() -> None:
    domain, west, lan, anna = await site()
    await domain.member("10.0.0.2")
    await domain.member("10.0.0.3")
    barn = await west.lan("barn")
    Station(barn, BEN)
    log = Log()
    Taps([west.gateway]).add(log.hear)
    anna.broadcast(b"all")
    domain.wire.deliver()
    assert sorted(log.seen) == [
        ("barn", "out", b"all", None),
        ("lan", "in", b"all", anna.node),
        ("virtual", "out", b"all", None),
    ]
    assert len(domain.wire.carried) == 2
    lan.send(Packet(anna.address(), anna.address(), payload=b"to all").encode(), b"\xff" * 6)
    assert log.seen[-1] == ("lan", "out", b"to all", b"\xff" * 6)
    assert len(log.seen) == 4


async def test_answers_of_the_gateway_itself_are_seen() -> None:
    _, west, _, anna = await site()
    log = Log()
    Taps([west.gateway]).add(log.hear)
    anna.send(west.gateway.address._replace(socket=2), b"?", socket=0x4000)
    assert [(name, way) for name, way, _, _ in log.seen] == [("lan", "in"), ("lan", "out")]
    assert len(anna.heard) == 1


async def test_nothing_is_in_the_way_while_nobody_listens() -> None:
    _, west, lan, anna = await site()
    things = (west.gateway, west.gateway.virtual, lan)
    taps, first, second = Taps([west.gateway]), Log(), Log()
    assert covered(*things) == []
    taps.add(first.hear)
    taps.add(second.hear)
    assert len(covered(*things)) == 6
    anna.broadcast(b"1")
    taps.remove(first.hear)
    anna.broadcast(b"2")
    taps.remove(second.hear)
    taps.remove(second.hear)
    assert covered(*things) == []
    anna.broadcast(b"3")
    assert [payload for name, _, payload, _ in first.seen if name == "lan"] == [b"1"]
    assert [payload for name, _, payload, _ in second.seen if name == "lan"] == [b"1", b"2"]
    taps.add(first.hear)
    anna.broadcast(b"4")
    assert first.seen[-1][2] == b"4"


async def test_links_that_come_and_go_are_tapped_too() -> None:
    _, west, lan, _ = await site()
    log = Log()
    taps = Taps([west.gateway])
    taps.add(log.hear)
    barn = await west.lan("barn")
    ben = Station(barn, BEN)
    ben.broadcast(b"new")
    assert ("barn", "in", b"new", ben.node) in log.seen
    west.gateway.detach(lan)
    assert covered(lan) == []
    assert len(covered(barn)) == 2
    taps.remove(log.hear)
    assert covered(barn, west.gateway) == []


async def test_a_packet_that_answers_another_at_once_is_seen_for_itself() -> None:
    _, west, lan, anna = await site()

    def answer(packet: Packet) -> None:
        if packet.payload == b"ask":
            anna.send(Address(lan.network, bytes.fromhex(BEN), 1), b"answer")

    lan.attach(anna.node, answer)
    barn = await west.lan("barn")
    ben = Station(barn, BEN)
    log = Log()
    Taps([west.gateway]).add(log.hear)
    ben.send(anna.address(), b"ask")
    assert [(name, way, payload) for name, way, payload, _ in log.seen] == [
        ("barn", "in", b"ask"),
        ("lan", "out", b"ask"),
        ("lan", "in", b"answer"),
        ("barn", "out", b"answer"),
    ]
