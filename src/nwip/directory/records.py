"""What the directory holds: services, routes, hosts, nodes and DSSs, each registered by one owner.

Pure. The structs are also what travels in the sessions of port 396 (see `docs/protocol.md`): each is a
MessagePack array that starts with its tag. They form no cycles, so the garbage
collector, whose pauses grow with what it looks through, need not see them. Distances count from the owner: a
network that the owner is attached to has 0 hops, and whoever reaches it through the owner adds 1 hop and the
ticks between them.
"""

from enum import IntEnum
from ipaddress import ip_address
from typing import Annotated

from msgspec import Meta, Struct

from nwip.ipx.address import Address, format_network, format_node
from nwip.ipx.numbers import UNREACHABLE_HOPS

Network = Annotated[int, Meta(ge=1, le=0xFFFFFFFE)]
Lan = Annotated[int, Meta(ge=0, le=0xFFFFFFFE)]
NodeNumber = Annotated[bytes, Meta(min_length=6, max_length=6)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
Hops = Annotated[int, Meta(ge=0, le=UNREACHABLE_HOPS - 1)]
Counter = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Identity = Annotated[bytes, Meta(min_length=16, max_length=16)]
Port = Annotated[int, Meta(ge=1, le=0xFFFF)]
Name = Annotated[str, Meta(max_length=63, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
"""What a node is called; without control characters, because it is shown on terminals."""

Endpoint = tuple[str, int]
"""A UDP or TCP address: the IP address as text, and the port."""


def endpoint_text(endpoint: Endpoint) -> str:
    """Return an endpoint as people write it: `192.0.2.1:396`, `[2001:db8::1]:396`."""
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


SERVICE_NAME_SIZE = 47

ServiceName = Annotated[str, Meta(min_length=1, max_length=SERVICE_NAME_SIZE, pattern=r"\A[\x01-\xff]+\Z")]


class Kind(IntEnum):
    """The kinds of record; also their tags on the wire."""

    SERVICE = 1
    ROUTE = 2
    HOST = 3
    NODE = 4
    DSS = 5


Key = tuple[Kind, int | bytes, str]
"""What a record is about.

The kind, then (type, name), (network, ""), (node number, "") of a host or node, or (identity, "") of a DSS.
"""


class Service(Struct, frozen=True, array_like=True, gc=False, tag=int(Kind.SERVICE)):
    """A SAP entry. `name` holds octets as Latin-1 text, one character an octet, without padding."""

    service_type: Word
    name: ServiceName
    network: Network
    node: NodeNumber
    socket: Word
    hops: Hops

    @property
    def key(self) -> Key:
        """Type and name: what identifies a service."""
        return (Kind.SERVICE, self.service_type, self.name)

    @property
    def address(self) -> Address:
        """Where the service listens."""
        return Address(self.network, self.node, self.socket)

    def __str__(self) -> str:
        return f"{self.service_type:04X} {self.name} at {self.address}"


class Route(Struct, frozen=True, array_like=True, gc=False, tag=int(Kind.ROUTE)):
    """A RIP entry: `network` is `hops` routers and `ticks` (1/18 s) behind its owner.

    `lan` is the network of the owner's LAN through which it is reached, 0 where other gateways cannot stand.
    The route to that LAN itself has the owner's `turn` as its active gateway; see `lans.py`.
    """

    network: Network
    hops: Hops
    ticks: Word
    lan: Lan = 0
    turn: Counter = 0

    @property
    def key(self) -> Key:
        """The network."""
        return (Kind.ROUTE, self.network, "")

    def __str__(self) -> str:
        return f"network {format_network(self.network)}"


class Host(Struct, frozen=True, array_like=True, gc=False, tag=int(Kind.HOST)):
    """A node number of the virtual network behind its owner; `moves` counts its changes of gateway."""

    node: NodeNumber
    moves: Counter

    @property
    def key(self) -> Key:
        """The node number."""
        return (Kind.HOST, self.node, "")

    def __str__(self) -> str:
        return f"host {format_node(self.node)}"


Endpoints = list[tuple[Annotated[str, Meta(max_length=45)], Port]]


def _check_endpoints(endpoints: Endpoints) -> None:
    for address, _ in endpoints:
        if "%" in address:
            raise ValueError(f"{address!r} has a zone, which means something on one machine only")
        ip_address(address)


class Node(Struct, frozen=True, array_like=True, gc=False, tag=int(Kind.NODE)):
    """The owner itself: its node number on the virtual network, its name, and where its data port listens.

    Raises `ValueError` for an endpoint whose address is not an IP address.
    """

    node: NodeNumber
    name: Name
    endpoints: Annotated[Endpoints, Meta(min_length=1, max_length=8)]

    def __post_init__(self) -> None:
        _check_endpoints(self.endpoints)

    @property
    def key(self) -> Key:
        """The node number."""
        return (Kind.NODE, self.node, "")

    def __str__(self) -> str:
        return f"node {self.name} ({format_node(self.node)})"


class Dss(Struct, frozen=True, array_like=True, gc=False, tag=int(Kind.DSS)):
    """A DSS of the domain, which owns this record itself: where it takes sessions of nodes and of other DSSs.

    Raises `ValueError` for an endpoint whose address is not an IP address.
    """

    identity: Identity
    name: Name
    sessions: Annotated[Endpoints, Meta(max_length=8)]
    peers: Annotated[Endpoints, Meta(max_length=8)]

    def __post_init__(self) -> None:
        _check_endpoints([*self.sessions, *self.peers])

    @property
    def key(self) -> Key:
        """The identity."""
        return (Kind.DSS, self.identity, "")

    def __str__(self) -> str:
        return f"DSS {self.name} ({self.identity.hex()})"


Value = Service | Route | Host | Node | Dss


class Record(Struct, frozen=True, array_like=True, gc=False):
    """One value as its owner registered it.

    Only the owner changes its records. `incarnation` counts the owner's starts, `counter` its changes
    within one; of two records with the same key and owner the higher (incarnation, counter) stands.
    """

    owner: Identity
    incarnation: Counter
    counter: Counter
    value: Value

    @property
    def key(self) -> Key:
        """The key of the value."""
        return self.value.key

    @property
    def sequence(self) -> tuple[int, int]:
        """What orders the versions of a record."""
        return (self.incarnation, self.counter)


class Change(Struct, frozen=True, gc=False):
    """Something that happened to a directory: `record` is now there, or `removed`.

    A `hidden` record is kept and passed on, but is in no answer: the domain's filters deny it, or it is a
    route through a LAN that has another active gateway now.
    """

    record: Record
    removed: bool = False
    hidden: bool = False
