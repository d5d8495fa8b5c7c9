"""Answers to RIP requests and SAP queries. Pure.

One place answers for all: a gateway to the hosts of its links, and the DSS to whoever asks on UDP 396. What
they know they give as `Knowledge`. Sources: IPX Router Specification, chapters 3 (RIP) and 4 (SAP).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from nwip.directory.records import Key, Kind, Record, Route, Service
from nwip.directory.table import Directory
from nwip.ipx import rip, sap
from nwip.ipx.address import Address
from nwip.ipx.numbers import ALL_NETWORKS, THIS_NETWORK, UNREACHABLE_HOPS, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse, SapSpecificQuery
from nwip.wire import WireError


class Knowledge(Protocol):
    """What is answered on one network, `network`, where the answering node is `node`."""

    @property
    def network(self) -> int:
        """The network that the asker is on."""
        ...

    @property
    def node(self) -> bytes:
        """The answering node's number on it."""
        ...

    def networks(self) -> Iterable[int]:
        """Give out all networks that there may be something to say of; nothing may change meanwhile."""
        ...

    def route(self, network: int) -> RipEntry | None:
        """Return what is answered about a network."""
        ...

    def services(self, service_type: int) -> Iterable[SapEntry]:
        """Give out what is answered about a type of service, or about all; nothing may change meanwhile."""
        ...

    def service(self, service_type: int, name: str) -> SapEntry | None:
        """Return what is answered about one service."""
        ...

    def nearest(self, service_type: int) -> SapEntry | None:
        """Return the nearest service of a type, None also when somebody else is to answer."""
        ...


def answer(request: Packet, knowledge: Knowledge) -> Iterator[Packet]:
    """Yield the responses to a RIP request or a SAP query, nothing for anything else.

    A response goes to the source of the request. Malformed requests yield nothing. Each response is made when
    it is asked for, without a look at the rest of what is known, which must not change meanwhile.
    """
    try:
        if request.destination.socket == Socket.RIP:
            for part in _rip_responses(RipPacket.decode(request.payload), knowledge):
                yield _response(request, knowledge, Socket.RIP, PacketType.RIP, part.encode())
        elif request.destination.socket == Socket.SAP:
            for response in _sap_responses(sap.decode(request.payload), knowledge):
                yield _response(request, knowledge, Socket.SAP, PacketType.PEP, response.encode())
    except WireError:
        return


def _rip_responses(asked: RipPacket, knowledge: Knowledge) -> Iterator[RipPacket]:
    if asked.operation != RipOperation.REQUEST:
        return
    networks: Iterable[int] = sorted({entry.network for entry in asked.entries})
    if ALL_NETWORKS in networks:
        networks = knowledge.networks()
    found = (entry for network in networks if (entry := knowledge.route(network)))
    yield from rip.split(RipOperation.RESPONSE, found)


def _sap_responses(
    query: SapQuery | SapSpecificQuery | SapResponse, knowledge: Knowledge
) -> Iterator[SapResponse]:
    match query:
        case SapQuery(SapOperation.NEAREST_QUERY, service_type):
            nearest = knowledge.nearest(service_type)
            if nearest:
                yield SapResponse(SapOperation.NEAREST_RESPONSE, (nearest,))
        case SapQuery(_, service_type):
            yield from sap.split(knowledge.services(service_type))
        case SapSpecificQuery(service_type):
            service = knowledge.service(service_type, query.name)
            if service:
                yield SapResponse(SapOperation.SPECIFIC_RESPONSE, (service,))


def _response(request: Packet, knowledge: Knowledge, socket: int, packet_type: int, payload: bytes) -> Packet:
    to = request.source
    if to.network == THIS_NETWORK:
        to = to._replace(network=knowledge.network)
    return Packet(to, Address(knowledge.network, knowledge.node, socket), packet_type, payload)


Distance = Callable[[Record], tuple[int, int] | None]
"""Hops and ticks to add to what a record says, for whoever asks; None when it must not be told at all."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The knowledge of a directory as a whole: of a DSS.

    Of several owners of a network the nearest answers: ticks first, then hops; of services, hops. What is 16
    or more hops away is not answered.
    """

    directory: Directory
    network: int
    node: bytes
    distance: Distance

    def networks(self) -> Iterator[int]:
        """Give out the networks of all routes."""
        return (key[1] for key in self.directory.keys(Kind.ROUTE) if isinstance(key[1], int))

    def route(self, network: int) -> RipEntry | None:
        """Return what the nearest owner offers."""
        best: RipEntry | None = None
        for record in self.directory.offers((Kind.ROUTE, network, "")):
            further = self.distance(record)
            if further is None or not isinstance(record.value, Route):
                continue
            hops, ticks = record.value.hops + further[0], record.value.ticks + further[1]
            if hops < UNREACHABLE_HOPS and (best is None or (ticks, hops) < (best.ticks, best.hops)):
                best = RipEntry(record.value.network, hops, min(ticks, 0xFFFF))
        return best

    def services(self, service_type: int) -> Iterator[SapEntry]:
        """Give out each service as its nearest owner offers it."""
        every = service_type == ServiceType.ANY
        keys = self.directory.keys(Kind.SERVICE) if every else self.directory.services(service_type)
        return (entry for key in keys if (entry := self._nearest_offer(key)))

    def service(self, service_type: int, name: str) -> SapEntry | None:
        """Return one service as its nearest owner offers it."""
        return self._nearest_offer((Kind.SERVICE, service_type, name))

    def nearest(self, service_type: int) -> SapEntry | None:
        """Return the first of the services with the fewest hops that may be told."""
        keys = self.directory.services(service_type)
        entries = (entry for key in keys if (entry := self._nearest_offer(key)))
        return next(entries, None)

    def _nearest_offer(self, key: Key) -> SapEntry | None:
        offers = (self._entry(offer) for offer in self.directory.offers(key))
        return min((entry for entry in offers if entry), key=lambda entry: entry.hops, default=None)

    def _entry(self, record: Record) -> SapEntry | None:
        further = self.distance(record)
        service = record.value
        if further is None or not isinstance(service, Service):
            return None
        hops = service.hops + further[0]
        if hops >= UNREACHABLE_HOPS:
            return None
        return SapEntry.of(service.service_type, service.name, service.address, hops)
