"""Ports of both kinds, on real loopback sockets."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from nwip.dataplane.arena import STRIDE
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BUDGET, BatchedPort, Datagram, PortablePort, Received, open_port
from nwip.directory.records import Endpoint
from nwip.links.base import Counters

pytestmark = pytest.mark.asyncio

LOOPBACK: Endpoint = ("127.0.0.1", 0)
LARGEST_PAYLOAD = 65507  # RFC 768 and 791: 65535 without the headers
LINUX_TRUESIZE = 1280  # more than Linux charges a receive buffer for a small datagram


class Inbox:
    """Keeps the batches of a port."""

    def __init__(self) -> None:
        self.batches: list[list[Datagram]] = []
        self._something = asyncio.Event()

    def __call__(self, batch: Sequence[Datagram]) -> None:
        self.batches.append(list(batch))
        self._something.set()

    @property
    def payloads(self) -> list[bytes]:
        return [data for batch in self.batches for data, _ in batch]

    async def holds(self, count: int) -> None:
        """Wait until so many datagrams are there."""
        async with asyncio.timeout(10):
            while len(self.payloads) < count:
                self._something.clear()
                await self._something.wait()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(LOOPBACK)
        sock.settimeout(10)
        yield sock


KINDS = ["portable", *(["batched"] if IS_THERE else [])]


@pytest.fixture(params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> str:
    """Return which kind of port is under test."""
    name: str = request.param
    opening.options = {"portable": name == "portable"}
    return name


class Opening:
    """How ports are opened at present."""

    options: dict[str, bool]

    def __call__(
        self, at: Endpoint, received: Received, *, broadcast: bool = False, shared: bool = False
    ) -> PortablePort:
        plain = self.options["portable"]
        port = open_port(at, received, broadcast=broadcast, shared=shared, books=Counters(), portable=plain)
        assert isinstance(port, PortablePort)
        assert isinstance(port, BatchedPort) is not self.options["portable"]
        return port


opening = Opening()


@contextlib.asynccontextmanager
async def opened(at: Endpoint = LOOPBACK) -> AsyncIterator[tuple[PortablePort, Inbox]]:
    inbox = Inbox()
    port = opening(at, inbox)
    try:
        yield port, inbox
    finally:
        port.close()


async def test_a_datagram_arrives_whole_with_the_endpoint_it_came_from(
    peer: socket.socket, kind: str
) -> None:
    async with opened() as (port, inbox):
        sent = [b"", b"\0" * 1500, bytes(range(256)) * 255]
        for data in sent:
            peer.sendto(data, port.endpoint)
        await inbox.holds(3)
        most = STRIDE if kind == "batched" else None  # longer than any packet
        assert [entry for batch in inbox.batches for entry in batch] == [
            (data[:most], peer.getsockname()) for data in sent
        ]


async def test_a_datagram_leaves_from_the_ports_own_endpoint(peer: socket.socket) -> None:
    async with opened() as (port, _):
        assert port.send(b"hello", peer.getsockname())
        assert peer.recvfrom(100) == (b"hello", port.endpoint)
        assert port.refused == 0


async def test_endpoints_of_ipv6_are_address_and_port_too() -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with opened(("::1", 0)) as (port, inbox), opened(("::1", 0)) as (other, _):
        assert other.send(b"six", port.endpoint)
        await inbox.holds(1)
        assert inbox.batches == [[(b"six", other.endpoint)]]
        assert len(other.endpoint) == 2


async def test_all_of_ipv6_leaves_all_of_ipv4_its_port() -> None:
    first, second = Inbox(), Inbox()
    wildcard = open_port(("0.0.0.0", 0), first)
    with contextlib.closing(wildcard):
        both = open_port(("::", wildcard.endpoint[1]), second)
        with contextlib.closing(both), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"six", ("::1", both.endpoint[1]))
            await second.holds(1)
    assert second.payloads == [b"six"]
    assert not first.batches


async def test_what_the_kernel_does_not_take_is_refused_and_counted(peer: socket.socket) -> None:
    async with opened() as (port, _):
        to = peer.getsockname()
        assert port.send(bytes(LARGEST_PAYLOAD), to)
        assert not port.send(bytes(LARGEST_PAYLOAD + 1), to)
        assert not port.send(b"to no port", ("127.0.0.1", 0))
        assert not port.send(b"to the other kind of address", ("::1", 9))
        assert not port.send(b"a broadcast without leave", ("255.255.255.255", 9))
        assert port.refused == 4


async def test_a_closed_port_sends_nothing_reports_nothing_and_may_be_closed_again(
    peer: socket.socket,
) -> None:
    async with opened() as (port, inbox):
        peer.sendto(b"late", port.endpoint)
        port.close()
        port.close()
        await asyncio.sleep(0)
        assert not port.send(b"later", peer.getsockname())
        assert port.refused == 1
        assert inbox.batches == []
        async with opened(port.endpoint) as (successor, heard):
            peer.sendto(b"new", successor.endpoint)
            await heard.holds(1)
        assert inbox.batches == []


async def test_a_port_that_is_closed_by_whoever_takes_its_batch_reports_no_more(peer: socket.socket) -> None:
    closed = asyncio.Event()

    def close(batch: Sequence[Datagram]) -> None:
        assert not closed.is_set()
        port.close()
        closed.set()

    port = opening(LOOPBACK, close)
    for _ in range(BUDGET + 1):
        peer.sendto(b"", port.endpoint)
    async with asyncio.timeout(10):
        await closed.wait()
    await asyncio.sleep(0)


async def test_a_burst_loses_nothing_comes_in_order_and_in_batches_with_turns_for_others_between(
    peer: socket.socket,
) -> None:
    async with opened() as (port, inbox):
        room = port._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        burst = [index.to_bytes(4, "big") for index in range(min(3000, room // LINUX_TRUESIZE))]
        assert len(burst) > 2 * BUDGET
        for data in burst:
            peer.sendto(data, port.endpoint)

        loop = asyncio.get_running_loop()
        batches_at_turn: list[int] = []

        def other_work() -> None:
            batches_at_turn.append(len(inbox.batches))
            loop.call_soon(other_work)

        other_work()
        await inbox.holds(len(burst))
        assert inbox.payloads == burst
        assert max(map(len, inbox.batches)) == BUDGET
        assert min(map(len, inbox.batches)) > 0
        assert set(range(len(inbox.batches))) <= set(batches_at_turn)


@pytest.mark.skipif(sys.platform != "linux", reason="ICMP errors are shown on connected sockets of Linux")
async def test_an_icmp_error_of_an_earlier_send_does_not_stop_the_drain(kind: str) -> None:
    """Stand in for systems that show such errors on every socket: connected ones show them on Linux."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(LOOPBACK)
        there = gone.getsockname()
    inbox = Inbox()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(LOOPBACK)
    sock.connect(there)
    port = BatchedPort(sock, inbox, Counters()) if kind == "batched" else PortablePort(sock, inbox)
    try:
        assert port.send(b"anyone?", there)
        for _ in range(3):
            await asyncio.sleep(0)  # a turn of the loop, in which the error alone is read
        assert inbox.batches == []
        assert port.send(b"anyone?", there)  # draws "port unreachable", which stands before what comes next
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
            back.bind(there)
            for data in (b"1", b"2"):
                back.sendto(data, port.endpoint)
            await inbox.holds(2)
        assert inbox.batches == [[(b"1", there), (b"2", there)]]
    finally:
        port.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
