"""Packets and octets by peer."""

from nwip.dataplane.tally import Tally, add

ONE, OTHER = b"one", b"other"


def test_counts_add_up() -> None:
    counts: dict[bytes, int] = {}
    add(counts, ONE, 2)
    add(counts, ONE, 3)
    assert counts == {ONE: 5}


def test_a_peer_gets_what_goes_to_everybody_from_when_it_joins_until_it_parts() -> None:
    tally = Tally()
    tally.copy(100, None)
    tally.join(ONE)
    assert tally.out(ONE, joined=True) == (0, 0)
    tally.copy(50, None)
    tally.copy(7, ONE)
    add(tally.packets_out, ONE, 1)
    add(tally.octets_out, ONE, 40)
    assert tally.out(ONE, joined=True) == (2, 90)
    tally.part(ONE)
    tally.copy(1000, None)
    assert tally.out(ONE, joined=False) == (2, 90)
    tally.join(ONE)
    assert tally.out(ONE, joined=True) == (2, 90)
    tally.copy(10, OTHER)
    assert tally.out(ONE, joined=True) == (3, 100)


def test_a_peer_is_forgotten_and_the_others_are_not() -> None:
    tally = Tally()
    for counts in (tally.packets_in, tally.octets_in, tally.packets_out, tally.octets_out):
        counts.update({ONE: 1, OTHER: 2})
    tally.forget(ONE)
    tally.forget(ONE)
    assert tally.packets_in == tally.octets_in == tally.packets_out == tally.octets_out == {OTHER: 2}
