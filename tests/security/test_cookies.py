import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security.cookies import ProofNumbers

KEY = b"0123456789abcdef"
addresses = st.tuples(st.sampled_from(["192.0.2.1", "10.0.0.1", "2001:db8::1"]), st.integers(1, 65535))


@given(st.binary(min_size=16, max_size=32), addresses)
def test_numbers_are_local_unicast_and_never_a_nodes(key: bytes, address: tuple[str, int]) -> None:
    numbers = ProofNumbers(key)
    for number in (numbers.node_number(address), numbers.cookie(address, b"abcdef")):
        assert len(number) == 6
        assert number[0] & 3 == 2
        assert number[0] != 0x7E


def test_a_number_depends_on_address_port_and_key_alone() -> None:
    places = [("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.2", 1), ("192.0.2.11", 1)]
    numbers = {ProofNumbers(key).node_number(place) for key in (KEY, KEY[::-1]) for place in places}
    assert len(numbers) == 8
    assert ProofNumbers(KEY).node_number(places[0]) == ProofNumbers(KEY).node_number(places[0])


def test_the_known_number_stays_the_same_from_version_to_version() -> None:
    assert ProofNumbers(KEY).node_number(("192.0.2.7", 4001)).hex() == "fe7e9078dcbe"


def test_a_cookie_proves_one_node_at_one_address() -> None:
    numbers = ProofNumbers(KEY)
    here, there, node = ("192.0.2.7", 4001), ("192.0.2.7", 4002), b"\0\xa0\xc9\1\2\3"
    cookie = numbers.cookie(here, node)
    assert numbers.proves(cookie, here, node)
    assert not numbers.proves(cookie, there, node)
    assert not numbers.proves(cookie, here, node[::-1])
    assert cookie != numbers.node_number(here)


@pytest.mark.parametrize("size", [0, 15, 33])
def test_a_key_of_the_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16 to 32 octets"):
        ProofNumbers(bytes(size))
