"""Datagrams that the kernel has joined, taken into slots: held against the same without its joining."""

import random
from collections.abc import Sequence

import pytest

from dataplane.relay import CAROL, DAVE, Outcome, Relay, bound, relay
from dataplane.test_bursts import HOSTS, MANY, OTHERS, WHOLE, flows, run, to_two
from nwip.dataplane import joining
from nwip.dataplane.arena import SLOTS, STRIDE, Arena
from nwip.dataplane.batched import BATCHES
from nwip.dataplane.joining import ENOUGH, PUT_OFF, SINGLES
from nwip.dataplane.scattering import Scatterer
from nwip.dataplane.traffic import traffic

pytestmark = pytest.mark.asyncio

EQUAL = {
    "to two": [to_two()],
    "many": [to_two(32), to_two(30), to_two(32), to_two(4)],
    "shorter last": [[*to_two(20), *run(size=34, count=1)], to_two(20)],
    "large": [to_two(20, 1400), to_two(20, 1400)],
    "over a slot": [run(size=STRIDE + 9, count=9)] * 2,
    "other sizes": [to_two(9), to_two(20, 700), to_two(9, 51), to_two(9)],
}
CASES = {**WHOLE, **OTHERS, **EQUAL}


async def sent(bursts: Sequence[Sequence[bytes]], host: str, slots: int) -> Outcome:
    with relay(host, joins=None if slots else False, slots=slots) as scene:
        for burst in bursts:
            scene.burst(burst)
        await scene.until(sum(map(len, bursts)))
        assert (scene.port._joining.scatterer is not None) is (slots > 0)
        return scene.outcome()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("case", CASES)
async def test_what_comes_into_slots_goes_packet_for_packet_as_if_none_were_joined(
    case: str, host: str
) -> None:
    alone = await sent(CASES[case], host, 0)
    for size in (1, 50, STRIDE - 1):
        scattered = await sent(CASES[case], host, size)
        assert scattered.reported == alone.reported
        assert flows(scattered.arrived) == flows(alone.arrived)
        assert scattered.books[-2:] == alone.books[-2:]


async def until(scene: Relay, most: int, bursts: Sequence[Sequence[bytes]], *, scatters: bool) -> int:
    """Send bursts until the port has them in slots, or not; return how many, at most so many."""
    for number in range(most):
        if (scene.port._joining.scatterer is not None) is scatters:
            return number
        before = scene.look()
        burst = bursts[number % len(bursts)]
        scene.burst(burst)
        await scene.until(before + len(burst))
    return most


async def test_bursts_to_many_come_into_slots_as_long_as_they_do() -> None:
    with relay(joins=None) as scene:
        assert await until(scene, 100, [to_two()], scatters=True) == ENOUGH
        assert scene.port._joining.bursts is None
        assert await until(scene, 40, [to_two()], scatters=False) == 40
        off = await until(scene, 2 * SINGLES, [run(count=1)], scatters=False)
        assert SINGLES <= off <= SINGLES + 2
        assert scene.port._joining.bursts is not None
        await until(scene, 2, [run(count=1)], scatters=True)
        assert scene.port._joining.bursts is None
        assert await until(scene, 100, [to_two()], scatters=True) == ENOUGH


async def test_it_is_put_off_where_it_does_not_pay() -> None:
    singly = [each for each in to_two() for _ in (0,)]
    with relay(joins=None) as scene:
        assert await until(scene, 100, [to_two()], scatters=True) == ENOUGH
        assert await until(scene, 1000, [[each] for each in singly], scatters=False) <= SINGLES + 2
        await until(scene, 2, [run(count=1)], scatters=True)
        assert await until(scene, 100, [to_two()], scatters=True) == ENOUGH * PUT_OFF


async def test_bursts_that_are_of_several_sizes_do_not_make_it_begin() -> None:
    with relay(joins=None) as scene:
        assert await until(scene, 40, [[*to_two(), run(size=49)[0]]], scatters=True) == 40


async def test_what_is_looked_at_packet_by_packet_does_not_make_it_begin() -> None:
    burst = [each for pair in zip(run(DAVE), run(CAROL), strict=True) for each in pair][:60]
    with relay(joins=None) as scene:
        assert await until(scene, 40, [burst], scatters=True) == 40


