import pytest
from hypothesis import given, settings
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


@settings(deadline=None)
@given(st.lists(steps, max_size=60))
def test_each_counter_is_taken_once_and_none_too_old(history: list[int]) -> None:
    window, model, place = ReplayWindow(), Model(), 0
    for step in history:
        place = max(0, place + step)
        assert takes(window, place) == model.takes(place), place
        assert window.top == model.top


@settings(deadline=None)
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


counts = st.one_of(st.integers(0, 3), st.integers(50, 2000), st.integers(4000, 4200))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(counts, st.sampled_from([0, 1, 70, 3000])), max_size=5))
def test_a_run_of_counters_is_taken_as_one_by_one(history: list[tuple[int, int]]) -> None:
    window, model = ReplayWindow(), Model()
    for count, gap in history:
        window.take_next(count)
        for counter in range(model.top + 1, model.top + 1 + count):
            assert model.takes(counter)
        jump = model.top + 1 + gap
        assert takes(window, jump) == model.takes(jump)
        for counter in range(max(0, jump - WINDOW - 2), jump + 2):
            admitted = counter not in model.taken and counter > model.top - WINDOW
            assert window.admits(counter) == admitted, counter
