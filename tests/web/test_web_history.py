"""Traffic over time: rates from counters, in a ring that has bounds."""

import math

from nwip.web.facts import Facts
from nwip.web.history import ALL, MOST_SERIES, History
from web.answers import link, node


def facts(at: float, came: int, went: int = 0, dropped: int = 0, peer: int = 0) -> Facts:
    links = [link("doom", packets_in=came, packets_out=went, drops={"full": dropped, "hops": 0})]
    nodes = [node("west", 1, self=True, packets_in=99), node("east", 2, packets_in=peer)]
    return Facts({"links": links, "nodes": nodes}, at)


def test_rates_are_differences_of_counters_over_time() -> None:
    history = History()
    history.take(facts(10, 100, 50, 5, 10))
    assert all(math.isnan(value) for value in history.latest("link:doom"))
    history.take(facts(12, 300, 60, 7, 30))
    assert history.latest("link:doom") == (100, 5, 1)
    assert history.latest(ALL) == (100, 5, 1)
    assert history.latest("peer:7E010A000002") == (10, 0, 0)
    assert "peer:7E010A000001" not in history.names(), "a node has no traffic with itself"


def test_a_node_that_starts_again_and_one_that_is_silent_leave_gaps_and_no_nonsense() -> None:
    history = History()
    for at, came in ((10, 100), (12, 200), (14, 5), (16, 15)):
        history.take(facts(at, came))
    rates = history.curve("link:doom").lines[0]
    assert [None if math.isnan(rate) else rate for rate in rates] == [None, 50, None, 5]
    history.take(Facts({}, 16, "no answer"))
    history.take(facts(60, 1015))
    assert math.isnan(history.latest("link:doom")[0])


def test_facts_of_the_same_moment_are_taken_once() -> None:
    history = History()
    for _ in range(3):
        history.take(facts(10, 100))
    assert history.curve(ALL).times == [10]


def test_the_ring_keeps_the_last_samples_in_order_and_forgets_what_has_gone() -> None:
    history = History(kept=4)
    for at in range(10):
        history.take(facts(at, at * at))
    assert history.curve("link:doom").times == [6, 7, 8, 9]
    assert history.curve("link:doom").lines[0] == [11, 13, 15, 17]
    for at in range(10, 15):
        history.take(Facts({"links": [link("other")]}, at))
    assert history.names() == [ALL, "link:other"]
    assert all(math.isnan(value) for line in history.curve("link:doom").lines for value in line)


def test_series_have_a_bound() -> None:
    history = History(kept=2)
    history.take(Facts({"links": [link(f"link{number}") for number in range(MOST_SERIES * 2)]}, 1))
    assert len(history.names()) == MOST_SERIES
