"""What batches must not hide from those who look: taps, programs, counts, and who is alive."""

from dataplane.scene import Scene, play
from dataplane.twins import (
    DATA,
    GAMES,
    PEER_NUMBERS,
    PEERS,
)
from gateway.world import NETWORK
from nwip.dataplane.batched import BatchedPort
from nwip.directory.records import Node
from nwip.gateway.taps import Taps


def test_nothing_is_counted_any_more_of_a_node_that_is_gone() -> None:
    async def work(scene: Scene) -> None:
        port = scene.twins.fast.host.ports[DATA]
        assert isinstance(port, BatchedPort)
        name = port.name_of(PEERS[0])
        assert name in port.tally.packets_in
        scene.twins.withdraw(0, Node(PEER_NUMBERS[0], "peer 0", [PEERS[0]]))
        assert name not in port.tally.packets_in

    play(work)


class Program:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def receive(self, packet: bytes) -> None:
        self.heard.append(packet)

    def renumbered(self) -> None:
        """Nothing: it does not care."""


def test_a_program_that_opens_a_socket_hears_what_is_said_to_all_from_then_on() -> None:
    async def work(scene: Scene) -> None:
        for node in (
            Node(PEER_NUMBERS[0], "peer 0", [PEERS[0]]),
            Node(PEER_NUMBERS[1], "peer 1", [PEERS[1]]),
        ):
            scene.twins.withdraw(PEER_NUMBERS.index(node.node), node)  # so that nobody else would hear it
        scene.check()
        programs = [Program(), Program()]
        for side, program in zip((scene.twins.fast, scene.twins.slow), programs, strict=True):
            side.member.gateway.sockets.bind(0x869C, program)
        scene.check()
        assert programs[0].heard == programs[1].heard
        assert len(programs[0].heard) == 2 * 3

    play(work)


def test_a_listener_sees_every_packet_and_then_none_of_them_is_looked_at_again() -> None:
    async def work(scene: Scene) -> None:
        heard: list[bytes] = []
        side = scene.twins.fast
        taps = Taps([side.member.gateway])
        listener = lambda _link, _out, data, _hop: heard.append(data)  # noqa: E731 - it is removed by name
        taps.add(listener)
        assert scene.looked_at() == scene.looked_at() == len(scene.ways)
        assert len(heard) == 2 * 2 * 3 * len(scene.ways)
        taps.remove(listener)
        assert scene.looked_at() >= len(scene.ways) - 1  # what one player asks teaches the other's answer
        assert scene.looked_at() == 0

    play(work)


def test_a_player_who_is_heard_in_batches_is_not_shown_as_silent() -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        at, data, source = scene.ways[0]
        await scene.twins.pass_time(20.0)
        side.host.deliver(at, [(data, source)])
        now = scene.twins.kernel.loop.time()
        heard = {view.node: view.last_heard for view in side.games.clients()}
        assert heard[scene.alice] == now
        assert heard[scene.bob] < now
        await scene.twins.pass_time(5.0)
        assert {view.node: view.last_heard for view in side.games.clients()} == heard

    play(work)


def test_a_player_who_is_only_heard_in_batches_is_alive_and_one_who_falls_silent_is_not() -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        at, data, source = scene.ways[0]
        began = side.games.clients()[0].since
        for _ in range(30):
            await scene.twins.pass_time(5.0)
            side.host.deliver(at, [(data, source)])
        assert [(view.node, view.since) for view in side.games.clients()] == [(scene.alice, began)]
        await scene.twins.pass_time(100.0)
        assert side.games.clients() == []

    play(work)


def test_other_nodes_that_are_only_heard_in_batches_are_not_taken_for_lost() -> None:
    async def work(scene: Scene) -> None:
        scene.twins.each(lambda side: side.member.gateway.session_lost())
        at, data, source = scene.ways[7]
        for _ in range(12):
            await scene.twins.pass_time(2.0, step=1.0)
            scene.twins.deliver(at, [(data, source)] * 2)
        assert not scene.twins.differences()
        scene.check()

    play(work)


def test_of_a_player_the_ports_tables_and_the_engine_keep_one_object_as_its_address() -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        port = side.host.ports[GAMES[0]]
        assert isinstance(port, BatchedPort)
        spots = [side.games.spot(node) for node in (scene.alice, scene.bob)]
        kept = {id(spot.name) for spot in spots if spot}
        assert {id(name) for name in port.tally.packets_in} == kept
        assert {id(name) for name in port.tally.packets_out} == kept
        addresses = [NETWORK.to_bytes(4, "big") + node for node in (scene.alice, scene.bob)]
        (star,) = [way.names for way in port.flows.exits if way.names is way.sources]
        assert {id(star[address]) for address in addresses} == kept

    play(work)
