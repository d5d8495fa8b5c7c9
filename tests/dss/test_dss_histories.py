"""Random histories of a domain, and the pure parts that they rest on."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from dss.simulated_domain import Member, World, node, service
from nwip.directory.records import Kind, Record
from nwip.dss.backoff import FIRST_PAUSE, LONGEST_PAUSE, BackOff
from nwip.dss.client_engine import SETTLE
from nwip.dss.messages import BATCH
from nwip.dss.registration import Registration

STEPS = st.tuples(
    st.sampled_from(
        ("offer", "offer", "change", "retract", "cut", "join", "lose", "return", "restart", "run")
    ),
    st.integers(0, 2),
    st.integers(0, 3),
)


def take(world: World, step: tuple[str, int, int]) -> None:
    what, who, number = step
    member = world.members[who]
    if what == "offer":
        member.engine.offer(service(f"S{number}"))
    elif what == "change":
        member.engine.offer(service(f"S{number}", hops=number + 1))
    elif what == "retract":
        member.engine.retract(service(f"S{number}").key)
    elif what == "cut":
        member.cut = True
        world.disconnect(member)
    elif what == "join":
        member.cut = False
    elif what == "lose":
        world.lose_server()
    elif what == "return" and world.server is None:
        world.restart_server()
    elif what == "restart":
        boot = random.Random(number).randbytes(16)  # noqa: S311 - a test is to be repeatable
        world.disconnect(member)
        incarnation = member.engine.registration.sequence[0] + 1
        world.members[who] = Member(who + 1, boot=boot, incarnation=incarnation)
        world.members[who].engine.offer(node(who + 1))
    else:
        world.run(number * 4.0)
    world.settle()


def values(records: list[Record]) -> list[tuple[bytes, str]]:
    return sorted((record.owner, repr(record.value)) for record in records)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_after_any_history_all_replicas_hold_just_what_is_offered(steps: list[tuple[str, int, int]]) -> None:
    members = [Member(number) for number in (1, 2, 3)]
    for number, member in enumerate(members, 1):
        member.engine.offer(node(number))
    world = World(*members)
    for step in steps:
        take(world, step)
    for member in world.members:
        member.cut = False
    if world.server is None:
        world.restart_server()
    world.settle()
    world.run(SETTLE + 0.1)
    assert world.server is not None
    offered = [record for m in world.members for record in m.engine.registration.records()]
    for directory in (world.server.directory, *(member.engine.directory for member in world.members)):
        held = [record for kind in Kind for record in directory.records(kind)]
        assert values(held) == values(offered)
    world.run(40.0)
    assert len(world.server.directory) == len(offered)


def test_pauses_double_up_to_a_second_and_differ_by_chance() -> None:
    back_off = BackOff(random.Random(7))  # noqa: S311 - a test is to be repeatable
    pauses = [back_off.next() for _ in range(8)]
    for pause, longest in zip(pauses, (0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0), strict=True):
        assert longest / 2 <= pause <= longest
    assert len(set(pauses)) == len(pauses)
    assert max(pauses) <= LONGEST_PAUSE
    back_off.reset()
    assert back_off.next() <= FIRST_PAUSE


def drain(registration: Registration) -> list[int]:
    counters: list[int] = []
    while part := registration.take():
        assert len(part) <= BATCH
        assert len({type(item) for item in part}) == 1
        counters += [item.counter for item in part]
    return counters


def test_changes_leave_in_the_order_of_their_counters_and_only_the_last_of_a_key() -> None:
    registration = Registration(b"A" * 16, 1)
    registration.begin((0, 0))
    registration.offer(service("A"))
    registration.offer(service("B"))
    registration.retract(service("A").key)
    registration.offer(service("B"))  # unchanged
    registration.offer(service("C"))
    assert drain(registration) == [2, 3, 4]


def test_a_dss_that_knows_all_gets_the_same_numbers_again() -> None:
    registration = Registration(b"A" * 16, 1)
    for number in range(600):
        registration.offer(service(str(number)))
    registration.begin((0, 0))
    first, floor = drain(registration), registration.floor
    registration.begin(registration.sequence)
    assert drain(registration) == first
    assert registration.floor == floor


def test_a_dss_that_knows_less_gets_new_numbers_above_a_new_floor() -> None:
    registration = Registration(b"A" * 16, 1)
    registration.offer(service("A"))
    registration.begin((0, 0))
    before = registration.sequence
    registration.begin((1, 1))
    assert registration.floor > before
    assert drain(registration) == [registration.floor[1]]
