"""The IP addresses of this machine: which one leads somewhere, what its subnet is."""

import ipaddress
import socket
from typing import Final

import psutil

from nwip.directory.records import Endpoint

ELSEWHERE: Final[Endpoint] = ("198.51.100.1", 9)  # RFC 5737: nobody's, only a direction to ask the kernel for
LOOPBACK: Final = ipaddress.IPv4Network("127.0.0.0/8")


def local_addresses() -> list[str]:
    """Return the IPv4 addresses of this machine, those of the loopback interface last."""
    found = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family == socket.AF_INET
    ]
    return sorted(dict.fromkeys(found), key=lambda address: ipaddress.ip_address(address).is_loopback)


def main_address() -> str:
    """Return the IPv4 address from which packets leave this machine for elsewhere, else the first it has."""
    try:
        return address_towards(ELSEWHERE)
    except OSError:
        return next(iter(local_addresses()), "127.0.0.1")


def address_towards(there: Endpoint) -> str:
    """Return the local address from which packets to `there` leave. Raises `OSError` when there is no way.

    Nothing is sent: a UDP socket that is connected knows its own side.
    """
    family = socket.AF_INET6 if ":" in there[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(there)
        address: str = sock.getsockname()[0]
        return address


def subnet_of(address: str) -> ipaddress.IPv4Network | None:
    """Return the IPv4 subnet of a local address, None when no interface has it."""
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family == socket.AF_INET and entry.address == address and entry.netmask:
                return ipaddress.IPv4Network((address, entry.netmask), strict=False)
    return LOOPBACK if ":" not in address and ipaddress.ip_address(address) in LOOPBACK else None
