"""The room that the kernel gives to what waits, and what it drops when that is full."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence

import pytest

from nwip.dataplane import buffers
from nwip.dataplane.buffers import FULL, MEND, RECEIVE_BUFFER, enlarge, granted, overflows
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BatchedPort, Datagram, PortablePort, described, open_port
from nwip.dataplane.port import overflows as lost_at
from nwip.links.base import Counters

KINDS = [True, *([False] if IS_THERE else [])]
SO_RCVBUFFORCE = 33


def test_a_larger_buffer_stays() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        enlarge(sock, 200_000)
        enlarge(sock, 100_000)
        assert granted(sock) == 200_000


class Kernel:
    """A socket whose kernel gives `most` octets, to those who may also more."""

    def __init__(self, most: int, *, privileged: bool) -> None:
        self.size = 0
        self._most, self._privileged = most, privileged

    def fileno(self) -> int:
        return 3

    def setsockopt(self, _level: int, option: int, value: int) -> None:
        if option == SO_RCVBUFFORCE:
            if not self._privileged:
                raise PermissionError
            self.size = 2 * value
        else:
            self.size = 2 * min(value, self._most)

    def getsockopt(self, _level: int, option: int, size: int = 0) -> int:
        assert (option, size) == (socket.SO_RCVBUF, 0)
        return self.size


@pytest.mark.skipif(not IS_THERE, reason="the kernel is Linux")
@pytest.mark.parametrize(
    ("most", "privileged", "given"),
    [
        (RECEIVE_BUFFER, False, RECEIVE_BUFFER),
        (212_992, True, RECEIVE_BUFFER),
        (212_992, False, 212_992),
    ],
)
def test_it_is_as_large_as_it_may_be_and_said_once_if_that_is_little(
    most: int, given: int, caplog: pytest.LogCaptureFixture, *, privileged: bool
) -> None:
    buffers._say_once.cache_clear()
    for _ in range(2):
        kernel = Kernel(most, privileged=privileged)
        enlarge(kernel)  # type: ignore[arg-type] # as much of a socket as it needs
        assert granted(kernel) == given  # type: ignore[arg-type] # the same
    told = [message for message in caplog.messages if MEND in message]
    assert len(told) == (given < RECEIVE_BUFFER)
    buffers._say_once.cache_clear()


@pytest.mark.asyncio
@pytest.mark.parametrize("portable", KINDS)
async def test_what_did_not_fit_is_counted_when_asked_for(*, portable: bool) -> None:
    counters = Counters()
    came: list[bytes] = []
    done = asyncio.Event()

    def take(batch: Sequence[Datagram]) -> None:
        came.extend(data for data, _ in batch)
        done.set()

    port = open_port(("127.0.0.1", 0), take, books=counters, portable=portable)
    assert isinstance(port, PortablePort)
    assert isinstance(port, BatchedPort) is not portable
    counters.overflows = lambda: lost_at([port])
    assert counters.all_drops() == {}
    port._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        for _ in range(200):
            peer.sendto(bytes(1000), port.endpoint)
    async with asyncio.timeout(10):
        await done.wait()
    if not overflows(port._socket):
        pytest.skip("this kernel does not say what it drops")
    assert counters.all_drops() == {FULL: 200 - len(came)}
    assert counters.drops == {}
    assert described([port])["receive buffer"].endswith(MEND)
    port.close()
    assert counters.all_drops() == {}
    assert lost_at([port]) == 0


def test_a_closed_socket_and_one_of_another_kind_have_lost_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with contextlib.closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        assert overflows(sock) == 0
    assert overflows(sock) == granted(sock) == 0
    assert caplog.messages == []
