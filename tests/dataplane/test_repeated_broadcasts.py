"""Broadcasts that follow on one another: each is judged, budgeted, copied and counted as if it were alone."""

import pytest

from dataplane.scene import ALICE, BOB, Scene, play
from dataplane.twins import GAMES, packet
from gateway.world import NETWORK
from nwip.dataplane.batched import BatchedPort
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import PacketType, Socket

JOINS = pytest.mark.parametrize("joins", [False, True])
BURST = 5


def same(scene: Scene, batch: list[tuple[bytes, Endpoint]]) -> None:
    scene.twins.deliver(GAMES[0], batch)
    differences = scene.twins.differences()
    assert not differences, ([data[:32].hex() for data, _ in batch], differences)


def said(scene: Scene, by: Endpoint = ALICE, **what: int) -> tuple[bytes, Endpoint]:
    node = {ALICE: scene.alice, BOB: scene.bob}[by]
    return packet(NETWORK, node, NETWORK, BROADCAST_NODE, **what), by


def dropped(scene: Scene) -> list[int]:
    sides = (scene.twins.fast, scene.twins.slow)
    return [side.member.gateway.counters.drops.get("broadcast budget", 0) for side in sides]


@JOINS
def test_of_a_batch_each_source_says_as_much_as_it_may_and_the_first_of_it(*, joins: bool) -> None:
    async def work(scene: Scene) -> None:
        same(scene, [said(scene), said(scene, BOB)])
        for side in (scene.twins.fast, scene.twins.slow):
            side.member.gateway._broadcasts.set_rate(0, BURST)
        runs = [(ALICE, 3, 50), (BOB, 2, 50), (ALICE, 4, 50), (BOB, 4, 60), (ALICE, 1, 60)]
        spoken = [(by, size) for by, count, size in runs for _ in range(count)]
        same(scene, [said(scene, by, size=size, mark=mark) for mark, (by, size) in enumerate(spoken)])
        assert dropped(scene) == [8 - BURST + 6 - BURST] * 2
        same(scene, [said(scene), said(scene)])
        assert dropped(scene) == [8 - BURST + 6 - BURST + 2] * 2

    play(work, joins=joins)


@JOINS
@pytest.mark.parametrize("to_bob", [True, False])
def test_what_is_refused_is_counted_at_its_length(*, to_bob: bool, joins: bool) -> None:
    async def work(scene: Scene) -> None:
        side = scene.twins.fast
        side.host.refused = {BOB if to_bob else ALICE}
        books, before = side.games.counters, len(side.host.sent)
        packets, octets = books.packets_out, books.octets_out
        runs = [(ALICE, 3, 50), (BOB, 2, 50), (ALICE, 2, 60), (BOB, 1, 1000)]
        side.host.deliver(
            GAMES[0], [said(scene, by, size=size) for by, count, size in runs for _ in range(count)]
        )
        copies = [len(sent.data) for sent in side.host.sent[before:] if sent.source in GAMES]
        assert (books.packets_out - packets, books.octets_out - octets) == (len(copies), sum(copies))
        assert books.drops["refused by the kernel"] == (5 if to_bob else 3)

    play(work, joins=joins)


@JOINS
def test_one_that_is_like_the_one_before_but_for_something_is_looked_at(*, joins: bool) -> None:
    async def work(scene: Scene) -> None:
        plain = said(scene, mark=1)
        odd_ones = [
            (plain[0], BOB),
            (plain[0], ("192.0.2.77", 1000)),
            (plain[0] + b"\0", ALICE),
            (plain[0][:-1], ALICE),
            *(said(scene, size=size) for size in (30, 51, 306, 1424, 1425)),
            *(said(scene, hops=hops) for hops in (1, 14, 15, 16)),
            *(said(scene, socket=socket) for socket in (Socket.RIP, Socket.SAP, Socket.HELLO, Socket.ECHO)),
            *(said(scene, kind=kind) for kind in (4, PacketType.PROPAGATED)),
            said(scene, checksum=0),
        ]
        for odd in odd_ones:
            for batch in ([plain], [odd], [plain, plain], [odd, odd], [plain, odd, plain], [plain] * 64):
                same(scene, batch)

    play(work, joins=joins)


@JOINS
def test_a_judgement_ends_with_what_it_rested_on(*, joins: bool) -> None:
    async def work(scene: Scene) -> None:
        batch = [said(scene, hops=9)] * 3
        same(scene, batch)
        same(scene, batch)
        for limit in (9, 16):
            for side in (scene.twins.fast, scene.twins.slow):
                side.member.gateway._forwarder.hop_limit = limit
            same(scene, [said(scene)])
            same(scene, batch)
            same(scene, batch)
        same(scene, [said(scene, BOB)])
        same(scene, batch)
        port = scene.twins.fast.host.ports[GAMES[0]]
        assert isinstance(port, BatchedPort)
        flows = port.flows
        assert flows.said == batch[0][0][:30]
        flows.forget(batch[0][0][18:28])
        assert flows.speakers
        same(scene, [(batch[0][0], BOB)] * 3)
        same(scene, batch)

    play(work, joins=joins)
