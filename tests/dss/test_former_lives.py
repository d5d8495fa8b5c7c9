"""A former life of a node, with the same numbers, unknown to its DSS: this life jumps above it."""

import pytest

from dss.simulated_domain import Member, World, service
from nwip.directory.owners import Lease
from nwip.directory.records import Record
from nwip.dss.messages import Delta, Reason

ELSEWHERE = b"E" * 16  # the DSS that remembers


def former(member: Member, name: str, counter: int, renewal: int = 1) -> Delta:
    record = Record(member.identity, 1, counter, service(name, hops=9))
    return Delta([Lease(member.identity, 1, renewal, 15.0, 0.0)], [record])


def joined() -> tuple[World, Member]:
    member = Member(1)
    world = World(member)
    world.run(3.0)
    for name in ("A", "B"):
        member.engine.offer(service(name))
    world.settle()
    return world, member


def refusal(member: Member) -> Reason | None:
    return Reason(member.engine.refusal.reason) if member.engine.refusal else None


@pytest.mark.parametrize(
    ("name", "counter"),
    [("GHOST", 1), ("GHOST", 2), ("GHOST", 50), ("A", 50), ("A", 1)],
    ids=["below", "the same number", "above", "another value of a key", "another value with its number"],
)
def test_what_another_dss_brings_of_a_former_life_goes(name: str, counter: int) -> None:
    world, member = joined()
    assert world.server is not None
    world.server.take_in(former(member, name, counter), ELSEWHERE, world.now)
    world.settle()
    assert refusal(member) is Reason.EXPIRED
    member.cut = False
    world.run(1.0)
    assert member.engine.registration.sequence[0] == 2, "a new incarnation, above all"
    held = {record.value for record in world.server.directory.of_owner(member.identity)}
    assert held == {service("A"), service("B")}


def test_what_it_brings_of_this_life_is_nothing_new() -> None:
    world, member = joined()
    assert world.server is not None
    records = world.server.directory.of_owner(member.identity)
    world.server.take_in(Delta([Lease(member.identity, 1, 1, 15.0, 0.0)], records), ELSEWHERE, world.now)
    world.settle()
    assert refusal(member) is None


def test_a_node_that_is_let_in_by_a_dss_with_the_same_numbers_of_a_former_life_jumps() -> None:
    """Both have come to the same highest number, so the Hello of the DSS tells nothing."""
    world, member = joined()
    _, counter = member.engine.registration.sequence
    world.disconnect(member)
    member.cut = True
    world.restart_server()
    assert world.server is not None
    world.server.take_in(former(member, "A", counter), ELSEWHERE, world.now)
    member.cut = False
    world.settle()
    assert refusal(member) is Reason.EXPIRED
    member.cut = False
    world.run(1.0)
    held = {record.value for record in world.server.directory.of_owner(member.identity)}
    assert held == {service("A"), service("B")}
