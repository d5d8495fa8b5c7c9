"""Node numbers of the virtual network: which one a node has. Pure. Source: docs/protocol.md, Node numbers."""

import hashlib
import ipaddress
from typing import Final

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint

HASHED_PREFIX: Final = b"\x7e\x06"
MOST_SALTS: Final = 64  # who has met others on so many numbers has met somebody who means it


def node_number(
    endpoint: Endpoint, parameters: Parameters, identity: bytes, salt: int = 0, *, sealed: bool = False
) -> bytes:
    """Return the 6 octets by which a node is known on the virtual network.

    An IPv4 node on the domain's data port has the domain's prefix (7E 01; 00 00 gives the form of RFC 1234)
    and its address. Any other (IPv6, another port), and any of a `sealed` domain, has 7E 06 and 32 bits of
    BLAKE2s over identity and salt; the salt changes when two nodes meet on one number.
    """
    address = ipaddress.ip_address(endpoint[0])
    if not sealed and address.version == 4 and endpoint[1] == parameters.data_port and salt == 0:
        return parameters.node_prefix + address.packed
    return HASHED_PREFIX + hashlib.blake2s(identity + salt.to_bytes(4, "big"), digest_size=4).digest()


def may_be_number_of(
    number: bytes, endpoint: Endpoint, parameters: Parameters, identity: bytes, *, sealed: bool = False
) -> bool:
    """Say whether a node with this identity that listens there may have a number, whatever its salt."""
    if not number.startswith(HASHED_PREFIX):
        return number == node_number(endpoint, parameters, identity, sealed=sealed)
    return any(
        number == node_number(endpoint, parameters, identity, salt, sealed=sealed)
        for salt in range(MOST_SALTS)
    )


def is_node_number(node: bytes, parameters: Parameters) -> bool:
    """Say whether a number has the form of a node's own, which no host behind a link may use."""
    return node[:2] in node_prefixes(parameters)


def node_prefixes(parameters: Parameters) -> tuple[bytes, ...]:
    """Return how the numbers of nodes begin: their first two octets."""
    return parameters.node_prefix, HASHED_PREFIX
