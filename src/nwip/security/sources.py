"""Who counts as one source where a limit holds for each: an IPv4 address, or the /64 of an IPv6 one. Pure."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

HOST_BITS: Final = 64  # RFC 4291, 2.5.1: a site gives each host a whole network of them


def plain_address(ip: str) -> str:
    """Return an IP address in one form: without zone, and IPv4 that comes as IPv6 as IPv4.

    Raises `ValueError` for what is none.
    """
    return str(_plain(ip))


def source_of(ip: str) -> str:
    """Return what stands for the source at an IP address: who has an IPv6 address has 2^64 of them.

    Raises `ValueError` for what is no address.
    """
    address = _plain(ip)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> HOST_BITS << HOST_BITS, 128 - HOST_BITS)))
    return str(address)


def _plain(ip: str) -> IPv4Address | IPv6Address:
    address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
