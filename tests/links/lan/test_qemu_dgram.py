"""Media on pairs of datagram sockets, with plain sockets at the other end."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from links.lan.inbox import Inbox, frame
from nwip.links.lan.qemu_dgram import QUEUE_LIMIT, UdpPairMedium, UnixPairMedium

pytestmark = pytest.mark.asyncio


@pytest.fixture
def udp_end() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def unix_end(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(5)
    return sock


async def test_frames_pass_between_two_udp_ports_and_from_nowhere_else(udp_end: socket.socket) -> None:
    medium, inbox = UdpPairMedium(("127.0.0.1", 0), udp_end.getsockname()), Inbox()
    await medium.open(inbox)
    assert isinstance(medium.end, tuple)
    assert medium.send(frame(1, 1514))
    assert udp_end.recv(65536) == frame(1, 1514)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(frame(2), medium.end)
    udp_end.sendto(frame(3), medium.end)
    assert await inbox.holds(1) == [frame(3)]
    assert medium.counters.drops == {"not from the other end": 1}
    await medium.close()
    await medium.close()
    assert not medium.send(frame(4))


async def test_an_udp_port_in_use_is_an_error(udp_end: socket.socket) -> None:
    with pytest.raises(OSError, match="in use"):
        await UdpPairMedium(udp_end.getsockname(), ("127.0.0.1", 9)).open(Inbox())


async def test_frames_pass_between_two_unix_sockets_and_from_nowhere_else(tmp_path: Path) -> None:
    medium, inbox = UnixPairMedium(tmp_path / "ours", tmp_path / "theirs"), Inbox()
    await medium.open(inbox)
    assert not medium.send(frame(0))  # QEMU is not there
    with unix_end(tmp_path / "theirs") as end, unix_end(tmp_path / "stranger") as stranger:
        assert medium.send(frame(1, 1514))
        assert end.recv(65536) == frame(1, 1514)
        stranger.sendto(frame(2), str(tmp_path / "ours"))
        end.sendto(frame(3), str(tmp_path / "ours"))
        assert await inbox.holds(1) == [frame(3)]
    assert medium.counters.drops == {"not from the other end": 1}
    assert not medium.send(frame(4))  # it has gone
    await medium.close()
    await medium.close()
    assert not (tmp_path / "ours").exists()


async def test_a_burst_waits_for_a_unix_reader_in_order_and_what_is_beyond_the_bound_is_counted(
    tmp_path: Path,
) -> None:
    medium = UnixPairMedium(tmp_path / "ours", tmp_path / "theirs")
    await medium.open(Inbox())
    with unix_end(tmp_path / "theirs") as end:
        end.setblocking(False)
        taken = 0
        while medium.send(frame(taken)):
            taken += 1
        assert taken > QUEUE_LIMIT
        assert medium.counters.drops == {"slow reader": 1}
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            got = [await loop.sock_recv(end, 65536) for _ in range(taken)]
        assert got == [frame(number) for number in range(taken)]
    await medium.close()


async def test_what_waits_for_a_unix_reader_that_goes_is_dropped_and_counted(tmp_path: Path) -> None:
    medium = UnixPairMedium(tmp_path / "ours", tmp_path / "theirs")
    await medium.open(Inbox())
    with unix_end(tmp_path / "theirs"):
        while not medium._waiting:
            assert medium.send(frame(1))
        assert medium.send(frame(2))
    async with asyncio.timeout(5):
        while medium._waiting:
            await asyncio.sleep(0)
    assert medium.counters.drops == {"no reader": 2}
    await medium.close()


async def test_a_unix_socket_that_another_uses_is_an_error(tmp_path: Path) -> None:
    with (
        unix_end(tmp_path / "ours"),
        pytest.raises(OSError, match="another program uses this socket"),
    ):
        await UnixPairMedium(tmp_path / "ours", tmp_path / "theirs").open(Inbox())
    medium = UnixPairMedium(tmp_path / "ours", tmp_path / "theirs")
    await medium.open(Inbox())  # nobody uses it any more
    await medium.close()
