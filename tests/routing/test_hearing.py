"""What knowledge rests on: packets that are repeated octet for octet, and how much one port may teach."""

from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.port import Port
from nwip.routing.timers import AGE_LIMIT

STATION, OTHER = b"\0\0\0\0\0\x01", b"\0\0\0\0\0\x02"


def port(station_limit: int = 100) -> Port:
    return Port("lan", 1, b"\1" * 6, station_limit=station_limit)


def heard(hearings: Hearings[str], at: Port, packet: bytes, *keys: str, now: float = 0.0) -> Hearing[str]:
    hearing: Hearing[str] = Hearing(at, STATION, packet, now)
    for key in keys:
        assert hearings.has_room(at, STATION)
        hearings.rest(hearing, key)
    hearings.seal(hearing)
    return hearing


def test_the_same_packet_again_makes_all_that_it_said_believed_anew() -> None:
    hearings: Hearings[str] = Hearings()
    lan = port()
    hearing = heard(hearings, lan, b"update", "x", "y")
    assert hearings.next_deadline() == AGE_LIMIT
    assert hearings.again(lan, b"update", 60.0)
    assert list(hearings.expired(AGE_LIMIT)) == []
    assert hearings.next_deadline() == AGE_LIMIT + 60.0
    assert list(hearings.expired(AGE_LIMIT + 60.0)) == [hearing]


def test_another_port_another_packet_or_an_empty_one_is_news() -> None:
    hearings: Hearings[str] = Hearings()
    lan = port()
    heard(hearings, lan, b"update", "x")
    heard(hearings, lan, b"empty")
    assert not hearings.again(port(), b"update", 1.0)
    assert not hearings.again(lan, b"updates", 1.0)
    assert not hearings.again(lan, b"empty", 1.0)


def test_a_packet_of_which_something_no_longer_stands_is_news() -> None:
    hearings: Hearings[str] = Hearings()
    lan = port()
    hearing = heard(hearings, lan, b"update", "x", "y")
    hearings.lift(hearing, "x")
    assert not hearings.again(lan, b"update", 1.0)
    assert hearings.of(lan) == [hearing]
    hearings.lift(hearing, "y")
    assert hearings.of(lan) == []
    assert list(hearings.expired(10 * AGE_LIMIT)) == []
    assert hearings.next_deadline() is None


def test_when_what_is_ours_changes_every_packet_is_news() -> None:
    hearings: Hearings[str] = Hearings()
    lan = port()
    heard(hearings, lan, b"update", "x")
    hearings.unseal()
    assert not hearings.again(lan, b"update", 1.0)


def test_a_station_and_a_port_have_their_shares_and_get_them_back() -> None:
    hearings: Hearings[str] = Hearings(limit=3)
    lan = port(station_limit=2)
    hearing = heard(hearings, lan, b"update", "x", "y")
    assert not hearings.has_room(lan, STATION)
    assert hearings.has_room(lan, OTHER)
    other: Hearing[str] = Hearing(lan, OTHER, b"other", 0.0)
    hearings.rest(other, "z")
    assert not hearings.has_room(lan, OTHER)
    assert hearings.refused == 2
    hearings.lift(hearing, "x")
    assert hearings.has_room(lan, STATION)
    assert hearings.has_room(port(), STATION)
