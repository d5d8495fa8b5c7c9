import pytest

from links.dosbox.simulation import GAME, GATEWAY, KEY, NETWORK, World
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.dosbox.newcomers import PING_DELAY, Newcomers
from nwip.security.limits import TokenBuckets

HERE = ("192.0.2.7", 4001)
THERE = ("198.51.100.9", 50000)


def test_a_registration_is_answered_with_the_network_and_a_number_of_its_own() -> None:
    world = World()
    player, other = world.player(HERE).register(), world.player(THERE).register()
    assert player.engine.address == Address(NETWORK, player.node, 0)
    assert player.node != other.node
    assert player.node[0] & 3 == 2


def test_a_registration_alone_leaves_no_client() -> None:
    world = World()
    world.player(HERE).deaf = True
    world.datagram(registration().encode(), HERE)
    world.run(100)
    assert world.server.clients() == []
    assert world.server.next_deadline() is None


def test_using_the_number_makes_a_client_and_the_packet_passes() -> None:
    world = World()
    player = world.player(HERE).register()
    assert world.joined == []
    player.send(payload=b"first")
    assert world.joined == [player.node]
    assert [arrival.hop for arrival in world.arrivals] == [player.node]
    assert Packet.decode(world.arrivals[0].packet).payload == b"first"


def test_a_host_that_only_listens_becomes_reachable_by_one_ping() -> None:
    world = World()
    player = world.player(HERE).register()
    world.run(PING_DELAY - 0.01)
    assert world.pings_to(HERE) == []
    assert world.joined == []
    world.run(1)
    assert world.pings_to(HERE) == [1000 + PING_DELAY]
    assert world.joined == [player.node]
    assert world.arrivals == []
    world.player(THERE).join()
    assert [packet.payload for packet in player.heard] == [b"hello"]


def test_a_client_that_has_proved_itself_is_not_pinged_for_its_registration() -> None:
    world = World()
    world.player(HERE).join()
    world.run(20)
    assert world.pings_to(HERE) == []


def test_a_client_that_registers_again_is_told_the_same_and_not_pinged() -> None:
    world = World()
    player = world.player(HERE).join()
    node = player.node
    assert player.register().node == node
    world.run(20)
    assert world.pings_to(HERE) == []
    assert world.joined == [node]


def test_the_ping_waits_for_the_latest_of_several_registrations() -> None:
    world = World()
    world.player(HERE).deaf = True
    world.datagram(registration().encode(), HERE)
    world.run(0.4)
    world.datagram(registration().encode(), HERE)
    world.run(10)
    assert world.pings_to(HERE) == [pytest.approx(1000.4 + PING_DELAY)]


def test_the_newcomers_queue_is_bounded_and_says_whom_it_refuses() -> None:
    newcomers = Newcomers(capacity=2)
    assert newcomers.add(("192.0.2.1", 1), bytes(6), 0, 0.0)
    assert newcomers.add(("192.0.2.1", 2), bytes(6), 0, 0.1)
    assert not newcomers.add(("192.0.2.1", 3), bytes(6), 0, 0.2)
    assert newcomers.add(("192.0.2.1", 1), bytes(6), 0, 0.3)
    assert [newcomer.address[1] for newcomer in newcomers.take_due(0.1 + PING_DELAY)] == [2]
    assert newcomers.next_deadline() == 0.3 + PING_DELAY


def test_a_hundred_thousand_forged_registrations_leave_nothing_and_cost_at_most_double() -> None:
    world = World()
    data = registration().encode()
    for count in range(100_000):
        world.datagram(data, (f"10.{count >> 16}.{count >> 8 & 255}.{count & 255}", 1024 + count % 5000))
        if count % 100 == 0:
            world.run(0.01)
        assert len(world.server._newcomers) <= 256
    world.run(100)
    assert world.server.clients() == []
    assert len(world.server._newcomers) == 0
    assert world.server._registrations.size <= 4096
    assert world.server.counters.drops["too many newcomers"] > 0
    pinged = [octets for address, octets in world.octets_out.items() if octets == 60]
    assert pinged
    assert all(octets <= 2.0 * world.octets_in[address] for address, octets in world.octets_out.items())


