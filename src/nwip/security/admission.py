"""Who may take part in an open domain: addresses by kind or by network. Pure."""

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

REMEMBERED: Final = 4096  # addresses whose admission is remembered: then a question costs less

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def admission(entries: Iterable[str]) -> Callable[[str], bool]:
    """Return the test for an IP address that a list of entries means.

    An entry is `loopback`, `private` (RFC 1918, link-local, RFC 4193), `any`, an address, or a network such
    as `203.0.113.0/24`. Raises `ValueError` that names the entry it cannot read.
    """
    kinds: set[str] = set()
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for entry in entries:
        if entry in ("loopback", "private", "any"):
            kinds.add(entry)
            continue
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            raise ValueError(
                f'"{entry}" is not loopback, private, any, an address or a network such as "203.0.113.0/24"'
            ) from None

    @lru_cache(REMEMBERED)
    def admit(text: str) -> bool:
        if "any" in kinds:
            return True
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if ("loopback" in kinds and address.is_loopback) or ("private" in kinds and _is_private(address)):
            return True
        return any(address in network for network in networks)

    return admit


def _is_private(address: Address) -> bool:
    return address.is_link_local or any(address in network for network in _PRIVATE)


_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
