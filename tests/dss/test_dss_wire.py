"""Frames and messages from hostile hands."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.dss.framing import FRAME_LIMIT, Splitter, frame
from nwip.dss.messages import Acknowledge, Message, decode, encode
from nwip.wire import WireError


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.randoms(use_true_random=False))
def test_a_stream_cut_anywhere_gives_the_same_messages(parts: list[bytes], rng: random.Random) -> None:
    stream = b"".join(frame(part) for part in parts)
    splitter = Splitter()
    found: list[bytes] = []
    while stream:
        size = rng.randint(1, len(stream))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == parts
    assert splitter.waiting == 0


@pytest.mark.parametrize("length", [0, FRAME_LIMIT + 1, 0xFFFFFFFF])
def test_a_length_outside_the_limits_is_a_wire_error_behind_the_messages_before_it(length: int) -> None:
    stream = Splitter().feed(frame(b"x") + length.to_bytes(4, "big"))
    assert next(stream) == b"x"
    with pytest.raises(WireError):
        next(stream)


def test_a_message_over_the_limit_is_not_framed() -> None:
    with pytest.raises(WireError):
        frame(bytes(FRAME_LIMIT + 1))


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_wire_error(data: bytes) -> None:
    try:
        message = decode(data)
    except WireError:
        return
    assert message is None or isinstance(message, Message)


@given(st.integers(1, 17), st.lists(st.one_of(st.integers(), st.text(max_size=5), st.binary(max_size=17))))
def test_any_fields_behind_a_known_tag_are_a_message_or_a_wire_error(tag: int, fields: list[object]) -> None:
    try:
        data = msgspec.msgpack.encode([tag, *fields])
    except OverflowError:
        return
    try:
        message = decode(data)
    except WireError:
        return
    assert isinstance(message, Message)
    assert decode(encode(message)) == message


@given(st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=30))
def test_a_changed_octet_never_raises_anything_else(request: int, noise: bytes) -> None:
    data = bytearray(encode(Acknowledge(request)))
    for index, octet in enumerate(noise):
        data[index % len(data)] ^= octet
    try:
        decode(bytes(data))
    except WireError:
        return
