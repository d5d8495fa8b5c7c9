"""What is for the node itself: RIP and SAP, and pings."""

from collections.abc import Callable, Hashable, Iterator
from typing import Final

from nwip.gateway.agents import Agents
from nwip.gateway.muting import MALFORMED
from nwip.gateway.parts import Parts
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, SOURCE_OFFSET, Packet
from nwip.ipx.ping import ping, ping_answer
from nwip.links.base import Link
from nwip.security.limits import TokenBuckets
from nwip.wire import WireError

PING_SOCKET: Final = Socket.DYNAMIC_FIRST + 2  # never socket 2: it tells a question from an answer
ANSWER_RATE: Final = 500.0  # RIP and SAP responses a second to one host: about a tenth of a processor
PROBES: Final = 8  # other nodes pinged at a time
ANSWER_BURST: Final = 512.0  # one whole answer: 3,584 services or 25,600 networks


class OwnSockets:
    """The sockets that every gateway has."""

    def __init__(self, parts: Parts, agents: Agents, originate: Callable[[bytes], None]) -> None:
        self._originate = originate
        self.ping_listeners: set[Callable[[Address], None]] = set()
        self._parts = parts
        self._agents = agents
        self._probed = 0
        self._answers = TokenBuckets(ANSWER_RATE, ANSWER_BURST)

    def deliver(self, link: Link, data: bytes, hop: Hashable) -> None:
        """Take a packet that is for this node itself."""
        socket = int.from_bytes(data[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET], "big")
        match socket:
            case Socket.RIP | Socket.SAP:
                self.rip_or_sap(link, data, hop)
            case Socket.ECHO:
                self._echo(link, Packet.decode(data), hop)
            case _:
                self._parts.counters.drop("no such socket here")

    def rip_or_sap(self, link: Link, data: bytes, hop: Hashable) -> None:
        """Learn from what is said, and answer what is asked."""
        try:
            question = self._agents.hear(link, data)
        except WireError:
            self._parts.counters.drop(MALFORMED)
            return
        if question is not None:
            for response in tuple(self._affordable(hop, self._agents.answer(link, question))):
                link.send(response.encode(), hop)

    def _affordable(self, hop: Hashable, responses: Iterator[Packet]) -> Iterator[Packet]:
        """Cut an answer short where one host's questions would keep the node from everything else."""
        for response in responses:
            if not self._answers.allow(hop, self._parts.clock()):
                self._parts.counters.drop("answer budget")
                return
            yield response

    def _echo(self, link: Link, packet: Packet, hop: Hashable) -> None:
        if packet.source.socket == Socket.ECHO:
            for listener in tuple(self.ping_listeners):
                listener(packet.source)
            return
        here = packet.destination
        if here.node == BROADCAST_NODE:
            here = Address(link.network, link.node, Socket.ECHO)
        answer = ping_answer(packet, here)
        to = answer.destination._replace(network=packet.source.network)
        link.send(answer._replace(destination=to).encode(), hop)

    def send_ping(self, to: Address) -> None:
        """Ask a host, or with the broadcast node number all players, for an answer to `ping_listeners`."""
        parts = self._parts
        source = Address(parts.virtual.network, parts.virtual.node, PING_SOCKET)
        packet = ping(source)._replace(source=source, destination=to._replace(socket=Socket.ECHO)).encode()
        if packet[6:16] in parts.tables.own:
            for listener in tuple(self.ping_listeners):
                listener(to)
        else:
            self._originate(packet)

    def probe(self) -> None:
        """Ping some of the other nodes, in turn: whoever is there makes himself heard."""
        peers = self._parts.tables.peers()
        some = (peers + peers)[self._probed : self._probed + min(PROBES, len(peers))]
        self._probed = (self._probed + len(some)) % max(1, len(peers))
        virtual = self._parts.virtual
        source = Address(virtual.network, virtual.node, PING_SOCKET)
        for peer in some:
            to = Address(virtual.network, peer.node, Socket.ECHO)
            virtual.send(ping(source)._replace(source=source, destination=to).encode(), peer.endpoint)
