"""Makes the clients what a relay takes for clients: each registers, is heard, and hears, with proof."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from nwip.bench.clients import Clients
from nwip.bench.error import BenchError
from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import DESTINATION_NODE_OFFSET, HEADER_SIZE, SOURCE_NODE_OFFSET, Packet
from nwip.ipx.ping import is_registration_reply, registration
from nwip.wire import WireError

AT_ONCE: Final = 100  # clients: less than the newcomers that a gateway remembers
PATIENCE: Final = 0.3  # seconds for an answer; a host that is new elsewhere takes one round
TRIES: Final = 30
PROOF: Final = 0x4004  # the socket of packets that prove something
BETWEEN_GREETINGS: Final = 20.0  # seconds: a client that is silent for 30 is asked whether it is there


class Membership:
    """The clients of one relay, or of two: client 0 is at `first`, the receivers at `others`.

    `network` and `nodes` are what the relay has told them; of a relay that tells nothing they are set.
    """

    def __init__(self, clients: Clients, first: Endpoint, others: Endpoint) -> None:
        self.network = bytes(4)
        self.nodes: list[bytes] = []
        self._clients = clients
        self._first, self._others = first, others
        self._greeted = 0.0

    def join(self, count: int) -> None:
        """Register more clients, until there are `count` receivers, and prove that all hear all."""
        found: dict[int, bytes] = {}

        def ask(number: int) -> None:
            self._clients.send(number, registration().encode(), self._at(number))

        def registered(data: bytes, number: int) -> int:
            try:
                reply = Packet.decode(data)
            except WireError:
                return -1
            if not is_registration_reply(reply):
                return -1
            found[number] = reply.destination.node
            self.network = reply.destination.network.to_bytes(4, "big")
            return number

        fresh = range(len(self.nodes), count + 1)
        for some in _slices(fresh):
            self._until_answered(some, ask, registered, "is answered by a server")
            self.nodes += [found[number] for number in some]
            self.prove(some)
        self._clients.quiet()

    def prove(self, numbers: range) -> None:
        """Let these be heard by client 0 and reached by it. Raises `BenchError` if one is not."""
        self._until_answered(numbers, self._greet, self._heard_from, "is heard")
        self._until_answered(numbers, self._call, self._heard_by, "is reached")
        self._greeted = self._greeted or time.monotonic()

    def keep(self) -> None:
        """Let every client be heard, if it is time for that."""
        if time.monotonic() - self._greeted > BETWEEN_GREETINGS:
            for some in _slices(range(len(self.nodes))):
                self._until_answered(some, self._greet, self._heard_from, "is heard")
            self._greeted = time.monotonic()
        self._clients.quiet()

    def _greet(self, number: int) -> None:
        self._clients.send(number, self._packet(number, 0), self._at(number))

    def _call(self, number: int) -> None:
        self._clients.send(0, self._packet(0, number), self._first)

    def _packet(self, source: int, destination: int) -> bytes:
        network = int.from_bytes(self.network, "big")
        to, by = (Address(network, self.nodes[number], PROOF) for number in (destination, source))
        payload = destination.to_bytes(4, "big") + source.to_bytes(4, "big")
        return Packet(to, by, packet_type=4, payload=payload).encode()

    def _at(self, number: int) -> Endpoint:
        return self._others if number else self._first

    def _heard_from(self, data: bytes, _number: int) -> int:
        return self._proof(data, 4, SOURCE_NODE_OFFSET)

    def _heard_by(self, data: bytes, _number: int) -> int:
        return self._proof(data, 0, DESTINATION_NODE_OFFSET)

    def _proof(self, data: bytes, at: int, node: int) -> int:
        number = int.from_bytes(data[HEADER_SIZE + at : HEADER_SIZE + at + 4], "big")
        proves = len(data) == HEADER_SIZE + 8 and number < len(self.nodes)
        return number if proves and data[node : node + 6] == self.nodes[number] else -1

    def _until_answered(
        self, numbers: range, ask: Callable[[int], None], answered: Callable[[bytes, int], int], what: str
    ) -> None:
        """Ask for each of some clients, again and again, until every one has its answer.

        `answered` gets the octets of a datagram and whom it was for; it returns whom it answers, or -1.
        """
        missing = set(numbers)
        self._clients.tell_whom(True)
        for _ in range(TRIES):
            for number in sorted(missing):
                ask(number)
            deadline = time.monotonic() + PATIENCE
            while missing and time.monotonic() < deadline:
                for data, number in self._arrivals():
                    missing.discard(answered(data, number))
            if not missing:
                self._clients.tell_whom(False)
                return
        raise BenchError(f"of {len(numbers)} clients {len(numbers) - len(missing)} {what}, the others not")

    def _arrivals(self) -> Iterator[tuple[bytes, int]]:
        """Wait a moment for datagrams; yield each with the number of the client that it was for."""
        clients = self._clients
        for sock in select.select([clients.sender, clients.receiver], [], [], 0.02)[0]:
            with suppress(OSError):
                while True:
                    data, ancillary, _, _ = sock.recvmsg(2048, 64)
                    yield data, 0 if sock is clients.sender else clients.who(ancillary)


def _slices(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), AT_ONCE):
        yield numbers[start : start + AT_ONCE]
