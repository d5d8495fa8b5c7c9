import hashlib

from hypothesis import given
from hypothesis import strategies as st

from nwip.routing.shared_node import shared_node

places = st.none() | st.integers(0, 0xFFFFFFFF)


@given(st.text(max_size=40), places)
def test_it_is_a_locally_administered_unicast_address_that_is_no_nodes_own(
    domain: str, network: int | None
) -> None:
    node = shared_node(domain, network)
    assert len(node) == 6
    assert node[0] & 3 == 2
    assert node[0] != 0x7E


def test_every_gateway_comes_to_the_same_number_and_every_lan_to_another() -> None:
    assert shared_node("Lab.Test", 0xC0FFEE) == shared_node("lab.test", 0xC0FFEE)
    numbers = {shared_node(domain, place) for domain in ("a.test", "b.test") for place in (None, 1, 2)}
    assert len(numbers) == 6


def test_the_octets_are_those_that_the_docs_describe() -> None:
    digest = hashlib.blake2b(b"lab.test\0\0\xc0\xff\xee", digest_size=6).digest()
    assert shared_node("lab.test", 0xC0FFEE) == bytes([digest[0] & 0xFC | 2]) + digest[1:]
    joined = hashlib.blake2b(b"lab.test\0joined", digest_size=6).digest()
    assert shared_node("lab.test", None)[1:] == joined[1:]


def test_a_number_that_would_look_like_a_nodes_begins_with_7a() -> None:
    hit = next(
        number
        for number in range(1, 5000)
        if hashlib.blake2b(b"d\0" + number.to_bytes(4, "big"), digest_size=6).digest()[0] & 0xFC == 0x7C
    )
    assert shared_node("d", hit)[0] == 0x7A
