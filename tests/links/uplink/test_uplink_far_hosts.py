"""The far side's hosts and broadcasts: each once, none of our own, and nobody who claims to be one of us."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from links.dosbox.simulation import GAME
from links.uplink.servers import DosboxModel, DosboxXModel, NwipModel, Server
from links.uplink.simulation import NETWORK, NODE, World, host
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.links.uplink import far_hosts
from nwip.links.uplink.events import LoopFound, LoopGone
from nwip.links.uplink.far_hosts import FarHosts, number_here

SERVERS = [DosboxModel, DosboxXModel, NwipModel]


@given(st.sampled_from(SERVERS), st.integers(0, 12), st.lists(st.integers(0, 15), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_foreign_broadcast_is_delivered_once_and_our_own_never(
    model: type[Server], hosts: int, speakers: list[int]
) -> None:
    world = World(model())
    player, uplink = world.player(), world.uplink()
    for number in range(hosts):
        uplink.send(host(number), payload=b"")
    world.run(1.0)
    player.send(payload=b"")
    uplink.arrived.clear()
    player.heard.clear()
    for count, speaker in enumerate(speakers):
        if speaker < hosts:
            uplink.send(host(speaker), payload=bytes([count]))
        else:
            player.send(payload=bytes([count]))
    here = [bytes([count]) for count, speaker in enumerate(speakers) if speaker < hosts]
    there = [bytes([count]) for count, speaker in enumerate(speakers) if speaker >= hosts]
    assert [packet.payload for packet in player.heard] == here
    assert [packet.payload for packet in uplink.arrived] == there


def test_a_dosbox_that_has_said_nothing_is_found_by_a_ping() -> None:
    world = World()
    silent = world.player()
    uplink = world.uplink()
    assert uplink.gained == [silent.node]
    assert uplink.engine.far_hosts() == [silent.node]


def test_a_silent_dosbox_stays_and_one_that_is_gone_is_lost_after_three_minutes() -> None:
    world = World()
    stays, goes = world.player(), world.player("192.0.2.10")
    uplink = world.uplink()
    world.run(600.0)
    assert uplink.lost == []
    del world.players[goes.address]
    world.run(190.0)
    assert uplink.lost == [(goes.node, "silent")]
    assert uplink.engine.far_hosts() == [stays.node]
    pings = [at for at, _, data in uplink.sent if data[10:18] == BROADCAST_NODE + b"\0\2"]
    assert all(later - earlier >= 60 for earlier, later in pairwise(pings))


def test_a_number_that_would_be_a_groups_on_a_lan_is_another_one_on_our_side() -> None:
    world = World()
    player, uplink = world.player("203.0.113.9"), world.uplink()
    (here,) = uplink.gained
    assert player.node[0] & 1
    assert here == number_here(player.node) != player.node
    assert here[0] & 3 == 2
    player.send(payload=b"hello")
    assert uplink.arrived[-1].source.node == here
    uplink.send(host(1), here, b"to you")
    assert player.heard[-1].payload == b"to you"
    uplink.send(host(1), here, b"", socket=2, come_from=0x4002)
    assert uplink.arrived[-1].source.node == here
    world.run(400.0)
    assert uplink.lost == []


@given(st.binary(min_size=6, max_size=6))
def test_numbers_on_our_side_are_single_hosts_and_no_nodes_unless_they_were_before(node: bytes) -> None:
    here = number_here(node)
    if here != node:
        assert node[0] & 1
        assert here[0] & 0x83 == 0x82


def test_a_host_that_moved_to_another_gateway_is_not_taken_back_at_once() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    uplink.engine.release(player.node, world.now)
    player.send()
    assert uplink.arrived[-1].payload != b"far"
    assert uplink.drops["has moved to another gateway"] == 1
    world.run(10.0)
    player.send()
    assert uplink.arrived[-1].payload == b"far"
    assert uplink.lost == [(player.node, "moved to another gateway")]
    assert uplink.gained == [player.node] * 2


@pytest.mark.parametrize(
    "claimed", [NODE, b"\x7e\x01\1\2\3\4", b"\x7e\x06\1\2\3\4", bytes(6), host(7), host(8)]
)
def test_a_far_host_that_claims_to_be_one_of_ours_is_not_heard(claimed: bytes) -> None:
    world = World()
    uplink = world.uplink(reserved=lambda node: node == host(7), elsewhere=lambda node: node == host(8))
    uplink.send(host(9))
    packet = Packet(Address(0, uplink.engine.station, GAME), Address(0, claimed, GAME))
    world.from_server(uplink, packet.encode())
    assert uplink.arrived == []
    assert uplink.gained == []
    assert sum(count for reason, count in uplink.drops.items() if reason.startswith("claims")) == 1


def test_a_packet_of_a_host_of_the_far_side_is_not_sent_back_to_it() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    uplink.send(player.node)
    uplink.send(host(1))
    uplink.send(uplink.number_of(host(1)))
    assert len(player.heard) == 1
    assert uplink.drops["has come back"] >= 2


def test_a_player_who_comes_over_to_our_side_is_let_go_as_a_far_host() -> None:
    here: set[bytes] = set()
    world = World()
    player, uplink = world.player(), world.uplink(elsewhere=here.__contains__)
    other = world.player("192.0.2.10")
    here.add(player.node)
    uplink.send(player.node, payload=b"from our side now")
    assert other.heard[-1].payload == b"from our side now"
    assert player.node not in uplink.engine.far_hosts()


def test_hellos_cross_from_and_to_the_gateways_own_registration_even_on_probation() -> None:
    world = World()
    player = world.player()
    uplink = world.uplink(open_now=False)
    uplink.send(uplink.engine.station, payload=b"hello", socket=Socket.HELLO)
    uplink.send(host(1), payload=b"not yet")
    assert [packet.payload for packet in player.heard] == [b"hello"]
    assert player.heard[0].source.node == uplink.engine.station
    player.send(payload=b"hello to you", socket=Socket.HELLO)
    player.send(payload=b"too early")
    (heard,) = uplink.arrived
    assert heard.payload == b"hello to you"
    assert heard.source == Address(NETWORK, player.node, Socket.HELLO)
    assert uplink.gained == []
    assert uplink.drops["on probation"] == 2
    world.run(1.5)
    player.send(payload=b"now")
    assert uplink.arrived[-1].payload == b"now"


def test_two_gateways_on_one_server_do_not_take_each_other_for_hosts() -> None:
    world = World()
    one, two = world.uplink("192.0.2.1"), world.uplink("192.0.2.2")
    world.run(400.0)
    for gateway, other in ((one, two), (two, one)):
        gateway.send(gateway.engine.station, payload=b"hello", socket=Socket.HELLO)
        assert other.arrived[-1].payload == b"hello"
    assert one.gained == two.gained == []
    assert {len(one.arrived), len(two.arrived)} == {1}


def test_a_server_that_makes_our_registration_a_host_of_ours_is_a_loop_and_nothing_crosses() -> None:
    here: set[bytes] = set()
    world = World()
    player, uplink = world.player(), world.uplink(elsewhere=here.__contains__)
    uplink.send(host(1))
    here.add(uplink.engine.station)
    world.run(5.0)
    assert [event for event in uplink.events if isinstance(event, LoopFound)] == [
        LoopFound(uplink.engine.station)
    ]
    assert uplink.lost == [(player.node, "leads back into the domain")]
    before = len(player.heard), len(uplink.arrived)
    uplink.send(host(1))
    player.send()
    assert (len(player.heard), len(uplink.arrived)) == before
    assert uplink.drops["leads back into the domain"] == 2
    here.clear()
    world.run(6.0)
    assert LoopGone() in uplink.events
    uplink.send(host(1), payload=b"after")
    assert player.heard[-1].payload == b"after"


def test_a_transport_control_that_a_dos_program_left_in_the_field_is_cleared() -> None:
    world = World()
    player, uplink = world.player(), world.uplink()
    for hops, expected in ((3, 3), (16, 0), (0xEE, 0)):
        packet = Packet(
            Address(0, BROADCAST_NODE, GAME), Address(0, player.node, GAME), transport_control=hops
        )
        world.from_server(uplink, packet.encode())
        assert uplink.arrived[-1].transport_control == expected


def test_the_table_of_far_hosts_is_bounded() -> None:
    far = FarHosts(lambda _: False, lambda _: False, capacity=2)
    assert [far.take(host(number), NODE, 0.0) for number in range(3)] == [None, None, "too many far hosts"]
    for number in range(far_hosts.RELEASED_LIMIT + 5):
        far.release(host(number), 0.0)
    assert len(far._released) == far_hosts.RELEASED_LIMIT
    assert len(far) == 0
