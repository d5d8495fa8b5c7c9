"""Odd packets in the midst of a batch: each gets what it would have got alone, the others go on."""

from collections.abc import Sequence

import pytest

from dataplane.scene import ALICE, BOB, CAROL, Scene, play
from dataplane.twins import (
    DATA,
    FAR_NETWORK,
    GAMES,
    HOSTS,
    PEER_NUMBERS,
    PEERS,
    ROOM,
    ROOM_NETWORK,
    packet,
)
from gateway.world import NETWORK
from nwip.dataplane.port import BatchedPort, Datagram, Received
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE
from nwip.ipx.hello import MAGIC
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.ping import registration

PLAIN = 5
JOINS = pytest.mark.parametrize(  # does the kernel join datagrams, and into slots of which size at first?
    ("joins", "slots"), [(False, 0), (True, 0), (False, 1), (False, 34), (False, 1500)]
)


def odd_ones(scene: Scene) -> list[tuple[bytes, Endpoint]]:
    """Return datagrams that are not as Alice's are to Bob, each in one way."""
    alice, bob, everyone = scene.alice, scene.bob, BROADCAST_NODE

    def to_bob(**oddity: int) -> tuple[bytes, Endpoint]:
        return packet(0, alice, 0, bob, **oddity), ALICE

    def to(network: int, node: bytes, **oddity: int) -> tuple[bytes, Endpoint]:
        return packet(0, alice, network, node, **oddity), ALICE

    hello = packet(0, alice, 0, everyone, socket=Socket.HELLO)
    return [
        *(to_bob(size=size) for size in (0, 1, 29, 30, 1424, 1425, 1500, 1501, 2112, 2113, 5000)),
        *(to_bob(flaw=flaw) for flaw in (-21, -1, 1, 1400, 3000)),
        *(to_bob(checksum=checksum) for checksum in (0, 0xFF00, 0x00FF, 0xFFFE)),
        *(to_bob(hops=hops) for hops in (1, 14, 15, 16, 17, 255)),
        *(to_bob(socket=socket) for socket in (Socket.ECHO, 0x0102, 0x0200, Socket.RIP, Socket.SAP)),
        *(to_bob(kind=kind) for kind in (0, PacketType.PROPAGATED, 255)),
        *(to(FAR_NETWORK, b"\2nobod", hops=hops) for hops in (0, 13, 14, 15, 16)),
        *(to(FAR_NETWORK, b"\2nobod", size=size) for size in (1424, 1425)),
        to(FAR_NETWORK, everyone),
        to(0x5151, bob),
        to(ROOM_NETWORK, bob),
        to(ROOM_NETWORK, everyone),
        to(0, NULL_NODE),
        to(0, b"\2unkno"),
        to(0, PEER_NUMBERS[0]),
        to(0, everyone),
        to(NETWORK, everyone, kind=PacketType.PROPAGATED, size=80),
        to(0, everyone, socket=Socket.RIP),
        to(0, everyone, socket=Socket.SAP),
        to(0, everyone, socket=Socket.ECHO),
        to(0, everyone, flaw=-1),
        to(0, everyone, hops=15),
        to(0, everyone, size=1425),
        (hello[:30] + MAGIC + hello[30 + len(MAGIC) :], ALICE),
        (packet(0, alice, 0, everyone), BOB),
        (packet(0, alice, 0, bob), BOB),
        (packet(0, HOSTS[0], 0, bob), ALICE),
        (packet(FAR_NETWORK, alice, 0, bob), ALICE),
        (packet(0, BROADCAST_NODE, 0, bob), ALICE),
        (packet(0, alice, 0, bob), ("192.0.2.77", 1000)),
        (registration().encode(), ALICE),
        (registration().encode(), ("192.0.2.77", 1000)),
    ]


@JOINS
def test_the_others_of_a_batch_of_players_go_on_together_and_in_order(*, joins: bool, slots: int) -> None:
    async def work(scene: Scene) -> None:
        for odd in odd_ones(scene):
            for way in (scene.bob, HOSTS[0]):
                plain = [
                    (packet(NETWORK, scene.alice, NETWORK, way, mark=mark), ALICE)
                    for mark in range(2 * PLAIN)
                ]
                said = [(packet(0, scene.alice, 0, BROADCAST_NODE, mark=mark), ALICE) for mark in range(2)]
                batch = [*plain[:PLAIN], said[0], odd, *plain[PLAIN:], said[1]]
                scene.twins.deliver(GAMES[0], batch)
                differences = scene.twins.differences()
                assert not differences, (odd[0][:32].hex(), differences)

    play(work, joins=joins, slots=slots)


