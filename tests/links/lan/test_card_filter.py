"""The filter that runs in the kernel takes just what the engine can read; the kernel itself is the judge."""

import ctypes
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nwip.dataplane.packet_filter import SO_ATTACH_FILTER
from nwip.ipx.frames import MAXIMUM_BODY, Frame, FrameType
from nwip.links.lan.card_filter import instructions
from nwip.links.lan.reading import HEADERS, frame_type_of


@pytest.fixture(scope="module")
def filtered() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give two ends of a pair of which the second has the filter: the kernel runs it on any datagram."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    program = instructions()
    memory = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(program) // 8, ctypes.addressof(memory))
    with here, there:
        there.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
        there.setblocking(False)
        yield here, there


def passes(ends: tuple[socket.socket, socket.socket], octets: bytes) -> bool:
    here, there = ends
    here.send(octets)
    try:
        return there.recv(65536) == octets
    except BlockingIOError:
        return False


@pytest.mark.parametrize("frame_type", FrameType)
def test_ipx_passes_whole_in_every_frame_type(
    filtered: tuple[socket.socket, socket.socket], frame_type: FrameType
) -> None:
    size = frame_type.maximum_packet
    packet = b"\xff\xff" + size.to_bytes(2, "big") + bytes(size - 4)
    assert passes(filtered, Frame.of(b"\x02" * 6, b"\x04" * 6, frame_type, packet).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(min_size=1, max_size=80),
        st.builds(
            lambda kind, header, rest: bytes(12) + kind.to_bytes(2, "big") + header + rest,
            st.one_of(
                st.integers(0, 0xFFFF), st.sampled_from((0x8137, 0x8100, MAXIMUM_BODY, MAXIMUM_BODY + 1))
            ),
            st.sampled_from(
                (*HEADERS.values(), b"\xff\xff", b"\xff", b"\xe0\xe0\xbf", b"\xaa\xaa\x03\0\0\x0c\x81\x37")
            ),
            st.binary(max_size=40),
        ),
    )
)
def test_the_kernel_takes_what_the_engine_reads_and_nothing_else(
    filtered: tuple[socket.socket, socket.socket], octets: bytes
) -> None:
    assert passes(filtered, octets) is (frame_type_of(octets) is not None)
