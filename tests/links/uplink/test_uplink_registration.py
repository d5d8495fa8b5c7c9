"""Registrations: one a host, translated both ways, kept alive, asked for again, bounded."""

from itertools import pairwise

import pytest

from links.dosbox.simulation import GAME
from links.uplink.servers import DosboxModel, DosboxXModel, IpxboxModel, NwipModel, Server, number_of
from links.uplink.simulation import FIRST_PORT, NETWORK, NODE, PSEUDO, SERVER, STEP, World, host
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.uplink.events import Registered, Unanswered

SERVERS = [DosboxModel, DosboxXModel, IpxboxModel, NwipModel]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    model: Server = request.param()
    return model


def test_a_host_is_registered_when_it_first_sends_and_both_sides_see_only_their_own_numbers() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1), payload=b"who is there?")
    (question,) = player.heard
    number = number_of((uplink.ip, FIRST_PORT + 1))
    assert question.source == Address(0, number, GAME)
    assert question.destination == Address(0, BROADCAST_NODE, GAME)
    player.send(question.source.node, b"I am")
    answer = uplink.arrived[-1]
    assert answer.payload == b"I am"
    assert answer.destination == Address(NETWORK, host(1), GAME)
    assert answer.source == Address(NETWORK, player.node, GAME)
    uplink.send(host(1), player.node, b"good")
    assert player.heard[-1].destination == Address(0, player.node, GAME)
    assert uplink.engine.station == number_of((uplink.ip, FIRST_PORT))


def test_a_conversation_works_with_every_server(server: Server) -> None:
    world = World(server)
    player, uplink = world.player(), world.uplink()
    for number in (1, 2):
        uplink.send(host(number), payload=bytes([number]))
    world.run(1.0)
    player.send()
    assert [packet.payload for packet in player.heard] == [b"\1", b"\2"]
    assert [packet.payload for packet in uplink.arrived if packet.destination.socket == GAME] == [b"far"]
    for packet in list(player.heard):
        player.send(packet.source.node, packet.payload)
    assert [packet.destination.node for packet in uplink.arrived[-2:]] == [host(1), host(2)]
    uplink.send(host(2), uplink.arrived[-1].source.node, b"to you")
    assert player.heard[-1].payload == b"to you"


def test_a_server_that_gives_hosts_their_own_numbers_is_asked_for_them() -> None:
    world = World(DosboxXModel())
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1))
    world.run(1.0)
    assert player.heard[0].source.node == uplink.number_of(host(1)) == host(1)
    (view,) = [view for view in uplink.engine.registrations() if view.host]
    assert view.chose_node


def test_it_need_not_ask_for_them() -> None:
    world = World(DosboxXModel())
    player, uplink = world.player(), world.uplink(choose=False)
    uplink.send(host(1))
    assert player.heard[0].source.node == number_of((uplink.ip, FIRST_PORT + 1))


def test_our_own_server_gives_a_chosen_number_after_proof_and_no_packet_is_lost_for_it() -> None:
    world = World(NwipModel())
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1), payload=b"first")
    uplink.send(host(1), payload=b"second")
    assert player.heard == []
    world.run(0.75)
    assert [packet.payload for packet in player.heard] == [b"first", b"second"]
    assert player.heard[0].source.node == host(1)


def test_a_host_of_another_network_is_registered_too_and_never_with_its_own_number() -> None:
    world = World(DosboxXModel())
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1), network=0x5555)
    uplink.send(host(1), network=0x6666)
    first, second = (packet.source.node for packet in player.heard)
    assert first != second
    player.send(second, b"to the second")
    assert uplink.arrived[-1].destination == Address(0x6666, host(1), GAME)


def test_what_the_gateway_itself_sends_goes_by_its_own_registration() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    for own in (NODE, PSEUDO, uplink.engine.station):
        uplink.send(own)
    assert {packet.source.node for packet in player.heard} == {uplink.engine.station}
    assert len(uplink.engine.registrations()) == 1
    player.send(uplink.engine.station, b"to the gateway")
    assert uplink.arrived[-1].destination == Address(NETWORK, NODE, GAME)


