"""Addresses of UDP endpoints in the octets of the kernel: `struct sockaddr_in` and `sockaddr_in6`."""

import socket
import struct
import sys
from functools import lru_cache
from typing import Final

from nwip.directory.records import Endpoint

SIZES: Final = {socket.AF_INET: 16, socket.AF_INET6: 28}  # octets; ip(7), ipv6(7)
CACHED: Final = 4096  # endpoints: those of the packets that leave the fast path

_IN: Final = struct.Struct("=H2s4s8x")  # the family is native, what follows is in network byte order
_IN6: Final = struct.Struct("=H2s4s16sI")
_NATIVE: Final = sys.byteorder


def sockaddr(endpoint: Endpoint, family: socket.AddressFamily) -> bytes:
    """Return an endpoint as a socket of that family takes it. Raises `OSError`, `OverflowError` if it cannot.

    A scope behind the address ("fe80::1%eth0") must be an interface of this machine, or a number.
    """
    host, port = endpoint
    octets = port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return _IN.pack(family, octets, socket.inet_pton(family, host))
    host, _, scope = host.partition("%")
    index = int(scope or 0) if not scope or scope.isdecimal() else socket.if_nametoindex(scope)
    return _IN6.pack(family, octets, bytes(4), socket.inet_pton(family, host), index)


def name_of(endpoint: Endpoint) -> bytes:
    """Return an endpoint as a socket of its own family takes it; raises what `sockaddr` does."""
    return sockaddr(endpoint, socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET)


@lru_cache(CACHED)
def endpoint_of(octets: bytes) -> Endpoint:
    """Return the endpoint that such octets mean."""
    port = int.from_bytes(octets[2:4], "big")
    if len(octets) == SIZES[socket.AF_INET]:
        return socket.inet_ntop(socket.AF_INET, octets[4:8]), port
    scope = int.from_bytes(octets[24:28], _NATIVE)
    return with_scope(socket.inet_ntop(socket.AF_INET6, octets[8:24]), scope), port


def with_scope(host: str, scope: int) -> str:
    """Return an IPv6 address with the name of its interface, where it has one that counts, or its number."""
    if not scope:
        return host
    try:
        return f"{host}%{socket.if_indextoname(scope)}"
    except OSError:  # the interface is gone
        return f"{host}%{scope}"
