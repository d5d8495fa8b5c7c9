"""Frames by the batch: judged as `links/lan/reading.py` does one by one, and made as `egress.py` does."""

import errno
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.frames import LARGEST_FRAME
from nwip.dataplane.frames_arena import FrameArena
from nwip.dataplane.frames_lanes import are_small, are_within, columns, lanes, same
from nwip.dataplane.frames_outbox import FrameOutbox
from nwip.dataplane.frames_port import FramePort
from nwip.dataplane.kernel import IS_THERE
from nwip.ipx.address import Address
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.base import Counters
from nwip.links.lan.egress import framed
from nwip.links.lan.reading import frame_type_of, packet_in

pytestmark = pytest.mark.skipif(not IS_THERE, reason="the kernel has no recvmmsg")

NETWORK: Final = bytes.fromhex("0000AB12")
CARD, SHARED = bytes.fromhex("02000000CA4D"), bytes.fromhex("0200005A4ED0")
A, B, REMOTE = (bytes.fromhex(f"0200000000{last}") for last in ("0A", "0B", "FA"))
II, RAW, LLC, SNAP = FrameType


@dataclass
class Here:
    """A standing on a LAN."""

    node: bytes = SHARED
    station: bytes = CARD
    joined: bool = False
    network_octets: bytes = NETWORK


class Nobody:
    """Admits everything, and does not care."""

    def admits(self, source: bytes, mac: bytes, destination: bytes) -> bool:
        return True

    def note_sending(self, senders: Collection[bytes], now: float) -> None:
        pass

    def review(self) -> None:
        pass


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield near, far


def packet(to: bytes, size: int, *, network: int = 0x77, hops: int = 0, source: bytes = A) -> bytes:
    made = Packet(
        Address(network, to, 0x4010),
        Address(int.from_bytes(NETWORK), source, 0x4010),
        0,
        bytes(index % 251 for index in range(size - HEADER_SIZE)),
        transport_control=hops,
    )
    return made.encode()


def received(
    arena: FrameArena, wire: tuple[socket.socket, socket.socket], frames: list[bytes]
) -> list[tuple[int, bytes]]:
    """Let an arena receive frames; return the length that it gives each packet, and the whole frame."""
    near, far = wire
    for frame in frames:
        far.send(frame)
    assert arena.receive(near.fileno()) == len(frames)
    high, low = arena.lengths(len(frames))
    lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
    return [(length, arena.datagram(index)) for index, length in enumerate(lengths)]


@pytest.mark.parametrize("frame_type", FrameType)
def test_every_flawed_frame_is_found_and_no_other(
    frame_type: FrameType, wire: tuple[socket.socket, socket.socket]
) -> None:
    chance = Random(frame_type.value)  # noqa: S311 - the same frames in every run
    arena = FrameArena(Here())
    arena.expect(frame_type)
    for _ in range(150):
        frames = [some_frame(chance, frame_type) for _ in range(chance.randint(1, 40))]
        if chance.random() < 0.3:
            frames = [framed(packet(B, chance.choice((30, 200))), CARD, A, frame_type) for _ in frames]
        for frame, (length, whole) in zip(frames, received(arena, wire, frames), strict=True):
            assert whole == frame
            if frame_type is RAW and frame[14:16] != b"\xff\xff":
                continue  # `headers.are_sound` sees to it for all frame types
            found = packet_in(frame, frame_type) if frame_type_of(frame) is frame_type else None
            if found is None or frame[:6] not in (CARD, SHARED):
                assert not HEADER_SIZE <= length <= 1500
            else:
                assert length == len(found)


