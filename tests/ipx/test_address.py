import pytest
from hypothesis import given

from fixtures.codecs import addresses, networks, nodes
from nwip.ipx.address import ADDRESS_SIZE, Address, format_network, format_node, parse_network, parse_node
from nwip.wire import Reader, WireError, Writer


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("00ABCD01.7E010A000001.0451", Address(0xABCD01, bytes.fromhex("7E010A000001"), 0x451)),
        ("abcd01.1.452", Address(0xABCD01, bytes.fromhex("000000000001"), 0x452)),
        ("1.00:00:1b:2c:3d:4e", Address(1, bytes.fromhex("00001B2C3D4E"), 0)),
        (" 0.00-00-1b-2c-3d-4e.2 ", Address(0, bytes.fromhex("00001B2C3D4E"), 2)),
        ("FFFFFFFF.FFFFFFFFFFFF.FFFF", Address(0xFFFFFFFF, b"\xff" * 6, 0xFFFF)),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1", "IPX address"),
        ("1.2.3.4", "IPX address"),
        ("123456789.1.1", "network"),
        ("1.1234567890123.1", "node"),
        ("1.0000.1b2c.3d4e", "IPX address"),
        ("1.1.12345", "socket"),
        (".1.1", "network"),
        ("1..1", "node"),
        ("-1.1.1", "network"),
        ("0x1.1.1", "network"),
        ("1_0.1.1", "network"),
        ("\u0661.1.1", "network"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_part_that_is_wrong(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Address.parse(text)


@given(addresses)
def test_addresses_survive_text_and_wire(address: Address) -> None:
    assert Address.parse(str(address)) == address
    writer = Writer()
    address.write(writer)
    octets = writer.getvalue()
    assert len(octets) == ADDRESS_SIZE
    assert Address.read(Reader(octets)) == address


@given(networks, nodes)
def test_numbers_survive_text(network: int, node: bytes) -> None:
    assert parse_network(format_network(network)) == network
    assert parse_node(format_node(node)) == node


@pytest.mark.parametrize("size", range(ADDRESS_SIZE))
def test_a_truncated_address_is_a_wire_error(size: int) -> None:
    with pytest.raises(WireError):
        Address.read(Reader(bytes(size)))


@pytest.mark.parametrize(
    "address",
    [
        Address(1 << 32, bytes(6), 0),
        Address(0, bytes(5), 0),
        Address(0, bytes(7), 0),
        Address(0, bytes(6), 65536),
    ],
)
def test_an_address_that_does_not_fit_is_a_wire_error(address: Address) -> None:
    with pytest.raises(WireError):
        address.write(Writer())
