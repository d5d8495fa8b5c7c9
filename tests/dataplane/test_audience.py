"""What goes to an audience: to whom, in which order, and what is told of what the kernel refused."""

import ctypes
import errno
import socket
from collections.abc import Callable

import pytest

from nwip.dataplane import audience as module
from nwip.dataplane import outbox
from nwip.dataplane.arena import address_of
from nwip.dataplane.audience import BLOCK, Audience
from nwip.dataplane.kernel import Iovec, Mmsghdr
from nwip.dataplane.sockaddr import endpoint_of, sockaddr

SIZE = 16
DESCRIPTOR = 7

Copy = tuple[int, bytes]
"""The number of a listener, and what it got."""


class Hall:
    """An audience of so many, numbered from 0, and a kernel that refuses some; `calls` are its sizes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.audience = Audience(SIZE)
        self.audience.names = lambda: map(name, range(self.count))
        self.count = count
        self.copies: list[Copy] = []
        self.calls: list[int] = []
        self.refuses: Callable[[Copy], bool] = lambda _copy: False
        self.memory = bytearray(b"abcdefghijklmnopqrstuvwxyz")
        self.base = address_of(self.memory)
        for each in (module, outbox):
            monkeypatch.setattr(each, "sendmmsg", self._sendmmsg)

    def repeat(self, places: list[int], length: int, besides: bytes | None = None) -> tuple[int, int]:
        return self.audience.repeat(DESCRIPTOR, [self.base + at for at in places], length, besides)

    def take(self) -> list[Copy]:
        copies, self.copies = self.copies, []
        return copies

    def _sendmmsg(self, descriptor: int, messages: ctypes.c_void_p, count: int, flags: int) -> int:
        assert (descriptor, flags) == (DESCRIPTOR, socket.MSG_DONTWAIT)
        assert messages.value
        self.calls.append(count)
        for index in range(count):
            header = Mmsghdr.from_address(messages.value + index * ctypes.sizeof(Mmsghdr)).header
            assert header.iov_length == 1
            vector = Iovec.from_address(header.iov)
            (_, port) = endpoint_of(ctypes.string_at(header.name, header.name_length))
            copy = port - 1000, ctypes.string_at(vector.base, vector.length)
            if self.refuses(copy):
                ctypes.set_errno(errno.EPERM)
                return index or -1
            self.copies.append(copy)
        return count


def name(number: int) -> bytes:
    return sockaddr(("10.0.0.1", 1000 + number), socket.AF_INET)


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Hall:
    return Hall(monkeypatch, 3)


def test_several_packets_go_to_all_but_one_in_order_with_one_call(hall: Hall) -> None:
    assert hall.repeat([0, 4, 2], 2, name(1)) == (6, 0)
    assert hall.take() == [(0, b"ab"), (2, b"ab"), (0, b"ef"), (2, b"ef"), (0, b"cd"), (2, b"cd")]
    assert hall.calls == [6]


def test_who_is_not_of_the_audience_cannot_be_left_out(hall: Hall) -> None:
    assert hall.repeat([0], 1, name(9)) == (3, 0)
    assert hall.take() == [(0, b"a"), (1, b"a"), (2, b"a")]
    assert hall.audience.send(DESCRIPTOR, b"own") == (3, 0)
    assert hall.take() == [(0, b"own"), (1, b"own"), (2, b"own")]


def test_whatever_changes_from_call_to_call_is_sent_as_it_is_now(hall: Hall) -> None:
    hall.repeat([0, 4], 2, name(1))
    hall.take()
    hall.memory[:2] = b"AB"
    for places, length, besides, told in (
        ([0], 2, name(1), [(0, b"AB"), (2, b"AB")]),
        ([0, 4], 2, name(1), [(0, b"AB"), (2, b"AB"), (0, b"ef"), (2, b"ef")]),
        ([4], 2, name(1), [(0, b"ef"), (2, b"ef")]),
        ([4], 3, name(1), [(0, b"efg"), (2, b"efg")]),
        ([4], 3, name(2), [(0, b"efg"), (1, b"efg")]),
        ([4, 0, 8], 1, name(2), [(n, one) for one in (b"e", b"A", b"i") for n in (0, 1)]),
    ):
        hall.repeat(places, length, besides)
        assert hall.take() == told
    hall.audience.send(DESCRIPTOR, b"one", name(0))
    hall.audience.send(DESCRIPTOR, b"two", name(0))
    assert hall.take() == [(1, b"one"), (2, b"one"), (1, b"two"), (2, b"two")]


def test_who_comes_and_goes_is_known_as_soon_as_it_is_said(hall: Hall) -> None:
    hall.repeat([0], 1, name(0))
    hall.count = 4
    hall.repeat([0], 1, name(0))
    assert [number for number, _ in hall.take()] == [1, 2, 1, 2]
    hall.audience.changed()
    assert hall.repeat([0], 1, name(0)) == (3, 0)
    assert [number for number, _ in hall.take()] == [1, 2, 3]
    hall.count = 0
    hall.audience.changed()
    assert hall.repeat([0, 1], 1, name(0)) == (0, 0)
    assert (hall.take(), len(hall.audience)) == ([], 0)


@pytest.mark.parametrize("count", [BLOCK // 2, BLOCK // 2 + 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_no_call_is_too_large_and_all_get_all_in_order(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    hall = Hall(monkeypatch, count)
    for _ in range(2):
        assert hall.repeat([0, 1, 2], 1) == (3 * count, 0)
        copies = hall.take()
        assert sorted(copies) == sorted((each, one) for one in (b"a", b"b", b"c") for each in range(count))
        for each in (0, count - 1):
            assert [one for number, one in copies if number == each] == [b"a", b"b", b"c"]
    assert max(hall.calls) <= BLOCK


def test_what_is_refused_is_counted_and_the_others_go(hall: Hall) -> None:
    hall.refuses = lambda copy: copy in {(1, b"a"), (0, b"b"), (2, b"c")}
    assert hall.repeat([0, 1, 2], 1) == (6, 3)
    assert hall.take() == [(0, b"a"), (2, b"a"), (1, b"b"), (2, b"b"), (0, b"c"), (1, b"c")]
