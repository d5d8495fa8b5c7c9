import pytest

from nwip.security.limits import TokenBuckets


def test_a_burst_passes_and_then_the_rate() -> None:
    buckets = TokenBuckets(rate=2, burst=3)
    assert [buckets.allow("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert [buckets.allow("a", 0.5) for _ in range(2)] == [True, False]
    assert [buckets.allow("a", 100.0) for _ in range(4)] == [True, True, True, False]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(rate=0, burst=1)
    assert buckets.allow("a", 0.0)
    assert not buckets.allow("a", 1e9)
    assert buckets.allow("b", 0.0)


def test_the_table_is_bounded_and_forgets_the_one_unused_for_longest() -> None:
    buckets = TokenBuckets(rate=0, burst=1, capacity=2)
    for key in ("a", "b", "a", "c"):
        buckets.allow(key, 0.0)
    assert buckets.size == 2
    assert not buckets.allow("a", 0.0)
    assert buckets.allow("b", 0.0)


def test_a_clock_that_stands_still_gives_nothing() -> None:
    buckets = TokenBuckets(rate=1000, burst=1)
    assert buckets.allow("a", 5.0)
    assert not buckets.allow("a", 5.0)


@pytest.mark.parametrize(("rate", "burst", "capacity"), [(-1, 1, 1), (1, 0.5, 1), (1, 1, 0)])
def test_a_bucket_that_lets_nothing_pass_is_a_mistake(rate: float, burst: float, capacity: int) -> None:
    with pytest.raises(ValueError, match="a bucket needs"):
        TokenBuckets(rate, burst, capacity)


def test_several_tokens_are_taken_as_one_after_the_other() -> None:
    at_once, singly = TokenBuckets(rate=2, burst=5.5), TokenBuckets(rate=2, burst=5.5)
    taken = []
    for count, now in ((2, 0.0), (4, 0.25), (1, 0.25), (3, 1.0), (99, 100.0), (1, 100.0)):
        taken.append(at_once.take("a", count, now))
        assert taken[-1] == sum(singly.allow("a", now) for _ in range(count))
    assert taken == [2, 4, 0, 1, 5, 0]
