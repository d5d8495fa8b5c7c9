import pytest

from nwip.security.domain_secrets import GRACE, KEPT, DomainSecrets
from nwip.wire import WireError

ONE, TWO, THREE = (bytes([digit]) * 32 for digit in (1, 2, 3))


def test_before_anything_is_told_there_is_none() -> None:
    none = DomainSecrets()
    assert none.current is None
    assert none.of_epoch(1, 0.0) is None
    assert none.for_session(1) is None


def test_the_one_before_is_good_for_ten_minutes_after_the_change() -> None:
    secrets = DomainSecrets()
    secrets.rotate(ONE, 100.0)
    secrets.rotate(TWO, 200.0)
    assert secrets.current == (2, TWO)
    assert secrets.of_epoch(2, 200.0) == TWO
    assert secrets.of_epoch(1, 199.0 + GRACE) == ONE
    assert secrets.of_epoch(1, 200.0 + GRACE) is None
    assert secrets.of_epoch(2, 1e9) == TWO
    assert secrets.of_epoch(3, 200.0) is None


def test_of_two_changes_in_a_row_only_the_last_one_before_is_good() -> None:
    secrets = DomainSecrets([(1, ONE)])
    secrets.rotate(TWO, 10.0)
    secrets.rotate(THREE, 11.0)
    assert [secrets.of_epoch(epoch, 12.0) for epoch in (1, 2, 3)] == [None, TWO, THREE]


def test_a_dss_takes_a_member_that_slept_through_changes() -> None:
    secrets = DomainSecrets([(1, ONE), (2, TWO)])
    secrets.rotate(THREE, 0.0)
    assert secrets.for_session(1) == ONE
    assert secrets.for_session(4) is None


def test_what_is_learned_counts_when_it_is_later() -> None:
    secrets, told = DomainSecrets(), []
    secrets.listeners.append(lambda epoch, secret: told.append((epoch, secret)))
    assert secrets.learn(5, TWO, 0.0)
    assert not secrets.learn(5, TWO, 0.0)
    assert not secrets.learn(4, THREE, 0.0)
    assert not secrets.learn(5, ONE, 0.0), "of two of one epoch the higher stands everywhere"
    assert secrets.learn(5, THREE, 0.0)
    assert told == [(5, TWO), (5, THREE)]
    assert secrets.current == (5, THREE)


@pytest.mark.parametrize(("epoch", "secret"), [(0, ONE), (2**32, ONE), (1, b""), (1, ONE + b"1")])
def test_what_can_be_none_is_a_wire_error(epoch: int, secret: bytes) -> None:
    secrets = DomainSecrets()
    with pytest.raises(WireError):
        secrets.learn(epoch, secret, 0.0)
    assert secrets.current is None


def test_what_is_kept_makes_the_same_again_without_the_time_of_grace() -> None:
    secrets = DomainSecrets([(2, TWO), (1, ONE)])
    again = DomainSecrets(secrets.kept())
    assert again.current == (2, TWO)
    assert again.of_epoch(1, 0.0) is None
    assert again.for_session(1) == ONE


def test_it_holds_a_bounded_number() -> None:
    secrets = DomainSecrets()
    for turn in range(3 * KEPT):
        secrets.rotate(ONE, float(turn))
    assert len(secrets.kept()) == KEPT
    assert secrets.current == (3 * KEPT, ONE)
    assert len(DomainSecrets((epoch, ONE) for epoch in range(1, 3 * KEPT)).kept()) == KEPT
