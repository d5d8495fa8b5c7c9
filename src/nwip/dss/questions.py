"""Questions on UDP 396: plain IPX RIP and SAP requests, answered by plain responses. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Record
from nwip.directory.table import Directory
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet, checksum_is_valid
from nwip.routing.answers import Catalogue, answer
from nwip.routing.distance import ticks_between
from nwip.routing.numbering import node_number
from nwip.wire import WireError

ANSWER_LIMIT: Final = 256  # packets for one question: some 10 ms of work; who wants more asks over TCP
DESTINATION: Final = slice(10, 18)  # of a packet: node and socket
SOURCE: Final = slice(22, 30)
KEPT_ANSWERS: Final = 1024
KEPT_RESPONSES: Final = 4  # packets of an answer that is kept


class Questions:
    """Answers datagrams from one directory; `proven(ip)` says who gets more octets than were sent.

    An address proves itself by holding a session, or by the handshake of a sealed question, or is listed by
    the operator: anyone else could be a victim whose address the asker has forged. `drops` counts what was
    not answered, by reason.
    """

    def __init__(
        self, directory: Directory, *, address: str, identity: bytes, proven: Callable[[str], bool]
    ) -> None:
        self.drops: Counter[str] = Counter()
        self._directory = directory
        self._address = address
        self._identity = identity
        self._proven = proven
        self._known: dict[tuple[bytes, str, bool], list[bytes]] = {}
        self._known_of: tuple[int, Parameters | None] = (0, None)

    def answer(self, data: bytes, source: Endpoint, parameters: Parameters) -> list[bytes]:
        """Return the responses to a datagram, whole packets, in order; nothing for what is no question.

        Answers that are short are kept while nothing changes: clients that start ask alike, each from an IPX
        address of its own, to which the answer is then addressed.
        """
        if self._known_of[0] != self._directory.version or self._known_of[1] is not parameters:
            self._known_of = (self._directory.version, parameters)
            self._known.clear()
        proven = self._proven(source[0])
        asker = data[SOURCE]
        question = (data[: SOURCE.start] + data[SOURCE.stop :], source[0], proven)
        known = self._known.get(question)
        if known is not None:
            return [
                response[: DESTINATION.start] + asker + response[DESTINATION.stop :] for response in known
            ]
        responses = self._answer(data, source[0], parameters, proven=proven)
        addressed = all(response[DESTINATION] == asker for response in responses)
        if 0 < len(responses) <= KEPT_RESPONSES and addressed:
            if len(self._known) >= KEPT_ANSWERS:
                self._known.clear()
            self._known[question] = responses
        return responses

    def _answer(self, data: bytes, asker: str, parameters: Parameters, *, proven: bool) -> list[bytes]:
        try:
            request = Packet.decode(data)
        except WireError:
            return self._drop("malformed")
        if not checksum_is_valid(data[: 30 + len(request.payload)]):
            return self._drop("checksum")
        if request.destination.socket not in (Socket.RIP, Socket.SAP):
            return self._drop("socket")
        catalogue = Catalogue(
            self._directory,
            parameters.network,
            dss_node_number(self._address, self._identity, parameters),
            lambda record: self._distance(asker, record, parameters),
        )
        responses = (response.encode() for response in answer(request, catalogue))
        room = None if proven else len(data)
        return list(self._fitting(responses, room))

    def _fitting(self, responses: Iterator[bytes], room: int | None) -> Iterator[bytes]:
        for count, response in enumerate(responses):
            if room is not None:
                room -= len(response)
            if count == ANSWER_LIMIT or (room is not None and room < 0):
                self.drops["cut short"] += 1
                return
            yield response

    def _distance(self, asker: str, record: Record, parameters: Parameters) -> tuple[int, int]:
        node = self._directory.node_of(record.owner)
        if node is None:
            return (1, parameters.ticks_elsewhere)
        return (1, ticks_between(asker, node.endpoints[0][0], parameters))

    def _drop(self, reason: str) -> list[bytes]:
        self.drops[reason] += 1
        return []


def dss_node_number(address: str, identity: bytes, parameters: Parameters) -> bytes:
    """Return the IPX node number under which a DSS answers: the domain's prefix and its IPv4 address.

    A DSS that is asked over IPv6, or that does not know its address, has 7E 06 and a hash of its identity.
    """
    port = 0 if ip_address(address).is_unspecified else parameters.data_port
    return node_number((address, port), parameters, identity)
