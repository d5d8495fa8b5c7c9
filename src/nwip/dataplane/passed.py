"""Sockets that were open before the node was: bound by whoever started it, or by itself while it was root.

They are lent by address to whatever would open a socket there, so that nothing else needs to know of them.
"""

import errno
import os
import socket
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint, endpoint_text

_KINDS: Final = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}


class _Passed(NamedTuple):
    name: str
    kind: int
    at: Endpoint
    sock: socket.socket


class PassedSockets:
    """Bound sockets of IP, each with an address, and perhaps the name of what it is for.

    They stay open until `close`, so that a link that is removed can have its socket again.
    """

    def __init__(self) -> None:
        self._held: list[_Passed] = []
        self._lent: dict[tuple[int, Endpoint], socket.socket] = {}

    def add(self, sock: socket.socket, name: str = "") -> None:
        """Hold one more, a UDP socket or a listening TCP socket. Raises `ValueError` for any other."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type not in _KINDS:
            raise ValueError("it is neither TCP nor UDP")
        if sock.type == socket.SOCK_STREAM and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise ValueError("it does not listen: write Accept=no")
        if sock.family == socket.AF_INET6 and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
            raise ValueError(
                "it is for IPv6 and IPv4 at once: write BindIPv6Only=ipv6-only, and another for 0.0.0.0"
            )
        host, port = sock.getsockname()[:2]
        if not port:
            raise ValueError("it is not bound to a port")
        self._held.append(_Passed(name, sock.type, (host, port), sock))

    def has(self, kind: socket.SocketKind, at: Endpoint) -> bool:
        """Say whether there is a socket of that kind at an address."""
        return any((held.kind, held.at) == (kind, at) for held in self._held)

    def named(self, kind: socket.SocketKind, name: str) -> list[Endpoint]:
        """Return the addresses of the sockets of a kind that were passed under a name."""
        return [held.at for held in self._held if (held.kind, held.name) == (kind, name)]

    def lend(self, kind: socket.SocketKind, at: Endpoint) -> socket.socket | None:
        """Return a socket of its own for what is to be at an address; None: open one.

        Raises `OSError` (EADDRINUSE) while whoever had it before has not closed it.
        """
        found = next((held.sock for held in self._held if (held.kind, held.at) == (kind, at)), None)
        if found is None:
            return None
        before = self._lent.get((kind, at))
        if before is not None and before.fileno() >= 0:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        sock = found.dup()
        sock.setblocking(False)
        self._lent[kind, at] = sock
        return sock

    def unused(self) -> list[str]:
        """Return the protocol and address of each that was never lent."""
        return [
            f"{_KINDS[socket.SocketKind(held.kind)]} {endpoint_text(held.at)}"
            for held in self._held
            if (held.kind, held.at) not in self._lent
        ]

    def close(self) -> None:
        """Close those that are held; what was lent is its user's."""
        for held in self._held:
            held.sock.close()
        self._held.clear()
