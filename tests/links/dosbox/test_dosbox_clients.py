"""Life with a client: keepalive and expiry, what passes, what is dropped, what is changed on the way."""

from itertools import pairwise

import pytest

from links.dosbox.simulation import GAME, NETWORK, World
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox import engine
from nwip.links.dosbox.clients import PING_INTERVAL, SILENCE, UNANSWERED_PINGS

HERE = ("192.0.2.7", 4001)
THERE = ("198.51.100.9", 50000)


def test_a_host_that_only_listens_stays() -> None:
    world = World()
    world.player(HERE).register()
    world.run(600)
    assert len(world.server.clients()) == 1
    pings = world.pings_to(HERE)
    assert len(pings) > 600 / SILENCE - 2
    assert all(later - earlier <= SILENCE + 2 for earlier, later in pairwise(pings))
    assert world.arrivals == []
    assert world.left == []


def test_a_client_that_has_gone_is_pinged_three_times_and_forgotten() -> None:
    world = World()
    player = world.player(HERE).join()
    player.deaf = True
    world.run(SILENCE - 1)
    assert world.pings_to(HERE) == []
    world.run(UNANSWERED_PINGS * PING_INTERVAL)
    assert len(world.server.clients()) == 1
    assert len(world.pings_to(HERE)) == UNANSWERED_PINGS
    world.run(5)
    assert world.server.clients() == []
    assert world.left == [(player.node, "silent")]
    assert world.server.next_deadline() is None


def test_of_many_clients_only_so_many_are_looked_over_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "REVIEWED", 2)
    world = World()
    for number in range(8):
        world.player((HERE[0], HERE[1] + number)).join()
        world.run(1)
    reviews = set()
    for _ in range(80):
        world.run(0.5)
        reviews.add(world.server.next_deadline())
    times = sorted(due for due in reviews if due is not None)
    assert all(later - earlier >= 4.0 for earlier, later in pairwise(times))
    assert len(times) > 4
    world.run(SILENCE)
    assert all(world.pings_to((HERE[0], HERE[1] + number)) for number in range(8))


def test_a_client_that_sends_is_not_pinged() -> None:
    world = World()
    player = world.player(HERE).join()
    for _ in range(20):
        world.run(SILENCE - 5)
        player.send()
    assert world.pings_to(HERE) == []


def test_a_spoofed_registration_does_not_keep_a_dead_client_alive() -> None:
    world = World()
    player = world.player(HERE).join()
    player.deaf = True
    for _ in range(10):
        world.run(10)
        player.engine.register(world.now)
        world.settle()
    assert world.server.clients() == []


def test_a_released_client_is_gone() -> None:
    world = World()
    player = world.player(HERE).join()
    world.server.release(player.node)
    world.settle()
    assert world.server.clients() == []
    assert world.left == [(player.node, "moved to another gateway")]


def test_unicast_reaches_one_client_and_broadcast_all_the_others() -> None:
    world = World()
    first, second, third = (world.player((f"192.0.2.{host}", 4000)).join() for host in (1, 2, 3))
    heard = [len(player.heard) for player in (first, second, third)]
    assert heard == [2, 1, 0]
    first.send(to=third.node, payload=b"psst")
    assert len(second.heard) == 1
    assert third.heard[-1].payload == b"psst"
    assert third.heard[-1].source.node == first.node
    second.send(payload=b"all")
    assert [player.heard[-1].payload for player in (first, third)] == [b"all", b"all"]
    assert len(second.heard) == 1


def test_dosboxs_own_ping_is_answered_by_every_other_client() -> None:
    world = World()
    first, second, third = (world.player((f"192.0.2.{host}", 4000)).join() for host in (1, 2, 3))
    first.engine.ping(world.now)
    world.settle()
    assert sorted(node for node, _ in first.answers) == sorted([second.node, third.node])


def test_a_unicast_ping_of_ours_is_delivered_as_the_broadcast_that_dosbox_answers() -> None:
    world = World()
    player = world.player(HERE).join()
    ping = Packet(Address(NETWORK, player.node, 2), Address(NETWORK, b"\x7e\x01\0\0\0\1", 0x4001))
    world.server.send(ping.encode(), player.node)
    world.settle()
    assert world.sent[-1][2][10:16] == BROADCAST_NODE
    assert world.arrivals[-1].packet[10:16] == b"\x7e\x01\0\0\0\1"


