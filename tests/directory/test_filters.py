"""What the domain's filters hide, and that they hide it from answers only."""

import msgspec
import pytest

from nwip.directory.filters import Filter, Policy, dry_run
from nwip.directory.records import Kind, Node, Record, Route, Service
from nwip.directory.table import Directory

OWNER = b"\xaa" * 16
SERVER = Service(4, "FS1", 0x10, bytes(6), 0x451, 0)
PRINTER = Service(7, "LASER", 0x10, bytes(6), 0x451, 0)
ROUTE = Route(0x10, 0, 1)
NODE = Node(b"\x7e\x01\0\0\0\1", "museum", [("192.0.2.1", 43981)])


@pytest.mark.parametrize(
    ("rule", "hidden"),
    [
        (Filter("deny"), {SERVER, PRINTER, ROUTE}),
        (Filter("deny", "service"), {SERVER, PRINTER}),
        (Filter("deny", "route"), {ROUTE}),
        (Filter("deny", types=(7,)), {PRINTER}),
        (Filter("deny", name="las*"), {PRINTER}),
        (Filter("deny", name="FS?"), {SERVER}),
        (Filter("deny", name="FS[1]"), set()),
        (Filter("deny", networks=(0x10,)), {SERVER, PRINTER, ROUTE}),
        (Filter("deny", networks=(0x11,)), set()),
        (Filter("deny", owner="MUS*"), {SERVER, PRINTER, ROUTE}),
        (Filter("deny", owner="aaaa*"), {SERVER, PRINTER, ROUTE}),
        (Filter("deny", owner="lab"), set()),
        (Filter("allow"), set()),
    ],
)
def test_a_filter_hides_what_it_fits(rule: Filter, hidden: set[object]) -> None:
    values = (SERVER, PRINTER, ROUTE, NODE)
    policy = Policy([rule])
    assert {value for value in values if policy.hides(value, OWNER, "museum")} == hidden
    found = dry_run([(Record(OWNER, 1, 1, value), "museum") for value in values], policy)
    assert {vanishing.record.value for vanishing in found} == hidden


def test_the_first_filter_that_fits_decides() -> None:
    policy = Policy([Filter("allow", types=(4,)), Filter("deny", "service")])
    assert not policy.hides(SERVER, OWNER, "")
    assert policy.hides(PRINTER, OWNER, "")


@pytest.mark.parametrize("pattern", ["*a*a*a*a*b", "a" * 65, "line\nbreak"])
def test_a_pattern_that_takes_long_or_shows_badly_is_refused(pattern: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(["deny", "any", [], pattern], Filter)


def directory_with(*values: Service | Route | Node) -> Directory:
    directory = Directory()
    directory.heard(OWNER, 1, 1, 15.0, 0.0, 0.0)
    for counter, value in enumerate(values, start=1):
        directory.merge(Record(OWNER, 1, counter, value), 0.0)
    return directory


def test_what_is_hidden_is_in_no_answer_and_kept_all_the_same() -> None:
    directory = directory_with(SERVER, PRINTER, ROUTE)
    changes = directory.set_policy(Policy([Filter("deny", types=(4,))]))
    assert [(change.record.value, change.removed) for change in changes] == [(SERVER, True)]
    assert directory.nearest(4) is None
    assert directory.best(SERVER.key) is None
    assert {record.value for record in directory.of_owner(OWNER)} == {SERVER, PRINTER, ROUTE}
    assert len(directory) == 3


def test_what_comes_under_a_filter_is_hidden_and_appears_when_the_filter_goes() -> None:
    directory = Directory()
    directory.set_policy(Policy([Filter("deny", types=(4,))]))
    change = directory.merge(Record(OWNER, 1, 1, SERVER), 0.0)
    assert change is not None
    assert change.hidden
    assert directory.set_policy(Policy())[0].removed is False
    assert directory.nearest(4) is not None


def test_a_filter_by_the_owners_name_waits_for_the_name() -> None:
    directory = Directory()
    directory.set_policy(Policy([Filter("deny", owner="museum")]))
    directory.merge(Record(OWNER, 1, 1, SERVER), 0.0)
    assert directory.nearest(4) is not None
    directory.merge(Record(OWNER, 1, 2, NODE), 0.0)
    assert directory.next_deadline() == 0.0
    assert [change.removed for change in directory.expire(0.0)] == [True]
    assert directory.nearest(4) is None


def test_hidden_records_expire_and_are_withdrawn_like_others() -> None:
    directory = directory_with(SERVER, PRINTER)
    directory.set_policy(Policy([Filter("deny", "service")]))
    change = directory.withdraw(OWNER, SERVER.key, (1, 9), 0.0)
    assert change is not None
    assert change.hidden
    assert all(change.hidden for change in directory.expire(20.0))
    assert len(directory) == 0
    assert list(directory.records(Kind.SERVICE)) == []
