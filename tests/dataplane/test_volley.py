"""Many datagrams with one call, on real sockets."""

import socket
from collections.abc import Iterator

import pytest

from nwip.dataplane.arena import SLOTS
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import open_port
from nwip.dataplane.volley import ROOM, Volley
from nwip.links.base import Counters

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not IS_THERE, reason="needs sendmmsg"),
]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def batched(host: str = "127.0.0.1", *, fragments: bool = True) -> BatchedPort:
    port = open_port((host, 0), lambda _: None, books=Counters(), fragments=fragments)
    assert isinstance(port, BatchedPort)
    return port


async def test_all_arrive_in_order_whatever_their_sizes(listener: socket.socket) -> None:
    port = batched()
    sent = [bytes([number]) * (number * 13 % 1472) for number in range(60)]
    assert Volley(port).send(sent, listener.getsockname()) == 0
    assert [listener.recv(2048) for _ in sent] == sent
    port.close()


async def test_what_does_not_fit_is_refused_and_the_next_goes_on(listener: socket.socket) -> None:
    port = batched()
    volley = Volley(port)
    to = listener.getsockname()
    assert volley.send([b"x"] * (SLOTS + 1), to) == SLOTS + 1
    assert volley.send([bytes(ROOM), b"x"], to) == 2
    assert volley.send([b"a", b"b"], ("::1", to[1])) == 2
    assert volley.send([b"a", bytes(65508), b"c"], to) == 1
    assert [listener.recv(2048) for _ in range(2)] == [b"a", b"c"]
    port.close()
    assert volley.send([b"a", b"b"], to) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_without_fragments_asks_the_kernel_for_none(host: str) -> None:
    whole, parted = batched(host, fragments=False), batched(host)
    option = (socket.IPPROTO_IP, 10) if host == "127.0.0.1" else (socket.IPPROTO_IPV6, 23)
    kept = [port._socket.getsockopt(*option) for port in (whole, parted)]
    assert kept[0] == 3
    assert kept[1] != 3
    for port in (whole, parted):
        port.close()
