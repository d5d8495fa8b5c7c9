"""The frames between programs and their node: octet by octet, cut anywhere, refused when malformed."""

import pytest

from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.programs import frames
from nwip.programs.frames import FRAME_LIMIT, Frame, Splitter
from nwip.programs.outbox import BATCH, Outbox
from nwip.wire import WireError

EXAMPLES = [
    (frames.service(frames.ADVERTISE, 0x9000, "ECHO"), "0007 41 9000 4543484F"),
    (frames.service(frames.WITHDRAW, 4, "\xc4"), "0004 57 0004 C4"),
    (Frame(frames.DONE), "0001 59"),
    (frames.refusal(1, "nein"), "0006 4E 01 6E65696E"),
    (Frame(frames.LOST, (258).to_bytes(4, "big")), "0005 4C 00000102"),
    (Frame(frames.PACKET, b"\xff\xff"), "0003 50 FFFF"),
]


@pytest.mark.parametrize(("frame", "octets"), EXAMPLES)
def test_a_frame_is_written_as_its_table_says(frame: Frame, octets: str) -> None:
    assert frame.encode() == bytes.fromhex(octets)
    assert list(Splitter().feed(bytes.fromhex(octets))) == [frame]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_stream_that_is_cut_anywhere_gives_the_same_frames(size: int) -> None:
    stream = b"".join(frame.encode() for frame, _ in EXAMPLES)
    splitter, found = Splitter(), list[Frame]()
    for start in range(0, len(stream), size):
        found += splitter.feed(stream[start : start + size])
    assert found == [frame for frame, _ in EXAMPLES]


@pytest.mark.parametrize("length", [0, FRAME_LIMIT + 1, 0xFFFF])
def test_a_length_out_of_bounds_is_a_wire_error_behind_the_frames_before_it(length: int) -> None:
    found = Splitter().feed(Frame(frames.DONE).encode() + length.to_bytes(2, "big") + b"rest")
    assert next(found) == Frame(frames.DONE)
    with pytest.raises(WireError, match=f"a frame of {length} octets"):
        next(found)


def test_what_is_too_long_is_cut_or_a_wire_error() -> None:
    assert len(frames.refusal(1, "x" * 5000).encode()) == 2 + FRAME_LIMIT
    with pytest.raises(WireError):
        Frame(frames.PACKET, bytes(FRAME_LIMIT)).encode()


def test_names_and_sentences_come_back_as_they_were() -> None:
    assert frames.read_service(frames.service(frames.ADVERTISE, 0x9000, "K\xd6LN").rest) == (
        0x9000,
        "K\xd6LN",
    )
    assert frames.read_refusal(frames.refusal(2, "schön").rest) == (2, "schön")
    with pytest.raises(WireError, match="Latin-1"):
        frames.service(frames.ADVERTISE, 1, "\u20ac")
    with pytest.raises(WireError):
        frames.service(frames.ADVERTISE, 0x10000, "X")


@pytest.mark.parametrize("rest", [b"", b"\1", b"\0\4"])
def test_a_frame_that_is_cut_short_is_a_wire_error(rest: bytes) -> None:
    if len(rest) < 2:
        with pytest.raises(WireError):
            frames.read_service(rest)
    with pytest.raises(WireError):
        frames.checked_packet(rest)


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p + b"\0", lambda p: p[:2] + b"\0\x1d" + p[4:29], lambda p: p[:29]]
)
def test_a_packet_whose_length_is_wrong_is_a_wire_error(change: object) -> None:
    nobody = Address(0, bytes(6), 0)
    packet = Packet(nobody, nobody, payload=b"payload").encode()
    assert frames.checked_packet(packet) == packet
    assert callable(change)
    with pytest.raises(WireError):
        frames.checked_packet(change(packet))
    with pytest.raises(WireError):
        frames.checked_packet(Packet(nobody, nobody, payload=bytes(1471)).encode())


def waiting(outbox: Outbox) -> list[Frame]:
    splitter, found = Splitter(), list[Frame]()
    while outbox:
        found += splitter.feed(outbox.take())
    return found


def test_a_full_outbox_drops_the_oldest_packets_and_says_how_many() -> None:
    outbox = Outbox(size=3)
    assert [outbox.put(bytes([number])) for number in range(5)] == [True, True, True, False, False]
    outbox.notify(Frame(frames.RENUMBERED, b"old"))
    outbox.notify(Frame(frames.RENUMBERED, b"new"))
    assert waiting(outbox) == [
        Frame(frames.RENUMBERED, b"new"),
        Frame(frames.LOST, b"\0\0\0\2"),
        *(Frame(frames.PACKET, bytes([number])) for number in (2, 3, 4)),
    ]
    outbox.put(b"next")
    assert waiting(outbox) == [Frame(frames.PACKET, b"next")]


def test_an_outbox_gives_out_some_packets_at_a_time() -> None:
    outbox = Outbox()
    for number in range(BATCH + 1):
        outbox.put(bytes([number]))
    assert len(list(Splitter().feed(outbox.take()))) == BATCH
    assert len(waiting(outbox)) == 1
