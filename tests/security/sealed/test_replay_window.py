import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security.sealed.replay import WINDOW, ReplayWindow


class Model:
    """What the window promises, by a set of all that was ever taken."""

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self.top = -1

    def takes(self, counter: int) -> bool:
        if counter in self.taken or counter <= self.top - WINDOW:
            return False
        self.taken.add(counter)
        self.top = max(self.top, counter)
        return True


def takes(window: ReplayWindow, counter: int) -> bool:
    admits = window.admits(counter)
    if admits:
        assert window.take(counter) == (window.top == counter)
    return admits


steps = st.one_of(
    st.integers(-3, 3),
    st.integers(-WINDOW - 3, -WINDOW + 3),
    st.integers(WINDOW - 3, WINDOW + 3),
    st.integers(-2 * WINDOW, 2 * WINDOW),
    st.sampled_from([2**40, 2**60]),
)


@given(st.lists(steps, max_size=60))
def test_each_counter_is_taken_once_and_none_too_old(history: list[int]) -> None:
    window, model, place = ReplayWindow(), Model(), 0
    for step in history:
        place = max(0, place + step)
        assert takes(window, place) == model.takes(place), place
        assert window.top == model.top


@given(st.permutations(range(40)))
def test_any_order_within_the_window_is_taken_once(order: list[int]) -> None:
    window = ReplayWindow()
    assert all(takes(window, counter) for counter in order)
    assert not any(takes(window, counter) for counter in order)


def test_a_check_alone_takes_nothing() -> None:
    window = ReplayWindow()
    assert window.admits(2**63)
    assert window.top == -1
    assert takes(window, 0)


@pytest.mark.parametrize("jump", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_what_was_skipped_may_come_late_as_long_as_it_is_within_the_window(jump: int) -> None:
    window = ReplayWindow()
    for counter in range(WINDOW):
        assert takes(window, counter)
    top = WINDOW - 1 + jump
    assert takes(window, top)
    late = range(max(WINDOW, top - WINDOW + 1), top)
    assert all(takes(window, counter) for counter in late)
    assert not any(takes(window, counter) for counter in range(top + 1))


@given(st.lists(st.one_of(st.integers(0, 3), st.integers(4000, 4200)), max_size=8))
def test_a_run_of_counters_is_taken_as_one_by_one(counts: list[int]) -> None:
    window, model = ReplayWindow(), Model()
    for count in counts:
        window.take_next(count)
        for counter in range(model.top + 1, model.top + 1 + count):
            assert model.takes(counter)
        assert window.top == model.top
        for counter in (window.top, window.top - WINDOW, window.top - WINDOW + 1, window.top // 2):
            assert counter < 0 or not takes(window, counter)
        jump = window.top + 2
        assert takes(window, jump) == model.takes(jump)
        assert takes(window, jump - 1) == model.takes(jump - 1)
