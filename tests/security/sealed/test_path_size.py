from nwip.security.sealed.path import BASE, CONFIRM_AFTER, RAISE_AFTER, SIZES, TRIES, PathSize


def probe_until(path: PathSize, carries: int, now: float, seconds: float = 100.0) -> tuple[float, list[int]]:
    """Let a path answer probes of up to so many octets; return the time when all is done, and the probes."""
    probes, end = [], now + seconds
    while now < end and (deadline := path.next_deadline()) is not None:
        now = max(now, deadline)
        size = path.probe(now)
        if size is not None:
            probes.append(size)
            if size <= carries:
                path.answered(size, now)
    return now, probes


def test_nothing_is_probed_before_a_packet_needs_more() -> None:
    path = PathSize()
    path.wants(BASE, 0.0)
    assert path.next_deadline() is None
    assert path.probe(0.0) is None
    path.wants(BASE + 1, 0.0)
    assert path.probe(0.0) == SIZES[0]


def test_a_path_of_ethernet_takes_one_probe() -> None:
    path = PathSize()
    path.wants(1472, 0.0)
    assert probe_until(path, 1472, 0.0)[1] == [1472]
    assert path.size == 1472


def test_the_largest_size_that_is_answered_is_found_and_each_is_tried_three_times() -> None:
    for carries in (*SIZES, BASE):
        path = PathSize()
        path.wants(1472, 0.0)
        _, probes = probe_until(path, carries, 0.0)
        assert path.size == carries
        assert probes == [size for size in SIZES if size > carries for _ in range(TRIES)] + [carries] * (
            carries in SIZES
        )


def test_a_path_that_became_smaller_is_noticed_when_it_is_used() -> None:
    path = PathSize()
    path.wants(1472, 0.0)
    now, _ = probe_until(path, 1472, 0.0)
    path.wants(1472, now + CONFIRM_AFTER - 1)
    assert path.next_deadline() is None
    now += CONFIRM_AFTER
    path.wants(1472, now)
    now, probes = probe_until(path, BASE, now)
    assert probes == [1472] * TRIES
    assert path.size == BASE
    path.wants(1472, now + RAISE_AFTER - 1)
    assert path.next_deadline() is None
    path.wants(1472, now + RAISE_AFTER)
    assert probe_until(path, 1452, now + RAISE_AFTER)[1][-1] == path.size == 1452


def test_the_largest_size_is_confirmed_too_when_packets_are_larger_still() -> None:
    path = PathSize()
    path.wants(1532, 0.0)
    now, _ = probe_until(path, 1472, 0.0)
    path.wants(1532, now + 2 * RAISE_AFTER)
    assert probe_until(path, 1392, now + 2 * RAISE_AFTER)[1] == [1472] * TRIES
    assert path.size == BASE


def test_a_refusal_by_the_kernel_counts_at_once() -> None:
    path = PathSize()
    path.wants(1472, 0.0)
    now, _ = probe_until(path, 1472, 0.0)
    path.refused(now)
    assert path.size == BASE
    path.wants(1472, now + 1)
    assert path.next_deadline() is None


def test_answers_that_were_not_asked_for_change_nothing() -> None:
    path = PathSize()
    path.answered(1472, 0.0)
    path.wants(1472, 0.0)
    assert path.probe(0.0) == 1472
    path.answered(1500, 0.0)
    path.answered(65535, 0.0)
    assert path.size == BASE
