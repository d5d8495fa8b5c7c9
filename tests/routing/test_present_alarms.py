"""Which alarms about links stand: what was heard lately, and what is wrong with a link."""

from nwip.routing.alarms import KEPT, Alarm, Alarms
from nwip.routing.timers import AGE_LIMIT

LAN = Alarm("network-number", "lan", "a router says 1", "0000000000AA")
UNUSABLE = Alarm("duplicate-network", "000000AB", "link two cannot have it", "two")


def test_what_was_heard_stands_until_it_is_not_heard_for_long_enough() -> None:
    alarms = Alarms()
    alarms.say(LAN, 100.0)
    alarms.say(LAN, 160.0)
    assert list(alarms.sentences) == ["a router says 1"], "it is told once an hour"
    assert list(alarms.present(200.0)) == [(LAN, 160.0)]
    assert list(alarms.present(160.0 + AGE_LIMIT)) == [(LAN, 160.0)]
    assert list(alarms.present(160.1 + AGE_LIMIT)) == []


def test_two_routers_are_two_alarms_and_another_sentence_is_none() -> None:
    alarms = Alarms()
    alarms.say(LAN, 1.0)
    alarms.say(LAN._replace(who="0000000000BB"), 2.0)
    alarms.say(LAN._replace(sentence="a router says 2"), 3.0)
    assert [(alarm.who, at) for alarm, at in alarms.present(3.0)] == [("0000000000BB", 2.0), (LAN.who, 3.0)]


def test_what_is_wrong_with_a_link_lasts_as_long_as_the_link() -> None:
    alarms = Alarms()
    alarms.stand("two", UNUSABLE, 1.0)
    later = 1e6
    assert list(alarms.present(later)) == [(UNUSABLE, later)]
    alarms.fall("two")
    alarms.fall("two")
    assert list(alarms.present(1.0)) == []


def test_only_so_many_are_kept() -> None:
    alarms = Alarms()
    for number in range(2 * KEPT):
        alarms.say(LAN._replace(who=str(number)), 1.0)
    assert [alarm.who for alarm, _ in alarms.present(1.0)] == [str(KEPT + number) for number in range(KEPT)]
