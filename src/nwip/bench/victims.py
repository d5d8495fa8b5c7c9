"""Addresses that never answer, and are sent things because somebody forges them: what they get.

Each kind of datagram has a socket of its own, so that what comes back is known to be for it. Octets are those
of the UDP payload, both ways.
"""

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Final, NamedTuple, Self

from nwip.bench.clients import enlarge
from nwip.bench.flooder import FIRST, ROOM
from nwip.bench.sources import from_address
from nwip.directory.records import Endpoint

LARGEST: Final = 65536


class Kind(NamedTuple):
    """A kind of datagram: its name, what makes the next one, and whether it is a registration of DOSBox's."""

    name: str
    make: Callable[[Random], bytes]
    registers: bool = False


@dataclass
class Exchange:
    """What was sent of one kind, and what came back."""

    kind: Kind
    to: Endpoint
    sock: socket.socket
    datagrams: int = 0
    octets: int = 0
    answers: int = 0
    answered_octets: int = 0

    @property
    def ratio(self) -> float:
        """Octets that came back for each that was sent."""
        return self.answered_octets / max(1, self.octets)


class Victims:
    """Forges the addresses of others; `random` chooses them. Closed at the end of `with`."""

    def __init__(self, random: Random) -> None:
        self.exchanges: list[Exchange] = []
        self._random = random
        self._room = bytearray(LARGEST)
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for exchange in self.exchanges:
            exchange.sock.close()

    def add(self, to: Endpoint, kinds: Sequence[Kind]) -> list[Exchange]:
        """Get ready to send datagrams of these kinds to a port."""
        fresh = []
        for kind in kinds:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            enlarge(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.bind(("0.0.0.0", 0))
            exchange = Exchange(kind, to, sock)
            self._selector.register(sock, selectors.EVENT_READ, exchange)
            fresh.append(exchange)
        self.exchanges += fresh
        return fresh

    def send(self, exchange: Exchange) -> None:
        """Send the next datagram of a kind, from an address that somebody else may have."""
        data = exchange.kind.make(self._random)
        source = (FIRST + self._random.randrange(1, ROOM)).to_bytes(4, "big")
        with suppress(OSError):
            exchange.sock.sendmsg([data], [from_address(source)], 0, exchange.to)
            exchange.datagrams += 1
            exchange.octets += len(data)

    def run(
        self, rate: float, seconds: float, linger: float, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Send datagrams of all kinds in turn, `rate` a second in all; then hear what still comes.

        `meanwhile` is called often.
        """
        start = turn = time.perf_counter()
        number = 0
        while (now := time.perf_counter()) < start + seconds:
            if now >= turn:
                self.send(self.exchanges[number % len(self.exchanges)])
                number += 1
                turn += 1 / rate
            self.listen(max(0.0, turn - time.perf_counter()))
            meanwhile()
        end = time.perf_counter() + linger
        while (left := end - time.perf_counter()) > 0:
            self.listen(left)
            meanwhile()

    def listen(self, seconds: float) -> None:
        """Count what has come, and wait so long for it."""
        for key, _ in self._selector.select(seconds):
            exchange: Exchange = key.data
            with suppress(OSError):
                while True:
                    exchange.answered_octets += exchange.sock.recv_into(self._room)
                    exchange.answers += 1
