"""What a port has remembered is forgotten when its reason goes: one test for each thing that may change.

A conversation is begun so that it goes on by itself, then something changes, and the next packets must go as
they would if nothing had been remembered.
"""

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from dataplane.scene import ALICE, BOB, MAC, NOBODY, Scene, play
from dataplane.twins import (
    DATA,
    FAR_NETWORK,
    GAMES,
    HOSTS,
    PEER_NUMBERS,
    PEERS,
    Side,
    packet,
)
from gateway.test_agents import LAN, SERVER, announce
from gateway.world import Station
from nwip.dataplane.batched import BatchedPort
from nwip.directory.records import Host, Node, Route


def each(scene: Scene, work: Callable[[Side], object]) -> None:
    scene.twins.each(work)


async def a_client_leaves(scene: Scene) -> None:
    each(scene, lambda side: side.games.release(scene.bob))


async def a_client_of_a_routed_link_leaves(scene: Scene) -> None:
    each(scene, lambda side: side.room.release(scene.carol))


async def a_client_uses_the_other_listening_socket(scene: Scene) -> None:
    scene.twins.deliver(GAMES[1], [(packet(0, scene.bob, 0, scene.alice), BOB)])


async def a_client_is_behind_another_gateway_now(scene: Scene) -> None:
    scene.twins.publish(1, Host(scene.bob, 9))


async def a_host_moves_to_another_gateway(scene: Scene) -> None:
    scene.twins.publish(1, Host(HOSTS[0], 2))


async def a_packet_shows_that_a_host_has_moved(scene: Scene) -> None:
    scene.twins.deliver(DATA, [(packet(0, HOSTS[0], 0, scene.bob), PEERS[1])])


async def a_host_is_gone(scene: Scene) -> None:
    scene.twins.withdraw(0, Host(HOSTS[0], 1))


async def a_nearer_way_to_a_network_appears(scene: Scene) -> None:
    scene.twins.publish(1, Route(FAR_NETWORK, 0, 1))


async def a_network_is_gone(scene: Scene) -> None:
    scene.twins.withdraw(0, Route(FAR_NETWORK, 1, 2))


async def a_node_is_gone(scene: Scene) -> None:
    scene.twins.withdraw(0, Node(PEER_NUMBERS[0], "peer 0", [PEERS[0]]))


async def a_node_has_another_address(scene: Scene) -> None:
    scene.twins.publish(0, Node(PEER_NUMBERS[0], "peer 0", [PEERS[2]]))


async def another_node_has_the_number_of_one(scene: Scene) -> None:
    scene.twins.publish(2, Node(PEER_NUMBERS[0], "peer 2", [PEERS[2]]))


async def a_node_takes_the_number_that_a_host_used(scene: Scene) -> None:
    scene.twins.publish(1, Node(NOBODY, "peer 1", [PEERS[1]]))


async def the_node_takes_the_number_that_a_host_used(scene: Scene) -> None:
    each(scene, lambda side: side.member.gateway.renumber(HOSTS[0]))


async def the_node_is_renumbered_to_a_far_source(scene: Scene) -> None:
    each(scene, lambda side: side.member.gateway.renumber(NOBODY))


async def the_hop_limit_falls(scene: Scene) -> None:
    def change(side: Side) -> None:
        gateway = side.member.gateway
        gateway.take_parameters(replace(gateway.parameters, hop_limit=2))

    each(scene, change)
    scene.ways += [(at, data[:4] + b"\1" + data[5:], source) for at, data, source in scene.ways]


async def the_hop_limit_rises(scene: Scene) -> None:
    def change(side: Side) -> None:
        gateway = side.member.gateway
        gateway.take_parameters(replace(gateway.parameters, hop_limit=64))

    each(scene, change)
    scene.ways += [(at, data[:4] + bytes([20]) + data[5:], source) for at, data, source in scene.ways]


async def a_link_is_muted(scene: Scene) -> None:
    each(scene, lambda side: side.member.gateway.stand_by(side.games))