def test_nothing_but_a_registration_draws_more_than_it_brought() -> None:
    world = World()
    samples = [
        Packet(Address(0, BROADCAST_NODE, GAME), Address(0, b"\x02\0\0\0\0\x01", GAME), payload=bytes(size))
        for size in (0, 1, 500)
    ]
    samples += [sample._replace(destination=sample.destination._replace(socket=2)) for sample in samples]
    for count, sample in enumerate(samples):
        address = ("203.0.113.5", 2000 + count)
        for _ in range(100):
            world.datagram(sample.encode(), address)
        world.run(10)
        assert world.octets_out[address] <= world.octets_in[address]
    world.run(100)
    assert world.server.clients() == []
    assert sum(world.octets_out.values()) > 0


def test_registrations_of_one_address_are_limited() -> None:
    world = World(registrations=TokenBuckets(rate=1, burst=3))
    for port in range(10):
        world.datagram(registration().encode(), ("192.0.2.7", 4000 + port))
    world.datagram(registration().encode(), THERE)
    assert len(world.sent) == 4
    assert world.server.counters.drops == {"too many registrations": 7}


def test_a_restarted_server_with_the_same_key_serves_who_goes_on_sending() -> None:
    world = World()
    player = world.player(HERE).join()
    node = player.node
    world.server = DosboxServer(NETWORK, GATEWAY, KEY)
    player.send(payload=b"still here")
    assert world.joined == [node, node]
    assert Packet.decode(world.arrivals[-1].packet).payload == b"still here"


def test_a_server_with_another_key_does_not_know_them() -> None:
    world = World()
    player = world.player(HERE).join()
    player.deaf = True
    world.server = DosboxServer(NETWORK, GATEWAY, KEY[::-1])
    player.send()
    assert world.server.clients() == []


def test_a_client_is_answered_from_the_socket_that_it_asked() -> None:
    server = DosboxServer(NETWORK, GATEWAY, KEY)
    server.receive_datagram(registration().encode(), HERE, 0.0, port=3)
    (reply,) = server.datagrams_to_send()
    assert (reply.address, reply.port) == (HERE, 3)
    server.advance(PING_DELAY)
    assert [ping.port for ping in server.datagrams_to_send()] == [3]
    node = Packet.decode(reply.data).destination.node
    packet = Packet(Address(0, BROADCAST_NODE, GAME), Address(0, node, GAME))
    assert server.receive_datagram(packet.encode(), HERE, 1.0, port=3)
    server.send_to_all(packet.encode())
    assert [datagram.port for datagram in server.datagrams_to_send()] == [3]


def test_more_clients_than_dosbox_takes_and_no_more_than_allowed() -> None:
    world = World(limit=100)
    for port in range(100):
        world.player(("192.0.2.7", 4000 + port)).join()
    assert len(world.server.clients()) == 100
    late = world.player(THERE).register()
    assert late.engine.address is None
    assert world.server.counters.drops == {"table full": 1}


def test_a_number_given_out_before_the_table_was_full_does_not_get_in() -> None:
    world = World(limit=1)
    early = world.player(THERE).register()
    world.player(HERE).join()
    early.send()
    assert [client.address for client in world.server.clients()] == [HERE]
    assert world.server.counters.drops == {"table full": 1}


def test_a_source_that_is_not_admitted_gets_nothing() -> None:
    admitted = World()
    node = admitted.player(HERE).register().node
    world = World(admit=lambda host: host.startswith("198."))
    world.datagram(registration().encode(), HERE)
    packet = Packet(Address(0, BROADCAST_NODE, GAME), Address(0, node, GAME))
    world.datagram(packet.encode(), HERE)
    world.datagram(packet._replace(source=Address(0, b"\2abcde", GAME)).encode(), HERE)
    assert world.sent == []
    assert world.server.clients() == []
    assert world.server.counters.drops["source not admitted"] == 3
    assert world.player(THERE).join().node in world.joined


def test_an_answer_to_a_netware_servers_ping_is_no_registration() -> None:
    world = World()
    player = world.player(HERE).join()
    before = len(world.sent)
    player.send(to=bytes.fromhex("000000000001"), socket=2)
    assert len(world.arrivals) == 2
    assert len(world.sent) == before
