"""Bursts that the kernel has joined, on real loopback sockets: held against the same without its joining."""

import ctypes
import errno
from collections.abc import Sequence

import pytest

from dataplane.relay import ALICE, BOB, CAROL, DAVE, MAXIMUM, NETWORK, Outcome, Relay, bound, relay
from dataplane.twins import packet
from nwip.dataplane import groups, joining
from nwip.dataplane.arena import SLOTS, STRIDE, Arena
from nwip.dataplane.batched import BATCHES
from nwip.dataplane.bursts import BurstArena
from nwip.dataplane.traffic import traffic
from nwip.directory.records import Endpoint

pytestmark = pytest.mark.asyncio

MANY = 40
HOSTS = ["127.0.0.1", "::1"]


def run(
    to: bytes = BOB, *, size: int = 50, count: int = MANY, source: bytes = ALICE, **oddity: int
) -> list[bytes]:
    """Return a burst from Alice, its packets numbered."""
    return [packet(NETWORK, source, NETWORK, to, size=size, mark=mark + 1, **oddity) for mark in range(count)]


def with_one(odd: bytes, at: int = MANY // 2) -> list[bytes]:
    burst = run()
    return [*burst[:at], odd, *burst[at + 1 :]]


def unwritten(burst: Sequence[bytes]) -> list[bytes]:
    """Return packets with "this network" for their networks, as DOSBox writes them."""
    return [each[:6] + bytes(4) + each[10:18] + bytes(4) + each[22:] for each in burst]


def to_two(count: int = MANY // 2, size: int = 50) -> list[bytes]:
    """Return packets to two nodes by turns."""
    both = zip(run(count=count, size=size), run(CAROL, count=count, size=size), strict=True)
    return [each for pair in both for each in pair]


WHOLE = {
    "equal": [run()],
    "to another network": [run(CAROL)],
    "to another network, hops": [run(CAROL, hops=14)],
    "shorter last": [[*run(size=51), *run(size=30, count=1)]],
    "shorter last to another network": [[*run(CAROL, size=576), *run(CAROL, size=400, count=1)]],
    "large": [run(size=1400, count=46)],
    "of the largest size": [run(CAROL, size=MAXIMUM, count=40)],
    "smallest": [run(size=30, count=64)],
    "this network": [unwritten(run()), unwritten(run(CAROL))],
    "two": [run(count=2)],
    "one after the other": [run(), run(CAROL), run(size=99), run(CAROL, size=1001)],
}
OTHERS = {
    "checksum": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, checksum=0))],
    "length": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, flaw=-1))],
    "hops": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, hops=3))],
    "too many hops": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, hops=16)), run(CAROL, hops=15)],
    "ping": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, socket=2)), run(socket=2)],
    "first": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, flaw=1), 0)],
    "last": [with_one(packet(NETWORK, ALICE, NETWORK, BOB, flaw=1), MANY - 1)],
    "last too short": [[*run(), *run(size=29, count=1)]],
    "last says another length": [[*run(), packet(NETWORK, ALICE, NETWORK, BOB, size=40, flaw=5)]],
    "last to another": [[*run(), packet(NETWORK, ALICE, NETWORK, DAVE, size=40)]],
    "two destinations": [to_two()],
    "nobody": [run(DAVE), with_one(packet(NETWORK, ALICE, NETWORK, DAVE))],
    "not believed": [run(source=DAVE), with_one(packet(NETWORK, DAVE, NETWORK, BOB))],
    "another network": [[packet(NETWORK, ALICE, 0x5151, BOB, mark=mark) for mark in range(MANY)]],
    "too large": [run(size=MAXIMUM + 1, count=20), run(size=1500, count=20), run(size=STRIDE + 9, count=9)],
    "one too large": [[packet(NETWORK, ALICE, NETWORK, BOB, size=3000)], *([each] for each in run(count=3))],
    "no packets": [[b"\xff" * 20] * 9],
    "singly": [[each] for each in run(count=100)],
    "mixed": [run(), *([each] for each in run(count=70)), run(CAROL), run(DAVE), run(count=64), run(DAVE)],
}


async def sent(bursts: Sequence[Sequence[bytes]], host: str, *, joins: bool) -> tuple[Outcome, int]:
    """Send bursts; return what became of them, and how many went on in one piece."""
    with relay(host, joins=joins) as scene, pytest.MonkeyPatch.context() as monkeypatch:
        pieces = count_pieces(monkeypatch)
        for burst in bursts:
            scene.burst(burst)
        await scene.until(sum(map(len, bursts)))
        assert (scene.port._joining.bursts is not None) is joins
        return scene.outcome(), len(pieces)


