"""Loads through the bare relay: what arrives is counted, what does not is lost, and nothing else counts."""

import socket
from collections.abc import Iterator

import pytest

from nwip.bench import joining, packets
from nwip.bench.clients import Clients
from nwip.bench.error import BenchError
from nwip.bench.joining import Membership
from nwip.bench.load import Count, closed, paced, singly
from nwip.bench.packets import Sender
from nwip.bench.relays import bare, fixed_nodes
from nwip.bench.sink import Sink
from nwip.bench.trials import cost
from nwip.bench.ways import Way

SECONDS = 0.05
MARK = 7


def loop(sender: Sender, sink: Sink) -> Count:
    return closed(sender, sink, 256, SECONDS)


@pytest.mark.parametrize(("size", "peers"), [(31, 1), (100, 3), (1424, 64)])
def test_a_closed_loop_loses_nothing_and_tells_what_the_relay_spent(size: int, peers: int) -> None:
    with bare(peers) as way:
        sample = cost(way, lambda by, mark: packets.to_peers(by, size, peers, mark), loop)
    assert sample.due > 256
    assert sample.lost == 0
    assert sample.values["CPU of relay"] > 0


def test_a_broadcast_is_due_at_everybody_and_arrives() -> None:
    with bare(9, copies=True) as way:
        sample = cost(way, lambda by, mark: packets.broadcasts(by, 40, mark), loop)
    assert sample.due % 9 == 0
    assert sample.due >= 9 * 2
    assert sample.lost == 0


def test_bursts_arrive_as_single_packets() -> None:
    with bare(1) as way:
        sample = cost(way, lambda by, mark: packets.bursts(by, 1400, mark), loop)
    assert sample.due > 256
    assert sample.lost == 0


def test_a_paced_load_keeps_its_rate() -> None:
    with bare(2) as way:
        sink = Sink(way.clients.receiver, 40, MARK)
        count = paced(packets.to_peers(way, 40, 2, MARK), sink, 1000, 0.2)
    assert count.lost == 0
    assert 100 <= count.due <= 210


def test_packets_that_go_singly_are_timed_each() -> None:
    with bare(2) as way:
        sink = Sink(way.clients.receiver, 40, MARK)
        count, times = singly(packets.to_peers(way, 40, 2, MARK), sink, SECONDS)
    assert count.lost == 0
    assert len(times) == count.due
    assert min(times) > 0


@pytest.fixture
def hole() -> Iterator[Way]:
    """A way that ends at a socket which nobody reads."""
    with Clients() as clients, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        clients.sender.connect(sock.getsockname())
        yield Way(clients, bytes(4), fixed_nodes(3), {})


def test_what_does_not_arrive_is_lost_in_every_kind_of_load(hole: Way) -> None:
    sender, sink = packets.to_peers(hole, 40, 3, MARK), Sink(hole.clients.receiver, 40, MARK)
    counts = [closed(sender, sink, 256, SECONDS), paced(sender, sink, 500, SECONDS)]
    counts.append(singly(sender, sink, SECONDS)[0])
    assert all(count.lost == count.due > 0 for count in counts)


def test_only_packets_of_this_load_are_counted(hole: Way) -> None:
    there = ("127.1.0.1", hole.clients.receiver.getsockname()[1])
    sink = Sink(hole.clients.receiver, 40, MARK)
    ours, earlier = (packets.packet(hole, hole.nodes[1], 40, mark) for mark in (MARK, MARK - 1))
    larger = packets.packet(hole, hole.nodes[1], 41, MARK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in (ours, earlier, larger, b"ping", ours):
            sock.sendto(datagram, there)
    assert sink.take() == 2
    assert sink.take() == 0


def test_of_a_mix_a_tenth_is_unusual_and_not_counted(hole: Way) -> None:
    sender = packets.mixed(hole, 100, 3, MARK)
    assert sum(sender.send(10) for _ in range(3)) == 27


def test_clients_whom_nobody_answers_say_so(hole: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "TRIES", 1)
    with Clients() as clients:
        nobody = hole.clients.sender.getpeername()
        with pytest.raises(BenchError, match="of 3 clients 0 is answered by a server"):
            Membership(clients, nobody, nobody).join(2)
