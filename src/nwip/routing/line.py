"""One port of a router, and what is said on it: updates, questions, answers. Pure."""

from collections.abc import Callable, Iterator, Sequence

from nwip.directory.records import Key
from nwip.ipx import rip, sap
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, UNREACHABLE_HOPS, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.routing.port import Port
from nwip.routing.teller import NEVER, Teller
from nwip.routing.timers import AGE_LIMIT, ASK_AGAIN, QUESTION_REPEATS
from nwip.routing.view import View


class Line:
    """What is said on `port`. `view` is what its hosts may know, `since` when the port was attached.

    `shared` says that another router was heard on it, or may be there unheard, and `succeeds` that it is a
    gateway that may have spoken under the node number which is then ours. Until `young_until` its
    neighbours may believe things of us that we do not know of: from an earlier life, or of who was active
    before us. `listens_since` is when it began to listen to that one.
    """

    def __init__(self, port: Port, view: View, since: float) -> None:
        self.port = port
        self.view = view
        self.since = since
        self.shared = False
        self.succeeds = False
        self.young_until = since + AGE_LIMIT
        self.listens_since = since
        self._asks_at = NEVER
        self._asked = 0
        self._unanswered: set[int] = set()
        self._rip = Teller(view.networks, view.route, _lost_route, self._rip_update, rip.MAXIMUM_ENTRIES)
        self._sap = Teller(view.keys, view.entry, _lost_service, self._sap_update, sap.MAXIMUM_ENTRIES)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits to be said but the next periodic update."""
        return self._rip.idle and self._sap.idle

    def start(self, at: float) -> None:
        """Ask and tell everything at `at`; while the network's number is not known, ask for it.

        A question that nobody answers is repeated: the first frames behind a cable that was just put in may
        not pass the switch.
        """
        if self.port.talks and self.port.active:
            self._asks_at = at
            self._asked = 0
            if self.port.network != THIS_NETWORK:
                self._rip.start(at)
                self._sap.start(at)

    def stop(self) -> None:
        """Say nothing any more."""
        self._asks_at = NEVER
        self._rip.stop()
        self._sap.stop()

    def go_down(self) -> None:
        """Take back everything that was told, and then say nothing any more."""
        self._asks_at = NEVER
        self._rip.go_down()
        self._sap.go_down()

    def answered(self, socket: int) -> None:
        """Learn that a router or server was heard on this socket, RIP's or SAP's."""
        self._unanswered.discard(socket)

    def route_changed(self, network: int) -> None:
        """Learn that there may be something new to say of a network."""
        self._rip.change(network)

    def service_changed(self, key: Key) -> None:
        """Learn that there may be something new to say of a service."""
        self._sap.change(key)

    def deny_route(self, network: int, now: float) -> None:
        """Say of a network that we may have told of, and do not tell of now, that it is lost."""
        self._rip.deny(network, RipEntry(network, ticks=1), now)

    def inherit_route(self, entry: RipEntry) -> None:
        """Learn what another gateway has told in our name."""
        self._rip.inherit(entry.network, entry)

    def inherit_service(self, key: Key, entry: SapEntry) -> None:
        """Learn what another gateway has told in our name."""
        self._sap.inherit(key, entry)

    def renew(self) -> None:
        """Learn that our address on the port has changed."""
        self._rip.renew()
        self._sap.renew()

    @property
    def deadline(self) -> float:
        """When `advance` must be called next; infinity when it need not be."""
        deadline = self._rip.deadline
        deadline = min(deadline, self._sap.deadline)
        return min(self._asks_at, deadline)

    def advance(self, now: float) -> Iterator[bytes]:
        """Yield the packets that are to be broadcast now."""
        if self._asks_at <= now:
            yield from self._ask(now)
        tellers: tuple[Callable[[float], bytes | None], ...] = (self._rip.advance, self._sap.advance)
        for advance in tellers:
            packet = advance(now)
            if packet is not None:
                yield packet

    def _ask(self, now: float) -> Iterator[bytes]:
        known = self.port.network != THIS_NETWORK
        if not known or not self._asked:
            self._unanswered = {Socket.RIP, Socket.SAP} if known else {Socket.RIP}
        if not known:
            self._asks_at = now + ASK_AGAIN
        elif self._unanswered and self._asked < len(QUESTION_REPEATS):
            self._asks_at = now + QUESTION_REPEATS[self._asked]
            self._asked += 1
        else:
            self._asks_at = NEVER
        if Socket.RIP in self._unanswered:
            yield self._broadcast(Socket.RIP, RipPacket.request().encode())
        if Socket.SAP in self._unanswered:
            query = SapQuery(SapOperation.GENERAL_QUERY, ServiceType.ANY)
            yield self._broadcast(Socket.SAP, query.encode())

    def _rip_update(self, entries: Sequence[RipEntry]) -> bytes:
        return self._broadcast(Socket.RIP, RipPacket(RipOperation.RESPONSE, tuple(entries)).encode())

    def _sap_update(self, entries: Sequence[SapEntry]) -> bytes:
        response = SapResponse(SapOperation.GENERAL_RESPONSE, tuple(entries))
        return self._broadcast(Socket.SAP, response.encode())

    def _broadcast(self, socket: Socket, payload: bytes) -> bytes:
        network, node = self.port.network, self.port.node
        packet_type = PacketType.RIP if socket == Socket.RIP else PacketType.PEP
        to, source = Address(network, BROADCAST_NODE, socket), Address(network, node, socket)
        return Packet(to, source, packet_type, payload).encode()


def _lost_route(entry: RipEntry) -> RipEntry:
    return entry._replace(hops=UNREACHABLE_HOPS)


def _lost_service(entry: SapEntry) -> SapEntry:
    return entry._replace(hops=UNREACHABLE_HOPS)
