"""A question costs what its answer costs, and a host gets only so many answers."""

from typing import NoReturn

import pytest

from gateway.world import Domain, Station
from nwip.directory.records import Kind, Record, Route, Service
from nwip.directory.table import Directory
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import MAXIMUM_ENTRIES, RipPacket
from nwip.ipx.sap import SapOperation, SapQuery
from nwip.routing.answers import Catalogue, answer

OWNER = bytes(16)
MANY = 5000


class NeverScanned(Directory):
    def records(self, kind: Kind) -> NoReturn:
        raise AssertionError(f"all records of kind {kind} were looked at")


def service(number: int, service_type: int = ServiceType.FILE_SERVER) -> Service:
    return Service(service_type, f"SERVER{number}", number + 1, b"\0\0\0\0\0\1", 0x0451, 1)


def looked_at(payload: bytes, socket: Socket) -> int:
    """Return how many records were looked at for the first response to a request."""
    directory = NeverScanned()
    for number in range(MANY):
        directory.merge(Record(OWNER, 1, 2 * number, Route(number + 1, 1, 2)), 0.0)
        directory.merge(Record(OWNER, 1, 2 * number + 1, service(number)), 0.0)
    directory.merge(Record(OWNER, 1, 2 * MANY, service(MANY, ServiceType.PRINT_SERVER)), 0.0)
    seen: list[Record] = []

    def distance(record: Record) -> tuple[int, int]:
        seen.append(record)
        return (1, 1)

    request = Packet(Address(0, BROADCAST_NODE, socket), Address(0, b"\2" * 6, 0x4000), 0, payload)
    assert next(answer(request, Catalogue(directory, 1, b"\2" * 6, distance)))
    return len(seen)


def test_the_first_of_all_networks_is_told_without_a_look_at_the_others() -> None:
    assert looked_at(RipPacket.request().encode(), Socket.RIP) == MAXIMUM_ENTRIES


def test_services_of_a_rare_type_are_found_without_a_look_at_the_others() -> None:
    for operation in (SapOperation.GENERAL_QUERY, SapOperation.NEAREST_QUERY):
        assert looked_at(SapQuery(operation, ServiceType.PRINT_SERVER).encode(), Socket.SAP) == 1


@pytest.mark.asyncio
async def test_one_host_cannot_keep_a_gateway_busy_with_questions() -> None:
    domain = Domain()
    here, there = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    lan = await here.lan("players", star=True)
    greedy, modest = Station(lan, "02000000000A"), Station(lan, "02000000000B")
    for number in range(MANY):
        there.offer(service(number))
    for operation, asker in ((SapOperation.GENERAL_QUERY, greedy), (SapOperation.NEAREST_QUERY, modest)):
        query = SapQuery(operation, ServiceType.FILE_SERVER).encode()
        asker.broadcast(query, Socket.SAP, PacketType.PEP)
    answers = [[p for p in asker.heard if p.source.node == lan.node] for asker in (greedy, modest)]
    assert [len(heard) for heard in answers] == [512, 1]
    assert here.gateway.counters.drops == {"answer budget": 1}
