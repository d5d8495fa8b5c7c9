import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.codecs import addresses, refused_or_written_back, whole_after_truncation, words
from nwip.ipx import sap
from nwip.ipx.address import Address
from nwip.ipx.numbers import ServiceType
from nwip.ipx.packet import HEADER_SIZE
from nwip.ipx.sap import MAXIMUM_ENTRIES, SapEntry, SapOperation, SapQuery, SapResponse, SapSpecificQuery
from nwip.wire import WireError

HERE = Address(0x2E5A0001, bytes.fromhex("000000000001"), 0x0451)
ENTRY = SapEntry.of(ServiceType.FILE_SERVER, "MUSEUM", HERE, 1)
SPECIFIC_QUERY = bytes.fromhex("000E 0004 4D41525356 4D" + 42 * "00" + 8 * "FF")  # as captured

name_fields = st.binary(min_size=48, max_size=48)
entries = st.builds(SapEntry, words, name_fields, addresses, words)
responses = st.builds(SapResponse, st.sampled_from(sap.RESPONSES), st.lists(entries, max_size=8).map(tuple))
queries = st.builds(SapQuery, st.sampled_from(sap.QUERIES), words)
specific_queries = st.builds(SapSpecificQuery, words, name_fields, st.binary(min_size=8, max_size=8))


@pytest.mark.parametrize(
    ("octets", "query"),
    [
        ("0001 FFFF", SapQuery(SapOperation.GENERAL_QUERY, ServiceType.ANY)),
        ("0003 0004", SapQuery(SapOperation.NEAREST_QUERY, ServiceType.FILE_SERVER)),
    ],
)
def test_sap_queries_are_as_in_the_table(octets: str, query: SapQuery) -> None:
    assert sap.decode(bytes.fromhex(octets)) == query
    assert query.encode() == bytes.fromhex(octets)


def test_a_servers_broadcast_names_its_services() -> None:
    payload = museum.packet_of(museum.SAP_BROADCAST)[HEADER_SIZE:]
    response = SapResponse.decode(payload)
    assert response.operation is SapOperation.GENERAL_RESPONSE
    assert [(e.service_type, e.name, *e.address, e.hops) for e in response.entries] == museum.SERVICES
    assert response.encode() == payload


def test_rubbish_behind_the_name_is_kept_and_not_read() -> None:
    (first, _) = SapResponse.decode(museum.packet_of(museum.SAP_BROADCAST)[HEADER_SIZE:]).entries
    assert first.name == "MUSEUM"
    assert first.name_field.startswith(b"MUSEUM\0\xde\xad\xbe\xef")


def test_the_nearest_server_exchange_of_a_client() -> None:
    query = sap.decode(museum.packet_of(museum.NEAREST_SERVER_REQUEST)[HEADER_SIZE:])
    assert query == SapQuery(SapOperation.NEAREST_QUERY, ServiceType.FILE_SERVER)
    response = sap.decode(museum.packet_of(museum.NEAREST_SERVER_RESPONSE)[HEADER_SIZE:])
    assert response == SapResponse(SapOperation.NEAREST_RESPONSE, (ENTRY,))


def test_a_query_for_one_name_is_as_ncpfs_sends_it() -> None:
    query = sap.decode(SPECIFIC_QUERY)
    assert query == SapSpecificQuery.of(ServiceType.FILE_SERVER, "MARSVM")
    assert isinstance(query, SapSpecificQuery)
    assert query.name == "MARSVM"
    assert query.encode() == SPECIFIC_QUERY


def test_a_name_field_without_zero_gives_47_characters() -> None:
    assert SapEntry(4, b"X" * 48, HERE, 1).name == "X" * 47


@pytest.mark.parametrize("name", ["", "X" * 48, "A\0B", "\u20ac"])
def test_a_name_that_sap_cannot_hold_is_a_wire_error(name: str) -> None:
    with pytest.raises(WireError, match="service name"):
        SapEntry.of(4, name, HERE, 1)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), min_size=1, max_size=47))
def test_names_of_one_to_47_latin_characters_survive(name: str) -> None:
    entry = SapEntry.of(4, name, HERE, 1)
    assert entry.name == name
    assert len(entry.name_field) == 48


def test_sixteen_hops_mean_that_a_service_is_down() -> None:
    assert ENTRY._replace(hops=15).available
    assert not ENTRY._replace(hops=16).available


@pytest.mark.parametrize("operation", [0, 5, 0xFFFF])
def test_an_unknown_sap_operation_is_a_wire_error(operation: int) -> None:
    with pytest.raises(WireError, match=f"^{operation} is not"):
        sap.decode(operation.to_bytes(2, "big") + b"\0\4")


def test_a_query_is_no_response_and_the_other_way_round() -> None:
    with pytest.raises(WireError):
        SapResponse.decode(bytes.fromhex("00010004"))
    with pytest.raises(WireError):
        SapQuery.decode(bytes.fromhex("00020004"))


def test_a_query_with_octets_behind_it_is_a_wire_error() -> None:
    with pytest.raises(WireError, match="too many"):
        SapQuery.decode(bytes.fromhex("0001000400"))


def test_a_truncated_sap_packet_is_a_wire_error_but_between_entries() -> None:
    response = SapResponse(SapOperation.GENERAL_RESPONSE, (ENTRY, ENTRY, ENTRY))
    assert whole_after_truncation(SapResponse.decode, response.encode()) == [2, 66, 130]
    assert whole_after_truncation(SapQuery.decode, bytes.fromhex("00030004")) == []
    assert whole_after_truncation(SapSpecificQuery.decode, SPECIFIC_QUERY) == []


@given(responses | queries | specific_queries)
def test_sap_packets_survive_the_wire(packet: SapResponse | SapQuery | SapSpecificQuery) -> None:
    assert sap.decode(packet.encode()) == packet


@given(st.binary(max_size=140))
def test_any_octets_are_refused_or_sap(anything: bytes) -> None:
    refused_or_written_back(sap.decode, anything)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (7, [7]), (8, [7, 1]), (21, [7, 7, 7])])
def test_long_lists_are_split_into_responses_of_seven(count: int, sizes: list[int]) -> None:
    listed = [SapEntry.of(4, f"SERVER{number}", HERE, 1) for number in range(count)]
    responses = list(sap.split(listed))
    assert [len(response.entries) for response in responses] == sizes
    assert [entry for response in responses for entry in response.entries] == listed


def test_a_full_sap_packet_is_480_octets_with_its_header() -> None:
    (response,) = sap.split([ENTRY] * MAXIMUM_ENTRIES)
    assert HEADER_SIZE + len(response.encode()) == 480