def some_frame(chance: Random, frame_type: FrameType) -> bytes:
    """Return a frame that is sound more often than not."""
    size = chance.choice((30, 31, 46, 100, 700, frame_type.maximum_packet))
    to = chance.choice((CARD, CARD, SHARED, B))
    frame = bytearray(framed(packet(B, size), to, A, frame_type))
    match chance.randrange(12):
        case 0:
            frame[12:14] = chance.choice((b"\x81\x37", b"\x00\x2e", b"\x05\xdd", b"\xff\xff", b"\0\0"))
        case 1:
            frame[14 + chance.randrange(8)] ^= 1
        case 2:
            del frame[chance.randrange(14, len(frame)) :]
        case 3:
            frame += bytes(chance.randrange(8))
        case 4 if frame_type is not II:  # made even, as some drivers do
            frame[12:14] = (int.from_bytes(frame[12:14]) + 1).to_bytes(2)
            frame += b"\0"
        case 5:
            start = len(frame) - size if len(frame) > 60 else 14
            frame[start + 2 : start + 4] = chance.choice((b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\x1d"))
        case _:
            pass
    return bytes(frame)


def test_a_joined_link_also_takes_frames_to_the_very_node_that_their_packet_is_for(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    arena = FrameArena(Here(joined=True))
    here = int.from_bytes(NETWORK)

    def taken(*frames: bytes) -> list[bool]:
        return [length > 0 for length, _ in received(arena, wire, list(frames))]

    def to(mac: bytes, node: bytes, network: int = here, hops: int = 0) -> bytes:
        return framed(packet(node, 100, network=network, hops=hops), mac, A, II)

    direct, this = to(REMOTE, REMOTE), to(REMOTE, REMOTE, network=0)
    assert taken(direct, this, direct) == [True, True, True]
    assert taken(direct, to(CARD, B, network=9), direct) == [True, True, True]
    assert taken(direct, to(REMOTE, B), to(B, B)) == [True, False, True]
    assert taken(direct, to(REMOTE, REMOTE, network=9)) == [True, False]
    assert taken(direct, to(REMOTE, REMOTE, hops=1)) == [True, False]
    assert taken(to(CARD, B, hops=1)) == [False]
    assert taken(to(SHARED, B)) == [True]


def test_a_jumbo_frame_is_whole_but_for_its_end(wire: tuple[socket.socket, socket.socket]) -> None:
    arena = FrameArena(Here())
    near, far = wire
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    head = framed(packet(B, 1500), CARD, A, II)
    for size in (STRIDE + 14, STRIDE + 15, 9014, LARGEST_FRAME + 1):
        far.send(head + b"x" * (size - len(head)))
        assert arena.receive(near.fileno()) == 1
        whole = arena.datagram(0)
        assert len(whole) == min(size, LARGEST_FRAME)
        assert whole.startswith(head)


@pytest.mark.parametrize("frame_type", FrameType)
@pytest.mark.parametrize("by_source", [False, True])
def test_frames_are_made_as_single_ones_are(
    frame_type: FrameType, by_source: bool, wire: tuple[socket.socket, socket.socket]
) -> None:
    near, far = wire
    memory = FrameArena(Here())
    sendings: list[set[bytes]] = []
    sender = None if by_source else SHARED
    outbox = FrameOutbox(memory.base, frame_type, sender, lambda senders: sendings.append(set(senders)))
    chance = Random(frame_type.value)  # noqa: S311 - the same frames in every run
    sizes = (30, 31, 35, 38, 43, 46, 47, 100, 252, 253, 255, 256, 300, frame_type.maximum_packet)
    for turn in range(60):
        count = chance.randint(1, 40)
        same_size = chance.choice(sizes)
        packets = [
            packet(
                B, same_size if turn % 3 == 0 else chance.choice(sizes), source=bytes([2, 0, 0, 0, 7, slot])
            )
            for slot in range(count)
        ]
        for slot, octets in enumerate(packets):
            memory.buffer[slot * STRIDE : slot * STRIDE + len(octets)] = octets
        names = [bytes([2, 0, 0, 0, 9, slot]) for slot in range(count)]
        slots = list(range(count))
        if turn % 2:
            slots = sorted(chance.sample(slots, chance.randint(1, count)))
            outbox.pick(slots, [len(packets[slot]) for slot in slots])
        else:
            outbox.pick(range(SLOTS), [STRIDE] * SLOTS)
            outbox.set_lengths(
                bytearray(len(octets) >> 8 for octets in packets),
                bytearray(len(octets) & 255 for octets in packets),
            )
        to = b"".join(names[slot] for slot in slots)
        assert outbox.send(near.fileno(), to, len(slots)) == 0
        assert sendings.pop() == ({packets[slot][22:28] for slot in slots} if by_source else {SHARED})
        assert [far.recv(2048) for _ in slots] == [
            framed(packets[slot], names[slot], packets[slot][22:28] if by_source else SHARED, frame_type)
            for slot in slots
        ]


def test_of_frames_those_are_sent_that_are_not_left_out_and_their_senders_are_told(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    near, far = wire
    memory = FrameArena(Here())
    sendings: list[set[bytes]] = []
    outbox = FrameOutbox(memory.base, II, None, lambda senders: sendings.append(set(senders)))
    packets = [packet(B, 100, source=bytes([2, 0, 0, 0, 7, slot])) for slot in range(6)]
    for slot, octets in enumerate(packets):
        memory.buffer[slot * STRIDE : slot * STRIDE + len(octets)] = octets
    outbox.leave_out([0, 3, 4], 6)
    outbox.set_lengths(bytearray(3), bytearray([100] * 3))
    assert outbox.send(near.fileno(), A * 3, 3) == 0
    sent = [packets[slot] for slot in (1, 2, 5)]
    assert [far.recv(2048) for _ in sent] == [framed(octets, A, octets[22:28], II) for octets in sent]
    assert sendings == [{octets[22:28] for octets in sent}]


def test_a_frame_that_is_refused_is_counted_and_the_others_go_out(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = wire
    outbox = FrameOutbox(FrameArena(Here()).base, II, SHARED, lambda _: None)
    outbox.set_lengths(bytearray(3), bytearray([100] * 3))
    assert outbox.send(near.fileno(), A * 3, 3) == 0
    assert outbox.send(-1, A * 3, 3) == 3


def test_whoever_wants_to_know_is_asked_once_a_second_before_frames_are_taken(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    near, far = wire
    now, reviews = [10.0], []

    class Reviewer(Nobody):
        def review(self) -> None:
            reviews.append((now[0], port.taken_at))

    port = FramePort(Here(), Counters(), Reviewer(), clock=lambda: now[0])
    port.descriptor = near.fileno()
    for now[0] in (10.0, 10.9, 11.5, 11.6, 30.0):
        far.send(framed(packet(B, 100), CARD, A, II))
        assert port.drain(lambda _: None) is None
        assert port.taken_at == now[0]
    assert reviews == [(10.0, -1.0), (11.5, 10.9), (30.0, 11.6)]


def test_a_card_that_is_lost_says_why() -> None:
    port = FramePort(Here(), Counters(), Nobody())
    lost = port.drain(lambda _: None)
    assert lost is not None
    assert lost.errno == errno.EBADF


NUMBERS = st.integers(0, 0x7FFF)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=SLOTS))
def test_numbers_are_compared_all_at_once(pairs: list[tuple[int, int]]) -> None:
    numbers, limits = (
        lanes(bytearray(n >> 8 for n in column), bytearray(n & 255 for n in column))
        for column in zip(*pairs, strict=True)
    )
    count = len(pairs)
    assert are_small(numbers, count)
    assert are_within(numbers, limits, count) is all(number <= limit for number, limit in pairs)
    first, second = columns(numbers + same(22, count), count)
    assert [a << 8 | b for a, b in zip(first, second, strict=True)] == [number + 22 for number, _ in pairs]
    assert not are_small(numbers | same(0x8000, count), count)
