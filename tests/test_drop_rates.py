"""Drops are an alarm by their rate."""

from nwip.drop_rates import WINDOW, DropRates
from nwip.gateway.sharing import STANDING_BY


def sentences(rates: DropRates, now: float) -> list[str]:
    return [alarm.sentence for alarm, _ in rates.alarms(now)]


def test_single_drops_are_no_alarm_and_many_a_second_are_until_they_cease() -> None:
    rates = DropRates()
    rates.look("dosbox", {"full": 1000}, 0.0)
    rates.look("dosbox", {"full": 1010, "hops": 20}, WINDOW)
    assert sentences(rates, WINDOW) == [], "what was before counts for nothing, and 3 a second are few"
    rates.look("dosbox", {"full": 1310, "hops": 120}, 1.5 * WINDOW)
    assert sentences(rates, 15.0) == [], "the window is not over"
    rates.look("dosbox", {"full": 1310, "hops": 120}, 2 * WINDOW)
    assert sentences(rates, 20.0) == ["link dosbox drops 40 packets a second: full 30, hops 10"]
    rates.look("dosbox", {"full": 1340, "hops": 120}, 3 * WINDOW)
    assert sentences(rates, 30.0) == ["link dosbox drops 3 packets a second: full 3"]
    rates.look("dosbox", {"full": 1350, "hops": 120}, 4 * WINDOW)
    assert sentences(rates, 40.0) == []
    rates.look("dosbox", {"full": 1380, "hops": 120}, 5 * WINDOW)
    assert sentences(rates, 50.0) == [], "it takes more to begin than to go on"


def test_what_another_gateway_takes_is_not_lost() -> None:
    rates = DropRates()
    rates.look("lan", {}, 0.0)
    rates.look("lan", {STANDING_BY: 100_000}, WINDOW)
    assert sentences(rates, WINDOW) == []


def test_a_link_that_is_closed_is_forgotten() -> None:
    rates = DropRates()
    rates.look("lan", {}, 0.0)
    rates.look("lan", {"full": 1000}, WINDOW)
    assert len(rates.alarms(WINDOW)) == 1
    rates.keep(set())
    assert rates.alarms(WINDOW) == []