def test_an_answer_to_a_ping_is_left_as_it_is() -> None:
    world = World()
    player = world.player(HERE).join()
    answer = Packet(Address(NETWORK, player.node, 2), Address(NETWORK, b"\x7e\x01\0\0\0\1", 2))
    world.server.send(answer.encode(), player.node)
    world.settle()
    assert world.sent[-1][2] == answer.encode()


def packet_of(node: bytes, **changes: object) -> Packet:
    fields = {"destination": Address(0, BROADCAST_NODE, GAME), "source": Address(0, node, GAME)}
    return Packet(**{**fields, **changes})  # type: ignore[arg-type]


def test_network_0_becomes_the_virtual_network_and_padding_is_cut() -> None:
    world = World()
    player = world.player(HERE).join()
    arrival = world.datagram(packet_of(player.node, payload=b"abc").encode() + b"padding", HERE)
    assert arrival is not None
    packet = Packet.decode(arrival.packet)
    assert (packet.destination.network, packet.source.network) == (NETWORK, NETWORK)
    assert arrival.packet.endswith(b"abc")


def test_another_destination_network_is_left_alone() -> None:
    world = World()
    player = world.player(HERE).join()
    destination = Address(0xBEEF, b"\0\0\0\0\0\1", 0x451)
    arrival = world.datagram(packet_of(player.node, destination=destination).encode(), HERE)
    assert arrival is not None
    assert Packet.decode(arrival.packet).destination == destination


@pytest.mark.parametrize(("found", "passed_on"), [(0, 0), (15, 15), (16, 0), (255, 0)])
def test_rubbish_in_transport_control_is_cleared_but_hops_are_kept(found: int, passed_on: int) -> None:
    world = World()
    player = world.player(HERE).join()
    arrival = world.datagram(packet_of(player.node, transport_control=found).encode(), HERE)
    assert arrival is not None
    assert Packet.decode(arrival.packet).transport_control == passed_on


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:29], "shorter than a header"),
        (lambda data: data[:0], "shorter than a header"),
        (lambda data: data[:2] + b"\0\x1d" + data[4:], "length field wrong"),
        (lambda data: data[:2] + b"\0\xff" + data[4:], "length field wrong"),
        (lambda data: b"\0\0" + data[2:], "with a checksum"),
        (lambda data: data[:10] + bytes(6) + data[16:], "without a destination node"),
        (lambda data: data[:18] + b"\0\0\0\7" + data[22:], "from another network"),
        (lambda data: data[:22] + b"\2spoof" + data[28:], "source node is not the client's"),
        (lambda data: data[:2] + b"\5\x91" + data[4:] + bytes(1425), "larger than DOSBox's 1424 octets"),
    ],
)
def test_what_a_client_must_not_send_is_a_counted_drop(change: object, reason: str) -> None:
    world = World()
    player = world.player(HERE).join()
    data = packet_of(player.node).encode()
    assert world.datagram(data, HERE) is not None
    assert world.datagram(change(data), HERE) is None  # type: ignore[operator]
    assert world.server.counters.drops == {reason: 1}


def test_the_largest_packet_of_dosbox_passes_both_ways_and_a_larger_one_is_dropped() -> None:
    world = World()
    player, other = world.player(HERE).join(), world.player(THERE).join()
    player.send(to=other.node, payload=bytes(1424 - 30))
    assert len(other.heard[-1].payload) == 1424 - 30
    world.server.send(packet_of(other.node, payload=bytes(1425 - 30)).encode(), other.node)
    world.server.send_to_all(packet_of(other.node, payload=bytes(1425 - 30)).encode())
    assert world.server.counters.drops == {"larger than DOSBox's 1424 octets": 3}


def test_packets_for_nobody_are_counted() -> None:
    world = World()
    world.server.send(packet_of(b"\2nobod").encode(), b"\2nobod")
    assert world.server.counters.drops == {"for no client": 1}


def test_the_view_of_a_client_tells_what_it_did() -> None:
    world = World()
    player, other = world.player(HERE).join(), world.player(THERE).join()
    world.run(3)
    player.send(to=other.node, payload=b"12345")
    mine, theirs = world.server.clients()
    assert (mine.node, mine.address, mine.chose_node) == (player.node, HERE, False)
    assert (mine.since, mine.last_heard) == (1000.0, 1003.0)
    assert (mine.packets_in, mine.octets_in) == (2, 70)
    assert (theirs.packets_out, theirs.octets_out) == (1, 35)
    counters = world.server.counters
    assert (counters.packets_in, counters.octets_in) == (3, 105)
    assert (counters.packets_out, counters.octets_out) == (2, 70)
