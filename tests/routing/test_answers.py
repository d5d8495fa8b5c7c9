from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.directory.records import Record, Route, Service, Value
from nwip.directory.table import Directory
from nwip.ipx.address import Address
from nwip.ipx.numbers import ALL_NETWORKS, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse, SapSpecificQuery
from nwip.routing.answers import Catalogue, Distance, answer

NETWORK, NODE = 0x00C0FFEE, bytes.fromhex("7E01C0000201")
ASKER = Address(NETWORK, bytes.fromhex("02000000000A"), 0x4003)
FAR = 0x2E5A0001
SERVER = bytes.fromhex("000000000001")
NEAR, OWN = b"n" * 16, b"o" * 16
OTHER = b"a" * 16  # before the others in the order of owners


def by_owner(**distances: tuple[int, int] | None) -> Distance:
    """Return a distance that depends on the owner of a record, named by its first letter; else (1, 2)."""
    return lambda record: distances.get(chr(record.owner[0]), (1, 2))


def everyone(record: Record) -> tuple[int, int]:
    return (1, 2)


def catalogue(values: Iterable[tuple[bytes, Value]], distance: Distance = everyone) -> Catalogue:
    directory = Directory()
    directory.freeze(0)
    for counter, (owner, value) in enumerate(values):
        assert directory.merge(Record(owner, 1, counter + 1, value), 0)
    return Catalogue(directory, NETWORK, NODE, distance)


def service(name: str = "MUSEUM", hops: int = 1, service_type: int = 4) -> Service:
    return Service(service_type, name, FAR, SERVER, 0x0451, hops)


def rip_request(*networks: int) -> Packet:
    payload = RipPacket(RipOperation.REQUEST, tuple(RipEntry(each) for each in networks)).encode()
    return Packet(Address(NETWORK, b"\xff" * 6, Socket.RIP), ASKER, PacketType.RIP, payload)


def sap_query(operation: SapOperation, service_type: int) -> Packet:
    payload = SapQuery(operation, service_type).encode()
    return Packet(Address(NETWORK, b"\xff" * 6, Socket.SAP), ASKER, PacketType.PEP, payload)


def routes(known: Catalogue, *networks: int) -> list[RipEntry]:
    packets = [RipPacket.decode(packet.payload) for packet in answer(rip_request(*networks), known)]
    assert {packet.operation for packet in packets} <= {RipOperation.RESPONSE}
    return [entry for packet in packets for entry in packet.entries]


def services(known: Catalogue, service_type: int = 4) -> list[tuple[str, int]]:
    query = sap_query(SapOperation.GENERAL_QUERY, service_type)
    packets = [SapResponse.decode(packet.payload) for packet in answer(query, known)]
    assert {packet.operation for packet in packets} <= {SapOperation.GENERAL_RESPONSE}
    return [(entry.name, entry.hops) for packet in packets for entry in packet.entries]


def nearest(known: Catalogue, service_type: int = 4) -> tuple[str, int] | None:
    packets = list(answer(sap_query(SapOperation.NEAREST_QUERY, service_type), known))
    if not packets:
        return None
    (packet,) = packets
    response = SapResponse.decode(packet.payload)
    assert response.operation == SapOperation.NEAREST_RESPONSE
    (entry,) = response.entries
    return entry.name, entry.hops


def test_a_response_goes_to_the_source_and_comes_from_the_node_and_socket_that_was_asked() -> None:
    known = catalogue([(OWN, Route(FAR, 1, 2)), (OWN, service())])
    (rip,) = answer(rip_request(FAR), known)
    assert rip == Packet(ASKER, Address(NETWORK, NODE, 0x0453), 1, rip.payload)
    (sap,) = answer(sap_query(SapOperation.GENERAL_QUERY, 4), known)
    assert sap == Packet(ASKER, Address(NETWORK, NODE, 0x0452), 4, sap.payload)
    assert SapResponse.decode(sap.payload).entries == (
        SapEntry.of(4, "MUSEUM", Address(FAR, SERVER, 0x0451), 2),
    )


def test_an_asker_who_does_not_know_its_network_is_answered_on_ours() -> None:
    known = catalogue([(OWN, Route(FAR, 1, 2))])
    request = rip_request(FAR)._replace(source=ASKER._replace(network=0))
    assert [packet.destination for packet in answer(request, known)] == [ASKER]
    elsewhere = rip_request(FAR)._replace(source=ASKER._replace(network=7))
    assert [packet.destination.network for packet in answer(elsewhere, known)] == [7]


