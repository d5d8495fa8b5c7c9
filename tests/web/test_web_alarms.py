"""Alarms age: they begin, stand, and are over; what only a watcher sees is noticed here."""

from typing import Any

from nwip.web.alarms import KEPT, KEPT_OVER, Alarm, AlarmBook
from nwip.web.facts import Facts
from web.answers import STATUS, link, node


def facts(**answers: object) -> Facts:
    return Facts(answers, 0.0)


def only(book: AlarmBook) -> Alarm:
    (alarm,) = book.all()
    return alarm


def take(book: AlarmBook, now: float, **answers: Any) -> AlarmBook:
    book.take(facts(**answers), now)
    return book


def test_an_alarm_without_an_age_is_as_old_as_it_has_been_seen() -> None:
    book = AlarmBook()
    for now in (10, 12, 14):
        take(book, now, alarms=[{"alarm": "two networks have one number"}])
    assert only(book) == Alarm("two networks have one number", "", "", 10, 14)
    take(book, 16, alarms=[])
    assert only(book) == Alarm("two networks have one number", "", "", 10, 14, is_over=True)
    take(book, 14 + KEPT_OVER, alarms=[])
    assert book.all()
    take(book, 15 + KEPT_OVER, alarms=[])
    assert book.all() == []


def test_an_alarm_of_which_the_node_tells_more_is_as_the_node_says() -> None:
    row = {"alarm": "a is wrong", "kind": "frame", "about": "lan", "since": 90, "last": 4, "is_over": True}
    assert only(take(AlarmBook(), 100, alarms=[row])) == Alarm("a is wrong", "frame", "lan", 10, 96, True)


def test_an_alarm_that_comes_back_begins_anew() -> None:
    book = AlarmBook()
    for now, alarms in ((10, ["a"]), (20, []), (30, ["a"])):
        take(book, now, alarms=[{"alarm": each} for each in alarms])
    assert (only(book).since, only(book).is_over) == (30, False)


def test_a_lag_that_grows_is_one_alarm() -> None:
    book = AlarmBook()
    for now in (10, 20):
        sentence = f"the dss east has differed for {now} seconds: compare"
        take(book, now, **{"dss-status": STATUS | {"alarms": [sentence]}})
    assert (only(book).since, only(book).sentence) == (
        10,
        "the dss east has differed for 20 seconds: compare",
    )


def test_what_the_node_tells_twice_is_one_alarm_and_the_word_that_says_more_counts() -> None:
    row = {
        "alarm": "the dss east has differed for 20 seconds: compare",
        "kind": "replication-lag",
        "since": 9,
    }
    status = STATUS | {"alarms": ["the dss east has differed for 21 seconds: compare"]}
    alarm = only(take(AlarmBook(), 100, alarms=[row], **{"dss-status": status}))
    assert (alarm.kind, alarm.since) == ("replication-lag", 91)


def test_numbers_of_networks_are_not_what_grows() -> None:
    alarms = [{"alarm": f"the network {number} is there twice"} for number in (1, 2)]
    assert len(take(AlarmBook(), 1, alarms=alarms).all()) == 2


def test_a_node_that_leaves_the_directory_is_an_alarm_until_it_is_back() -> None:
    book = AlarmBook()
    both = [node("west", 1), node("east", 2)]
    take(book, 10, nodes=both)
    assert book.all() == []
    for now in (20, 30):
        take(book, now, nodes=both[:1])
    assert only(book)[1:] == ("node-gone", "east", 20, 30, False)
    assert "east is gone" in only(book).sentence
    assert book.gone() == {"7E010A000002": (both[1], 20)}
    take(book, 40, nodes=both)
    assert (only(book).is_over, book.gone()) == (True, {})


def test_a_node_of_which_the_node_itself_says_that_it_is_gone_is_told_once() -> None:
    book = AlarmBook()
    take(book, 10, nodes=[node("east", 2)])
    told = {"alarm": "east is not heard", "kind": "node-gone", "about": "east", "since": 5}
    take(book, 20, nodes=[], alarms=[told])
    assert only(book).sentence == "east is not heard"


def test_a_link_that_drops_much_is_an_alarm_for_a_minute() -> None:
    book = AlarmBook()
    for now, came, full in ((0, 0, 0), (10, 1000, 5), (20, 2000, 50), (40, 2200, 50), (120, 2300, 50)):
        drops = {"full": full, "hops": min(full, 3)}
        take(book, now, links=[link("doom", packets_in=came, drops=drops)])
        assert bool(book.standing()) == (20 <= now <= 40), now
    sentence = only(book).sentence
    assert "doom has dropped" in sentence
    assert "'full'" in sentence


def test_counters_that_begin_anew_are_no_drops() -> None:
    book = AlarmBook()
    for now, came, full in ((0, 9000, 900), (2, 10, 0), (4, 20, 0)):
        take(book, now, links=[link("doom", packets_in=came, drops={"full": full})])
        assert book.all() == []


def test_while_the_node_is_silent_only_that_is_new() -> None:
    book = AlarmBook()
    take(book, 10, alarms=[{"alarm": "a"}])
    book.take(Facts({}, 10, "no node runs here"), 20)
    assert {alarm.sentence: alarm.is_over for alarm in book.all()} == {"a": False, "no node runs here": False}
    take(book, 30, alarms=[{"alarm": "a"}])
    assert {alarm.sentence: alarm.is_over for alarm in book.all()} == {"a": False, "no node runs here": True}


def test_those_that_stand_come_first_the_newest_of_them_at_the_top() -> None:
    book = AlarmBook()
    for now, alarms in ((1, "ab"), (2, "abc"), (3, "bcd")):
        take(book, now, alarms=[{"alarm": each} for each in alarms])
    assert [alarm.sentence for alarm in book.all()] == ["d", "c", "b", "a"]


def test_alarms_and_the_nodes_behind_them_have_a_bound() -> None:
    book = AlarmBook()
    for now in range(20):
        many = [node(f"n{now}-{number}", now * 100 + number) for number in range(100)]
        take(book, now, nodes=many, alarms=[{"alarm": f"{now} {number}"} for number in range(100)])
    assert len(book.all()) <= KEPT
    assert len(book.gone()) <= KEPT
    assert len(book._nodes) <= KEPT + 100
