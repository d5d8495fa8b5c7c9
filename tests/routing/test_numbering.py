import hashlib

import pytest

from nwip.directory.parameters import Parameters
from nwip.routing.numbering import is_node_number, node_number

PARAMETERS = Parameters(domain="test", data_port=43981)
IDENTITY = bytes(range(16))


def hashed(identity: bytes, salt: int) -> bytes:
    """Write the second form out as docs/protocol.md, "Node numbers", has it."""
    return b"\x7e\x06" + hashlib.blake2s(identity + salt.to_bytes(4, "big"), digest_size=4).digest()


def test_an_ipv4_node_on_the_data_port_has_its_address_in_its_number() -> None:
    assert node_number(("192.0.2.7", 43981), PARAMETERS, IDENTITY) == bytes.fromhex("7E01 C0000207")


def test_the_prefix_of_the_domain_stands_before_it() -> None:
    like_rfc_1234 = Parameters(domain="test", node_prefix=b"\0\0")
    assert node_number(("192.0.2.7", 43981), like_rfc_1234, IDENTITY) == bytes.fromhex("0000 C0000207")


def test_a_node_of_a_sealed_domain_has_a_number_that_says_nothing_of_its_address() -> None:
    for salt in (0, 1):
        number = node_number(("192.0.2.7", 43981), PARAMETERS, IDENTITY, salt, sealed=True)
        assert number == hashed(IDENTITY, salt)


@pytest.mark.parametrize(
    ("endpoint", "salt"),
    [
        (("192.0.2.7", 43982), 0),
        (("2001:db8::7", 43981), 0),
        (("192.0.2.7", 43981), 1),
        (("::7", 1), 0x01020304),
    ],
)
def test_any_other_node_has_a_hash_of_its_identity_and_salt(endpoint: tuple[str, int], salt: int) -> None:
    assert node_number(endpoint, PARAMETERS, IDENTITY, salt) == hashed(IDENTITY, salt)


def test_the_hash_is_the_same_for_every_implementation() -> None:
    assert node_number(("::1", 1), PARAMETERS, IDENTITY).hex() == "7e06abbd832a"
    assert node_number(("::1", 1), PARAMETERS, IDENTITY, 1).hex() == "7e0656d6d70b"


def test_another_salt_or_identity_gives_another_number() -> None:
    numbers = {node_number(("::1", 1), PARAMETERS, IDENTITY, salt) for salt in range(100)}
    numbers |= {node_number(("::1", 1), PARAMETERS, bytes([each]) * 16) for each in range(100)}
    assert len(numbers) == 200


@pytest.mark.parametrize(
    ("node", "is_one"),
    [
        ("7E01C0000207", True),
        ("7E0600000000", True),
        ("7E02C0000207", False),
        ("00007E010000", False),
        ("02000000000A", False),
    ],
)
def test_both_forms_of_a_nodes_number_are_known_and_no_others(node: str, is_one: bool) -> None:
    assert is_node_number(bytes.fromhex(node), PARAMETERS) is is_one


def test_the_form_of_the_domain_is_judged_by_its_own_prefix() -> None:
    other = Parameters(domain="test", node_prefix=b"\x0a\x0b")
    assert is_node_number(bytes.fromhex("0A0BC0000207"), other)
    assert is_node_number(bytes.fromhex("7E06C0000207"), other)
    assert not is_node_number(bytes.fromhex("7E01C0000207"), other)
