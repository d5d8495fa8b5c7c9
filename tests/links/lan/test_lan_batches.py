"""What passes beside a LAN link's engine is what the engine would have let pass, packet for packet."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from links.lan.lan_crossing import FAR, NUMBER, ROUTED, Card, Crossing, D, crossing
from links.lan.lan_world import CARD, ELSEWHERE, EVERYONE, NETWORK, REMOTE, ROUTER, SHARED, A, B, C
from nwip.dataplane.kernel import IS_THERE
from nwip.ipx.address import Address
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.dosbox import DosboxLink, DosboxPlayer
from nwip.links.lan import own_numbers
from nwip.links.lan.counting import NOT_TAKEN
from nwip.links.lan.egress import OWN_HOST, framed

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not IS_THERE, reason="the kernel has no recvmmsg"),
]

II, RAW, LLC, SNAP = FrameType
VIRTUAL = 0x00C0FFEE


def ipx(
    source: bytes,
    to: bytes,
    *,
    network: int = NETWORK,
    source_network: int = NETWORK,
    size: int = 100,
    mark: int = 0,
    hops: int = 0,
    socket: int = 0x4010,
    source_socket: int = 0x4011,
) -> bytes:
    payload = (mark.to_bytes(4) * 400)[: size - HEADER_SIZE]
    here, there = Address(source_network, source, source_socket), Address(network, to, socket)
    return Packet(there, here, 0, payload, transport_control=hops).encode()


def from_lan(
    source: bytes, to: bytes, frame_type: FrameType = II, *, mac: bytes | None = None, **fields: int
) -> bytes:
    """Return a frame of a host, straight to the node its packet is for unless another MAC is named."""
    return framed(ipx(source, to, **fields), mac or to, source, frame_type)


class Chance:
    """Makes traffic of which most has been there before, and some is odd."""

    def __init__(self, seed: int, frame_type: FrameType, *, joined: bool) -> None:
        self._random = Random(seed)  # noqa: S311 - the same traffic in every run
        self._type = frame_type
        self._here = (CARD, SHARED, SHARED) if not joined else (SHARED, REMOTE)
        self._strangers = () if joined else (REMOTE,)  # who would change what is true within a batch
        self._remote = NETWORK if joined else VIRTUAL
        self._networks = (0, NETWORK, NETWORK if joined else VIRTUAL, ROUTED, ELSEWHERE, 0x999)
        self._frames = [self._frame() for _ in range(60)]
        self._datagrams = [self._datagram() for _ in range(40)]

    def batch(self) -> tuple[list[bytes], list[bytes]]:
        chance = self._random
        if chance.random() < 0.4:  # a burst of one kind
            return [chance.choice(self._frames)] * chance.randint(1, 70), []
        if chance.random() < 0.4:
            return [], [chance.choice(self._datagrams)] * chance.randint(1, 70)
        frames = chance.choices(self._frames, k=chance.randint(0, 90))
        return frames, chance.choices(self._datagrams, k=chance.randint(0, 90))

    def _packet(self, sources: Sequence[bytes], to: Sequence[bytes]) -> bytes:
        chance = self._random
        made = bytearray(
            ipx(
                chance.choice(sources),
                chance.choice(to),
                network=chance.choice(self._networks),
                source_network=chance.choice((0, *self._networks)),
                size=chance.choice((30, 34, 46, 47, 100, 101, 576, self._type.maximum_packet, 1500)),
                mark=chance.randrange(1 << 32),
                hops=chance.choice((0, 0, 0, 0, 0, 1, 14, 15, 16)),
                socket=chance.choice((0x4010, 0x4010, 0x4010, 0x0002, 0x0453)),
                source_socket=chance.choice((0x4011, 0x4011, 0x4011, 0x9A10)),
            )
        )
        if chance.random() < 0.05:
            made[:2] = b"\x12\x34"
        if chance.random() < 0.05:
            made[2:4] = chance.choice((b"\0\0", b"\0\x1d", b"\x7f\xff", b"\xff\xff"))
        return bytes(made)

    def _frame(self) -> bytes:
        chance = self._random
        if chance.random() < 0.4:
            mac, size = chance.choice(self._here), chance.choice((30, 40, 99, 600, 1400))
            return from_lan(
                chance.choice((A, B, C)), REMOTE, self._type, mac=mac, network=self._remote, size=size
            )
        hosts = (A, A, B, C, ROUTER, D, SHARED, *self._strangers)
        packet = self._packet(hosts, (REMOTE, REMOTE, FAR, D, A, B, EVERYONE))
        source = packet[22:28] if chance.random() < 0.8 else chance.choice((A, ROUTER, SHARED, CARD))
        to = chance.choice((CARD, SHARED, packet[10:16], packet[10:16], EVERYONE, D))
        frame_type = self._type if chance.random() < 0.9 else chance.choice(list(FrameType))
        frame = framed(packet, to, source, frame_type)
        if chance.random() < 0.1:
            frame = frame[: chance.randrange(14, len(frame))]
        return frame + bytes(chance.choice((0, 0, 0, 1, 5)))

    def _datagram(self) -> bytes:
        chance = self._random
        if chance.random() < 0.4:
            source, size = chance.choice((REMOTE, FAR)), chance.choice((30, 40, 99, 600, 1400))
            return ipx(source, chance.choice((A, B, C)), source_network=self._remote, size=size)
        packet = self._packet((REMOTE, REMOTE, FAR, D, A, NUMBER), (A, B, B, C, D, ROUTER, EVERYONE))
        return packet + bytes(self._random.choice((0, 0, 0, 3)))


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("frame_type", FrameType)
@pytest.mark.parametrize("seed", range(6))
async def test_in_batches_the_same_goes_out_and_is_counted_as_one_by_one(
    seed: int, frame_type: FrameType, joined: bool
) -> None:
    async with (
        crossing(frame_type, joined=joined) as batched,
        crossing(frame_type, joined=joined, batched=False) as single,
    ):
        chance = Chance(seed, frame_type, joined=joined)
        for one in (batched, single):
            await one.carry([from_lan(host, REMOTE, frame_type) for host in (A, B, C)])
        for _ in range(40):
            frames, datagrams = chance.batch()
            for one in (batched, single):
                await one.carry(frames=frames)
                await one.carry(datagrams=datagrams)
            assert [*map(sorted, await batched.sent())] == [*map(sorted, await single.sent())]
            assert batched.books() == single.books()
            assert sorted(batched.unusual) == sorted(single.unusual)
            assert batched.hosts == single.hosts
            assert batched.forwarder.expired == single.forwarder.expired
            assert batched.forwarder.returned == single.forwarder.returned
        assert batched.passed() > 200
        assert single.passed() == 0


async def test_odd_frames_among_them_do_not_change_the_order_of_a_flow() -> None:
    async with crossing() as gateway:
        await gateway.carry([from_lan(A, REMOTE, mac=CARD, network=VIRTUAL)])
        await gateway.sent()
        frames = []
        for mark in range(60):
            frames.append(from_lan(A, REMOTE, mac=CARD, network=VIRTUAL, mark=mark, size=40 + 3 * mark))
            frames += [
                from_lan(A, REMOTE, RAW, mac=CARD, network=VIRTUAL),
                from_lan(A, REMOTE, mac=B, network=VIRTUAL),
                from_lan(A, REMOTE, mac=CARD, network=VIRTUAL)[:-1],
                from_lan(B, EVERYONE),
            ][mark % 5 : mark % 5 + 1]
        await gateway.carry(frames)
        assert [int.from_bytes(packet[30:34]) for packet in (await gateway.sent())[2]] == list(range(60))
        assert gateway.passed() == 60


async def test_nothing_passes_before_the_frame_type_is_settled() -> None:
    async with crossing(None) as gateway:
        await asyncio.sleep(0)
        host, server = (
            from_lan(A, REMOTE, LLC, mac=CARD, network=VIRTUAL),
            ipx(ROUTER, EVERYONE, socket=0x453),
        )
        await gateway.carry([host, host])
        assert gateway.passed() == 0
        response = framed(server[:28] + b"\x04\x53" + b"\0\2" + server[32:], EVERYONE, ROUTER, LLC)
        await gateway.carry([response])
        assert gateway.first.frame_type is LLC
        await gateway.sent()
        await gateway.carry([host])
        await gateway.carry([host] * 9)
        assert gateway.passed() == 9
        assert len((await gateway.sent())[2]) == 10


async def passes(gateway: Crossing, frame: bytes) -> bool:
    """Say whether a frame passes beside the engine, after one that shows what is to be remembered of it."""
    before = gateway.passed()
    await gateway.carry([frame])
    return gateway.passed() > before


async def test_what_is_decided_anew_is_looked_at_again() -> None:
    async with crossing() as gateway:
        frame = from_lan(A, REMOTE, mac=CARD, network=VIRTUAL)
        to_node = from_lan(A, REMOTE, mac=SHARED, network=VIRTUAL)
        await gateway.carry([frame])
        assert await passes(gateway, frame)
        assert await passes(gateway, to_node)
        gateway.first.node = B
        assert not await passes(gateway, to_node)
        assert (await gateway.sent())[2] == [raised(frame)] * 3, "it is for nobody here now"
        await gateway.carry([frame])
        assert await passes(gateway, frame)
        gateway.first.network = 0x77
        assert not await passes(gateway, frame)
        assert await passes(gateway, frame)
        gateway.forwarder.shortcuts.learning = False
        gateway.forwarder.shortcuts.clear()
        await gateway.carry([frame])
        assert not await passes(gateway, frame)


def raised(frame: bytes) -> bytes:
    """Return the packet of an Ethernet II frame as it leaves a router."""
    return frame[14:18] + bytes([frame[18] + 1]) + frame[19:]


async def test_a_remote_host_that_speaks_here_is_no_longer_spoken_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with crossing(joined=True) as gateway:
        home, away = from_lan(A, REMOTE), ipx(FAR, A)
        await gateway.carry([home], [])
        await gateway.carry([], [away])
        await gateway.carry([], [away] * 5)
        assert gateway.passed() == 5
        assert (await gateway.sent())[0] == [framed(raised(bytes(14) + away), A, FAR, II)] * 6
        echo = from_lan(FAR, REMOTE)
        await gateway.carry([echo] * 3)
        assert gateway.first.counters.drops == {"own frame came back": 3}
        assert gateway.hosts == [A], "it is nowhere else as long as it is heard of there"
        monkeypatch.setattr(own_numbers, "ECHO_WINDOW", 0.0)  # as if two seconds had gone by
        await gateway.carry([echo])
        assert gateway.hosts == [A, FAR]
        before = gateway.passed()
        await gateway.carry([], [away] * 3)
        assert gateway.passed() == before
        assert gateway.first.counters.drops == {"own frame came back": 3, OWN_HOST: 3}


async def test_frames_bear_the_number_that_is_ours_now() -> None:
    async with crossing() as gateway:
        packet = ipx(REMOTE, A, source_network=VIRTUAL)
        await gateway.carry([], [packet])
        await gateway.carry([], [packet])
        assert gateway.passed() == 1
        gateway.first.node = B
        await gateway.carry([], [packet])
        await gateway.carry([], [packet])
        assert gateway.passed() == 2
        assert [frame[6:12] for frame in (await gateway.sent())[0]] == [SHARED, SHARED, B, B]


@pytest.mark.parametrize("placed", [False, True])
async def test_packets_for_a_host_that_is_heard_here_now_go_no_other_way(placed: bool) -> None:
    async with crossing(joined=True) as gateway:
        frame = from_lan(A, FAR)
        await gateway.carry([frame])
        assert await passes(gateway, frame)
        gateway.places_hosts = placed  # another gateway may route here, and then nothing else changes
        await gateway.carry([from_lan(FAR, REMOTE)])
        await gateway.sent()
        await gateway.carry([frame] * 3)
        assert await gateway.sent() == ([], [], [])


@pytest.mark.parametrize("placed", [False, True])
async def test_a_host_that_moved_away_is_forgotten_and_does_not_pass(placed: bool) -> None:
    async with crossing(joined=True) as gateway:
        gateway.places_hosts = placed
        frame = from_lan(A, REMOTE)
        await gateway.carry([frame])
        assert await passes(gateway, frame)
        gateway.first.release(A)
        assert gateway.hosts == []
        assert not await passes(gateway, frame)
        assert gateway.hosts == [A], "it speaks here again"
        assert await passes(gateway, frame)


async def test_a_packet_for_a_host_of_this_lan_that_was_sent_to_the_gateway_teaches_nothing() -> None:
    async with crossing(joined=True) as gateway:
        await gateway.carry([from_lan(A, REMOTE), from_lan(B, REMOTE)])
        gateway.forwarder.hosts[NETWORK.to_bytes(4) + B] = gateway.forwarder.hosts[NETWORK.to_bytes(4) + FAR]
        for _ in range(3):
            await gateway.carry([from_lan(A, B, mac=SHARED)])
        assert len((await gateway.sent())[2]) == 5
        await gateway.carry([from_lan(A, B)] * 3)
        assert (await gateway.sent())[2] == [], "they have heard each other"


async def test_what_a_lost_card_does_not_take_is_counted_as_ever() -> None:
    async with crossing() as gateway:
        packet = ipx(REMOTE, A, source_network=VIRTUAL)
        await gateway.carry([], [packet])
        await gateway.carry([], [packet])
        assert gateway.passed() == 1
        card = gateway.wires[0]
        assert isinstance(card, Card)
        card.lost = True
        card.far.close()
        await gateway.carry([], [packet] * 3)
        assert gateway.first.counters.drops == {NOT_TAKEN: 3}
        assert gateway.first.counters.packets_out == 2


async def test_frames_go_from_lan_to_lan_and_are_padded_there() -> None:
    async with crossing() as gateway:
        frame = from_lan(A, D, mac=SHARED, network=ROUTED, size=33)
        await gateway.carry([frame])
        await gateway.carry([frame] * 64)
        assert gateway.passed() == 64
        assert (await gateway.sent())[1] == [framed(raised(frame)[:33], D, gateway.second.node, LLC)] * 65


async def test_players_and_hosts_of_a_joined_lan_pass_both_ways() -> None:
    async with crossing(joined=True) as gateway:
        link = DosboxLink("dosbox", NETWORK, SHARED, [("127.0.0.1", 0)], bytes(16))
        await link.open(gateway)
        async with DosboxPlayer(link.endpoints[0]) as player:
            node = (await player.register()).node
            to_host, to_player = Packet.decode(ipx(node, A, network=0, source_network=0)), from_lan(A, node)
            await gateway.carry([from_lan(A, REMOTE)])
            for _ in range(2):
                player.send(to_host)
                await gateway.carry([to_player])
            assert gateway.hosts == [A, node]
            await gateway.sent()
            before = gateway.looked_at
            for _ in range(20):
                player.send(to_host)
            await gateway.carry([to_player] * 30)
            there = raised(bytes(14) + ipx(node, A))
            assert (await gateway.sent())[0] == [framed(there, A, node, II)] * 20
            for _ in range(31):  # with one of those before
                assert (await player.receive()).source.node == A
            assert gateway.looked_at == before
            assert [host.packets_out for host in link.clients()] == [32]
        await link.close()