async def test_the_dont_fragment_bit_is_clear() -> None:
    async with opened() as (port, _):
        ip_mtu_discover, ip_pmtudisc_dont = 10, 0  # linux/in.h
        assert port._socket.getsockopt(socket.IPPROTO_IP, ip_mtu_discover) == ip_pmtudisc_dont


async def test_an_address_that_cannot_be_had_is_an_os_error_and_leaves_no_socket_open(
    peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []

    class Remembered(socket.socket):
        def __init__(self, family: int = -1, kind: int = -1) -> None:
            super().__init__(family, kind)
            made.append(self)

    monkeypatch.setattr("nwip.dataplane.port.socket.socket", Remembered)
    for at in (peer.getsockname(), ("198.51.100.1", 0)):
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            opening(at, Inbox())
    assert [sock.fileno() for sock in made] == [-1, -1]


async def test_shared_ports_may_have_one_address_and_others_may_not() -> None:
    inbox = Inbox()
    first = opening(LOOPBACK, inbox, shared=True)
    second = opening(first.endpoint, inbox, shared=True)
    with pytest.raises(OSError, match="in use"):
        opening(first.endpoint, inbox)
    first.close()
    second.close()


async def test_a_port_may_send_broadcasts_only_if_it_was_opened_for_it() -> None:
    for broadcast in (True, False):
        port = opening(LOOPBACK, Inbox(), broadcast=broadcast)
        assert isinstance(port, PortablePort)
        allowed = port._socket.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        assert bool(allowed) is broadcast
        port.close()


class LinkLocal:
    """A socket that has heard one datagram of a link-local address."""

    def __init__(self) -> None:
        self.heard = [(b"near", ("fe80::1", 9, 0, 1))]

    def fileno(self) -> int:
        return 0

    def getsockname(self) -> tuple[str, int, int, int]:
        return ("fe80::2", 9, 0, 1)

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[str, int, int, int]]:
        if not self.heard:
            raise BlockingIOError
        return self.heard.pop()


async def test_a_link_local_address_comes_with_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox()
    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", lambda *_: None)
    port = PortablePort(LinkLocal(), inbox)  # type: ignore[arg-type] # as much of a socket as it needs
    port._drain()
    assert inbox.batches == [[(b"near", (f"fe80::1%{socket.if_indextoname(1)}", 9))]]
