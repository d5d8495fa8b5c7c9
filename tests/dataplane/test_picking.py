"""Of a batch that does not fit as a whole, each packet goes once at most, and what fits no exit is left."""

import pytest

from dataplane.closed_port import SIZE, Port
from nwip.dataplane.arena import Arena
from nwip.dataplane.batches import forward
from nwip.dataplane.counting import REFUSED
from nwip.dataplane.flows import Flows
from nwip.dataplane.groups import Groups
from nwip.dataplane.tally import Tally
from nwip.links.base import Counters

HERE, THERE = b"\1" * SIZE, b"\2" * SIZE
NET = b"\0\0\0\1"
ALICE, BOB, CAROL, NOBODY = (NET + bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3, 4))


def packet(destination: bytes, size: int = 50) -> bytearray:
    start = b"\xff\xff" + size.to_bytes(2, "big") + b"\0\4"
    return bytearray((start + destination + b"\x40\1" + ALICE + b"\x40\1").ljust(size, b"\0"))


def sent(packets: list[bytearray], *, second: int = 1424) -> tuple[int, int, list[int]]:
    """Return how many go by an exit that knows Bob, by one that knows Carol too, and what is left."""
    flows = Flows(Arena(SIZE), Counters(), Tally())
    flows.network = NET
    books = Counters(), Counters()
    ways = [flows.exit(Port(), each, 1424, raises=True) for each in books]
    ways[1].maximum = second
    for way, names in zip(ways, ((BOB,), (BOB, CAROL)), strict=True):
        for name in names:
            flows.learn(ALICE, HERE, name, THERE, way, routed=False)
    flows.arena.lay(0, packets, HERE * len(packets))
    left = [*forward(flows, len(packets))]
    return books[0].drops.get(REFUSED, 0), books[1].drops.get(REFUSED, 0), left


def test_what_one_exit_has_taken_no_other_takes() -> None:
    assert sent([packet(name) for name in (BOB, CAROL, NOBODY, BOB, CAROL, CAROL)]) == (2, 3, [2])


def test_what_is_too_large_for_the_exit_that_knows_it_is_left() -> None:
    sizes = (100, 101, 576, 30, 99)
    assert sent([packet(CAROL, size) for size in sizes], second=100) == (0, 3, [1, 2])


def test_nothing_goes_where_nothing_is_known() -> None:
    assert sent([packet(NOBODY)] * 3) == (0, 0, [0, 1, 2])


def test_a_batch_to_hosts_behind_one_node_leaves_as_one_group_and_the_next_is_tried_there_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups: list[tuple[bytes, int]] = []

    def noted(_: Groups, descriptor: int, place: bytes, count: int, length: int) -> int:
        groups.append((place, count))
        return 0 if descriptor == -1 and length == 50 else count

    monkeypatch.setattr(Groups, "send_to_one", noted)
    flows = Flows(Arena(SIZE), Counters(), Tally())
    flows.network = NET
    ways = [flows.exit(Port(), Counters(), 1424, raises=True) for _ in range(3)]
    for name in (BOB, CAROL):
        flows.learn(ALICE, HERE, name, THERE, ways[2], routed=False)
    packets = [packet(name) for name in (BOB, CAROL, BOB)]
    flows.arena.lay(0, packets, HERE * len(packets))
    assert [*forward(flows, len(packets))] == []
    assert groups == [(THERE, 3)]
    assert flows.exits == [ways[2], ways[1], ways[0]]
    assert ways[2].target.tally.packets_out == {THERE: 3}
