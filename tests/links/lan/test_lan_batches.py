"""What passes beside a LAN link's engine is what the engine would have done: packet for packet, and counted."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from links.lan.lan_crossing import FAR, NUMBER, ROUTED, ROUTER, Crossing, D, crossing
from links.lan.lan_world import CARD, ELSEWHERE, EVERYONE, NETWORK, REMOTE, SHARED, A, B, C
from nwip.dataplane.kernel import IS_THERE
from nwip.ipx.address import Address
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.lan.counting import NOT_TAKEN
from nwip.links.lan.egress import framed

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
        self._random = Random(seed)
        self._type = frame_type
        self._here = (CARD, SHARED, SHARED) if not joined else (SHARED, REMOTE)
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
        packet = self._packet((A, A, B, C, ROUTER, D, SHARED, REMOTE), (REMOTE, REMOTE, FAR, D, A, B, EVERYONE))
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
        for _ in range(40):
            frames, datagrams = chance.batch()
            for one in (batched, single):
                await one.carry(frames=frames)
                await one.carry(datagrams=datagrams)
            assert [*map(sorted, batched.sent())] == [*map(sorted, single.sent())]
            assert batched.books() == single.books()
            assert sorted(batched.unusual) == sorted(single.unusual)
            assert batched.hosts == single.hosts
            assert batched.forwarder.expired == single.forwarder.expired
            assert batched.forwarder.returned == single.forwarder.returned
        assert batched.passed() > 200
        assert single.passed() == 0
