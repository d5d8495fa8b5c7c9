import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.sealed_wire import packet
from nwip.security.sealed.contents import Part, read_part
from nwip.security.sealed.splitting import LASTS, MOST_UNFINISHED, Joiner, split
from nwip.wire import WireError


@settings(deadline=None)
@given(st.integers(30, 1500), st.integers(210, 1440), st.integers(0, 65535), st.randoms())
def test_parts_fit_and_make_the_packet_in_any_order(
    size: int, limit: int, number: int, random: object
) -> None:
    whole, joiner = packet(size), Joiner()
    plains = split(whole, limit, number)
    assert all(len(plain) <= limit for plain in plains)
    random.shuffle(plains)  # type: ignore[attr-defined]
    joined = [joiner.add(read_part(plain), 0.0) for plain in plains]
    assert joined == [None] * (len(plains) - 1) + [whole]
    assert len(joiner) == 0


def test_what_is_not_complete_within_two_seconds_never_is() -> None:
    joiner = Joiner()
    one, other = (read_part(plain) for plain in split(packet(1500), 1200, 5))
    assert joiner.add(one, 0.0) is None
    assert joiner.add(other, LASTS + 0.1) is None
    assert joiner.add(one, LASTS + 0.2) == packet(1500)


def test_no_more_than_eight_packets_wait_for_the_rest_and_the_oldest_goes() -> None:
    joiner = Joiner()
    for number in range(1000):
        joiner.add(Part(number, 0, 2, b"\xff" * 700), 0.0)
        assert len(joiner) <= MOST_UNFINISHED
    assert joiner.add(Part(0, 1, 2, b"x"), 0.0) is None
    assert joiner.add(Part(999, 1, 2, b"x"), 0.0) == b"\xff" * 700 + b"x"


@pytest.mark.parametrize(
    "parts",
    [
        [Part(1, 0, 9, b"\xff")],
        [Part(1, 0, 2, b"\xff"), Part(1, 1, 3, b"x")],
        [Part(1, 0, 2, b"\xff" * 1400), Part(1, 1, 2, b"x" * 101)],
        [Part(1, 0, 2, b"\x04"), Part(1, 1, 2, b"x")],
    ],
)
def test_parts_that_make_no_packet_are_refused_and_forgotten(parts: list[Part]) -> None:
    joiner = Joiner()
    for part in parts[:-1]:
        joiner.add(part, 0.0)
    with pytest.raises(WireError):
        joiner.add(parts[-1], 0.0)
    assert len(joiner) == 0
