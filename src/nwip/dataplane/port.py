"""A UDP port for data, portable: drained under `add_reader`, with a budget for each wake-up.

The stock `DatagramProtocol` reads one datagram a turn of the loop and loses most of a burst, so it is not
used for data. The batched implementation (`recvmmsg`) will stand beside this one behind `Port`.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from nwip.dataplane.traffic import traffic
from nwip.directory.records import Endpoint

Datagram = tuple[bytes, Endpoint]
"""The octets of a datagram, and where it came from or goes."""

BUDGET: Final = 64  # datagrams a wake-up: about 0.3 ms, so that timers and sessions are not starved
RECEIVE_BUFFER: Final = 4 << 20
LARGEST_DATAGRAM: Final = 65535
IP_MTU_DISCOVER: Final = 10  # ip(7); Python 3.11 does not name them
IP_PMTUDISC_DONT: Final = 0


class Port(Protocol):
    """An open UDP port: sends at once, reports what arrives in batches of at most `BUDGET`."""

    endpoint: Endpoint
    refused: int

    def send(self, data: bytes, to: Endpoint) -> bool:
        """Send one datagram; False, counted in `refused`, when the kernel does not take it. Never raises."""
        ...

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        ...


Received = Callable[[Sequence[Datagram]], None]


class PortablePort:
    """`Port` on plain `recvfrom` and `sendto`: works wherever asyncio has `add_reader`."""

    def __init__(self, sock: socket.socket, received: Received) -> None:
        self._socket = sock
        self._received = received
        self._loop = asyncio.get_running_loop()
        self.endpoint: Endpoint = sock.getsockname()[:2]
        self.refused = 0
        self._loop.add_reader(sock.fileno(), self._drain)

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
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _drain(self) -> None:
        batch: list[Datagram] = []
        receive = self._socket.recvfrom
        for _ in range(BUDGET):
            try:
                data, source = receive(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send: says nothing about what waits
                continue
            batch.append((data, source[:2]))
        if batch:
            traffic.datagrams += len(batch)
            self._received(batch)


class Opener(Protocol):
    """How a port is opened: `open_port`, or a stand-in without a network."""

    def __call__(
        self, at: Endpoint, received: Received, *, broadcast: bool = False, shared: bool = False
    ) -> Port:
        """Open a UDP port at an address; see `open_port`."""
        ...


def open_port(at: Endpoint, received: Received, *, broadcast: bool = False, shared: bool = False) -> Port:
    """Open a UDP port at an address; `received` gets every batch that arrives.

    `broadcast` lets it send to broadcast addresses; `shared` lets other sockets use the same address (for
    hearing subnet broadcasts). IP may fragment what it sends. Raises `OSError` if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _allow_fragments(sock)
        sock.bind(at)
    except OSError:
        sock.close()
        raise
    return PortablePort(sock, received)


def _allow_fragments(sock: socket.socket) -> None:
    """Clear DF: a packet of 1500 octets must arrive over a path of 1500, in two fragments."""
    if sys.platform == "linux" and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