async def test_a_kernel_that_cannot_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_joins", lambda _: False)
    with relay(joins=None) as scene:
        assert await until(scene, 20, [to_two()], scatters=True) == 20


async def test_another_size_is_copied_once_and_then_lies_where_it_belongs() -> None:
    with relay(joins=None, slots=50) as scene:
        scatterer = scene.port._joining.scatterer
        assert scatterer is not None
        for size, filled in ((50, MANY), (700, 0), (700, MANY), (50, 0), (50, MANY)):
            scene.burst(to_two(size=size))
            assert scatterer.receive(scene.port.fileno(), 3) == 1
            assert scatterer.fill(3) == filled
            packets, names = scatterer.copies(3)
            assert packets == to_two(size=size)
            assert names == scene.here * MANY


async def test_the_arena_is_told_where_each_came_from_and_how_long_it_is() -> None:
    chance = random.Random(20)  # noqa: S311 - a test wants the same again
    with relay(joins=None, slots=50) as scene, bound("127.0.0.1") as other:
        arena = scene.port._arena
        scatterer = Scatterer(arena, 50)
        ends = {sock: scene.outlet.name_of(sock.getsockname()[:2]) for sock in (scene.sender, other)}
        mine = scene.sender
        for _ in range(300):
            expected: list[tuple[bytes, bytes]] = []
            first = 0
            while first < SLOTS - MANY:
                scene.sender = chance.choice([mine, mine, other])
                packets = to_two(chance.randrange(1, MANY // 2 + 1))
                if chance.random() < 0.2:
                    packets += run(size=chance.randrange(30, 50), count=1)
                if chance.random() < 0.1:
                    packets = run(size=chance.randrange(30, 99), count=chance.randrange(1, 9))
                scene.burst(packets)
                assert scatterer.receive(scene.port.fileno(), first) == 1
                if not scatterer.fill(first):
                    copies, names = scatterer.copies(first)
                    arena.lay(first, copies, names)
                expected += [(each, ends[scene.sender]) for each in packets]
                first += len(packets)
            told = [(arena.datagram(slot), arena.name(slot)) for slot in range(first)]
            assert told == expected
        scene.sender = mine


async def test_a_message_of_more_than_there_is_room_for_is_whole() -> None:
    with relay(joins=None, slots=30) as scene:
        scatterer = scene.port._joining.scatterer
        assert scatterer is not None
        scene.burst(run(size=30, count=64))
        assert scatterer.receive(scene.port.fileno(), SLOTS - 5) == 1
        assert scatterer.fill(SLOTS - 5) == 0
        assert scatterer.copies(SLOTS - 5)[0] == run(size=30, count=64)


async def test_a_wake_up_takes_no_more_packets_than_without() -> None:
    with relay(joins=None, slots=50) as scene:
        for _ in range(10):
            scene.burst(to_two(32))
        before = traffic.datagrams
        scene.port._drain()
        assert scene.look() == traffic.datagrams - before == BATCHES * SLOTS
        await scene.until(640)


async def test_a_port_that_is_closed_by_what_it_reports_stops() -> None:
    with relay(joins=None, slots=50) as scene:
        for _ in range(4):
            scene.burst(run(DAVE, count=64))
        received = scene.port._received

        def close(batch: Sequence[tuple[bytes, tuple[str, int]]]) -> None:
            received(batch)
            scene.port.close()

        scene.port._received = close
        scene.port._drain()
        assert scene.reported == run(DAVE, count=64)


async def test_an_arena_is_filled_from_a_slot_on() -> None:
    arena = Arena(4)
    arena.lay(0, [bytearray(b"x" * 9)] * SLOTS, b"aaaa" * SLOTS)
    assert arena.fill(2, 3 * 300 + 258, 300, b"bbbb") == 4
    assert [len(arena.datagram(slot)) for slot in range(8)] == [9, 9, 300, 300, 300, 258, 9, 9]
    assert [arena.name(slot) for slot in range(8)] == [b"aaaa"] * 2 + [b"bbbb"] * 4 + [b"aaaa"] * 2
