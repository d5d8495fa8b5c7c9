"""UDP ports for data: what they are to everybody else, and how one is opened.

Two implementations do the same, packet for packet: `portable.py` everywhere, `batched.py` on Linux.
"""

import socket
import sys
from typing import Final, Protocol

from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.flows import Books
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.portable import BUDGET, LARGEST_DATAGRAM, Datagram, PortablePort, Received
from nwip.directory.records import Endpoint

__all__ = [
    "BUDGET",
    "LARGEST_DATAGRAM",
    "BatchedPort",
    "Datagram",
    "Opener",
    "Port",
    "PortablePort",
    "Received",
    "open_port",
]

RECEIVE_BUFFER: Final = 4 << 20
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


class Opener(Protocol):
    """How a port is opened: `open_port`, or a stand-in without a network."""

    def __call__(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: Books | None = None,
    ) -> Port:
        """Open a UDP port at an address; see `open_port`."""
        ...


def open_port(
    at: Endpoint,
    received: Received,
    *,
    broadcast: bool = False,
    shared: bool = False,
    books: Books | None = None,
    portable: bool = False,
) -> Port:
    """Open a UDP port at an address; `received` gets every batch that arrives.

    `broadcast` lets it send to broadcast addresses; `shared` lets other sockets use the same address (for
    hearing subnet broadcasts). With `books` it carries IPX packets, and where the kernel can do it and
    `portable` does not forbid it, what is known to go on is sent on in batches and counted there. IP may
    fragment what it sends. Raises `OSError` if the address cannot be had.
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
    if books is None or portable or not IS_THERE:
        return PortablePort(sock, received)
    return BatchedPort(sock, received, books)


def _allow_fragments(sock: socket.socket) -> None:
    """Clear DF: a packet of 1500 octets must arrive over a path of 1500, in two fragments."""
    if sys.platform == "linux" and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