def test_an_unanswered_registration_is_tried_from_another_port_so_that_nothing_arrives_twice() -> None:
    model = DosboxModel()
    world = World(model)
    player, uplink = world.player(), world.uplink()
    world.lose = lambda _data, source, to: (source, to) == (SERVER, (uplink.ip, FIRST_PORT + 1))
    uplink.send(host(1), payload=b"waits")
    world.run(2.0)
    assert uplink.number_of(host(1)) == number_of((uplink.ip, FIRST_PORT + 2))
    assert uplink.closed == {1}
    player.send(uplink.number_of(host(1)), b"once")
    assert [packet.payload for packet in uplink.arrived].count(b"once") == 1
    assert len(model.places) == 4


def test_what_waits_for_a_registration_is_bounded_and_not_sent_late() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    world.lose = lambda _data, source, to: (source, to) == (SERVER, (uplink.ip, FIRST_PORT + 1))
    for _ in range(6):
        uplink.send(host(1))
    assert uplink.drops["the server does not answer"] == 2
    world.run(2.0)
    assert player.heard == []
    assert uplink.drops["the server does not answer"] == 6
    uplink.send(host(1), payload=b"now")
    assert [packet.payload for packet in player.heard] == [b"now"]


def test_a_silent_server_is_tried_with_growing_pauses_and_looked_up_again() -> None:
    world = World()
    world.down = True
    uplink = world.uplink(open_now=False)
    world.run(300.0)
    times = [at for at, _, _ in uplink.sent]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(
        0.75 * length <= pause <= length + STEP
        for length, pause in zip([1, 2, 4, 8, 16], pauses[:5], strict=True)
    )
    assert all(22.5 <= pause <= 30 + STEP for pause in pauses[5:])
    assert sum(isinstance(event, Unanswered) for event in uplink.events) == len(times) - 2
    uplink.send(host(1))
    assert uplink.drops == {"not registered with the server": 1}
    world.down = False
    world.run(31.0)
    assert uplink.engine.is_open


def test_a_restarted_server_knows_every_host_again_and_holds_one_place_for_each(server: Server) -> None:
    world = World(server)
    player, uplink = world.player(), world.uplink()
    for number in range(3):
        uplink.send(host(number))
    world.run(1.0)
    server.restart()
    world.run(16.0)
    player.engine.register(world.now)
    world.run(1.0)
    for number in range(3):
        uplink.send(host(number), payload=bytes([number]))
    world.run(1.0)
    assert [packet.payload for packet in player.heard][-3:] == [b"\0", b"\1", b"\2"]
    player.send(player.heard[-1].source.node, b"back")
    assert uplink.arrived[-1].destination.node == host(2)
    if isinstance(server, DosboxModel) and not isinstance(server, DosboxXModel):
        assert len(server.places) == 5


def test_a_quiet_registration_is_kept_for_an_hour_at_every_server(server: Server) -> None:
    world = World(server)
    world.player()
    uplink = world.uplink()
    for _ in range(15):
        uplink.send(host(1))
        world.run(240.0)
    assert uplink.engine.is_open
    assert len(uplink.closed) == 0
    assert uplink.drops.keys() <= {"has come back", "copy of a broadcast"}
    if type(server) is DosboxModel:
        assert len(server.places) == 3
        assert sum(isinstance(event, Registered) for event in uplink.events) == 2


def test_ipxboxs_pings_are_answered_and_go_no_further() -> None:
    model = IpxboxModel()
    world = World(model)
    uplink = world.uplink()
    uplink.send(host(1))
    world.run(120.0)
    assert model.pinged > 10
    assert uplink.arrived == []
    assert all(world.now - heard < 6 for _, heard in model.clients.values())


def test_at_the_limit_a_newcomer_is_refused_until_a_host_has_been_silent_for_half_a_minute() -> None:
    model = DosboxModel()
    world = World(model)
    player, uplink = world.player(), world.uplink(limit=2)
    for number in (1, 2, 3):
        uplink.send(host(number))
    assert uplink.drops["too many local hosts"] == 1
    world.run(31.0)
    uplink.send(host(2))
    uplink.send(host(3), payload=b"third")
    views = [view.host.node for view in uplink.engine.registrations() if view.host]
    assert views == [host(2), host(3)]
    assert player.heard[-1].payload == b"third"
    assert len(model.places) == 4  # the one that the evicted host had serves the newcomer