async def a_routed_link_is_muted(scene: Scene) -> None:
    each(scene, lambda side: side.member.gateway.stand_by(side.room))


async def a_link_is_closed_and_opened(scene: Scene) -> None:
    for side in (scene.twins.fast, scene.twins.slow):
        await side.reopen(side.room)


async def nobody_can_be_reached(scene: Scene) -> None:
    each(scene, lambda side: side.member.gateway._tables.set_cut_off(cut_off=True))


CHANGES = [
    a_client_leaves,
    a_client_of_a_routed_link_leaves,
    a_client_uses_the_other_listening_socket,
    a_client_is_behind_another_gateway_now,
    a_host_moves_to_another_gateway,
    a_packet_shows_that_a_host_has_moved,
    a_host_is_gone,
    a_nearer_way_to_a_network_appears,
    a_network_is_gone,
    a_node_is_gone,
    a_node_has_another_address,
    another_node_has_the_number_of_one,
    a_node_takes_the_number_that_a_host_used,
    the_node_takes_the_number_that_a_host_used,
    the_node_is_renumbered_to_a_far_source,
    the_hop_limit_falls,
    the_hop_limit_rises,
    a_link_is_muted,
    a_routed_link_is_muted,
    a_link_is_closed_and_opened,
    nobody_can_be_reached,
]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_goes_the_old_way_after(change: Callable[[Scene], Awaitable[None]]) -> None:
    async def work(scene: Scene) -> None:
        await change(scene)
        scene.check()

    play(work)


def test_a_chosen_number_that_moves_is_believed_only_where_it_is() -> None:
    async def work(scene: Scene) -> None:
        twins = scene.twins
        dave, dave_again = ("192.0.2.9", 1000), ("192.0.2.10", 1000)
        assert twins.register(dave, GAMES[0], MAC) == MAC
        scene.ways += [
            (GAMES[0], packet(0, MAC, 0, scene.alice), dave),
            (GAMES[0], packet(0, scene.alice, 0, MAC), ALICE),
        ]
        scene.check()
        assert twins.register(dave_again, GAMES[0], MAC) == MAC
        scene.ways.append((GAMES[0], packet(0, MAC, 0, scene.alice), dave_again))
        scene.check()
        twins.register(dave, GAMES[0])  # another player comes there, and is counted from the beginning
        scene.check()

    play(work)


def test_whoever_comes_at_an_address_that_was_anothers_is_counted_anew() -> None:
    async def work(scene: Scene) -> None:
        twins = scene.twins
        twins.register(BOB, GAMES[0], MAC)
        scene.check()
        twins.each(lambda side: side.games.release(MAC))
        twins.register(BOB, GAMES[0])
        scene.check()

    play(work)


def test_a_lan_that_gets_its_number_leaves_nothing_remembered() -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        server = Station(await side.member.lan("lan", 0, joined=False), SERVER, LAN)
        await scene.twins.slow.member.lan("lan", 0, joined=False)
        port = side.host.ports[DATA]
        assert isinstance(port, BatchedPort)
        at, data, source = scene.ways[7]
        for _ in range(2):
            side.host.deliver(at, [(data, source)])
        assert port.flows.exits
        announce(server)
        assert server.link.network == LAN
        assert not port.flows.exits

    play(work)


@pytest.mark.parametrize("what", ["attach", "detach", "renumber", "hop limit", "mute"])
def test_what_changes_everything_leaves_nothing_remembered(what: str) -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        gateway, port = side.member.gateway, side.host.ports[DATA]
        assert isinstance(port, BatchedPort)
        assert port.flows.exits
        match what:
            case "attach":
                spare = side._room()
                spare.name, spare.network = "spare", 0x5A5A
                gateway.attach(spare)
            case "detach":
                await side.room.close()
                gateway.detach(side.room)
            case "renumber":
                gateway.renumber(NOBODY)
            case "hop limit":
                gateway.take_parameters(replace(gateway.parameters, hop_limit=15))
            case _:
                gateway.stand_by(side.room)
        assert not port.flows.exits

    play(work)
