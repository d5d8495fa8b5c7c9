"""What an outbox does with what the kernel takes, refuses, or does not take yet."""

import contextlib
import ctypes
import errno
import socket
from collections.abc import Callable

import pytest

from nwip.dataplane import outbox as module
from nwip.dataplane.arena import SLOTS, STRIDE, Arena
from nwip.dataplane.kernel import Iovec, Mmsghdr
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.sockaddr import endpoint_of, sockaddr
from nwip.directory.records import Endpoint

EVERYTHING = 1 << 20
SIZE = 16


class Script:
    """A `sendmmsg` that takes so many messages a call, or fails with an error; `sent` is what went out."""

    def __init__(self, *outcomes: int | str) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[tuple[Endpoint, bytes]] = []
        self.waits = 0
        self.writable = True

    def sendmmsg(self, descriptor: int, messages: ctypes.c_void_p, count: int, flags: int) -> int:
        assert (descriptor, flags) == (7, socket.MSG_DONTWAIT)
        outcome = self.outcomes.pop(0) if self.outcomes else EVERYTHING
        if isinstance(outcome, str):
            ctypes.set_errno(getattr(errno, outcome))
            return -1
        taken = min(outcome, count)
        for index in range(taken):
            assert messages.value
            header = Mmsghdr.from_address(messages.value + index * ctypes.sizeof(Mmsghdr)).header
            vector = Iovec.from_address(header.iov)
            name = ctypes.string_at(header.name, header.name_length)
            self.sent.append((endpoint_of(name), ctypes.string_at(vector.base, vector.length)))
        return taken

    def is_writable(self, _descriptor: int) -> bool:
        self.waits += 1
        return self.writable


@pytest.fixture
def arena() -> Arena:
    """Return slots that each hold their own number, twice."""
    arena = Arena(SIZE)
    for slot in range(SLOTS):
        arena.buffer[slot * STRIDE : slot * STRIDE + 2] = bytes([slot, slot])
    return arena


Sending = Callable[[Script], tuple[int, list[int]]]


@pytest.fixture
def sending(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Sending:
    """Return what sends five messages by a script, and says how many were refused and which went out."""

    def send(script: Script, count: int = 5) -> tuple[int, list[int]]:
        return sent_by(script, monkeypatch, arena, count)

    return send


def sent_by(
    script: Script, monkeypatch: pytest.MonkeyPatch, arena: Arena, count: int
) -> tuple[int, list[int]]:
    monkeypatch.setattr(module, "sendmmsg", script.sendmmsg)
    monkeypatch.setattr(module, "_writable", script.is_writable)
    outbox = Outbox(arena.base, SIZE)
    outbox.set_lengths(bytearray(count), bytearray([2] * count))
    to = b"".join(sockaddr(("10.0.0.1", 1000 + slot), socket.AF_INET) for slot in range(count))
    refused = outbox.send(7, to, count)
    assert all(at[1] == 1000 + data[0] and data == data[:1] * 2 for at, data in script.sent)
    return refused, [data[0] for _, data in script.sent]


@pytest.mark.parametrize(
    ("outcomes", "refused", "sent", "waits"),
    [
        ((), 0, [0, 1, 2, 3, 4], 0),
        ((2,), 0, [0, 1, 2, 3, 4], 0),
        ((1, 1, 1, 1, 1), 0, [0, 1, 2, 3, 4], 0),
        (("EAGAIN",), 0, [0, 1, 2, 3, 4], 1),
        ((2, "EAGAIN", 1, "EAGAIN"), 0, [0, 1, 2, 3, 4], 2),
        ((2, "EAGAIN", "EAGAIN"), 3, [0, 1], 1),
        (("EINTR", "EINTR"), 0, [0, 1, 2, 3, 4], 0),
        ((2, "EINTR"), 0, [0, 1, 2, 3, 4], 0),
        (("EMSGSIZE",), 1, [1, 2, 3, 4], 0),
        ((2, "EPERM"), 1, [0, 1, 3, 4], 0),
        ((2, "ENETUNREACH", "EHOSTUNREACH"), 2, [0, 1, 4], 0),
        ((4, "EPERM"), 1, [0, 1, 2, 3], 0),
        (("EPERM", "EMSGSIZE", "EPERM", "EINVAL", "EPERM"), 5, [], 0),
        (("EPERM", 1, "EAGAIN", "EPERM", 1), 2, [1, 3, 4], 1),
        (("EBADF",) * 5, 5, [], 0),
    ],
)
def test_what_the_kernel_refuses_is_counted_and_the_rest_goes_on_in_order(
    outcomes: tuple[int | str, ...],
    refused: int,
    sent: list[int],
    waits: int,
    sending: Sending,
) -> None:
    script = Script(*outcomes)
    assert sending(script) == (refused, sent)
    assert script.waits == waits
    assert script.outcomes == []


def test_a_buffer_that_stays_full_is_not_waited_for_again(sending: Sending) -> None:
    script = Script(1, "EAGAIN")
    script.writable = False
    assert sending(script) == (4, [0])
    assert script.waits == 1


def test_picked_slots_go_with_their_own_lengths_in_the_order_given(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    monkeypatch.setattr(module, "sendmmsg", script.sendmmsg)
    outbox = Outbox(arena.base, SIZE)
    outbox.pick([63, 0, 7], [1, 0, 300])
    name = sockaddr(("10.0.0.1", 9), socket.AF_INET)
    assert outbox.send(7, name * 3, 3) == 0
    zeros = bytes(298)
    assert [data for _, data in script.sent] == [b"\x3f", b"", b"\x07\x07" + zeros]


def test_messages_can_be_sent_from_any_one_on(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(1, "EPERM")
    monkeypatch.setattr(module, "sendmmsg", script.sendmmsg)
    outbox = Outbox(arena.base, SIZE)
    outbox.set_lengths(bytearray(SLOTS), bytearray([2] * SLOTS))
    assert outbox.send_from(7, 60, sockaddr(("10.0.0.1", 9), socket.AF_INET) * 4, 4) == 1
    assert [data[0] for _, data in script.sent] == [60, 62, 63]
    assert {to for to, _ in script.sent} == {("10.0.0.1", 9)}


def test_the_kernel_itself_refuses_one_and_takes_the_rest(arena: Arena) -> None:
    """A broadcast without leave between two good messages: the kernel's own words."""
    with socket.socket(type=socket.SOCK_DGRAM) as here, socket.socket(type=socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(10)
        outbox = Outbox(arena.base, SIZE)
        outbox.set_lengths(bytearray(3), bytearray([2] * 3))
        good = sockaddr(there.getsockname(), socket.AF_INET)
        assert (
            outbox.send(here.fileno(), good + sockaddr(("255.255.255.255", 9), socket.AF_INET) + good, 3) == 1
        )
        assert [there.recv(9), there.recv(9)] == [b"\0\0", b"\2\2"]


def test_a_full_send_buffer_is_seen_and_room_in_it_too() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        here.setblocking(False)
        assert module._writable(here.fileno())
        with contextlib.suppress(BlockingIOError):
            while True:
                here.send(bytes(1000))
        assert not module._writable(here.fileno())
