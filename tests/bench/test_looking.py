"""What looks on beside a load: once at least, and no longer than the load lasts."""

import threading

from nwip.bench.looking import looking


def test_it_looks_again_and_again_until_the_block_ends() -> None:
    before = threading.enumerate()
    third, seen = threading.Event(), list[int]()

    def look() -> None:
        seen.append(len(seen))
        if len(seen) == 3:
            third.set()

    with looking(look, 0.001):
        assert third.wait(10)
    assert not [each for each in threading.enumerate() if each not in before]


def test_it_looks_once_even_where_there_was_no_time() -> None:
    seen: list[str] = []
    with looking(lambda: seen.append("looked"), 60.0):
        pass
    assert seen == ["looked"]
