"""Answers to RIP requests and SAP queries, from a directory. Pure.

One place answers for all: a gateway to the hosts of its links, and the DSS to whoever asks on UDP 396.
Sources: IPX Router Specification, chapters 3 (RIP) and 4 (SAP).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nwip.directory.records import Key, Kind, Record, Route, Service
from nwip.directory.table import Directory
from nwip.ipx import rip, sap
from nwip.ipx.address import Address
from nwip.ipx.numbers import ALL_NETWORKS, THIS_NETWORK, UNREACHABLE_HOPS, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.wire import WireError

Distance = Callable[[Record], tuple[int, int] | None]
"""Hops and ticks to add to what a record says, for whoever asks; None when it must not be told at all."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is answered somewhere: a directory, seen from `network`, where the answering node is `node`."""

    directory: Directory
    network: int
    node: bytes
    distance: Distance


def answer(request: Packet, catalogue: Catalogue) -> Iterator[Packet]:
    """Yield the responses to a RIP request or a SAP query, nothing for anything else.

    A response goes to the source of the request. Of several owners of a network the nearest answers: ticks
    first, then hops; of services, hops. Networks 16 or more hops away are not answered. Malformed requests
    yield nothing.
    """
    try:
        if request.destination.socket == Socket.RIP:
            yield from _answer_rip(request, catalogue)
        elif request.destination.socket == Socket.SAP:
            yield from _answer_sap(request, catalogue)
    except WireError:
        return


def _answer_rip(request: Packet, catalogue: Catalogue) -> Iterator[Packet]:
    asked = RipPacket.decode(request.payload)
    if asked.operation != RipOperation.REQUEST:
        return
    networks = {entry.network for entry in asked.entries}
    if ALL_NETWORKS in networks:
        networks = {
            r.value.network for r in catalogue.directory.records(Kind.ROUTE) if isinstance(r.value, Route)
        }
    found = [entry for network in sorted(networks) if (entry := _nearest_route(network, catalogue))]
    for part in rip.split(RipOperation.RESPONSE, found):
        yield _response(request, catalogue, Socket.RIP, PacketType.RIP, part.encode())


def _nearest_route(network: int, catalogue: Catalogue) -> RipEntry | None:
    best: RipEntry | None = None
    for record in catalogue.directory.offers((Kind.ROUTE, network, "")):
        further = catalogue.distance(record)
        if further is None or not isinstance(record.value, Route):
            continue
        hops, ticks = record.value.hops + further[0], record.value.ticks + further[1]
        if hops < UNREACHABLE_HOPS and (best is None or (ticks, hops) < (best.ticks, best.hops)):
            best = RipEntry(network, hops, min(ticks, 0xFFFF))
    return best


def _answer_sap(request: Packet, catalogue: Catalogue) -> Iterator[Packet]:
    query = sap.decode(request.payload)
    if not isinstance(query, SapQuery):
        return
    responses = _nearest_response if query.operation == SapOperation.NEAREST_QUERY else _general_responses
    for part in responses(query.service_type, catalogue):
        yield _response(request, catalogue, Socket.SAP, PacketType.PEP, part.encode())


def _general_responses(service_type: int, catalogue: Catalogue) -> Iterator[SapResponse]:
    return sap.split(_services(service_type, catalogue))


def _nearest_response(service_type: int, catalogue: Catalogue) -> Iterator[SapResponse]:
    nearest = _nearest_service(service_type, catalogue)
    if nearest is not None:
        yield SapResponse(SapOperation.NEAREST_RESPONSE, (nearest,))


def _services(service_type: int, catalogue: Catalogue) -> Iterator[SapEntry]:
    """Yield each service of a type (or of any) once, as its nearest visible owner offers it."""
    seen = set()
    for record in catalogue.directory.records(Kind.SERVICE):
        key = record.key
        if key in seen or service_type not in (ServiceType.ANY, key[1]):
            continue
        seen.add(key)
        entry = _nearest_offer(key, catalogue)
        if entry:
            yield entry


def _nearest_service(service_type: int, catalogue: Catalogue) -> SapEntry | None:
    nearest = catalogue.directory.nearest(service_type)
    if nearest is None:
        return None
    if _sap_entry(nearest, catalogue):
        return _nearest_offer(nearest.key, catalogue)
    return min(_services(service_type, catalogue), key=lambda entry: entry.hops, default=None)


def _nearest_offer(key: Key, catalogue: Catalogue) -> SapEntry | None:
    offers = (_sap_entry(offer, catalogue) for offer in catalogue.directory.offers(key))
    return min((entry for entry in offers if entry), key=lambda entry: entry.hops, default=None)


def _sap_entry(record: Record, catalogue: Catalogue) -> SapEntry | None:
    further = catalogue.distance(record)
    service = record.value
    if further is None or not isinstance(service, Service) or service.hops + further[0] >= UNREACHABLE_HOPS:
        return None
    return SapEntry.of(service.service_type, service.name, service.address, service.hops + further[0])


def _response(request: Packet, catalogue: Catalogue, socket: int, packet_type: int, payload: bytes) -> Packet:
    to = request.source
    if to.network == THIS_NETWORK:
        to = to._replace(network=catalogue.network)
    return Packet(to, Address(catalogue.network, catalogue.node, socket), packet_type, payload)
