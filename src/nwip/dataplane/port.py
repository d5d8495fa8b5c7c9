"""UDP ports for data: what they are to everybody else, and how one is opened.

Two implementations do the same, packet for packet: `portable.py` everywhere, `batched.py` on Linux.
"""

import contextlib
import socket
import sys
from collections.abc import Iterable
from typing import Final, Protocol

from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.buffers import MEND, RECEIVE_BUFFER, enlarge
from nwip.dataplane.flows import Books
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.passed import PassedSockets
from nwip.dataplane.portable import BUDGET, LARGEST_DATAGRAM, Datagram, PortablePort, Received
from nwip.dataplane.spinning import SO_BUSY_POLL
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
    "described",
    "open_port",
    "overflows",
]

IP_MTU_DISCOVER: Final = 10  # ip(7); Python 3.11 does not name them
IP_PMTUDISC_DONT: Final = 0
IP_PMTUDISC_PROBE: Final = 3
IPV6_MTU_DISCOVER: Final = 23  # <linux/in6.h>; its values are those of IPv4
IPV6_DONTFRAG: Final = 62


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
    busy_poll: int = 0,
    passed: PassedSockets | None = None,
    fragments: bool = True,
) -> Port:
    """Open a UDP port at an address; `received` gets every batch that arrives.

    `broadcast` lets it send to broadcast addresses; `shared` lets other sockets use the same address (for
    hearing subnet broadcasts). With `books` it carries IPX packets, and where the kernel can do it and
    `portable` does not forbid it, what is known to go on is sent on in batches and counted there. For
    `busy_poll` microseconds after a datagram it does not sleep: it costs a core. Where `passed` holds a
    socket for the address it is used. IP may fragment what it sends, unless `fragments` is false and the
    system can forbid it: what is larger than the path carries is then refused or lost. Raises `OSError` if
    the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    lent = passed.lend(socket.SOCK_DGRAM, at) if passed is not None and not shared else None
    sock = lent or socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6 and lent is None:  # as TCP listens: "::" leaves IPv4 to "0.0.0.0"
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        enlarge(sock)
        if busy_poll:
            _poll_the_card(sock, busy_poll)
        if fragments:
            _allow_fragments(sock)
        else:
            _forbid_fragments(sock)
        if lent is None:
            sock.bind(at)
    except OSError:
        sock.close()
        raise
    if books is None or portable or not IS_THERE:
        return PortablePort(sock, received, busy_poll=busy_poll)
    return BatchedPort(sock, received, books, busy_poll=busy_poll)


def described(ports: Iterable[Port]) -> dict[str, str]:
    """Say for people how packets go through ports, and whether the kernel gives them too little room."""
    ours = [port for port in ports if isinstance(port, PortablePort)]
    told = {"data plane": ", ".join(sorted({port.kind for port in ours}))} if ours else {}
    smallest = min((port.buffer_size() for port in ours), default=RECEIVE_BUFFER)
    if smallest < RECEIVE_BUFFER:
        told["receive buffer"] = f"{smallest} octets; for {RECEIVE_BUFFER}: {MEND}"
    return told


def overflows(ports: Iterable[Port]) -> int:
    """Return how many datagrams the kernel dropped at ports because their receive buffers were full."""
    return sum(port.overflows() for port in ports if isinstance(port, PortablePort))


def _poll_the_card(sock: socket.socket, microseconds: int) -> None:
    """Let the kernel look at the card before it sleeps, where it and the driver can, and we may."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, microseconds)


def _allow_fragments(sock: socket.socket) -> None:
    """Clear DF: a packet of 1500 octets must arrive over a path of 1500, in two fragments."""
    if sys.platform == "linux" and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)


def _forbid_fragments(sock: socket.socket) -> None:
    """Set DF, and believe no ICMP message about the path: whoever forges one makes it small."""
    if sys.platform != "linux":
        return
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
