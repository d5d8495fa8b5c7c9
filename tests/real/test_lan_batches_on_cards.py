"""Frames in batches on real cards: what the socket pairs of `links/lan/lan_crossing.py` cannot show."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from links.lan.lan_crossing import FAR, OTHER_CARD, Crossing, crossing, drained, until
from links.lan.lan_world import CARD, EVERYONE, REMOTE, SHARED, A, B, C
from links.lan.test_lan_batches import VIRTUAL, Chance, from_lan, ipx, raised
from nwip.dataplane.kernel import IS_THERE
from nwip.ipx.frames import FrameType
from nwip.links.lan.af_packet import card_medium
from nwip.links.lan.card_medium import CardMedium
from nwip.links.lan.counting import NOT_TAKEN
from nwip.links.lan.device import DeviceMedium
from nwip.links.lan.egress import framed
from nwip.links.lan.reading import ADDRESSES, frame_type_of
from real.lan_host import card
from real.lan_stations import within
from real.namespaces import ip, two_hosts

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.real("root", "netns"),
    pytest.mark.skipif(not IS_THERE, reason="the kernel has no recvmmsg"),
]

LEFT, RIGHT = "192.0.2.1/24", "192.0.2.2/24"
LONGEST = 1514  # octets of a frame that a card with an MTU of 1500 carries


class Cable:
    """Two namespaces and a cable between them; the gateway's card is at the right end."""

    def __init__(self, names: tuple[str, str], mac: bytes) -> None:
        self.names = names
        ip("-n", names[1], "link", "set", "eth0", "address", mac.hex(":"))
        self.far = card(names[0], "eth0")
        self.far.setblocking(False)

    def medium(self, *, batched: bool, promiscuous: bool) -> DeviceMedium:
        made = card_medium(
            "eth0", promiscuous=promiscuous, within=within(self.names[1]), portable=not batched
        )
        assert isinstance(made, CardMedium) is batched
        return made

    def heard(self) -> list[bytes]:
        return [frame for frame in drained(self.far) if frame_type_of(frame) is not None]


@contextlib.contextmanager
def cables() -> Iterator[tuple[Cable, Cable]]:
    with two_hosts(LEFT, RIGHT) as first, two_hosts(LEFT, RIGHT) as second:
        yield Cable(first, CARD), Cable(second, OTHER_CARD)


@contextlib.asynccontextmanager
async def on_cards(
    frame_type: FrameType = FrameType.ETHERNET_II, *, joined: bool = False, batched: bool = True
) -> AsyncIterator[Crossing]:
    with cables() as wires:
        async with crossing(frame_type, joined=joined, batched=batched, wires=wires) as made:
            yield made


def take(gateway: Crossing, state: str) -> None:
    """Set the gateway's card up or down, or its MTU."""
    cable = gateway.wires[0]
    assert isinstance(cable, Cable)
    ip("-n", cable.names[1], "link", "set", "eth0", *state.split())


async def carry(
    gateway: Crossing,
    frames: list[bytes],
    datagrams: list[bytes],
    frame_type: FrameType = FrameType.ETHERNET_II,
) -> None:
    """Let the gateway handle frames, then datagrams; a broadcast behind each tells when it has."""
    mark = len(gateway.unusual)
    virtual = gateway.virtual.network
    last = ipx(C, EVERYONE, mark=mark, source_network=0, network=0, size=600)
    for frame in (*frames, framed(last, EVERYONE, C, frame_type)):
        gateway.wires[0].far.send(frame)
    await until(lambda: last[30:] in {packet[30:] for packet in gateway.unusual})
    last = ipx(FAR, EVERYONE, mark=mark, source_network=virtual, network=virtual, size=700)
    for datagram in (*datagrams, last):
        gateway.peer.sendto(datagram, gateway.virtual.endpoint)
    await until(lambda: last in gateway.unusual)


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("frame_type", FrameType)
async def test_on_cards_the_same_goes_out_and_is_counted_as_one_by_one(
    frame_type: FrameType, joined: bool
) -> None:
    async with (
        on_cards(frame_type, joined=joined) as batched,
        on_cards(frame_type, joined=joined, batched=False) as single,
    ):
        chance = Chance(1, frame_type, joined=joined)
        first = [from_lan(host, REMOTE, frame_type) for host in (A, B, C)]
        for turn in range(25):
            frames, datagrams = chance.batch() if turn else (first, [])
            frames = [frame for frame in frames if ADDRESSES + 2 <= len(frame) <= LONGEST]
            told = []
            for one in (batched, single):
                await carry(one, frames, datagrams, frame_type)
                told.append([Counter(octets) for octets in await one.sent()])
            assert told[0] == told[1]
            assert batched.books() == single.books()
        assert sorted(batched.unusual) == sorted(single.unusual)
        assert batched.passed() > 200
        assert single.passed() == 0


