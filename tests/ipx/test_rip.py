import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.codecs import networks, refused_or_written_back, whole_after_truncation, words
from nwip.ipx.numbers import ALL_NETWORKS
from nwip.ipx.packet import HEADER_SIZE
from nwip.ipx.rip import MAXIMUM_ENTRIES, RipEntry, RipOperation, RipPacket, split
from nwip.wire import WireError

entries = st.builds(RipEntry, networks, words, words)
packets = st.builds(RipPacket, st.sampled_from(RipOperation), st.lists(entries).map(tuple))


@pytest.mark.parametrize(
    ("octets", "packet"),
    [
        ("0001 FFFFFFFF FFFF FFFF", RipPacket(RipOperation.REQUEST, (RipEntry(ALL_NETWORKS),))),
        (
            "0002 2E5A0001 0001 0002 0000AB13 0010 FFFF",
            RipPacket(RipOperation.RESPONSE, (RipEntry(0x2E5A0001, 1, 2), RipEntry(0xAB13, 16, 0xFFFF))),
        ),
        ("0002", RipPacket(RipOperation.RESPONSE, ())),
    ],
)
def test_rip_packets_are_as_in_the_table(octets: str, packet: RipPacket) -> None:
    assert RipPacket.decode(bytes.fromhex(octets)) == packet
    assert packet.encode() == bytes.fromhex(octets)


def test_a_servers_broadcast_says_where_its_networks_are() -> None:
    packet = RipPacket.decode(museum.packet_of(museum.RIP_BROADCAST)[HEADER_SIZE:])
    assert packet.operation is RipOperation.RESPONSE
    assert [tuple(entry) for entry in packet.entries] == museum.ROUTES


def test_a_request_is_what_clients_send() -> None:
    payload = museum.packet_of(museum.RIP_REQUEST)[HEADER_SIZE:]
    assert RipPacket.request(museum.INTERNAL_NETWORK).encode() == payload
    assert RipPacket.request().entries[0].network == ALL_NETWORKS


def test_sixteen_hops_are_out_of_reach() -> None:
    assert RipEntry(1, 15, 1).reachable
    assert not RipEntry(1, 16, 1).reachable


@pytest.mark.parametrize("operation", [0, 3, 4, 0xFFFF])
def test_an_unknown_rip_operation_is_a_wire_error(operation: int) -> None:
    with pytest.raises(WireError, match=f"{operation} is not a RIP operation"):
        RipPacket.decode(operation.to_bytes(2, "big"))


def test_a_truncated_rip_packet_is_a_wire_error_but_between_entries() -> None:
    packet = RipPacket(RipOperation.RESPONSE, (RipEntry(1, 2, 3), RipEntry(4, 5, 6), RipEntry(7, 8, 9)))
    assert whole_after_truncation(RipPacket.decode, packet.encode()) == [2, 10, 18]


@given(packets)
def test_rip_packets_survive_the_wire(packet: RipPacket) -> None:
    assert RipPacket.decode(packet.encode()) == packet


@given(st.binary(max_size=48))
def test_any_octets_are_refused_or_rip(anything: bytes) -> None:
    refused_or_written_back(RipPacket.decode, anything)


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])]
)
def test_long_lists_are_split_into_packets_of_fifty(count: int, sizes: list[int]) -> None:
    listed = [RipEntry(number, 1, 2) for number in range(count)]
    packets = list(split(RipOperation.RESPONSE, listed))
    assert [len(packet.entries) for packet in packets] == sizes
    assert [entry for packet in packets for entry in packet.entries] == listed


def test_a_full_rip_packet_is_432_octets_with_its_header() -> None:
    (packet,) = split(RipOperation.RESPONSE, [RipEntry(1, 1, 2)] * MAXIMUM_ENTRIES)
    assert HEADER_SIZE + len(packet.encode()) == 432
