import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security.statements import (
    GRANT_LIMIT,
    STATEMENT_LIMIT,
    Authority,
    Member,
    Revocation,
    read_statement,
)
from nwip.wire import WireError
from security.membership_parts import AUTHORITY, DOMAIN, STRANGER, key, member, revocation, signed


def read(octets: bytes) -> Member | Revocation:
    return read_statement(octets, AUTHORITY.public, DOMAIN)


@pytest.mark.parametrize(
    "statement",
    [
        member("museum"),
        Member(key("dss").public, "dss", "", (0xC0FFEE, 1), 2**63 - 1),
        revocation("museum", 7),
    ],
)
def test_what_was_signed_is_read(statement: Member | Revocation) -> None:
    assert read(signed(statement)) == statement


def test_an_identity_is_that_of_the_key() -> None:
    assert member("museum").identity == key("museum").identity
    assert revocation("museum").identity == key("museum").identity


@pytest.mark.parametrize("statement", [member("museum"), revocation("museum")])
def test_an_altered_octet_is_noticed_wherever_it_is(statement: Member | Revocation) -> None:
    octets = signed(statement)
    for place in range(len(octets)):
        for change in (0x01, 0x80, 0xFF):
            altered = bytearray(octets)
            altered[place] ^= change
            with pytest.raises(WireError):
                read(bytes(altered))


def test_a_statement_counts_in_its_own_domain_and_of_its_own_authority_only() -> None:
    octets = signed(member("museum"))
    with pytest.raises(WireError, match="authority has not signed"):
        read_statement(octets, AUTHORITY.public, DOMAIN + ".elsewhere")
    with pytest.raises(WireError, match="authority has not signed"):
        read_statement(octets, STRANGER.public, DOMAIN)
    with pytest.raises(WireError):
        read_statement(octets, b"no key", DOMAIN)


@given(st.binary(max_size=300))
def test_octets_of_any_kind_raise_nothing_else(octets: bytes) -> None:
    with pytest.raises(WireError):
        read(octets)


@given(st.binary(min_size=1, max_size=64) | st.recursive(st.booleans() | st.text(), st.lists))
def test_even_what_the_authority_has_signed_is_a_statement_or_a_wire_error(thing: object) -> None:
    octets = thing if isinstance(thing, bytes) else msgspec.msgpack.encode(thing)
    signature = AUTHORITY._private.sign(b"nwip statement 1" + DOMAIN.encode() + b"\0" + octets)
    with pytest.raises(WireError, match="not a statement"):
        read(octets + signature)


def test_the_largest_statement_fits() -> None:
    largest = Member(key("x").public, "node", "\U0001f409" * 63, (0xFFFFFFFE,) * GRANT_LIMIT, 2**63 - 1)
    octets = signed(largest)
    assert read(octets) == largest
    assert len(octets) <= STATEMENT_LIMIT
    with pytest.raises(WireError, match="at most"):
        read(bytes(STATEMENT_LIMIT + 1))


def test_an_authority_is_its_private_key() -> None:
    fresh = Authority.generate()
    assert len(fresh.public) == 32
    assert fresh.public != Authority.generate().public
    with pytest.raises(ValueError, match="32"):
        Authority.from_octets(b"short")