async def test_full_batches_go_both_ways_and_nothing_is_lost() -> None:
    async with on_cards() as gateway:
        there, back = [], []
        for mark in range(300):
            there.append(from_lan(A, REMOTE, mac=CARD, network=VIRTUAL, mark=mark, size=46 + mark))
            back.append(ipx(REMOTE, A, source_network=VIRTUAL, mark=mark, size=31 + mark))
        await carry(gateway, there[:1], back[:1])
        await carry(gateway, there[1:], back[1:])
        assert gateway.passed() == 598
        frames, _, datagrams = await gateway.sent()
        sent = [raised(bytes(14) + packet) for packet in back]
        assert frames == [framed(packet, A, SHARED, FrameType.ETHERNET_II) for packet in sent]
        assert datagrams == [raised(frame)[: 46 + mark] for mark, frame in enumerate(there)]


async def test_frames_that_a_card_refuses_are_counted_and_the_others_go_out() -> None:
    async with on_cards() as gateway:
        small, large = (ipx(REMOTE, A, source_network=VIRTUAL, size=size) for size in (100, 1400))
        await carry(gateway, [], [small])
        take(gateway, "mtu 1000")
        await carry(gateway, [], [small, large, small])
        assert gateway.passed() == 3
        assert gateway.first.counters.drops == {NOT_TAKEN: 1}
        assert gateway.first.counters.packets_out == 3
        assert [len(frame) for frame in (await gateway.sent())[0]] == [114] * 3


async def test_a_card_that_is_taken_down_is_lost_and_frames_pass_again_when_it_is_back() -> None:
    async with on_cards() as gateway:
        frame = from_lan(A, REMOTE, mac=CARD, network=VIRTUAL)
        packet = ipx(REMOTE, A, source_network=VIRTUAL)
        await carry(gateway, [frame], [packet])
        await carry(gateway, [frame], [packet])
        assert gateway.passed() == 2
        take(gateway, "down")
        await until(lambda: gateway.first.describe()["state"].startswith("lost"))
        spot = gateway.first.spot(A)
        assert spot is not None
        assert spot.port.fileno() == -1, "another socket may have its descriptor by now"
        before = gateway.virtual.counters.packets_in
        gateway.peer.sendto(packet, gateway.virtual.endpoint)
        await until(lambda: gateway.virtual.counters.packets_in > before)
        assert gateway.first.counters.drops == {NOT_TAKEN: 1}
        take(gateway, "up")
        await until(lambda: gateway.first.describe()["state"] == "up")
        passed = gateway.passed()
        await carry(gateway, [frame] * 3, [packet] * 3)
        assert gateway.passed() == passed + 6


async def test_what_is_too_much_at_once_is_counted_by_the_card() -> None:
    async with on_cards() as gateway:
        frame = from_lan(A, REMOTE, mac=CARD, network=VIRTUAL, size=1400)
        await carry(gateway, [frame], [])
        for _ in range(9000):  # more than four megabytes, while nobody reads
            gateway.wires[0].far.send(frame)
        lost = gateway.first.describe()["lost in the kernel"]
        assert int(lost.removesuffix(" frames")) > 100