@JOINS
@pytest.mark.parametrize(("at", "source"), [(GAMES[0], ALICE), (ROOM, CAROL), (DATA, PEERS[0])])
def test_odd_ones_get_what_they_would_have_got_alone_wherever_they_come_in(
    at: Endpoint, source: Endpoint, *, joins: bool, slots: int
) -> None:
    async def work(scene: Scene) -> None:
        node, network = {
            ALICE: (scene.alice, NETWORK),
            CAROL: (scene.carol, ROOM_NETWORK),
            PEERS[0]: (HOSTS[0], NETWORK),
        }[source]
        plain = packet(network, node, NETWORK, scene.alice)
        for odd, came_from in odd_ones(scene):
            data = odd[:22] + node + odd[28:] if odd[22:28] == scene.alice else odd
            address = source if came_from == ALICE else came_from
            for batch in ([data], [plain, data], [data, plain], [data] * 64):
                scene.twins.deliver(at, [(each, address if each is data else source) for each in batch])
                differences = scene.twins.differences()
                assert not differences, (data[:32].hex(), differences)

    play(work, joins=joins, slots=slots)


@JOINS
def test_pings_between_hosts_go_with_their_batch_and_those_for_the_gateway_reach_it(
    *, joins: bool, slots: int
) -> None:
    async def work(scene: Scene) -> None:
        own = scene.twins.slow.member.gateway.virtual.node
        cookie = scene.twins.slow.games._engine._numbers.cookie(ALICE, scene.alice)
        seen: list[bytes] = []
        for at, plain, source in scene.ways:
            port = scene.twins.fast.host.ports[at]
            assert isinstance(port, BatchedPort)
            monkey = port._received

            def look(batch: Sequence[Datagram], received: Received = monkey) -> None:
                seen.extend(data for data, _ in batch)
                received(batch)

            port._received = look
            pings = [
                plain[:16] + b"\0\2" + plain[18:28] + socket + b"ping" for socket in (b"\0\2", b"\x40\1")
            ]
            pings = [ping[:2] + len(ping).to_bytes(2, "big") + ping[4:] for ping in pings]
            for_gateway = [
                ping[:6] + NETWORK.to_bytes(4, "big") + node + ping[16:]
                for ping in pings
                for node in (own, cookie, BROADCAST_NODE)
            ]
            batch = [plain, pings[0], *for_gateway, pings[1], plain]
            scene.twins.deliver(at, [(data, source) for data in batch])
            port._received = monkey
            differences = scene.twins.differences()
            assert not differences, (plain[:32].hex(), differences)
            assert seen == for_gateway
            seen.clear()

    play(work, joins=joins, slots=slots)


def test_what_no_node_of_the_domain_may_say_is_not_said_in_batches_either() -> None:
    async def work(scene: Scene) -> None:
        own = scene.twins.slow.member.gateway.virtual.node
        for node in (own, PEER_NUMBERS[1], PEER_NUMBERS[0], scene.alice, BROADCAST_NODE):
            for peer in (PEERS[0], PEERS[2]):
                scene.twins.deliver(DATA, [(packet(0, node, 0, scene.bob), peer)] * 3)
                scene.twins.deliver(DATA, [(packet(0, node, 0, scene.bob), peer)] * 3)
                assert not scene.twins.differences()

    play(work)


def test_what_the_kernel_refuses_is_dropped_and_the_rest_arrives() -> None:
    async def work(scene: Scene) -> None:
        for side in (scene.twins.fast, scene.twins.slow):
            side.host.refused = {BOB}
            side.host.deliver(
                GAMES[0], [(packet(0, scene.alice, 0, to), ALICE) for to in (scene.bob, HOSTS[0])] * 3
            )
            assert [sent.to for sent in side.host.sent] == [PEERS[0]] * 3
            assert side.games.counters.drops["refused by the kernel"] == 3
            assert side.member.gateway.virtual.counters.drops == {}

    play(work)