def count_pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every burst that goes on in one piece is added."""
    pieces: list[int] = []
    send = groups.Groups.send_in_one_piece

    def counting(self: groups.Groups, descriptor: int, place: bytes, *lying: int) -> int:
        pieces.append(lying[1])
        return send(self, descriptor, place, *lying)

    monkeypatch.setattr(groups.Groups, "send_in_one_piece", counting)
    return pieces


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("case", WHOLE)
async def test_a_burst_to_one_arrives_in_one_piece_octet_for_octet_and_is_counted(
    case: str, host: str
) -> None:
    joined, pieces = await sent(WHOLE[case], host, joins=True)
    alone, _ = await sent(WHOLE[case], host, joins=False)
    assert (pieces, joined.reported) == (len(WHOLE[case]), [])
    assert flows(joined.arrived) == flows(alone.arrived)
    assert joined.books == alone.books
    packets = [each for burst in WHOLE[case] for each in burst]
    assert [each[30:] for each in joined.arrived] == [each[30:] for each in packets]
    assert [each[4] for each in joined.arrived] == [each[4] + (each[10:16] == CAROL) for each in packets]


@pytest.mark.parametrize("case", OTHERS)
async def test_any_other_goes_packet_for_packet_as_if_none_were_joined(case: str) -> None:
    joined, pieces = await sent(OTHERS[case], HOSTS[0], joins=True)
    alone, _ = await sent(OTHERS[case], HOSTS[0], joins=False)
    assert pieces == (3 if case == "mixed" else 0)
    assert joined.reported == alone.reported
    assert flows(joined.arrived) == flows(alone.arrived)
    assert joined.books[-2:] == alone.books[-2:]


def flows(packets: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for each in packets:
        found.setdefault(each[6:16], []).append(each)
    return found


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.EMSGSIZE, errno.EAGAIN])
async def test_what_the_kernel_takes_no_group_of_goes_singly_and_it_is_not_asked_again(
    reason: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def refuse(descriptor: int, *_arguments: object) -> int:
        asked.append(descriptor)
        ctypes.set_errno(reason)
        return -1

    monkeypatch.setattr(groups, "sendmmsg", refuse)
    burst = [*run(CAROL, size=1000, count=60), *run(CAROL, size=77, count=1)]
    with relay() as scene:
        for number in (1, 2):
            scene.burst(burst)
            await scene.until(number * len(burst))
        assert [each[30:] for each in scene.arrived] == [each[30:] for each in burst] * 2
        assert scene.books[1].packets_out == 2 * len(burst)
        assert scene.books[1].drops == {}
        assert len(asked) == (2 if reason == errno.EAGAIN else 1)


async def test_packets_that_are_refused_one_by_one_are_counted() -> None:
    with relay() as scene:
        scene.outlet.close()
        scene.burst(run(CAROL))
        scene.burst(run())
        await scene.until(MANY)
        assert scene.books[1].drops == {"refused by the kernel": MANY}
        assert (scene.books[1].packets_out, scene.books[1].octets_out) == (0, 0)
        assert scene.books[0].packets_in == 2 * MANY


async def until(scene: Relay, count: int, burst: Sequence[bytes], *, joins: bool) -> int:
    """Send a burst so many times at most, until the port lets the kernel join, or not; return how many."""
    for number in range(count):
        if (scene.port._joining.bursts is not None) is joins:
            return number
        before = scene.look()
        scene.burst(burst)
        await scene.until(before + len(burst))
    return count


async def test_the_kernel_joins_when_bursts_come_and_ceases_when_none_do() -> None:
    with relay(joins=None) as scene:
        for burst in (run(), run(CAROL, size=1400)):
            assert await until(scene, 100, burst, joins=True) == joining.ENOUGH
            assert await until(scene, 20, burst, joins=False) == 20
            off = await until(scene, 2 * joining.IDLE, burst[:1], joins=False)
            assert joining.IDLE < off <= joining.IDLE + 2
        assert scene.reported == []


async def test_it_is_tried_later_where_nothing_goes_on_in_one_piece() -> None:
    with relay(joins=None) as scene:
        assert await until(scene, 30, run(), joins=True) == joining.ENOUGH
        assert await until(scene, 100, to_two(), joins=False) <= joining.IDLE + 2
        assert await until(scene, 1000, run(), joins=True) == joining.ENOUGH * joining.PUT_OFF


async def test_what_was_joined_before_it_ceased_is_not_lost_and_lets_it_go_on() -> None:
    burst = [*run(CAROL, size=1000), *run(CAROL, size=77, count=1)]
    padded = run()[0] + b"\0" * 9
    with relay() as scene:
        port = scene.port
        for each in (run(), burst, run(size=30, count=2), [padded]):
            scene.burst(each)
        scene.sender.sendto(b"", port.endpoint)
        bursts = cease(scene)
        await scene.until(2 * MANY + 1 + 2 + 2)
        packets = [*run(), *burst, *run(size=30, count=2)]
        assert [each[30:] for each in scene.arrived] == [each[30:] for each in packets]
        assert scene.reported == [padded, b""]
        assert (port._joining.bursts, bursts.is_parting) == (bursts, False)
        cease(scene)
        await until(scene, 1, run(count=1), joins=False)
        assert port._joining.bursts is None


def cease(scene: Relay) -> BurstArena:
    """Let the kernel join no more."""
    joining_now = scene.port._joining
    bursts = joining_now.bursts
    assert bursts is not None
    joining_now._idle = 1_000_000
    joining_now.judge(0, is_empty=False)
    assert bursts.is_parting
    return bursts


async def test_what_an_earlier_burst_has_left_in_memory_is_not_taken_for_a_packet() -> None:
    with relay() as scene, pytest.MonkeyPatch.context() as monkeypatch:
        pieces = count_pieces(monkeypatch)
        scene.burst(run(count=MANY + 1))
        await scene.until(MANY + 1)
        scene.burst([*run(), *run(size=29, count=1)])
        await scene.until(2 * MANY + 2)
        assert scene.reported[-1:] == run(size=29, count=1)
        assert len(pieces) == 1


async def test_what_came_before_says_nothing_of_the_size_of_what_comes() -> None:
    with relay() as scene:
        scene.burst(run(size=50))
        await scene.until(MANY)
        scene.burst(run(size=100, count=1))
        await scene.until(MANY + 1)
        assert scene.arrived[-1] == run(size=100, count=1)[0]


async def test_no_burst_is_larger_than_what_may_come_in_and_what_a_group_may_be() -> None:
    with relay() as scene, pytest.MonkeyPatch.context() as monkeypatch:
        pieces = count_pieces(monkeypatch)
        scene.flat.maximum = 1500
        scene.burst(run(size=groups.LARGEST_PACKET + 1, count=20))
        await scene.until(20)
        scene.port.flows.maximum = 100
        scene.burst(run(size=101))
        await scene.until(20 + MANY)
        assert (len(scene.arrived), scene.reported) == (20, run(size=101))
        assert pieces == []


async def test_a_wake_up_takes_no_more_packets_than_without() -> None:
    with relay() as scene:
        for _ in range(10):
            scene.burst(run(count=64))
        before = traffic.datagrams
        scene.port._drain()
        assert scene.look() == traffic.datagrams - before == BATCHES * SLOTS
        await scene.until(640)


async def test_a_wake_up_that_begins_with_few_packets_takes_hardly_more() -> None:
    with relay() as scene:
        for count in (2, 2, 2, 1, *([64] * 10)):
            scene.burst(run(count=count))
        scene.port._drain()
        assert scene.look() == 7 + BATCHES * SLOTS
        await scene.until(7 + 640)


async def test_a_wake_up_stops_when_much_must_be_looked_at() -> None:
    with relay() as scene:
        for each in run(DAVE, count=200):
            scene.burst([each])
        scene.port._drain()
        assert SLOTS <= scene.look() < 2 * SLOTS
        await scene.until(200)


async def test_each_single_packet_keeps_the_address_that_it_came_from() -> None:
    with relay() as scene, bound(HOSTS[0]) as other:
        heard: list[tuple[bytes, Endpoint]] = []
        scene.port._received = heard.extend
        sent = [
            (each, (scene.sender, other)[index % 5 == 0]) for index, each in enumerate(run(DAVE, count=100))
        ]
        for each, sock in sent:
            sock.sendto(each, scene.port.endpoint)
        while len(heard) < len(sent):
            scene.port._drain()
        assert heard == [(each, sock.getsockname()) for each, sock in sent]


async def test_a_port_that_is_closed_by_what_it_reports_stops() -> None:
    with relay() as scene:
        for _ in range(3):
            scene.burst(run(DAVE))
        received = scene.port._received

        def close(batch: Sequence[tuple[bytes, tuple[str, int]]]) -> None:
            received(batch)
            scene.port.close()

        scene.port._received = close
        scene.port._drain()
        assert scene.reported == run(DAVE)


async def test_a_kernel_that_does_not_know_it_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_joins", lambda _: False)
    with relay(joins=None) as scene:
        assert await until(scene, 20, run(), joins=True) == 20


async def test_bursts_that_are_looked_at_packet_by_packet_do_not_make_it_begin() -> None:
    with relay(joins=None) as scene:
        assert await until(scene, 20, run(DAVE), joins=True) == 20


@pytest.mark.parametrize(
    ("odd", "name", "equal"),
    [
        (packet(NETWORK, ALICE, NETWORK, BOB, mark=9), b"a", True),
        (packet(NETWORK, ALICE, NETWORK, BOB), b"b", False),
        (packet(NETWORK, ALICE, NETWORK, BOB, size=49), b"a", False),
        (packet(NETWORK, ALICE, NETWORK, BOB, size=50 + 256), b"a", False),
        (packet(NETWORK, ALICE, NETWORK, CAROL), b"a", False),
    ],
)
async def test_a_batch_is_a_burst_when_it_has_one_source_one_size_and_one_destination(
    odd: bytes, name: bytes, *, equal: bool
) -> None:
    arena = Arena(16)
    packets = [*run(count=40), odd, *run(count=23)]
    names = [b"a" * 16] * 40 + [name * 16] + [b"a" * 16] * 23
    arena.lay(0, [*map(bytearray, packets)], b"".join(names))
    assert bool(joining._one_size(arena, 64) and joining._are_to_one(arena, 64)) is equal
    assert joining._one_size(arena, 40) == 50
    assert joining._are_to_one(arena, 40)
    assert [arena.datagram(index) for index in range(64)] == packets
    assert [arena.name(index) for index in range(64)] == names
