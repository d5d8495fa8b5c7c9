"""Packets and octets by peer."""

from nwip.dataplane.tally import SAMPLED, Tally, add

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
    assert tally.out(ONE, 0, joined=True) == (0, 0)
    tally.copy(50, None)
    tally.copy(7, ONE)
    add(tally.packets_out, ONE, 1)
    add(tally.octets_out, ONE, 40)
    assert tally.out(ONE, 0, joined=True) == (2, 90)
    tally.part(ONE)
    tally.copy(1000, None)
    assert tally.out(ONE, 0, joined=False) == (2, 90)
    tally.join(ONE)
    assert tally.out(ONE, 0, joined=True) == (2, 90)
    tally.copy(10, OTHER)
    assert tally.out(ONE, 0, joined=True) == (3, 100)


def test_the_octets_of_a_batch_count_for_one_of_its_peers_and_each_time_for_another() -> None:
    tally = Tally()
    for _ in range(1000):
        tally.sample(tally.octets_in, [ONE, OTHER], 100)
        tally.sample(tally.octets_out, [ONE], 40)
    assert sum(tally.octets_in.values()) == 100_000
    assert 40_000 < tally.octets_in[ONE] < 60_000
    tally.packets_out[ONE] = 1000
    assert tally.out(ONE, 1.0, joined=False) == (1000, 40_000)


def test_of_more_peers_than_there_is_room_for_packets_are_told_as_of_the_mean_size() -> None:
    tally = Tally()
    for number in range(SAMPLED + 5):
        tally.sample(tally.octets_in, [number.to_bytes(4, "big")], 40)
    assert len(tally.octets_in) == SAMPLED
    late = (SAMPLED + 1).to_bytes(4, "big")
    tally.packets_in[late] = 3
    assert tally.came(late, 50.0) == (3, 150)
    assert tally.came(ONE, 50.0) == (0, 0)


def test_a_peer_is_forgotten_and_the_others_are_not() -> None:
    tally = Tally()
    for counts in (tally.packets_in, tally.octets_in, tally.packets_out, tally.octets_out):
        counts.update({ONE: 1, OTHER: 2})
    tally.forget(ONE)
    tally.forget(ONE)
    assert tally.packets_in == tally.octets_in == tally.packets_out == tally.octets_out == {OTHER: 2}


def test_the_octets_that_a_peer_joined_with_are_kept_and_not_equal_ones() -> None:
    tally, name = Tally(), bytes(16)
    tally.join(name)
    for counts in (tally.packets_in, tally.packets_out):
        add(counts, bytes(bytearray(16)), 1)
        assert [kept is name for kept in counts] == [True]
        assert counts == {name: 1}
    tally.part(name)
    tally.join(name)
    assert tally.came(name, 0) == (1, 0)