def test_the_destination_network_and_node_of_a_question_are_not_looked_at() -> None:
    known = catalogue([(OWN, Route(FAR, 1, 2))])
    request = rip_request(FAR)._replace(destination=Address(0, b"\1" * 6, Socket.RIP))
    assert list(answer(request, known)) == list(answer(rip_request(FAR), known))


def test_a_rip_request_is_answered_for_the_networks_it_names_each_once() -> None:
    known = catalogue([(OWN, Route(network, 1, 2)) for network in (30, 10, 20)])
    assert routes(known, 20, 10, 20, 99) == [RipEntry(10, 2, 4), RipEntry(20, 2, 4)]
    assert routes(known, 99) == []
    assert routes(known) == []
    assert sorted(entry.network for entry in routes(known, ALL_NETWORKS)) == [10, 20, 30]
    assert sorted(entry.network for entry in routes(known, 10, ALL_NETWORKS)) == [10, 20, 30]


def test_a_long_answer_is_split_into_packets_of_fifty_networks_and_of_seven_services() -> None:
    known = catalogue([(OWN, Route(network, 1, 2)) for network in range(1, 102)])
    parts = [RipPacket.decode(packet.payload) for packet in answer(rip_request(ALL_NETWORKS), known)]
    assert [len(part.entries) for part in parts] == [50, 50, 1]
    known = catalogue([(OWN, service(f"S{number}")) for number in range(15)])
    query = sap_query(SapOperation.GENERAL_QUERY, 4)
    entries = [SapResponse.decode(packet.payload).entries for packet in answer(query, known)]
    assert [len(part) for part in entries] == [7, 7, 1]
    assert len({entry.name for part in entries for entry in part}) == 15


@pytest.mark.parametrize(
    ("far", "near", "answered"),
    [((1, 6), (9, 2), RipEntry(FAR, 10, 4)), ((2, 2), (1, 2), RipEntry(FAR, 2, 4))],
)
def test_of_several_owners_of_a_network_fewer_ticks_answer_and_only_then_fewer_hops(
    far: tuple[int, int], near: tuple[int, int], answered: RipEntry
) -> None:
    for order in (1, -1):
        known = catalogue(
            [(OWN, Route(FAR, 1, 2)), (NEAR, Route(FAR, 1, 2))][::order], by_owner(o=far, n=near)
        )
        assert routes(known, FAR) == [answered]


@pytest.mark.parametrize(("hops", "told"), [(14, [15]), (15, [])])
def test_what_is_sixteen_hops_away_is_not_told(hops: int, told: list[int]) -> None:
    known = catalogue([(OWN, Route(FAR, hops, 2)), (OWN, service(hops=hops))])
    assert [entry.hops for entry in routes(known, FAR)] == told
    assert [each for _, each in services(known)] == told
    assert [each[1] for each in [nearest(known)] if each] == told


def test_ticks_that_do_not_fit_are_told_as_the_most_that_do() -> None:
    assert routes(catalogue([(OWN, Route(FAR, 1, 0xFFFF))]), FAR) == [RipEntry(FAR, 2, 0xFFFF)]


def test_what_must_not_be_told_is_not_and_another_owner_answers() -> None:
    values: list[tuple[bytes, Value]] = [(OWN, Route(FAR, 0, 1)), (OWN, service(hops=1))]
    hidden = by_owner(o=None)
    assert routes(catalogue(values, hidden), FAR) == []
    assert services(catalogue(values, hidden)) == []
    assert nearest(catalogue(values, hidden)) is None
    values += [(OTHER, Route(FAR, 3, 9)), (OTHER, service(hops=4))]
    assert routes(catalogue(values, hidden), FAR) == [RipEntry(FAR, 4, 11)]
    assert services(catalogue(values, hidden)) == [("MUSEUM", 5)]
    assert nearest(catalogue(values, hidden)) == ("MUSEUM", 5)


def test_a_route_through_a_lan_that_has_another_active_gateway_now_is_not_told() -> None:
    lan = 0xC0FFEE
    before: list[tuple[bytes, Value]] = [(OWN, Route(lan, 0, 1, lan, 1)), (OWN, Route(FAR, 1, 2, lan))]
    near_and_far = by_owner(o=(1, 1), n=(2, 7))
    assert routes(catalogue(before, near_and_far), lan, FAR) == [RipEntry(lan, 1, 2), RipEntry(FAR, 2, 3)]
    after = [*before, (NEAR, Route(lan, 0, 1, lan, 2)), (NEAR, Route(FAR, 1, 2, lan))]
    assert routes(catalogue(after, near_and_far), lan, FAR) == [RipEntry(lan, 2, 8), RipEntry(FAR, 3, 9)]
    assert len(routes(catalogue(after[:-1], near_and_far), ALL_NETWORKS)) == 1


