"""What is counted for each other node: packets alone, packets in batches, copies to everybody."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import BatchedPort, open_port
from nwip.links.base import Counters
from nwip.links.peer_traffic import PeerTraffic, Traffic

pytestmark = pytest.mark.asyncio

PEER, OTHER = ("127.0.0.2", 43981), ("127.0.0.3", 43981)


@contextmanager
def opened() -> Iterator[BatchedPort]:
    port = open_port(("127.0.0.1", 0), lambda _: None, books=Counters())
    if not IS_THERE:
        port.close()
        pytest.skip("batches are Linux's")
    assert isinstance(port, BatchedPort)
    try:
        yield port
    finally:
        port.close()


async def test_packets_alone_are_counted_for_their_peer_and_for_no_stranger() -> None:
    traffic = PeerTraffic()
    traffic.know([], [PEER], [])
    for octets in (40, 60):
        traffic.came(PEER, octets)
    traffic.went(PEER, 50)
    traffic.came(OTHER, 40)
    traffic.went(OTHER, 40)
    assert traffic.of(PEER, []) == Traffic(2, 100, 1, 50)
    assert traffic.of(OTHER, []) == Traffic()


async def test_what_a_port_has_counted_belongs_to_it_and_copies_from_when_the_peer_was_known() -> None:
    traffic = PeerTraffic()
    with opened() as port:
        port.tally.copy(40, None)
        traffic.know([], [PEER], [port])
        port.tally.packets_in[port.name_of(PEER)] = 3
        port.tally.octets_in[port.name_of(PEER)] = 120
        port.tally.copy(50, None)
        assert traffic.of(PEER, [port]) == Traffic(3, 120, 1, 50)


async def test_a_peer_that_is_gone_begins_anew() -> None:
    traffic = PeerTraffic()
    with opened() as port:
        traffic.know([], [PEER], [port])
        traffic.came(PEER, 40)
        port.tally.packets_in[port.name_of(PEER)] = 3
        traffic.know([PEER], [], [port])
        assert traffic.of(PEER, [port]) == Traffic()
        traffic.know([], [PEER], [port])
        assert traffic.of(PEER, [port]) == Traffic()
