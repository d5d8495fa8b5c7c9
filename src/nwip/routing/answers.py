"""Answers to RIP requests and SAP queries, from a directory. Pure.

One place answers for all: a gateway to the hosts of its links, and the DSS to whoever asks on UDP 396.
Sources: IPX Router Specification, chapters 3 (RIP) and 4 (SAP).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

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
    yield nothing. Each response is made when it is asked for, without a look at the rest of the directory,
    which must not change meanwhile.
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
    keys: Iterable[Key] = sorted({(Kind.ROUTE, entry.network, "") for entry in asked.entries})
    if (Kind.ROUTE, ALL_NETWORKS, "") in keys:
        keys = catalogue.directory.keys(Kind.ROUTE)
    found = (entry for key in keys if (entry := _nearest_route(key, catalogue)))
    for part in rip.split(RipOperation.RESPONSE, found):
        yield _response(request, catalogue, Socket.RIP, PacketType.RIP, part.encode())


def _nearest_route(key: Key, catalogue: Catalogue) -> RipEntry | None:
    best: RipEntry | None = None
    for record in catalogue.directory.offers(key):
        further = catalogue.distance(record)
        if further is None or not isinstance(record.value, Route):
            continue
        hops, ticks = record.value.hops + further[0], record.value.ticks + further[1]
        if hops < UNREACHABLE_HOPS and (best is None or (ticks, hops) < (best.ticks, best.hops)):
            best = RipEntry(record.value.network, hops, min(ticks, 0xFFFF))
    return best


def _answer_sap(request: Packet, catalogue: Catalogue) -> Iterator[Packet]:
    query = sap.decode(request.payload)
    if not isinstance(query, SapQuery):
        return
    for part in _sap_responses(query, catalogue):
        yield _response(request, catalogue, Socket.SAP, PacketType.PEP, part.encode())


def _sap_responses(query: SapQuery, catalogue: Catalogue) -> Iterator[SapResponse]:
    directory = catalogue.directory
    keys = directory.services(query.service_type)
    if query.operation == SapOperation.NEAREST_QUERY:
        for nearest in islice(_entries(keys, catalogue), 1):
            yield SapResponse(SapOperation.NEAREST_RESPONSE, (nearest,))
    else:
        every = query.service_type == ServiceType.ANY
        yield from sap.split(_entries(directory.keys(Kind.SERVICE) if every else keys, catalogue))


def _entries(keys: Iterable[Key], catalogue: Catalogue) -> Iterator[SapEntry]:
    """Yield each of these services as its nearest visible owner offers it."""
    for key in keys:
        entry = _nearest_offer(key, catalogue)
        if entry:
            yield entry


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
