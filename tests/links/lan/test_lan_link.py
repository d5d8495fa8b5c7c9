"""The LAN link on segments in memory: what hosts and gateways see of it."""

import logging
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Final

import pytest

from gateway.world import NETWORK, Domain, Member
from links.lan.lan_world import EVERYONE, A, B, C, frame, nearest_query, packet, rip_response
from nwip.ipx.address import Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.lan.counting import NOT_TAKEN
from nwip.links.lan.egress import OWN_HOST
from nwip.links.lan.link import LanLink, made_up_mac
from nwip.links.lan.medium import Medium, Received
from nwip.links.lan.neighbours import SILENCE
from nwip.links.lan.segment import Segment, SegmentMedium

pytestmark = pytest.mark.asyncio

II, RAW, LLC, SNAP = FrameType
SECRET: Final = b"0123456789abcdef"
CARD: Final = bytes.fromhex("02000000CA4D")


class Host:
    """A station of a frame type on a segment, that keeps the frames it hears."""

    def __init__(self, segment: Segment, mac: bytes, frame_type: FrameType) -> None:
        self.mac = mac
        self.frame_type = frame_type
        self.frames: list[Frame] = []
        self.medium = segment.medium(mac)

    async def plug_in(self) -> None:
        await self.medium.open(self._received)

    def say(self, to: Address, payload: bytes = b"", *, via: bytes | None = None, network: int = 0) -> None:
        sent = Packet(to, Address(network, self.mac, 0x4010), 0, payload)
        assert self.medium.send(Frame.of(via or to.node, self.mac, self.frame_type, sent.encode()).encode())

    def heard(self) -> list[Packet]:
        return [Packet.decode(frame.packet) for frame in self.frames]

    def _received(self, frames: Sequence[bytes]) -> None:
        for octets in frames:
            heard = Frame.decode(octets)
            assert heard is not None
            assert heard.frame_type is self.frame_type
            self.frames.append(heard)


