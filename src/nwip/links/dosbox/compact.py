"""Addresses in few octets, since a server holds one for each of its clients: a tuple takes 160. Pure."""

from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint


class Compact(NamedTuple):
    """A way to write an address: `pack` makes octets of it, `unpack` the same address of these again."""

    pack: Callable[[Endpoint], bytes]
    unpack: Callable[[bytes], Endpoint]


def _pack(address: Endpoint) -> bytes:
    host, port = address
    return f"{port} {host}".encode()


def _unpack(octets: bytes) -> Endpoint:
    port, _, host = octets.decode().partition(" ")
    return host, int(port)


AS_TEXT: Final = Compact(_pack, _unpack)
"""For any address; nobody need know how a kernel writes it."""
