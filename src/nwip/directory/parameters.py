"""The parameters of a domain: one value, owned by the primary DSS, handed to every node. Pure."""

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from nwip.directory.filters import FILTER_LIMIT, Filter
from nwip.directory.grants import GRANT_LIMIT, Grant, Networks
from nwip.directory.records import Counter, Identity, Network, Port
from nwip.ipx.numbers import MAXIMUM_HOPS, NETWARE_IP_DATA_PORT

DEFAULT_NETWORK = 0x4E574950  # "NWIP"
DEFAULT_NODE_PREFIX = b"\x7e\x01"
DEFAULT_LEASE = 15.0
DEFAULT_RENEWAL = 5.0
DEFAULT_SYNCHRONISATION = 5.0

Ticks = Annotated[int, Meta(ge=1, le=0xFFFF)]


class Parameters(Struct, frozen=True, array_like=True, kw_only=True):
    """What all nodes of a domain must agree on.

    Of two copies the one with the higher (`term`, `version`, `identity`) stands, whole. `identity` is the
    primary DSS; term 0 is that of a secondary that has not met its primary. Times are seconds;
    `synchronisation` is how often DSSs compare what they hold.
    `broadcast_rate` and `broadcast_burst` are packets a second and packets, per source, for broadcasts that
    are copied to the other nodes.
    """

    term: Counter = 1
    version: Counter = 1
    identity: Identity = bytes(16)
    domain: Annotated[str, Meta(min_length=1, max_length=255)]
    network: Network = DEFAULT_NETWORK
    data_port: Port = NETWARE_IP_DATA_PORT
    node_prefix: Annotated[bytes, Meta(min_length=2, max_length=2)] = DEFAULT_NODE_PREFIX
    ticks_same_subnet: Ticks = 2
    ticks_same_network: Ticks = 4
    ticks_elsewhere: Ticks = 6
    broadcasts: Literal["domain", "subnet"] = "domain"
    broadcast_rate: Annotated[int, Meta(ge=1, le=1_000_000)] = 250
    broadcast_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 500
    hop_limit: Annotated[int, Meta(ge=2, le=127)] = MAXIMUM_HOPS
    lease: Annotated[float, Meta(ge=1.0, le=86400.0)] = DEFAULT_LEASE
    renewal: Annotated[float, Meta(ge=0.2, le=28800.0)] = DEFAULT_RENEWAL
    synchronisation: Annotated[float, Meta(ge=1.0, le=3600.0)] = DEFAULT_SYNCHRONISATION
    filters: Annotated[tuple[Filter, ...], Meta(max_length=FILTER_LIMIT)] = ()
    networks: Networks = "open"
    grants: Annotated[tuple[Grant, ...], Meta(max_length=GRANT_LIMIT)] = ()

    def agree_with(self, other: "Parameters") -> bool:
        """Say whether nodes with these and those can work together: nothing but their rank differs."""
        term, version, identity = other.rank
        return replace(self, term=term, version=version, identity=identity) == other

    @property
    def rank(self) -> tuple[int, int, bytes]:
        """What orders two copies."""
        return (self.term, self.version, self.identity)
