"""Renewals in short form: what is told so is what was told in full, and costs few octets."""

from msgspec.structs import replace

from dss.simulated_domain import Member, World, messages, service
from nwip.directory.owners import Lease
from nwip.directory.table import OWNER_LIMIT, Directory
from nwip.dss.events import Event
from nwip.dss.framing import frame
from nwip.dss.messages import Delta, Message, Renewal, Renewed, encode
from nwip.dss.replica import Replica
from nwip.dss.shorthand import Longhand, Shorthand

A, B = b"A" * 16, b"B" * 16
LEASE = Lease(A, 3, 8, 15.0, 0.25, 3, 1, 7)


def known(*leases: Lease) -> Longhand:
    longhand = Longhand()
    longhand.learn(leases)
    return longhand


def test_the_first_time_in_full_and_then_in_short() -> None:
    shorthand = Shorthand()
    assert shorthand.split([LEASE]) == ([LEASE], [])
    again = replace(LEASE, renewal=9, age=0.125)
    assert shorthand.split([again]) == ([], [Renewed([Renewal(7, 9, 125)])])


def test_whatever_else_changes_is_told_in_full() -> None:
    for change in (
        {"incarnation": 4},
        {"lease": 900.0},
        {"floor_counter": 2},
        {"floor_incarnation": 4},
        {"index": 8},
        {"age": 15.0},  # it has gone
        {"index": 0},
    ):
        shorthand = Shorthand()
        shorthand.split([LEASE])
        changed = replace(LEASE, **change)
        assert shorthand.split([changed]) == ([changed], [])


def test_what_was_told_comes_back_in_full() -> None:
    (lease,) = known(LEASE).leases(Renewed([Renewal(7, 9, 125)]))
    assert lease == replace(LEASE, renewal=9, age=0.125, index=0)


def test_numbers_that_were_not_told_or_are_of_another_session_say_nothing() -> None:
    longhand = known(LEASE)
    assert list(longhand.leases(Renewed([Renewal(8, 9, 0)]))) == []
    longhand.clear()
    assert list(longhand.leases(Renewed([Renewal(7, 9, 0)]))) == []


def test_a_number_that_is_given_anew_means_the_new_owner() -> None:
    longhand = known(LEASE, replace(LEASE, owner=B))
    assert [lease.owner for lease in longhand.leases(Renewed([Renewal(7, 9, 0)]))] == [B]


def test_an_owner_that_the_replica_has_forgotten_is_heard_again() -> None:
    replica = Replica(Directory())
    replica.opened(0.0)
    replica.asked(0.0)
    replica.merge(Delta([LEASE]), 1.0, 0.0)
    replica.directory.expire(20.0)
    replica.directory.expire(60.0)
    assert replica.directory.lease(A, 60.0) is None
    replica.merge(replica.in_full(Renewed([Renewal(7, 9, 0)])), 1.0, 60.0)
    assert replica.directory.is_live(A)
    assert replica.ask_at is not None  # for its records


def test_a_flood_of_numbers_fills_no_table() -> None:
    longhand = Longhand()
    longhand.learn(replace(LEASE, index=index) for index in range(1, 3 * OWNER_LIMIT))
    assert len(longhand._told) == 2 * OWNER_LIMIT


def quiet(*members: Member) -> list[Message]:
    """Let members live for a while that change nothing; return what the first is told."""
    world = World(*members)
    for member in members:
        member.engine.offer(service(f"S{member.identity[0]}"))
    world.run(20.0)
    heard: list[bytes] = []
    first = members[0].engine
    receive = first.receive

    def overheard(data: bytes, now: float) -> list[Event]:
        heard.append(data)
        return receive(data, now)

    first.receive = overheard  # type: ignore[method-assign]
    world.run(30.0)
    assert all(member.names() == {f"S{m.identity[0]}" for m in members} for member in members)
    return messages(b"".join(heard))


def test_a_quiet_domain_tells_renewals_in_short_and_nobody_his_own() -> None:
    told = quiet(Member(1), Member(2), Member(3))
    assert not [message for message in told if isinstance(message, Delta)]
    assert sum(len(message.renewals) for message in told if isinstance(message, Renewed)) >= 8


def test_a_node_that_is_alone_hears_of_no_renewal() -> None:
    assert not [message for message in quiet(Member(1)) if isinstance(message, Delta | Renewed)]


def test_a_renewal_takes_a_dozen_octets() -> None:
    assert len(frame(encode(Renewed([Renewal(100, 10_000, 1000)])))) <= 16
    full = Lease(A, 1_700_000_000, 10_000, 15.0, 1.0, 1_700_000_000, 1, 100)
    assert len(frame(encode(Delta([full])))) > 60
