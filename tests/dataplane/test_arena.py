"""A batch as the kernel writes it into an arena, and the calls behind it."""

import ctypes
import errno
import platform
import socket
import sys
from collections.abc import Iterator

import pytest

from nwip.dataplane import kernel
from nwip.dataplane.arena import SLOTS, STRIDE, Arena
from nwip.dataplane.sockaddr import SIZES, endpoint_of

pytestmark = pytest.mark.skipif(not kernel.IS_THERE, reason="the calls are Linux's")

FAMILIES = {"IPv4": (socket.AF_INET, "127.0.0.1"), "IPv6": (socket.AF_INET6, "::1")}


@pytest.fixture(params=FAMILIES)
def sockets(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family, host = FAMILIES[request.param]
    with socket.socket(family, socket.SOCK_DGRAM) as here, socket.socket(family, socket.SOCK_DGRAM) as there:
        try:
            here.bind((host, 0))
            there.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        yield here, there


def test_datagrams_lie_in_slots_with_their_lengths_and_where_they_came_from(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    here, there = sockets
    arena = Arena(SIZES[here.family])
    sizes = [0, 1, 255, 256, 1500, STRIDE, STRIDE + 1, 9000]
    for index, size in enumerate(sizes):
        there.sendto(bytes([index]) * size, here.getsockname())
    assert arena.receive(here.fileno()) == len(sizes)
    cut = [min(size, STRIDE) for size in sizes]
    high, low = arena.lengths(len(sizes))
    assert [a << 8 | b for a, b in zip(high, low, strict=True)] == cut
    assert [arena.datagram(index) for index in range(len(sizes))] == [
        bytes([index]) * size for index, size in enumerate(cut)
    ]
    assert {endpoint_of(arena.name(index)) for index in range(len(sizes))} == {there.getsockname()[:2]}
    assert len(arena.names) == SLOTS * SIZES[here.family]
    assert arena.buffer[3 * STRIDE : 3 * STRIDE + 256] == bytes([3]) * 256


def test_at_most_a_batch_is_taken_and_nothing_is_a_reason(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    here, there = sockets
    arena = Arena(SIZES[here.family])
    for index in range(SLOTS + 3):
        there.sendto(bytes([index]), here.getsockname())
    assert arena.receive(here.fileno()) == SLOTS
    assert arena.datagram(SLOTS - 1) == bytes([SLOTS - 1])
    assert arena.receive(here.fileno()) == 3
    assert arena.datagram(2) == bytes([SLOTS + 2])
    assert arena.receive(here.fileno()) == -1
    assert kernel.errno_of() == errno.EAGAIN


def test_a_closed_descriptor_is_an_error_of_its_own() -> None:
    arena = Arena(SIZES[socket.AF_INET])
    assert arena.receive(-1) == -1
    assert kernel.errno_of() == errno.EBADF


def test_system_calls_do_the_same_as_the_librarys(
    sockets: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on musl, whose own calls are loops of single ones."""
    numbers = kernel._CALLS.get(platform.machine())
    if numbers is None:
        pytest.skip("the numbers of this processor's calls are not known")
    receive, send = kernel._system_calls(ctypes.CDLL(None, use_errno=True), *numbers)
    monkeypatch.setattr("nwip.dataplane.arena.recvmmsg", receive)
    monkeypatch.setattr("nwip.dataplane.outbox.sendmmsg", send)
    from nwip.dataplane.outbox import Outbox  # noqa: PLC0415 - behind the patch

    here, there = sockets
    arena = Arena(SIZES[here.family])
    there.settimeout(10)
    there.sendto(b"a", here.getsockname())
    there.sendto(b"bc", here.getsockname())
    assert arena.receive(here.fileno()) == 2
    outbox = Outbox(arena.base, SIZES[here.family])
    outbox.set_lengths(*arena.lengths(2))
    assert outbox.send(here.fileno(), arena.name(0) + arena.name(1), 2) == 0
    assert [there.recv(9), there.recv(9)] == [b"a", b"bc"]
    assert arena.receive(here.fileno()) == -1
    assert kernel.errno_of() == errno.EAGAIN
    assert outbox.send(-1, arena.name(0), 1) == 1


def test_elsewhere_than_on_linux_there_are_no_such_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert kernel._find() is None
    assert kernel._missing(1, 2, 3) == -1
    assert kernel.errno_of() == errno.ENOSYS
