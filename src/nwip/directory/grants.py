"""Which networks a node may register, where a domain lists them. Pure.

One list, part of the domain's parameters. What nobody was granted, nobody may register.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from nwip.directory.filters import Pattern
from nwip.directory.records import Network

GRANT_LIMIT: Final = 256
NETWORKS_LIMIT: Final = 64

Networks = Literal["open", "first", "listed"]
"""Who may register a network: anybody, whoever came first, or whom a list names."""


class Grant(Struct, frozen=True, array_like=True):
    """Some nodes may register these networks; also on the wire. An empty text fits every node.

    `owner` is a pattern of `*` and `?`, in any case of letters, for a node's name or its identity in
    hexadecimal; `source` is the IP address or network from which the node must come. A node says its name
    itself, but not where it comes from. Raises `ValueError` for a source that is no IP address or network.
    """

    networks: Annotated[tuple[Network, ...], Meta(min_length=1, max_length=NETWORKS_LIMIT)]
    owner: Pattern = ""
    source: Annotated[str, Meta(max_length=49)] = ""

    def __post_init__(self) -> None:
        if self.source:
            ip_network(self.source)

    def fits(self, network: int, owner: bytes, name: str, source: str) -> bool:
        """Say whether it grants a network to a node with this name that comes from that IP address."""
        if network not in self.networks:
            return False
        if self.source and ip_address(source) not in ip_network(self.source):
            return False
        pattern = self.owner.casefold().replace("[", "[[]")
        return not pattern or any(fnmatchcase(text, pattern) for text in (name.casefold(), owner.hex()))


def is_granted(grants: Iterable[Grant], network: int, owner: bytes, name: str, source: str) -> bool:
    """Say whether any grant gives a network to a node."""
    return any(grant.fits(network, owner, name, source) for grant in grants)
