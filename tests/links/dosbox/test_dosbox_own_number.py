"""DOSBox-X clients, which come with a node number of their own."""

import pytest

from links.dosbox.simulation import GAME, GATEWAY, KEY, NETWORK, World
from nwip.directory.parameters import Parameters
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import NODE_WANTED, registration
from nwip.links.dosbox.engine import DosboxServer
from nwip.routing.numbering import is_node_number

HERE = ("192.0.2.7", 4001)
THERE = ("198.51.100.9", 50000)
MAC = bytes.fromhex("00A0C9123456")


def reply_to(world: World, data: bytes) -> Packet:
    world.datagram(data, HERE)
    return Packet.decode(world.sent[-1][2])


def test_the_wanted_number_is_granted_and_acknowledged() -> None:
    reply = reply_to(World(), registration(MAC).encode())
    assert reply.destination == Address(NETWORK, MAC, 2)
    assert reply.transport_control == NODE_WANTED


def test_the_wanted_number_may_stand_behind_the_packet() -> None:
    data = bytearray(registration(MAC).encode())
    data[2:4] = (30).to_bytes(2, "big")
    assert reply_to(World(), bytes(data)).destination.node == MAC


def test_using_the_number_proves_nothing_but_draws_a_ping_whose_answer_does() -> None:
    world = World()
    player = world.player(HERE, MAC).register()
    player.deaf = True
    player.send()
    assert world.joined == []
    assert world.arrivals == []
    assert len(world.pings_to(HERE)) == 1
    player.deaf = False
    player.send()
    assert world.joined == [MAC]
    player.send(payload=b"now")
    assert [arrival.hop for arrival in world.arrivals] == [MAC]


def test_a_silent_one_is_proved_by_the_ping_after_registration() -> None:
    world = World()
    world.player(HERE, MAC).register()
    world.run(1)
    assert world.joined == [MAC]


def test_a_cookie_is_good_for_one_address_and_one_number() -> None:
    world = World()
    player = world.player(HERE, MAC).register()
    player.deaf = True
    player.send()
    cookie = Packet.decode(world.sent[-1][2]).source.node
    answer = Packet(Address(0, cookie, 2), Address(0, MAC, 2))
    world.datagram(answer.encode(), THERE)
    world.datagram(answer._replace(source=Address(0, MAC[::-1], 2)).encode(), HERE)
    assert world.joined == []
    world.datagram(answer.encode(), HERE)
    assert world.joined == [MAC]


@pytest.mark.parametrize(
    "node",
    ["01A0C9123456", "FFFFFFFFFFFF", "000000000000", "7E010A000001", "7E06DEADBEEF", GATEWAY.hex()],
)
def test_numbers_that_are_no_clients_are_refused(node: str) -> None:
    world = World()
    claimed = bytes.fromhex(node)
    reply = reply_to(world, registration(claimed).encode())
    assert reply.destination.node != claimed
    assert reply.transport_control == 0
    assert list(world.server.counters.drops.values()) == [1]
    sent = len(world.sent)
    world.datagram(Packet(Address(0, BROADCAST_NODE, GAME), Address(0, claimed, GAME)).encode(), THERE)
    assert len(world.sent) == sent


def test_the_prefix_of_a_domain_that_numbers_its_nodes_otherwise_is_refused_too() -> None:
    parameters = Parameters(domain="test", node_prefix=b"\x0a\x0b")
    world = World(reserved=lambda node: is_node_number(node, parameters))
    for claimed, granted in ((bytes.fromhex("0A0BC0000207"), False), (MAC, True)):
        reply = reply_to(world, registration(claimed).encode())
        assert (reply.destination.node == claimed) is granted


def test_another_clients_number_is_refused_even_with_a_proof() -> None:
    world = World()
    victim = world.player(HERE).join()
    thief = world.player(THERE, victim.node)
    thief.engine.address = Address(NETWORK, victim.node, 0)
    thief.send()
    cookie = world.server._numbers.cookie(THERE, victim.node)
    world.datagram(Packet(Address(0, cookie, 2), Address(0, victim.node, 2)).encode(), THERE)
    assert [client.address for client in world.server.clients()] == [HERE]
    assert world.server.counters.drops["claims another client's node number"] == 2


def test_two_addresses_with_one_number_are_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(world.server._numbers, "node_number", lambda _address: b"\2equal")
    world.player(HERE).join()
    world.player(THERE).join()
    assert [client.address for client in world.server.clients()] == [HERE]
    assert world.server.counters.drops["node number taken"] > 0


def test_a_number_moves_to_whoever_proved_it_last() -> None:
    world = World()
    old = world.player(HERE, MAC).register()
    world.run(1)
    new = world.player(THERE, MAC).register()
    world.run(1)
    assert [client.address for client in world.server.clients()] == [THERE]
    assert world.joined == [MAC, MAC]
    assert world.left == []
    world.player(("203.0.113.1", 1)).join()
    assert len(new.heard) == 1
    assert old.heard == []


def test_the_owner_of_a_server_given_number_takes_it_back() -> None:
    world = World()
    owner = world.player(HERE).register()
    world.player(THERE, owner.node).register()
    world.run(0.4)
    owner.deaf = True
    world.run(1)
    assert [client.address for client in world.server.clients()] == [THERE]
    owner.send()
    assert [client.address for client in world.server.clients()] == [HERE]


def test_a_client_that_registers_anew_with_its_own_number_takes_it() -> None:
    world = World()
    plain = world.player(HERE).join()
    world.player(HERE, MAC).register()
    world.run(1)
    assert world.joined == [plain.node, MAC]
    assert world.left == [(plain.node, "took another node number")]
    assert [client.chose_node for client in world.server.clients()] == [True]


def test_after_a_restart_its_next_packet_draws_the_proof() -> None:
    world = World()
    player = world.player(HERE, MAC).register()
    world.run(1)
    world.server = DosboxServer(NETWORK, GATEWAY, KEY)
    player.send(payload=b"lost")
    player.send(payload=b"heard")
    assert [Packet.decode(arrival.packet).payload for arrival in world.arrivals] == [b"heard"]


def test_a_client_keeps_its_number_when_its_nat_gives_it_another_port() -> None:
    world = World()
    player = world.player(HERE).join()
    node = player.node
    del world.players[HERE]
    player.address = (HERE[0], 9999)
    world.players[player.address] = player
    player.send()
    assert [client.address for client in world.server.clients()] == [HERE]
    for _ in range(7):
        world.run(10)
        player.send()
    assert [(client.address, client.node) for client in world.server.clients()] == [(player.address, node)]


def test_a_client_keeps_its_number_when_the_server_comes_back_with_another_key() -> None:
    world = World()
    player = world.player(HERE).join()
    world.server = DosboxServer(NETWORK, GATEWAY, KEY[::-1])
    player.send()
    assert [client.node for client in world.server.clients()] == [player.node]


def test_two_servers_do_not_ping_each_other() -> None:
    first, second = World(), World(key=KEY[::-1])
    first.datagram(Packet(Address(0, BROADCAST_NODE, GAME), Address(0, MAC, GAME)).encode(), THERE)
    (_, _, ping) = first.sent[0]
    second.datagram(ping, HERE)
    assert second.sent == []
