"""One frame by two ways."""

from nwip.links.lan.copies import CAPACITY, Copies


def test_a_frame_by_a_second_way_is_a_copy_and_by_the_first_a_repetition() -> None:
    copies = Copies()
    assert not copies.is_copy(b"a", "eth0", 1.0)
    assert copies.is_copy(b"a", "wlan0", 1.001)
    assert not copies.is_copy(b"a", "eth0", 1.002)
    assert copies.is_copy(b"a", "wlan0", 1.003)
    assert not copies.is_copy(b"b", "wlan0", 1.004)


def test_a_second_later_the_other_way_counts_as_the_first() -> None:
    copies = Copies()
    assert not copies.is_copy(b"a", "eth0", 1.0)
    assert not copies.is_copy(b"a", "wlan0", 2.0)
    assert copies.is_copy(b"a", "eth0", 2.1)


def test_a_copy_does_not_lengthen_the_memory() -> None:
    copies = Copies()
    assert not copies.is_copy(b"a", "eth0", 1.0)
    assert copies.is_copy(b"a", "wlan0", 1.9)
    assert not copies.is_copy(b"a", "wlan0", 2.1)


def test_the_memory_is_bounded_and_the_oldest_goes_first() -> None:
    copies = Copies()
    for number in range(CAPACITY + 1):
        assert not copies.is_copy(number.to_bytes(4, "big"), "eth0", 1.0)
    assert len(copies._first) == CAPACITY
    assert not copies.is_copy(bytes(4), "wlan0", 1.0)
    assert copies.is_copy(CAPACITY.to_bytes(4, "big"), "wlan0", 1.0)
