"""The directory: merge, withdrawal, leases, bounds."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from nwip.directory.owners import Sequence
from nwip.directory.records import Change, Host, Kind, Node, Record, Route, Service, Value
from nwip.directory.table import MEMORY_LEASES, SLICE, Directory
from nwip.directory.tombstones import TOMBSTONE_TIME

A, B = b"A" * 16, b"B" * 16


def service(name: str = "S", hops: int = 0, service_type: int = 4) -> Service:
    return Service(service_type, name, 1, bytes(6), 0x451, hops)


def record(value: Value, counter: int = 1, owner: bytes = A, incarnation: int = 1) -> Record:
    return Record(owner, incarnation, counter, value)


def hops(directory: Directory, key: tuple[Kind, int | bytes, str]) -> int:
    best = directory.best(key)
    assert best is not None
    assert isinstance(best.value, Service | Route)
    return best.value.hops


def test_the_higher_sequence_of_an_owner_stands() -> None:
    directory = Directory()
    assert directory.merge(record(service(hops=2), 2), 0.0) == Change(record(service(hops=2), 2))
    assert directory.merge(record(service(hops=1), 1), 0.0) is None
    assert directory.merge(record(service(hops=2), 2), 0.0) is None
    assert directory.merge(record(service(hops=3), 1, incarnation=2), 0.0) is not None
    assert hops(directory, service().key) == 3
    assert len(directory) == 1


def test_two_owners_offer_one_service_and_the_nearest_answers() -> None:
    directory = Directory()
    directory.merge(record(service(hops=3), owner=A), 0.0)
    directory.merge(record(service(hops=1), owner=B), 0.0)
    assert [r.owner for r in directory.offers(service().key)] == [B, A]
    directory.withdraw(B, service().key, (1, 2), 0.0)
    assert hops(directory, service().key) == 3


def test_of_two_gateways_of_a_host_the_later_move_answers() -> None:
    directory = Directory()
    directory.merge(record(Host(b"hosthh", 4), owner=A), 0.0)
    directory.merge(record(Host(b"hosthh", 5), owner=B), 0.0)
    best = directory.best((Kind.HOST, b"hosthh", ""))
    assert best is not None
    assert best.owner == B


def test_a_withdrawn_record_is_not_resurrected_by_an_old_message() -> None:
    directory = Directory()
    directory.withdraw(A, service().key, (1, 2), 0.0)
    assert directory.merge(record(service(), 1), 0.0) is None
    assert directory.merge(record(service(), 2), 0.0) is None
    assert directory.merge(record(service(), 3), 0.0) is not None


def test_an_old_withdrawal_does_not_remove_a_newer_record() -> None:
    directory = Directory()
    directory.merge(record(service(), 5), 0.0)
    assert directory.withdraw(A, service().key, (1, 4), 0.0) is None
    assert len(directory) == 1


def test_an_owner_ages_out_at_the_end_of_its_lease_age_counted() -> None:
    directory = Directory()
    directory.heard(A, 1, 1, lease=15.0, age=5.0, now=100.0)
    directory.merge(record(service()), 100.0)
    assert directory.next_deadline() == 110.0
    assert directory.expire(109.9) == []
    assert directory.expire(110.0) == [Change(record(service()), removed=True)]
    assert directory.best(service().key) is None


def test_an_expired_owner_comes_back_only_with_a_newer_renewal() -> None:
    directory = Directory()
    directory.heard(A, 1, 1, 15.0, 0.0, 0.0)
    directory.merge(record(service()), 0.0)
    directory.expire(15.0)
    directory.heard(A, 1, 1, 15.0, 3.0, 16.0)
    assert directory.merge(record(service()), 16.0) is None
    assert directory.heard(A, 1, 2, 15.0, 0.0, 17.0)
    assert directory.merge(record(service()), 17.0) is not None


def test_a_repeated_renewal_never_makes_the_lease_end_later() -> None:
    directory = Directory()
    directory.heard(A, 1, 1, 15.0, 10.0, 0.0)
    directory.heard(A, 1, 1, 15.0, 0.0, 0.0)
    assert directory.next_deadline() == 5.0
    directory.heard(A, 1, 1, 15.0, 12.0, 0.0)
    assert directory.next_deadline() == 3.0


def test_an_expired_owner_is_forgotten_after_two_leases_more() -> None:
    directory = Directory(owner_limit=1)
    directory.heard(A, 1, 1, 15.0, 0.0, 0.0)
    directory.expire(15.0)
    directory.heard(B, 1, 1, 15.0, 0.0, 15.0 + MEMORY_LEASES * 15.0 - 0.1)
    assert directory.refused == 1
    directory.expire(15.0 + MEMORY_LEASES * 15.0)
    assert directory.highest(A) == (0, 0)
    assert directory.heard(B, 1, 1, 15.0, 0.0, 45.0)


def test_a_complete_incarnation_removes_what_it_did_not_register_again() -> None:
    directory = Directory()
    directory.merge(record(service("OLD"), 7), 0.0)
    directory.merge(record(service("KEPT"), 8), 0.0)
    directory.merge(record(service("KEPT"), 1, incarnation=2), 0.0)
    assert directory.complete(A, (2, 1), 0.0) == [Change(record(service("OLD"), 7), removed=True)]
    assert directory.merge(record(service("OLD"), 9), 0.0) is None


def test_a_frozen_directory_expires_nothing_and_thaws_with_full_leases() -> None:
    directory = Directory()
    directory.heard(A, 1, 1, 15.0, 0.0, 0.0)
    directory.merge(record(service()), 0.0)
    directory.freeze(14.0)
    assert directory.next_deadline() is None
    assert directory.expire(5000.0) == []
    directory.thaw(5000.0)
    assert directory.expire(5014.9) == []
    assert len(directory.expire(5015.0)) == 1


def test_the_limit_refuses_and_counts_but_lets_known_records_change() -> None:
    directory = Directory(limit=2)
    directory.merge(record(service("1"), 1), 0.0)
    directory.merge(record(service("2"), 2), 0.0)
    assert directory.merge(record(service("3"), 3), 0.0) is None
    assert directory.merge(record(service("2", hops=4), 4), 0.0) is not None
    assert (len(directory), directory.refused) == (2, 1)


def test_withdrawals_are_bounded_and_forgotten_after_an_hour() -> None:
    directory = Directory(limit=2)
    for number in range(3):
        directory.withdraw(A, service(str(number)).key, (1, number + 1), 0.0)
    assert [w.key[2] for w in directory.withdrawals()] == ["1", "2"]
    directory.heard(A, 1, 1, 86400.0, 0.0, 0.0)
    directory.expire(TOMBSTONE_TIME)
    assert not list(directory.withdrawals())


def test_a_large_owner_expires_in_slices_that_come_one_after_the_other() -> None:
    directory = Directory()
    for number in range(2 * SLICE + 1):
        directory.merge(record(Route(number + 1, 0, 1), number + 1), 0.0)
    sizes = []
    while (due := directory.next_deadline()) is not None and due <= 15.0:
        sizes.append(len(directory.expire(15.0)))
    assert sizes[:3] == [SLICE, SLICE, 1]
    assert len(directory) == 0


def test_an_owner_is_known_by_its_node() -> None:
    directory = Directory()
    node = Node(b"nodenn", "museum", [("10.0.0.1", 43981)])
    directory.merge(record(node, 1), 0.0)
    assert directory.node_of(A) is node
    directory.withdraw(A, node.key, (1, 2), 0.0)
    assert directory.node_of(A) is None


def test_a_node_endpoint_must_be_an_ip_address() -> None:
    for address in ("localhost", "10.0.0", "fe80::1%eth0"):
        with pytest.raises(ValueError, match=r"address|zone"):
            Node(b"nodenn", "museum", [(address, 43981)])


def test_nearest_is_what_a_scan_would_find() -> None:
    directory, rng = Directory(), random.Random(396)  # noqa: S311 - a test is to be repeatable
    for counter in range(1, 3001):
        value = service(f"S{rng.randrange(40)}", rng.randrange(15), rng.choice((4, 7)))
        owner = rng.choice((A, B))
        if rng.random() < 0.4:
            directory.withdraw(owner, value.key, (1, counter), 0.0)
        else:
            directory.merge(record(value, counter, owner), 0.0)
        for service_type in (4, 7):
            found = [
                r.value.hops
                for r in directory.records(Kind.SERVICE)
                if isinstance(r.value, Service) and r.value.service_type == service_type
            ]
            nearest = directory.nearest(service_type)
            assert (nearest is None) == (not found)
            if nearest and isinstance(nearest.value, Service):
                assert nearest.value.hops == min(found)
    assert directory.nearest(9) is None


Message = tuple[str, bytes, Sequence, int]
MESSAGES = st.tuples(
    st.sampled_from(("merge", "merge", "merge", "withdraw", "complete", "heard")),
    st.sampled_from((A, B)),
    st.tuples(st.integers(1, 3), st.integers(1, 6)),
    st.integers(0, 2),
)


def apply(directory: Directory, message: Message) -> None:
    what, owner, sequence, number = message
    value = service(f"S{number}", hops=(sequence[0] * 7 + sequence[1]) % 15)
    if what == "merge":
        directory.merge(Record(owner, *sequence, value), 0.0)
    elif what == "withdraw":
        directory.withdraw(owner, value.key, sequence, 0.0)
    elif what == "complete":
        directory.complete(owner, sequence, 0.0)
    else:
        directory.heard(owner, *sequence, 15.0, float(number), 0.0)


def contents(directory: Directory) -> tuple[object, ...]:
    records = sorted(directory.records(Kind.SERVICE), key=lambda r: (r.key[2], r.owner))
    told = [directory.lease(owner, 0.0) for owner in sorted(directory.owners())]
    leases = [structs.replace(lease, index=0) for lease in told if lease]  # numbers are each directory's own
    nearest = directory.nearest(4)
    hops = nearest.value.hops if nearest and isinstance(nearest.value, Service) else None
    return (records, leases, [directory.highest(owner) for owner in (A, B)], hops)


@given(st.lists(MESSAGES, max_size=25), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_messages_leads_to_the_same_directory(
    messages: list[Message], rng: random.Random
) -> None:
    first, second = Directory(), Directory()
    for message in messages:
        apply(first, message)
    again = messages + rng.choices(messages, k=len(messages) // 2) if messages else []
    rng.shuffle(again)
    for message in again:
        apply(second, message)
    assert contents(first) == contents(second)
    assert first.refused == second.refused == 0


@given(st.lists(MESSAGES, max_size=60), st.integers(1, 4))
def test_no_history_exceeds_the_limits(messages: list[Message], limit: int) -> None:
    directory = Directory(limit=limit, owner_limit=1)
    for time, message in enumerate(messages):
        apply(directory, message)
        directory.expire(float(time))
        assert len(directory) <= limit
        assert len(list(directory.records(Kind.SERVICE))) == len(directory)
        assert len(list(directory.withdrawals())) <= limit
        assert len(directory.owners()) <= 1


def test_an_owner_that_was_forgotten_comes_back_with_its_withdrawals_counted() -> None:
    directory = Directory()
    directory.withdraw(A, (Kind.ROUTE, 7, ""), (1, 8), 0.0)
    directory.expire(100.0)
    directory.expire(1000.0)
    assert directory.highest(A) == (0, 0)
    directory.heard(A, 1, 9, 15.0, 0.0, 1000.0)
    assert directory.highest(A) == (1, 8)
