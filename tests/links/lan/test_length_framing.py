"""Frames on a stream, whatever the pieces in which they come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.links.lan.length_framing import LARGEST_FRAME, FrameSplitter, prefixed

frames = st.lists(st.binary(min_size=14, max_size=300), max_size=8)


def in_pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    return [stream[start:end] for start, end in pairwise(places)]


@given(frames, st.lists(st.integers(min_value=0, max_value=4000), max_size=12))
def test_frames_come_out_whole_however_the_stream_is_cut(sent: list[bytes], cuts: list[int]) -> None:
    splitter = FrameSplitter()
    stream = b"".join(map(prefixed, sent))
    assert [frame for piece in in_pieces(stream, cuts) for frame in splitter.feed(piece)] == sent
    assert splitter.flaw is None


def test_the_length_is_four_octets_big_endian_and_does_not_count_itself() -> None:
    assert prefixed(b"x" * 300)[:5] == b"\0\0\x01\x2cx"


@pytest.mark.parametrize("missing", range(1, 64))
def test_a_truncated_frame_is_waited_for(missing: int) -> None:
    splitter, whole = FrameSplitter(), prefixed(bytes(60))
    assert splitter.feed(whole[:-missing]) == []
    assert splitter.flaw is None
    assert splitter.feed(whole[-missing:]) == [bytes(60)]


def test_the_largest_frame_passes_and_a_larger_announcement_ends_the_reading() -> None:
    splitter = FrameSplitter()
    largest = bytes(LARGEST_FRAME)
    giant = (LARGEST_FRAME + 1).to_bytes(4, "big")
    assert splitter.feed(prefixed(largest) + prefixed(bytes(60)) + giant) == [largest, bytes(60)]
    assert splitter.flaw == "announces a frame of more than 65535 octets"
    assert splitter.feed(prefixed(bytes(60))) == []


def test_an_announcement_of_four_gigabytes_holds_no_memory() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"\xff\xff\xff\xff" + bytes(60_000)) == []
    assert splitter.flaw is not None
    assert len(splitter._buffer) == 0


@pytest.mark.parametrize("size", [0, 1, 13])
def test_a_runt_is_left_out_and_what_follows_is_read(size: int) -> None:
    splitter = FrameSplitter()
    assert splitter.feed(prefixed(bytes(size)) + prefixed(bytes(14))) == [bytes(14)]
    assert splitter.runts == 1
