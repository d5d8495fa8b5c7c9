"""That the great trials of a domain can fail: what is lost, late or gone for no reason is noticed."""

from real.domain_copy import Copy
from real.domain_frames import (
    ACKNOWLEDGE,
    COMPLETE,
    DELTA,
    HELLO,
    REGISTER,
    RENEWED,
    SNAPSHOT_END,
    WITHDRAW,
    Message,
    framed,
)
from real.domain_journal import Journal
from real.domain_nodes import Account
from real.domain_verdict import Truth

WEST, EAST = b"W" * 16, b"E" * 16
KEY = (1, 0x5000, "S")


def value(version: int, name: str = "S") -> Message:
    return [1, 0x5000, name, 0x1000, version.to_bytes(6, "big"), 0x4001, 1]


def lease(owner: bytes, renewal: int, *, age: float = 0.0, floor: int = 0, index: int = 7) -> Message:
    return [owner, 1, renewal, 8.0, age, 1, floor, index]


def record(owner: bytes, counter: int, version: int) -> Message:
    return [owner, 1, counter, value(version)]


def copy_of(*messages: Message) -> Copy:
    """Return a copy that was told these messages, one a second."""
    copy = Copy()
    for second, message in enumerate(messages):
        copy.take(message, float(second))
    return copy


def account(owner: bytes, version: int, *, retracted: int = 0) -> Account:
    services = [(0x5000, "S", value(version))] if version else []
    return Account(owner, services, [(0x5000, "S", retracted)] if retracted else [], [], 0)


def truth_of(*accounts: Account) -> Truth:
    truth = Truth()
    truth.learn(accounts)
    return truth


START: Message = [DELTA, [lease(WEST, 1)], [record(WEST, 1, 1)], []]
END: Message = [SNAPSHOT_END, 1]


def test_a_copy_has_what_it_was_told_and_the_latest_of_it() -> None:
    copy = copy_of(START, END, [DELTA, [], [record(WEST, 3, 2)], []], [DELTA, [], [record(WEST, 2, 9)], []])
    assert copy.services() == {(WEST, KEY): value(2)}
    assert not truth_of(account(WEST, 2)).differences(copy.services())


def test_what_is_missing_too_much_or_old_is_said() -> None:
    copy = copy_of(START, END)
    assert "1 with another value" in truth_of(account(WEST, 2)).differences(copy.services())
    assert "1 too many" in truth_of(account(WEST, 0)).differences(copy.services())
    assert "1 missing" in truth_of(account(WEST, 1), account(EAST, 1)).differences(copy.services())


def test_a_withdrawal_stands_against_what_comes_late() -> None:
    gone: Message = [DELTA, [], [], [[WEST, 1, 2, [1, 0x5000, "S"]]]]
    copy = copy_of(START, END, gone, [DELTA, [], [record(WEST, 2, 2)], []])
    assert not copy.services()
    assert not truth_of(account(WEST, 0, retracted=1)).unjust(copy.vanished)


def test_what_goes_though_nobody_has_retracted_it_is_unjust() -> None:
    gone: Message = [DELTA, [], [], [[WEST, 1, 2, [1, 0x5000, "S"]]]]
    back: Message = [DELTA, [], [record(WEST, 3, 2)], []]
    copy = copy_of(START, END, gone, back)
    assert [each.version for each in truth_of(account(WEST, 2)).unjust(copy.vanished)] == [1]
    assert not truth_of(account(WEST, 2, retracted=1)).unjust(copy.vanished)


def test_an_owner_lives_by_renewals_in_short_and_dies_without() -> None:
    copy = copy_of(START, END, *[[RENEWED, [[7, renewal, 0]]] for renewal in range(2, 12)])
    copy.age(12.0)
    assert copy.services()
    copy.age(19.5)
    assert not copy.services()
    truth = truth_of(account(WEST, 1))
    assert [each.why for each in truth.unjust(copy.vanished)] == ["aged"]
    truth.kill([WEST], 11.5)
    assert not truth.unjust(copy.vanished)
    assert not truth.differences(copy.services())


def test_a_node_that_goes_before_it_was_killed_is_unjust() -> None:
    copy = copy_of(START, END, [DELTA, [lease(WEST, 1, age=8.0)], [], []])
    truth = truth_of(account(WEST, 1))
    truth.kill([WEST], 5.0)
    assert [each.why for each in truth.unjust(copy.vanished)] == ["its lease was told to have ended"]


def test_a_floor_counts_at_the_end_of_a_snapshot_and_at_once_behind_it() -> None:
    first: Message = [DELTA, [lease(WEST, 1, floor=2)], [record(WEST, 1, 1)], []]
    assert copy_of(first).services()
    assert not copy_of(first, END).services()
    assert not copy_of(START, END, [DELTA, [lease(WEST, 1, floor=2)], [], []]).services()


def test_how_late_a_copy_was_counts_from_the_acknowledgement() -> None:
    copy = copy_of(START, END, [DELTA, [], [record(WEST, 2, 2), record(WEST, 3, 3)], []])
    copy.take([DELTA, [], [record(WEST, 4, 5)], []], 7.5)
    truth = Truth()
    times = [(0x5000, "S", 2, 1.5), (0x5000, "S", 4, 2.5), (0x5000, "S", 5, 3.0)]
    truth.learn([Account(WEST, [], [], times, 0)])
    assert truth.lags(copy, 0.0, 10.0).longest == 5.0
    assert truth.lags(copy, 0.0, 2.0).of == 1


def test_a_journal_has_what_was_acknowledged_and_not_what_was_only_sent() -> None:
    journal = Journal()
    journal.sent(framed(REGISTER, 1, 1, 1, [record(WEST, 1, 1)]))
    assert journal.waiting
    assert not journal.acknowledged
    journal.heard(framed(ACKNOWLEDGE, 1, 0, []), 3.0)
    assert journal.acknowledged == {KEY: ((1, 1), value(1))}
    journal.sent(framed(WITHDRAW, 2, [[WEST, 1, 2, [1, 0x5000, "S"]]]))
    assert journal.acknowledged
    journal.heard(framed(ACKNOWLEDGE, 2), 4.0)
    assert not journal.acknowledged


def test_a_journal_drops_what_a_floor_has_dropped_and_counts_refusals() -> None:
    journal = Journal()
    journal.sent(framed(REGISTER, 1, 1, 1, [record(WEST, 1, 1)]) + framed(COMPLETE, 2, 1, 2))
    journal.heard(framed(ACKNOWLEDGE, 1, 3, []) + framed(ACKNOWLEDGE, 2), 3.0)
    assert not journal.acknowledged
    assert journal.refused == 3


def test_a_withdrawal_that_was_cut_off_counts_when_the_next_dss_knows_it() -> None:
    for known, stands in ((2, 0), (1, 1)):
        journal = Journal()
        journal.sent(framed(REGISTER, 1, 1, 1, [record(WEST, 1, 1)]))
        journal.heard(framed(ACKNOWLEDGE, 1), 1.0)
        journal.sent(framed(WITHDRAW, 2, [[WEST, 1, 2, [1, 0x5000, "S"]]]))
        journal.begin()
        journal.heard(framed(HELLO, 1, "d", EAST, EAST, "dss", "d", 1, known), 2.0)
        assert len(journal.acknowledged) == stands
