"""The hosts of a joined LAN: who is remembered, for how long, and how many."""

from nwip.links.lan.events import Joined, Left
from nwip.links.lan.neighbours import (
    DEPARTED,
    FRESH,
    FULL,
    MOVING,
    NEW_BURST,
    REVIEW_INTERVAL,
    SILENCE,
    TOO_MANY,
    Neighbours,
)


def node(number: int) -> bytes:
    return b"\x02\x00" + number.to_bytes(4, "big")


def test_a_host_stays_while_it_is_heard_and_goes_after_four_hours_of_silence() -> None:
    hosts = Neighbours()
    hosts.hear(node(1), 0.0)
    hosts.hear(node(2), 0.0)
    assert hosts.events() == [Joined(node(1)), Joined(node(2))]
    hosts.hear(node(1), 3600.0)
    assert hosts.next_deadline() == SILENCE
    hosts.advance(SILENCE)
    assert hosts.events() == [Left(node(2), "silent")]
    assert hosts.next_deadline() == 3600.0 + SILENCE
    hosts.advance(3600.0 + SILENCE)
    assert hosts.events() == [Left(node(1), "silent")]
    assert (len(hosts), hosts.next_deadline()) == (0, None)


def test_the_table_is_looked_over_at_most_once_a_minute() -> None:
    hosts = Neighbours()
    for second in range(5):
        hosts.hear(node(second), float(second))
    hosts.advance(SILENCE)
    assert hosts.next_deadline() == SILENCE + REVIEW_INTERVAL


def test_who_comes_when_the_table_is_full_is_refused_and_who_is_known_stays() -> None:
    hosts = Neighbours(2)
    assert [hosts.hear(node(number), 0.0) for number in (1, 2, 3, 1)] == [None, None, FULL, None]
    hosts.release(node(1))
    assert hosts.hear(node(3), 1.0) is None
    assert hosts.events() == [
        Joined(node(1)),
        Joined(node(2)),
        Left(node(1), "moved to another gateway"),
        Joined(node(3)),
    ]


def test_who_was_heard_a_moment_ago_is_here_even_if_another_gateway_claims_it() -> None:
    hosts = Neighbours()
    hosts.hear(node(1), 0.0)
    assert hosts.is_here(node(1), FRESH - 0.1)
    assert not hosts.is_here(node(1), FRESH)
    hosts.release(node(1))
    assert hosts.is_here(node(1), MOVING - 0.1)
    assert not hosts.is_here(node(1), MOVING)
    for number in range(2, DEPARTED + 2):
        hosts.hear(node(number), 0.0)
        hosts.release(node(number))
    assert not hosts.is_here(node(1), 0.1)
    assert hosts.is_here(node(2), 0.1)


def test_made_up_hosts_come_in_slowly() -> None:
    hosts = Neighbours(10_000)
    refused = [hosts.hear(node(number), 0.0) for number in range(1000)]
    assert refused.count(TOO_MANY) == 1000 - NEW_BURST
    assert [hosts.hear(node(number), 1.0) for number in range(1000, 1100)].count(None) == 20
    assert hosts.hear(node(0), 1.0) is None
