"""What RIP and SAP responses of a port teach, and what there is to complain about in them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from nwip.directory.records import Key, Kind, Service
from nwip.ipx import sap
from nwip.ipx.address import NULL_NODE
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE, THIS_NETWORK, UNREACHABLE_HOPS, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapResponse
from nwip.routing.alarms import PATIENCE, Alarms, duplicate
from nwip.routing.hearing import Hearing, Hearings
from nwip.routing.line import Line
from nwip.routing.port import Port
from nwip.routing.routes import Reach, RouteTable
from nwip.routing.services import ServiceTable

_NO_NETWORKS: Final = {THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE}


def response_in(packet: Packet) -> RipPacket | SapResponse | None:
    """Return the response in a RIP or SAP packet, None for a question. Raises `WireError`."""
    if packet.destination.socket == Socket.RIP:
        said = RipPacket.decode(packet.payload)
        return said if said.operation == RipOperation.RESPONSE else None
    answered = sap.decode(packet.payload)
    return answered if isinstance(answered, SapResponse) else None


class Intake:
    """Writes what is said into the tables. `lines` are the ports of the router."""

    def __init__(
        self,
        hearings: Hearings[object],
        routes: RouteTable,
        services: ServiceTable,
        lines: Mapping[Port, Line],
        alarms: Alarms,
    ) -> None:
        self._hearings = hearings
        self._routes = routes
        self._services = services
        self._lines = lines
        self._alarms = alarms

    def take(self, response: RipPacket | SapResponse, hearing: Hearing[object], now: float) -> None:
        """Learn from a response that came in `hearing`."""
        if isinstance(response, RipPacket):
            self._lines[hearing.port].shared = True
            whole = self._routes_of(response.entries, hearing, now)
        else:
            general = response.operation == SapOperation.GENERAL_RESPONSE
            whole = general and self._services_of(response.entries, hearing)
        if whole:
            self._hearings.seal(hearing)

    def _routes_of(self, entries: Iterable[RipEntry], hearing: Hearing[object], now: float) -> bool:
        """Learn networks; say whether all of it may be repeated without a look at it."""
        port, station = hearing.port, hearing.station
        whole = True
        for entry in entries:
            network = entry.network
            own = self._routes.attached(network)
            if network in _NO_NETWORKS:
                continue
            if own is not None and own.active:
                whole = self._own(entry, hearing, own, now) and whole
            elif entry.hops >= UNREACHABLE_HOPS:
                whole = False
                self._routes.lose(network, port, station, now)
            else:
                reach = Reach(max(1, entry.ticks), max(1, entry.hops), port, station)
                whole = self._routes.hear(network, reach, hearing, now) and whole
        return whole

    def _own(self, entry: RipEntry, hearing: Hearing[object], own: Port, now: float) -> bool:
        """Look at who says that he has a network of ours: another router on it may say so, nobody else."""
        line = self._lines.get(own)
        if line is None or line.shared or own is hearing.port or entry.hops != 1 or own.joined:
            return True
        if now >= line.since + PATIENCE:
            self._alarms.say(duplicate(hearing.port, hearing.station, entry.network, own), now)
        return False

    def _services_of(self, entries: Iterable[SapEntry], hearing: Hearing[object]) -> bool:
        whole = True
        for entry in entries:
            key: Key = (Kind.SERVICE, entry.service_type, entry.name)
            to = entry.address
            if entry.hops >= UNREACHABLE_HOPS:
                whole = False
                self._services.lose(key, hearing.port, hearing.station)
            elif entry.name and to.network not in _NO_NETWORKS and to.node != NULL_NODE:
                service = Service(entry.service_type, entry.name, to.network, to.node, to.socket, entry.hops)
                whole = self._services.hear(service, hearing) and whole
        return whole