def test_a_host_that_stays_silent_loses_its_registration_and_the_next_takes_its_place() -> None:
    model = DosboxModel()
    world = World(model)
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1))
    number = uplink.number_of(host(1))
    world.run(306.0)
    assert len(uplink.engine.registrations()) == 1
    before = uplink.drops.get("for a registration that nobody uses", 0)
    player.send(number, b"to nobody")
    assert uplink.drops["for a registration that nobody uses"] == before + 1
    for newcomer in range(2, 40):
        uplink.send(host(newcomer), payload=b"new")
        world.run(306.0)
    assert len(model.places) == 3
    assert len([packet for packet in player.heard if packet.payload == b"new"]) == 38


def test_a_host_that_comes_back_gets_the_registration_with_its_own_number() -> None:
    world = World(DosboxXModel())
    player, uplink = world.player(), world.uplink()
    for number in (1, 2):
        uplink.send(host(number))
    world.run(306.0)
    uplink.send(host(2), payload=b"again")
    world.run(1.0)
    assert player.heard[-1].payload == b"again"
    (view,) = [view for view in uplink.engine.registrations() if view.host]
    assert view.number == host(2)
    assert len(uplink.closed) == 0
    assert sum(isinstance(event, Registered) for event in uplink.events) == 3


def test_a_host_that_makes_room_before_it_was_registered_leaves_nothing_behind() -> None:
    world = World(DosboxModel(places=2))
    player, uplink = world.player(), world.uplink(limit=1)
    uplink.send(host(1))
    world.run(0.5)
    world.now += 31.0
    uplink.send(host(2))
    world.run(6.0)
    assert player.heard == []
    assert [view.host.node for view in uplink.engine.registrations() if view.host] == [host(2)]
    assert uplink.drops["the server does not answer"] == 2
    assert len(uplink.engine._registrations._at_port) == 2


def test_a_full_server_costs_only_the_hosts_that_come_too_late() -> None:
    world = World(DosboxModel(places=3))
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1), payload=b"in")
    uplink.send(host(2), payload=b"out")
    world.run(60.0)
    assert [packet.payload for packet in player.heard] == [b"in"]
    assert uplink.engine.is_open
    assert uplink.drops["the server does not answer"] == 1


def test_another_address_of_the_server_begins_anew() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    uplink.send(host(1))
    player.send()
    uplink.engine.start(world.now)
    world.settle()
    assert uplink.closed == {0, 1}
    assert uplink.lost == [(player.node, "the server is another one")]
    world.run(1.5)
    uplink.send(host(1), payload=b"again")
    assert player.heard[-1].payload == b"again"


def test_packets_that_no_dosbox_takes_or_that_are_for_elsewhere_are_dropped() -> None:
    world = World()
    uplink = world.uplink()
    uplink.send(host(1), payload=bytes(1395))
    packet = Packet(Address(0x77, host(2), GAME), Address(NETWORK, host(1), GAME))
    uplink.engine.send(packet.encode(), world.now)
    assert uplink.drops == {"larger than DOSBox's 1424 octets": 1, "to another network": 1}
    assert len(uplink.engine.registrations()) == 1


def test_a_ping_to_one_host_is_answered_by_that_host_alone() -> None:
    world = World()
    players = [world.player(f"192.0.2.{number}") for number in (8, 10)]
    uplink = world.uplink()
    before = len(uplink.arrived)
    uplink.send(host(1), players[1].node, b"", socket=2, come_from=0x4002)
    assert [packet.source.node for packet in uplink.arrived[before:]] == [players[1].node]
    assert uplink.drops["answer of another than the pinged"] == 1
    uplink.send(host(1), BROADCAST_NODE, b"", socket=2, come_from=0x4002)
    assert {packet.source.node for packet in uplink.arrived[-2:]} == {player.node for player in players}


def test_many_hosts_that_send_at_once_are_each_registered_once(server: Server) -> None:
    world = World(server)
    player, uplink = world.player(), world.uplink()
    for _ in range(3):
        for number in range(12):
            uplink.send(host(number), payload=bytes([number]))
    world.run(1.0)
    sources = {(packet.source.node, packet.payload) for packet in player.heard}
    assert len(player.heard) == 36
    assert len(sources) == 12
    assert len({view.number for view in uplink.engine.registrations()}) == 13
