"""The header fields of a batch, by column, held against a look at each packet by itself."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.dataplane import headers, pings
from nwip.dataplane.arena import SLOTS, STRIDE

MAXIMUM = 1424
LENGTHS = [0, 1, 29, 30, 31, 255, 256, 576, 1279, 1280, 1423, 1424, 1425, 1536, 2112]
NETWORK = b"\xc0\xff\xee\x01"


def header(
    length: int = 50,
    *,
    said: int | None = None,
    checksum: bytes = b"\xff\xff",
    hops: int = 0,
    socket: int = 0x869C,
) -> tuple[int, bytes]:
    """Return how long a datagram is, and its first octets."""
    said = length if said is None else said
    start = checksum + said.to_bytes(2, "big") + bytes([hops, 4]) + bytes(10) + socket.to_bytes(2, "big")
    return length, start.ljust(30, b"\0")


def batch(packets: Sequence[tuple[int, bytes]]) -> tuple[bytearray, bytearray, bytearray]:
    """Return a buffer with packets in their slots, and the octets of their lengths."""
    buffer = bytearray(b"\xa5" * (SLOTS * STRIDE))
    for slot, (_, octets) in enumerate(packets):
        buffer[slot * STRIDE : slot * STRIDE + len(octets)] = octets
    lengths = [length for length, _ in packets]
    return buffer, bytearray(each >> 8 for each in lengths), bytearray(each & 255 for each in lengths)


@given(st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=SLOTS))
def test_octets_are_the_sum_unless_a_length_is_out_of_bounds(lengths: list[int]) -> None:
    _, high, low = batch([(length, b"") for length in lengths])
    fine = all(30 <= length <= MAXIMUM for length in lengths)
    assert headers.octets_of(high, low, MAXIMUM) == (sum(lengths) if fine else 0)


PACKETS = st.one_of(
    st.just(header()),
    st.builds(
        header,
        st.sampled_from([30, 50, 50, 1424]),
        said=st.sampled_from([None, None, None, 30, 49, 51, 306]),
        checksum=st.sampled_from([b"\xff\xff", b"\xff\xff", b"\xff\xff", b"\xff\x00", b"\x00\xff"]),
        hops=st.sampled_from([0, 0, 14, 15, 16, 255]),
        socket=st.sampled_from([0x869C, 0x869C, 2, 0x5502, 0x0200]),
    ),
)


def is_sound(packet: tuple[int, bytes], limit: int) -> bool:
    length, octets = packet
    said = int.from_bytes(octets[2:4], "big")
    return octets[:2] == b"\xff\xff" and said == length and octets[4] < limit and octets[17] != 2


def mere(packet: tuple[int, bytes]) -> tuple[int, bytes]:
    """Return a packet to a socket that says nothing."""
    length, octets = packet
    return length, octets[:16] + b"\x86\x9c" + octets[18:]


@given(st.lists(PACKETS, min_size=1, max_size=SLOTS), st.sampled_from([2, 15, 16, 127]))
def test_soundness_of_all_is_that_of_each(packets: list[tuple[int, bytes]], limit: int) -> None:
    buffer, high, low = batch(packets)
    each = [is_sound(packet, limit) for packet in packets]
    assert headers.are_sound(buffer, high, low, limit) is all(each)
    odd = headers.unsound(buffer, high, low, limit, MAXIMUM)
    mere_pings = pings.pings_of(buffer, len(packets))
    assert mere_pings == [slot for slot, (_, octets) in enumerate(packets) if octets[17] == 2]
    assert odd.isdisjoint(slot for slot, good in enumerate(each) if good)
    assert odd.union(mere_pings) == {slot for slot, good in enumerate(each) if not good}
    assert odd == {slot for slot, packet in enumerate(packets) if not is_sound(mere(packet), limit)}


@pytest.mark.parametrize("length", [29, 1425, 2112])
def test_a_length_out_of_bounds_is_not_sound(length: int) -> None:
    buffer, high, low = batch([header(), header(length), header()])
    assert headers.unsound(buffer, high, low, 16, MAXIMUM) == {1}


def test_pings_are_addressed_to_all_but_those_from_their_own_socket() -> None:
    buffer, _, _ = batch([header(socket=socket) for socket in (2, 2, 0x5502, 0x0200, 2)])
    buffer[STRIDE + 28 : STRIDE + 30] = b"\0\2"
    before = bytes(buffer)
    pings.address_to_all(buffer, range(4))
    assert buffer[10:16] == b"\xff" * 6
    assert buffer[:10] + before[10:16] + buffer[16:] == before


def test_hops_are_raised_by_one_and_never_over_255_and_nothing_else_changes() -> None:
    buffer, _, _ = batch([header(hops=hops) for hops in (0, 15, 254, 255, 7)])
    before = bytes(buffer)
    headers.raise_hops(buffer, 4)
    assert [buffer[slot * STRIDE + 4] for slot in range(6)] == [1, 16, 255, 255, 7, 0xA5]
    headers.raise_hops_besides(buffer, 5, {0, 3})
    assert [buffer[slot * STRIDE + 4] for slot in range(6)] == [1, 17, 255, 255, 8, 0xA5]
    differing = {at % STRIDE for at, (old, new) in enumerate(zip(before, buffer, strict=True)) if old != new}
    assert differing == {4}


def networks(buffer: bytearray, slot: int) -> tuple[bytes, bytes]:
    at = slot * STRIDE
    return bytes(buffer[at + 6 : at + 10]), bytes(buffer[at + 18 : at + 22])


def test_networks_are_filled_in_for_all() -> None:
    buffer, _, _ = batch([header()] * 3)
    assert headers.are_of_this_network(buffer, 3)
    headers.fill_networks(buffer, 2, NETWORK)
    assert [networks(buffer, slot) for slot in range(3)] == [(NETWORK, NETWORK)] * 2 + [(bytes(4), bytes(4))]
    assert not headers.are_of_this_network(buffer, 3)
    headers.fill_networks(buffer, 2, bytes(4))
    assert headers.are_of_this_network(buffer, 3)


@pytest.mark.parametrize("number", [b"\0\xc0\xff\xee", b"\0\0\0\1", b"\1\0\0\0", b"\0\1\0\0"])
def test_one_packet_of_this_network_is_seen_and_a_number_with_zeros_is_none(number: bytes) -> None:
    buffer, _, _ = batch([header()] * SLOTS)
    headers.fill_networks(buffer, SLOTS, number)
    assert not headers.have_this_network(buffer, SLOTS)
    for at in (6, 18):
        last = (SLOTS - 1) * STRIDE + at
        buffer[last : last + 4] = bytes(4)
        assert headers.have_this_network(buffer, SLOTS)
        assert not headers.have_this_network(buffer, SLOTS - 1)
        buffer[last : last + 4] = number


@pytest.mark.parametrize("at", [6, 7, 8, 9, 18, 19, 20, 21])
def test_one_octet_of_another_network_is_seen(at: int) -> None:
    buffer, _, _ = batch([header()] * SLOTS)
    buffer[(SLOTS - 1) * STRIDE + at] = 1
    assert not headers.are_of_this_network(buffer, SLOTS)
    assert headers.are_of_this_network(buffer, SLOTS - 1)


def test_networks_are_filled_in_for_some_where_they_are_zero() -> None:
    buffer, _, _ = batch([header()] * 4)
    other = b"\0\0\0\x01"
    buffer[STRIDE + 6 : STRIDE + 10] = other
    buffer[2 * STRIDE + 18 : 2 * STRIDE + 22] = other
    headers.fill_networks_of(buffer, [1, 2, 3], NETWORK)
    assert [networks(buffer, slot) for slot in range(4)] == [
        (bytes(4), bytes(4)),
        (other, NETWORK),
        (NETWORK, other),
        (NETWORK, NETWORK),
    ]
