"""Random histories of DSSs before one store: when all is mended, everybody and the store hold the same.

NWIP_SHARED says how many (`make soak`).
"""

import os
from collections.abc import Iterable
from random import Random

import pytest

from dss.simulated_domain import Member, node, service
from dss.store.shared_domain import SharedDomain
from nwip.directory.records import Kind, Record
from nwip.directory.table import Directory

SITES, MEMBERS = 3, 5
HISTORIES = int(os.environ.get("NWIP_SHARED", "60"))
STEPS = 30


def values(records: Iterable[Record]) -> set[tuple[bytes, str]]:
    return {(record.owner, repr(record.value)) for record in records}


def held(directory: Directory) -> set[tuple[bytes, str]]:
    return values(record for kind in Kind for record in directory.records(kind))


def offered(world: SharedDomain) -> set[tuple[bytes, str]]:
    return values(record for member in world.members for record in member.engine.registration.records())


class History:
    """One history, from its seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - a repeatable test
        self.world = SharedDomain(SITES)
        self.everybody = [Member(number) for number in range(1, MEMBERS + 1)]
        for number, member in enumerate(self.everybody, 1):
            member.engine.offer(node(number))
        self.told: list[str] = []

    def step(self) -> None:
        world, chance = self.world, self.chance
        what = chance.choice([name for name in dir(self) if name.startswith("do_")])
        self.told.append(f"{world.now:.1f} {what}")
        getattr(self, what)()
        world.settle()
        for member in self.everybody:  # a node whose session has ended calls another DSS
            if member not in world.members and not member.cut:
                world.attach(member, chance.randrange(SITES))
        world.run(chance.choice([0.0, 0.1, 1.0, 4.0, 20.0]))

    def do_offer(self) -> None:
        member = self.chance.choice(self.everybody)
        for _ in range(self.chance.choice([1, 3, 12])):
            member.engine.offer(service(f"S{self.chance.randrange(20)}", hops=self.chance.randrange(3)))

    do_offer_more = do_offer_again = do_offer

    def do_retract(self) -> None:
        member = self.chance.choice(self.everybody)
        for _ in range(self.chance.choice([1, 3, 12])):
            member.engine.retract(service(f"S{self.chance.randrange(20)}").key)

    def do_move(self) -> None:
        self.world.attach(self.chance.choice(self.everybody), self.chance.randrange(SITES))

    def do_silence(self) -> None:
        member = self.chance.choice(self.everybody)
        member.cut = not member.cut
        if member.cut:
            self.world.detach(member)

    def do_leave(self) -> None:
        member = self.chance.choice(self.everybody)
        if member in self.world.members:
            member.engine.leave()
            self.world.settle()
            self.world.detach(member)
            place = self.everybody.index(member)
            incarnation = member.engine.registration.sequence[0] + 1
            new = self.everybody[place] = Member(
                place + 1, boot=incarnation.to_bytes(16, "big"), incarnation=incarnation
            )
            new.engine.offer(node(place + 1))

    def do_restart_a_dss(self) -> None:
        self.world.restart(self.chance.randrange(SITES))

    def do_lose_the_store(self) -> None:
        self.world.cloud.works = not self.world.cloud.works

    def do_cut_a_dss_from_the_store(self) -> None:
        seat = self.chance.choice(self.world.seats)
        seat.reaches = not seat.reaches

    def do_cut_dss_from_dss(self) -> None:
        pairs = [(0, 1), (0, 2), (1, 2)]
        left, right = self.chance.choice(pairs)
        if frozenset((left, right)) in self.world.wires:
            self.world.part(left, right)
        else:
            self.world.join(left, right)

    def do_compact(self) -> None:
        self.world.cloud.forgotten = len(self.world.cloud.tale)

    def do_slow_watch(self) -> None:
        self.chance.choice(self.world.seats).late = self.world.now + self.chance.choice([0.5, 5.0, 30.0])

    def do_a_slow_dss(self) -> None:
        self.chance.choice(self.world.seats).slow = self.world.now + self.chance.choice([3.0, 10.0, 40.0])

    do_another_slow_dss = do_a_slow_dss

    def do_a_write_that_is_not_heard_of(self) -> None:
        self.chance.choice(self.world.seats).fails_after = self.chance.choice([0, 1, 2, 4, 100])

    def do_a_write_that_comes_twice(self) -> None:
        self.chance.choice(self.world.seats).strays = True

    def do_end_a_lease_too_early(self) -> None:
        if self.world.cloud.works and self.world.cloud.leases:
            self.world.cloud.end(self.chance.choice(sorted(self.world.cloud.leases)))

    def rush(self, seconds: float) -> None:
        """Let much happen at once."""
        world, chance = self.world, self.chance
        end = world.now + seconds
        while world.now < end:
            if chance.random() < 0.1:
                self.do_move()
            member = chance.choice(self.everybody)
            for _ in range(chance.choice([2, 5, 12])):
                changed = service(f"S{chance.randrange(60)}", hops=chance.randrange(3))
                if chance.random() < 0.5:
                    member.engine.offer(changed)
                else:
                    member.engine.retract(changed.key)
            for wire in world.wires.values():
                if wire.late < world.now:
                    wire.late = world.now + chance.choice([0.0, 0.5, 2.0, 5.0])
            world.settle()
            world.run(chance.choice([0.05, 0.1, 0.3]))

    def be_slow(self) -> None:
        """Let the DSSs differ in what they do in a moment, and in how long they wait for an answer."""
        for seat in self.world.seats:
            seat.pace = self.chance.choice([1, 2, 4, 8, 16])
            seat.lag = self.chance.choice([1, 5, 20, 100])
            seat.slow = self.world.now + self.chance.choice([0.0, 3.0, 6.0, 15.0])

    def mend(self) -> None:
        """Give everybody everything, and time."""
        world = self.world
        world.cloud.works = True
        for seat in world.seats:
            seat.reaches, seat.fails_after = True, None
            seat.late = seat.slow = 0.0
        for pair in ((0, 1), (0, 2), (1, 2)):
            if frozenset(pair) not in world.wires and self.chance.random() < 0.5:
                world.join(*pair)
        for wire in world.wires.values():
            wire.late = 0.0
        world.settle()
        for _ in range(40):
            for member in self.everybody:
                if member not in world.members:
                    world.attach(member, self.chance.randrange(SITES))
            world.run(2.0)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_after_any_history_all_agree_with_what_is_offered(seed: int) -> None:
    history = History(seed)
    for _ in range(STEPS):
        history.step()
    assert_all_agree(history)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_after_an_outage_in_a_rush_all_agree_with_what_is_offered(seed: int) -> None:
    """Services come and go, nodes move, everybody is late, and twice the store is away."""
    history = History(seed)
    for member in history.everybody:
        history.world.attach(member, history.chance.randrange(SITES))
    for _ in range(2):
        history.rush(seconds=2.0)
        history.world.cloud.works = False
        history.rush(seconds=6.0)
        history.be_slow()
        history.world.cloud.works = True
        history.rush(seconds=2.0)
    assert_all_agree(history)


def assert_all_agree(history: History) -> None:
    history.mend()
    world = history.world
    assert len(world.members) == MEMBERS
    expected = offered(world)
    told = "\n".join(history.told)
    for site in world.sites:
        assert held(site.server.directory) == expected, told
    assert values(world.cloud.records.values()) == expected, told
    for member in world.members:
        assert held(member.engine.directory) == expected, told