class Listener:
    """Stands for a gateway: keeps what its link reports."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.hosts: list[tuple[str, bytes]] = []
        self.cables: list[bool] = []

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.arrivals += batch

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        assert hop == node
        self.hosts.append(("gained", node))

    def host_lost(self, link: Link, node: bytes) -> None:
        self.hosts.append(("lost", node))

    def carrier(self, link: Link, *, present: bool) -> None:
        self.cables.append(present)


def lan_link(
    medium: Medium,
    frame_type: FrameType | None = LLC,
    *,
    network: int = NETWORK,
    joined: bool = False,
    node: bytes | None = None,
) -> LanLink:
    return LanLink("lan", "ethernet", network, medium, frame_type, joined=joined, secret=SECRET, node=node)


class Site:
    """A gateway with one LAN, and a host on that."""

    def __init__(self, member: Member, host: bytes, frame_type: FrameType, network: int | None) -> None:
        joined = network is None
        self.segment = Segment()
        self.card: SegmentMedium = self.segment.medium(member.endpoint[0].encode()[-6:], promiscuous=joined)
        assert self.card.mac is not None
        self.card.mac = bytes([2]) + self.card.mac[1:]
        self.link = lan_link(
            self.card,
            frame_type,
            network=NETWORK if network is None else network,
            joined=joined,
            node=member.gateway.virtual.node if joined else None,
        )
        self.member = member
        self.host = Host(self.segment, host, frame_type)

    async def open(self) -> "Site":
        self.member.gateway.attach(self.link)
        await self.link.open(self.member.gateway)
        await self.host.plug_in()
        return self


async def two_sites(
    types: tuple[FrameType, FrameType], networks: tuple[int | None, int | None]
) -> tuple[Domain, Site, Site]:
    domain = Domain()
    sites = [
        await Site(await domain.member(f"10.0.0.{number}"), host, frame_type, network).open()
        for number, host, frame_type, network in zip((1, 2), (A, B), types, networks, strict=True)
    ]
    return domain, sites[0], sites[1]


@pytest.mark.parametrize("types", list(permutations(FrameType, 2)))
async def test_hosts_of_two_joined_lans_are_neighbours_whatever_their_frame_types(
    types: tuple[FrameType, FrameType],
) -> None:
    domain, west, east = await two_sites(types, (None, None))
    west.host.say(Address(0, EVERYONE, 0x4010), b"anyone?")
    domain.wire.deliver()
    (question,) = east.host.frames
    assert (question.destination, question.source) == (EVERYONE, A)  # as if the remote host were here
    assert Packet.decode(question.packet).source == Address(NETWORK, A, 0x4010)
    east.host.say(Address(NETWORK, A, 0x4010), b"me")
    domain.wire.deliver()
    (answer,) = west.host.frames
    assert (answer.destination, answer.source) == (A, B)
    assert Packet.decode(answer.packet).payload == b"me"
    assert west.link.counters.drops == east.link.counters.drops == {}
    for site in (west, east):
        await site.link.close()


async def test_hosts_of_two_routed_lans_reach_each_other_through_their_routers() -> None:
    domain, west, east = await two_sites((II, RAW), (0x11, 0x22))
    west.host.say(Address(0x22, B, 0x4010), b"hello", via=west.link.station)
    domain.wire.deliver()
    (hello,) = east.host.frames
    assert (hello.destination, hello.source) == (B, east.link.station)
    assert Packet.decode(hello.packet) == Packet(
        Address(0x22, B, 0x4010), Address(0x11, A, 0x4010), 0, b"hello", transport_control=2
    )
    west.host.say(Address(0x11, EVERYONE, 0x4010), b"only here")
    domain.wire.deliver()
    assert len(east.host.frames) == 1
    for site in (west, east):
        await site.link.close()


async def test_unicast_between_two_hosts_of_a_joined_lan_stays_there() -> None:
    domain, west, east = await two_sites((LLC, LLC), (None, None))
    neighbour = Host(west.segment, C, LLC)
    await neighbour.plug_in()
    neighbour.say(Address(0, EVERYONE, 0x4010), b"here I am")
    domain.wire.deliver()
    carried = len(domain.wire.carried)
    west.host.say(Address(NETWORK, C, 0x4010), b"psst")
    domain.wire.deliver()
    assert [heard.payload for heard in neighbour.heard()] == [b"psst"]
    assert len(domain.wire.carried) == carried
    for site in (west, east):
        await site.link.close()


async def test_two_gateways_that_both_believe_a_joined_lan_is_theirs_bring_nothing_back_to_it() -> None:
    domain, segment = Domain(), Segment()
    host = Host(segment, A, LLC)
    await host.plug_in()
    witness: list[bytes] = []
    await segment.medium(None).open(witness.extend)
    links = []
    for number in (1, 2):
        member = await domain.member(f"10.0.0.{number}")
        card = segment.medium(bytes([2, 0, 0, 0, 9, number]), promiscuous=True)
        links.append(lan_link(card, joined=True, node=member.gateway.virtual.node))
        member.gateway.attach(links[-1])
        await links[-1].open(member.gateway)
    for payload in (b"one", b"two"):
        host.say(Address(0, EVERYONE, 0x4010), payload)
        domain.wire.deliver()
    assert len(witness) == 2
    assert [link.counters.drops for link in links] == [{OWN_HOST: 2}] * 2
    for link in links:
        await link.close()


async def test_hosts_are_reported_when_they_come_when_they_are_released_and_when_they_fall_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segment, gateway = Segment(), Listener()
    link = lan_link(segment.medium(CARD, promiscuous=True), joined=True)
    host, other = Host(segment, A, LLC), Host(segment, B, LLC)
    await link.open(gateway)
    for station in (host, other):
        await station.plug_in()
        station.say(Address(0, EVERYONE, 0x4010))
    link.release(A)
    assert link._wakeup is not None
    link._advance(link._wakeup.now() + SILENCE)
    assert gateway.hosts == [("gained", A), ("gained", B), ("lost", A), ("lost", B)]
    await link.close()
    host.say(Address(0, EVERYONE, 0x4010))
    assert len(gateway.hosts) == 4
    assert len(gateway.arrivals) == 2


async def test_a_link_that_is_opened_again_learns_its_hosts_again() -> None:
    segment, gateway = Segment(), Listener()
    link, host = lan_link(segment.medium(CARD, promiscuous=True), joined=True), Host(segment, A, LLC)
    await host.plug_in()
    for _ in range(2):
        await link.open(gateway)
        host.say(Address(0, EVERYONE, 0x4010))
        await link.close()
    assert gateway.hosts == [("gained", A), ("gained", A)]


async def test_the_node_that_gateways_share_is_heard_and_used_from_the_moment_it_is_set() -> None:
    segment, gateway = Segment(), Listener()
    link, host = lan_link(segment.medium(CARD)), Host(segment, A, LLC)
    await link.open(gateway)
    await host.plug_in()
    assert (link.node, link.station) == (CARD, CARD)
    host.say(Address(0x99, B, 0x4010), via=C)
    assert gateway.arrivals == []
    link.node = C
    host.say(Address(0x99, B, 0x4010), via=C)
    assert [arrival.hop for arrival in gateway.arrivals] == [A]
    link.send(packet(A, B, network=NETWORK, source_network=0x99).encode(), A)
    link.send_to_all(packet(EVERYONE, CARD, network=NETWORK, source_network=NETWORK).encode(), besides=A)
    assert [(heard.destination, heard.source) for heard in host.frames] == [(A, C), (EVERYONE, CARD)]
    assert (link.counters.packets_out, link.counters.octets_out) == (2, 70)
    await link.close()


async def test_the_network_that_a_router_taught_is_filled_in_from_then_on() -> None:
    segment, gateway = Segment(), Listener()
    link, host = lan_link(segment.medium(CARD), network=0), Host(segment, A, LLC)
    await link.open(gateway)
    await host.plug_in()
    host.say(Address(0, EVERYONE, 0x4010))
    link.network = 0x77
    host.say(Address(0, EVERYONE, 0x4010))
    arrived = [Packet.decode(arrival.packet) for arrival in gateway.arrivals]
    assert [heard.source.network for heard in arrived] == [0, 0x77]
    assert link.network == 0x77
    await link.close()


async def test_what_cannot_go_out_is_a_counted_drop() -> None:
    medium = Segment().medium(CARD)
    link = lan_link(medium)
    hello = packet(A, CARD, network=NETWORK, source_network=NETWORK).encode()
    link.send(hello, A)
    await link.open(Listener())
    medium.plugged = False
    link.send(hello, A)
    await link.close()
    link.send(hello, A)
    assert link.counters.drops == {NOT_TAKEN: 3}
    assert link.counters.packets_out == 0


async def test_a_link_without_a_frame_type_asks_listens_and_says_what_it_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    segment, gateway = Segment(), Listener()
    frames: list[bytes] = []
    server = segment.medium(B)
    await server.open(frames.extend)
    link = lan_link(segment.medium(None), None)
    with caplog.at_level(logging.INFO, "nwip.links.lan"):
        await link.open(gateway)
        assert (link.frame_type, link.maximum_size) == (None, 1492)
        asked = [decoded.frame_type for octets in frames if (decoded := Frame.decode(octets))]
        assert asked == [LLC, RAW, II, SNAP]
        server.send(frame(rip_response(B, NETWORK), frame_type=RAW))
        server.send(frame(nearest_query(B), frame_type=II))
    assert (link.frame_type, link.maximum_size) == (RAW, 1500)
    assert [arrival.hop for arrival in gateway.arrivals] == [B]
    assert [(record.levelname, record.getMessage().partition(",")[0]) for record in caplog.records] == [
        ("INFO", "lan: frame type Ethernet_802.3: first heard from the server or router 02000000000B"),
        ("WARNING", "lan: traffic of frame type Ethernet_II heard on this link from MAC 02000000000B"),
    ]
    told = link.describe()
    assert told["frame type"].startswith("Ethernet_802.3 (auto: first heard")
    assert told["other frame types heard"] == "1 of Ethernet_II, the last from 02000000000B"
    await link.close()


async def test_a_made_up_mac_address_is_lasting_local_and_the_links_own() -> None:
    numbers = {made_up_mac(SECRET, f"link {index}") for index in range(2000)}
    assert len(numbers) == 2000
    assert {number[0] & 0x03 for number in numbers} == {0x02}
    assert 0x7E not in {number[0] for number in numbers}
    link = lan_link(Segment().medium(None))
    assert link.station == link.node == made_up_mac(SECRET, "lan")
    assert link.station != made_up_mac(b"another secret..", "lan")
    assert link.describe()["MAC address"] == made_up_mac(SECRET, "lan").hex().upper()


async def test_a_joined_link_tells_its_node_and_its_hosts() -> None:
    link = lan_link(Segment().medium(CARD), joined=True, node=C)
    assert link.describe() == {
        "segment": "plugged in",
        "frame type": "Ethernet_802.2",
        "MAC address": "02000000CA4D",
        "node": "02000000000C",
        "hosts": "0 of 1024",
    }


class CabledMedium(SegmentMedium):
    """A place on a segment that tells when its cable is out."""

    def __init__(self, segment: Segment, mac: bytes) -> None:
        super().__init__(segment, mac, promiscuous=False)
        self.changed: Callable[[bool], None] = lambda _: None
        self.at_first = True

    def on_cable(self, changed: Callable[[bool], None]) -> None:
        self.changed = changed

    async def open(self, received: Received) -> None:
        await super().open(received)
        if not self.at_first:
            self.changed(False)


async def test_a_cable_that_is_out_at_first_and_whenever_it_is_pulled_is_told_to_the_gateway() -> None:
    medium, gateway = CabledMedium(Segment(), CARD), Listener()
    medium.at_first = False
    link = lan_link(medium)
    await link.open(gateway)
    assert gateway.cables == [False]
    medium.changed(True)
    medium.changed(False)
    assert gateway.cables == [False, True, False]
    await link.close()
    medium.changed(True)
    assert gateway.cables == [False, True, False]
