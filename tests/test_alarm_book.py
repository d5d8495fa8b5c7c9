"""The book of alarms: since when, until when, and never more than it may hold."""

import re
from pathlib import Path

import nwip.alarm_book
from nwip.alarm_book import KEPT, KINDS, AlarmBook
from nwip.routing.alarms import Alarm


def alarm(about: str, sentence: str = "wrong", who: str = "") -> Alarm:
    return Alarm("drops", about, sentence, who)


def test_an_alarm_ages_from_when_it_was_first_seen_and_says_when_last() -> None:
    book = AlarmBook()
    begun, ended = book.take([(alarm("lan"), 90.0)], 100.0)
    assert [entry.alarm.about for entry in begun] == ["lan"]
    assert ended == []
    assert book.take([(alarm("lan", "worse"), 120.0)], 121.0) == ([], [])
    assert book.rows(130.0) == [
        {"alarm": "worse", "kind": "drops", "about": "lan", "since": 40.0, "last": 10.0, "is_over": False}
    ]


def test_it_is_over_when_it_is_not_seen_any_more_is_kept_a_while_and_goes() -> None:
    book = AlarmBook()
    book.take([(alarm("lan"), 100.0)], 100.0)
    _, ended = book.take([], 101.0)
    assert [entry.alarm.about for entry in ended] == ["lan"]
    assert book.take([], 102.0) == ([], [])
    assert [row["is_over"] for row in book.rows(102.0)] == [True]
    book.take([], 101.0 + KEPT - 1)
    assert len(book.rows(0.0)) == 1
    book.take([], 101.0 + KEPT)
    assert book.rows(0.0) == []


def test_one_that_comes_again_begins_anew_and_stands_last() -> None:
    book = AlarmBook()
    book.take([(alarm("lan"), 0.0), (alarm("wan"), 0.0)], 0.0)
    book.take([(alarm("wan"), 1.0)], 1.0)
    begun, _ = book.take([(alarm("lan"), 5.0), (alarm("wan"), 5.0)], 5.0)
    assert [entry.alarm.about for entry in begun] == ["lan"]
    assert [(row["about"], row["since"]) for row in book.rows(5.0)] == [("wan", 5.0), ("lan", 0.0)]


def test_two_who_cause_the_same_are_two_alarms_and_one_told_twice_is_one() -> None:
    book = AlarmBook()
    begun, _ = book.take([(alarm("lan", who="a"), 0.0), (alarm("lan", who="b"), 0.0)] * 2, 0.0)
    assert len(begun) == 2


def test_a_full_book_gives_the_place_of_what_was_over_first_and_counts_what_finds_none() -> None:
    book = AlarmBook(limit=3)
    names = ["a", "b", "c"]
    book.take([(alarm(name), 0.0) for name in names], 0.0)
    book.take([(alarm("a"), 1.0), (alarm("c"), 1.0)], 1.0)
    book.take([(alarm("c"), 2.0)], 2.0)
    book.take([(alarm("c"), 3.0), (alarm("d"), 3.0)], 3.0)
    assert {row["about"] for row in book.rows(3.0)} == {"a", "c", "d"}, "b was over first"
    crowd = [alarm(name) for name in "cdefg"]
    book.take([(each, 4.0) for each in crowd], 4.0)
    rows = book.rows(4.0)
    assert book.left_out == 2
    assert [row["about"] for row in rows[:-1]] == ["c", "d", "e"]
    assert str(rows[-1]["alarm"]).startswith("there are 2 alarms more")
    book.take([(each, 5.0) for each in crowd[:3]], 5.0)
    assert book.left_out == 0


def test_every_kind_that_is_used_is_listed_and_no_other() -> None:
    source = Path(nwip.alarm_book.__file__).parent
    text = "".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    used = set(re.findall(r'\bAlarm\(\s*"([a-z-]+)"', text)) | {"node-gone", "dss-gone"}
    assert used == set(KINDS)
