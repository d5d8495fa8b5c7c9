from nwip.directory.deadlines import Deadlines


def test_a_deadline_that_is_pushed_back_comes_when_it_was_last_set() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.set("b", 2.0)
    deadlines.set("a", 5.0)
    assert deadlines.next() == 2.0
    assert list(deadlines.pop_due(4.0)) == ["b"]
    deadlines.set("a", 4.5)
    assert list(deadlines.pop_due(4.5)) == ["a"]
    assert deadlines.next() is None


def test_a_discarded_deadline_never_comes() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.discard("a")
    assert deadlines.next() is None
    deadlines.set("a", 3.0)
    assert list(deadlines.pop_due(3.0)) == ["a"]


def test_a_flood_of_renewals_does_not_grow_the_heap() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for time in range(10_000):
        deadlines.set("a", float(time))
        deadlines.set("b", float(time))
        assert deadlines.next() == float(time) or time == 0
    assert len(deadlines._heap) == 2
