"""The node number that all gateways of a domain have together on a LAN. Pure.

Hosts remember their router by its node number, which on an Ethernet is its MAC address too. So whoever is
the active gateway speaks under this one, and a takeover changes nothing for the hosts. It is computed, for
the gateways have to agree on it before they have spoken to each other.
"""

from hashlib import blake2b
from typing import Final

from nwip.ipx.address import NODE_SIZE

_GROUP_AND_LOCAL: Final = 0x03  # bits of the first octet: IEEE 802, 8.2
_LOCAL: Final = 0x02
_OF_NODES: Final = 0x7E  # begins the numbers of nwip's own nodes; docs/protocol.md, Node numbers
_INSTEAD: Final = 0x7A


def shared_node(domain: str, network: int | None) -> bytes:
    """Return the 6 octets for the LAN with this IPX network, None for one joined to the virtual network.

    A locally administered unicast address that never begins with 7E: BLAKE2b with a digest of 6 octets over
    the domain's name in small letters (UTF-8), a zero, and the 4 octets of the network, or `joined`; then of
    the first octet the lowest bits are made 10, and 7E is made 7A.
    """
    place = b"joined" if network is None else network.to_bytes(4, "big")
    digest = blake2b(domain.casefold().encode() + b"\0" + place, digest_size=NODE_SIZE).digest()
    first = digest[0] & ~_GROUP_AND_LOCAL | _LOCAL
    return bytes([_INSTEAD if first == _OF_NODES else first]) + digest[1:]
