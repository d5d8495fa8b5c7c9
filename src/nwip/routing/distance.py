"""How far two nodes are from each other on the virtual network, in ticks. Pure.

NetWare/IP knows three classes of distance, computable from addresses and mask alone: same IP subnet, same
IP network (by the classes of old), anything else. Their ticks are parameters of the domain.
"""

import ipaddress
from typing import Final

from nwip.directory.parameters import Parameters

DEFAULT_IPV4_PREFIX: Final = 24
DEFAULT_IPV6_PREFIX: Final = 64


def ticks_between(here: str, there: str, parameters: Parameters, prefix: int | None = None) -> int:
    """Return the ticks (1/18 s) between two IP addresses.

    `prefix` is the length of the subnet mask of `here`; without it 24 (IPv6: 64) is assumed. Raises
    `ValueError` for what is not an IP address.
    """
    ours, theirs = ipaddress.ip_address(here), ipaddress.ip_address(there)
    if ours.version != theirs.version:
        return parameters.ticks_elsewhere
    if prefix is None:
        prefix = DEFAULT_IPV4_PREFIX if ours.version == 4 else DEFAULT_IPV6_PREFIX
    if theirs in ipaddress.ip_network((ours, prefix), strict=False):
        return parameters.ticks_same_subnet
    if ours.version == 4 and theirs in ipaddress.ip_network((ours, classful_prefix(here)), strict=False):
        return parameters.ticks_same_network
    return parameters.ticks_elsewhere


def classful_prefix(address: str) -> int:
    """Return the length of an IPv4 address's classful mask: 8, 16 or 24. Source: RFC 791, section 3.2."""
    first = ipaddress.IPv4Address(address).packed[0]
    if first < 128:
        return 8
    return 16 if first < 192 else 24