def test_a_general_query_is_answered_with_the_services_of_its_type_or_with_all() -> None:
    known = catalogue(
        [
            (OWN, service("ONE")),
            (OWN, service("TWO", 3)),
            (OWN, service("PRINTER", 1, 7)),
            (NEAR, service("ONE")),
        ]
    )
    assert sorted(services(known)) == [("ONE", 2), ("TWO", 4)]
    assert services(known, 7) == [("PRINTER", 2)]
    assert services(known, 9) == []
    assert sorted(services(known, ServiceType.ANY)) == [("ONE", 2), ("PRINTER", 2), ("TWO", 4)]


@pytest.mark.parametrize("ask", [lambda known: services(known)[0], nearest])
@pytest.mark.parametrize(("other", "own", "hops"), [(2, 2, 3), (1, 2, 3), (2, 1, 2), (0, 5, 2)])
def test_of_several_owners_of_a_service_the_one_with_fewest_hops_for_the_asker_answers(
    ask: Callable[[Catalogue], tuple[str, int]], other: int, own: int, hops: int
) -> None:
    """Our own services are one hop nearer to the hosts of our routed links than those of other nodes."""
    known = catalogue([(OTHER, service(hops=other)), (OWN, service(hops=own))], by_owner(a=(2, 2), o=(1, 1)))
    assert ask(known) == ("MUSEUM", hops)


def test_a_nearest_query_is_answered_by_the_nearest_service_of_its_type() -> None:
    known = catalogue([(OWN, service("FAR", 5)), (OTHER, service("CLOSE", 2)), (OWN, service("P", 1, 7))])
    assert nearest(known) == ("CLOSE", 3)
    assert nearest(known, 7) == ("P", 2)
    assert nearest(known, 9) is None
    assert nearest(known, ServiceType.ANY) is None


def test_if_the_nearest_service_must_not_be_told_the_next_nearest_is() -> None:
    known = catalogue(
        [(OWN, service("HERE", 1)), (OTHER, service("FAR", 9)), (NEAR, service("CLOSE", 4))], by_owner(o=None)
    )
    assert nearest(known) == ("CLOSE", 5)


def test_a_specific_query_is_answered_with_the_one_service_of_that_type_and_name() -> None:
    known = catalogue([(OWN, service("ONE")), (OWN, service("TWO")), (OWN, service("TWO", 1, 7))])
    query = SapSpecificQuery.of(7, "TWO").encode()
    (response,) = answer(sap_query(SapOperation.GENERAL_QUERY, 7)._replace(payload=query), known)
    assert SapResponse.decode(response.payload) == SapResponse(
        SapOperation.SPECIFIC_RESPONSE, (SapEntry.of(7, "TWO", Address(FAR, SERVER, 0x0451), 2),)
    )


@pytest.mark.parametrize(
    "request_packet",
    [
        rip_request(FAR)._replace(payload=b""),
        rip_request(FAR)._replace(payload=b"\0\1\0"),
        rip_request(FAR)._replace(payload=b"\0\3"),
        rip_request(FAR)._replace(payload=RipPacket(RipOperation.RESPONSE, (RipEntry(FAR),)).encode()),
        rip_request(FAR)._replace(destination=ASKER),
        sap_query(SapOperation.GENERAL_QUERY, 4)._replace(payload=b"\0\1\0"),
        sap_query(SapOperation.GENERAL_QUERY, 4)._replace(payload=b"\0\1\0\4\0"),
        sap_query(SapOperation.GENERAL_QUERY, 4)._replace(payload=SapSpecificQuery.of(4, "OTHER").encode()),
        sap_query(SapOperation.GENERAL_QUERY, 4)._replace(
            payload=SapResponse(SapOperation.GENERAL_RESPONSE, ()).encode()
        ),
        sap_query(SapOperation.GENERAL_QUERY, 4)._replace(destination=ASKER._replace(socket=0x0451)),
    ],
)
def test_what_is_malformed_a_response_or_for_another_socket_gets_no_answer(request_packet: Packet) -> None:
    known = catalogue([(OWN, Route(FAR, 1, 2)), (OWN, service())])
    assert list(answer(request_packet, known)) == []


@given(
    st.sampled_from([Socket.RIP, Socket.SAP]),
    st.binary(max_size=200) | st.binary(max_size=20).map(b"\0\1".__add__),
)
def test_no_payload_raises(socket: int, payload: bytes) -> None:
    known = catalogue([(OWN, Route(FAR, 1, 2)), (OWN, service())])
    packet = Packet(Address(0, b"\xff" * 6, socket), ASKER, 0, payload)
    assert all(response.destination == ASKER for response in answer(packet, known))
