"""Asks a DSS over UDP, as programs of IPX ask: one RIP or SAP question, and the packets that answer it."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from nwip.dataplane.port import Datagram, open_port
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership

AGAIN_AFTER: Final = 0.5  # seconds without any answer
QUIET_FOR: Final = 0.3  # seconds after which no more packets of an answer are to be expected
PADDED_TO: Final = 1232  # octets of a plain question: a DSS answers a stranger with as many at most
ASKING_SOCKET: Final = 0x4001  # of programs, as IPX gives them out


class Answers(NamedTuple):
    """The packets that answer, and whether the DSS is known to be there, if it has none."""

    packets: list[Packet]
    is_there: bool


class Way(Protocol):
    """How a question travels."""

    @property
    def is_known(self) -> bool:
        """Whether the other side has shown that it is there."""
        ...

    def say(self, now: float) -> list[bytes]:
        """Return what to send, at the beginning and again."""
        ...

    def take(self, data: bytes, now: float) -> tuple[list[bytes], list[bytes]]:
        """Return the packets in a datagram that came, and what to send at once. Raises `WireError`."""
        ...


class Plain:
    """Asks in the clear, padded."""

    def __init__(self, question: bytes) -> None:
        self.is_known = False
        self._question = question.ljust(PADDED_TO, b"\0")

    def say(self, _now: float) -> list[bytes]:
        """Return the question."""
        return [self._question]

    def take(self, data: bytes, _now: float) -> tuple[list[bytes], list[bytes]]:
        """Return what came as it is."""
        return [data], []


class _Heard:
    """What has come for one question: what travels by `way` from the server, to our node number there."""

    def __init__(self, server: Endpoint, way: Way, node: bytes, socket: int) -> None:
        self.packets: dict[bytes, Packet] = {}
        self.came = asyncio.Event()
        self._server, self._way = server, way
        self._expected = (node, socket)

    def take(self, data: bytes, source: Endpoint, now: float) -> list[bytes]:
        """Take a datagram; return what to send at once."""
        if source[:2] != self._server[:2]:
            return []
        try:
            answers, datagrams = self._way.take(data, now)
            for octets in answers:
                packet = Packet.decode(octets)
                if (packet.destination.node, packet.source.socket) == self._expected:
                    self.packets[octets] = packet
                    self.came.set()
        except WireError:
            return []
        return datagrams


async def ask(
    server: Endpoint,
    payload: bytes,
    socket: int,
    limit: float,
    membership: "Membership | None" = None,
) -> Answers:
    """Ask a DSS a RIP request (`socket` 0453) or SAP query (0452), for `limit` seconds at most.

    `membership` asks sealed, as a member of the domain. What answers is told by six random octets that the
    question comes from. Raises `OSError` when there is no way to send.
    """
    node = os.urandom(6)
    asking = Address(0, node, ASKING_SOCKET)
    question = Packet(Address(0, BROADCAST_NODE, socket), asking, 0, payload).encode()
    way: Way = Plain(question)
    if membership is not None:
        from nwip.security.sealed.asking import Asker  # noqa: PLC0415 - plain domains need no ciphers

        way = Asker(membership, question, os.urandom)
    heard = _Heard(server, way, node, socket)
    now = asyncio.get_running_loop().time

    def send(datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            port.send(datagram, server)

    def received(batch: Sequence[Datagram]) -> None:
        for data, source in batch:
            send(heard.take(data, source, now()))

    port = open_port(("::" if ":" in server[0] else "0.0.0.0", 0), received)
    try:
        end = now() + limit
        while now() < end and not (heard.packets and not heard.came.is_set()):
            heard.came.clear()
            if not heard.packets:
                send(way.say(now()))
            with contextlib.suppress(TimeoutError):
                pause = QUIET_FOR if heard.packets else AGAIN_AFTER
                await asyncio.wait_for(heard.came.wait(), min(pause, end - now()))
    finally:
        port.close()
    return Answers(list(heard.packets.values()), way.is_known or bool(heard.packets))
