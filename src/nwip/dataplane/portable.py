"""A UDP port for data, portable: drained under `add_reader`, with a budget for each wake-up.

The stock `DatagramProtocol` reads one datagram a turn of the loop and loses most of a burst, so it is not
used for data.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Final

from nwip.dataplane.buffers import RECEIVE_BUFFER, granted, overflows
from nwip.dataplane.packet_filter import attach, detach
from nwip.dataplane.sockaddr import with_scope
from nwip.dataplane.spinning import Spinner
from nwip.dataplane.traffic import traffic
from nwip.directory.records import Endpoint

Datagram = tuple[bytes, Endpoint]
"""The octets of a datagram, and where it came from or goes."""

BUDGET: Final = 64  # datagrams a wake-up: about 0.3 ms, so that timers and sessions are not starved
LARGEST_DATAGRAM: Final = 65535

Received = Callable[[Sequence[Datagram]], None]


class PortablePort:
    """`Port` on plain `recvfrom` and `sendto`: works wherever asyncio has `add_reader`.

    For `busy_poll` microseconds after a datagram it does not sleep; see `Spinner`.
    """

    kind = "portable"

    def __init__(self, sock: socket.socket, received: Received, *, busy_poll: int = 0) -> None:
        self._socket = sock
        self._received = received
        self._loop = asyncio.get_running_loop()
        self.endpoint: Endpoint = sock.getsockname()[:2]
        self.refused = 0
        self._spinner = Spinner(self._drain, busy_poll) if busy_poll else None
        self._loop.add_reader(sock.fileno(), self._spinner or self._drain)

    def send(self, data: bytes, to: Endpoint) -> bool:
        """Send one datagram; False (and counted) when the kernel does not take it."""
        try:
            self._socket.sendto(data, to)
        except (OSError, OverflowError):  # the latter for a port that is none
            self.refused += 1
            return False
        return True

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if self._spinner is not None:
            self._spinner.stop()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def overflows(self) -> int:
        """Return how many datagrams the kernel dropped because the receive buffer was full."""
        return overflows(self._socket)

    def buffer_size(self) -> int:
        """Return the octets of the receive buffer, at most `RECEIVE_BUFFER`."""
        return min(granted(self._socket), RECEIVE_BUFFER)

    def admit_by(self, program: bytes | None) -> bool:
        """Have the kernel drop what a program of `packet_filter` does not let in; None lets all in again.

        Returns whether that is so: other systems than Linux cannot.
        """
        try:
            if program is not None:
                attach(self._socket, program)
            else:
                detach(self._socket)
        except (OSError, AttributeError):
            return False
        return True

    def _drain(self) -> None:
        if self._socket.fileno() < 0:
            return
        batch: list[Datagram] = []
        receive = self._socket.recvfrom
        for _ in range(BUDGET):
            try:
                data, source = receive(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send: says nothing about what waits
                continue
            batch.append((data, (with_scope(source[0], source[3]), source[1]) if len(source) > 2 else source))
        if batch:
            traffic.datagrams += len(batch)
            self._received(batch)
