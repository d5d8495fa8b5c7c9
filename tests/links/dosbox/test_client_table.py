"""Who is where: found by address and by number, in as little memory as can be."""

import tracemalloc

import pytest

from nwip.directory.records import Endpoint
from nwip.links.dosbox.clients import ClientTable
from nwip.links.dosbox.compact import AS_TEXT, Compact
from nwip.links.dosbox.link import AS_THE_KERNEL
from nwip.security.cookies import ProofNumbers

NUMBERS = ProofNumbers(b"0123456789abcdef")
HERE, THERE = ("192.0.2.7", 4001), ("198.51.100.9", 50000)
CHOSEN = bytes.fromhex("0080C7000001")
MOST_OCTETS = 300  # of a client: 39 of its number, 49 of its name, 136 of itself, at most 53 of an entry


def table_of(limit: int = 10, compact: Compact = AS_THE_KERNEL) -> ClientTable:
    return ClientTable(limit, NUMBERS.node_number, compact)


@pytest.mark.parametrize("compact", [AS_TEXT, AS_THE_KERNEL])
@pytest.mark.parametrize(
    "address",
    [HERE, ("0.0.0.0", 0), ("2001:db8::1", 65535), ("::ffff:192.0.2.1", 213), ("fe80::1%2147483632", 213)],
)
def test_an_address_comes_back_from_few_octets(compact: Compact, address: Endpoint) -> None:
    octets = compact.pack(address)
    assert compact.unpack(octets) == address
    assert len(octets) < 32


def test_a_name_that_is_no_ip_address_comes_back_as_text() -> None:
    assert AS_TEXT.unpack(AS_TEXT.pack(("a name", 9))) == ("a name", 9)


@pytest.mark.parametrize("compact", [AS_TEXT, AS_THE_KERNEL])
def test_a_client_is_found_by_number_and_by_address_whether_it_chose_or_not(compact: Compact) -> None:
    table = table_of(compact=compact)
    given = table.add(NUMBERS.node_number(HERE), HERE, False, 0, 1.0)
    chooser = table.add(CHOSEN, THERE, True, 1, 2.0)
    assert (table.at(HERE), table.with_node(given.node), table.address_of(given)) == (given, given, HERE)
    assert (table.at(THERE), table.with_node(CHOSEN), table.address_of(chooser)) == (chooser, chooser, THERE)
    assert table.at((HERE[0], 1)) is None
    assert list(table) == [given, chooser]
    table.remove(chooser)
    assert (table.at(THERE), table.with_node(CHOSEN)) == (None, None)
    table.remove(given)
    assert (table.at(HERE), table.with_node(given.node), list(table)) == (None, None, [])


def test_who_chose_the_number_of_anothers_address_is_not_at_that_address() -> None:
    table = table_of()
    thief = table.add(NUMBERS.node_number(HERE), THERE, True, 0, 1.0)
    assert (table.at(HERE), table.at(THERE)) == (None, thief)
    chooser = table.add(CHOSEN, HERE, True, 0, 1.0)
    assert (table.at(HERE), table.at(THERE)) == (chooser, thief)


def test_a_table_is_full_with_its_limit_of_clients_of_either_kind() -> None:
    table = table_of(2)
    table.add(NUMBERS.node_number(HERE), HERE, False, 0, 1.0)
    assert not table.is_full
    chooser = table.add(CHOSEN, THERE, True, 0, 1.0)
    assert table.is_full
    table.remove(chooser)
    assert not table.is_full


def test_a_client_is_due_after_silence_and_then_after_each_ping() -> None:
    client = table_of().add(CHOSEN, HERE, True, 0, 100.0)
    assert client.due == 130.0
    client.unanswered, client.pinged = 1, 131.0
    assert client.due == 141.0


def test_a_client_takes_few_octets() -> None:
    count = 20_000
    table = table_of(count)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count):
            at = (f"192.0.{number >> 8}.{number & 0xFF}", 4001)
            table.add(NUMBERS.node_number(at), at, False, 0, 1.0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / count < MOST_OCTETS
