"""The clients of a DOSBox-protocol server: only those that have proved that they receive. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.links.base import Hop

SILENCE: Final = 30.0  # seconds without a packet until the first ping: most NATs keep a UDP mapping that long
PING_INTERVAL: Final = 10.0  # seconds until the next one
UNANSWERED_PINGS: Final = 3  # after so many the client is gone: 60 s after it was last heard


class ClientView(NamedTuple):
    """What there is to tell of a client. Times are seconds of the engine's clock."""

    node: bytes
    address: Endpoint
    chose_node: bool
    since: float
    last_heard: float
    packets_in: int
    octets_in: int
    packets_out: int
    octets_out: int


class Client:
    """A client: where it is, what its number is, when it was heard.

    `port` is the index of the listening socket that it uses; `chose_node` says that it registered with a
    node number of its own (DOSBox-X). `taken` is how many packets of it were known to be taken beside the
    engine, `name` its address as a port writes it, if the link has noted that.
    """

    __slots__ = (
        "address",
        "chose_node",
        "last_heard",
        "name",
        "node",
        "octets_in",
        "octets_out",
        "packets_in",
        "packets_out",
        "pinged",
        "port",
        "since",
        "taken",
        "unanswered",
    )

    def __init__(self, node: bytes, address: Endpoint, chose_node: bool, now: float) -> None:
        self.node = node
        self.address = address
        self.name = b""
        self.chose_node = chose_node
        self.port = 0
        self.since = self.last_heard = self.pinged = now
        self.unanswered = self.taken = 0
        self.packets_in = self.octets_in = self.packets_out = self.octets_out = 0

    @property
    def due(self) -> float:
        """When silence calls for the next step: a ping, or expiry."""
        return self.pinged + PING_INTERVAL if self.unanswered else self.last_heard + SILENCE

    def view(self) -> ClientView:
        """Return what there is to tell, as of now."""
        return ClientView(
            self.node,
            self.address,
            self.chose_node,
            self.since,
            self.last_heard,
            self.packets_in,
            self.octets_in,
            self.packets_out,
            self.octets_out,
        )


class ClientTable:
    """Clients by address and by node number, at most `limit`; who comes when it is full is refused."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._by_address: dict[Endpoint, Client] = {}
        self._by_node: dict[Hop, Client] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(self._by_address.values())

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._by_address) >= self.limit

    def at(self, address: Endpoint) -> Client | None:
        """Return the client at a UDP address."""
        return self._by_address.get(address)

    def with_node(self, node: Hop) -> Client | None:
        """Return the client that has a node number."""
        return self._by_node.get(node)

    def add(self, client: Client) -> None:
        """Add a client whose address and node number are free."""
        self._by_address[client.address] = client
        self._by_node[client.node] = client

    def remove(self, client: Client) -> None:
        """Take a client out."""
        del self._by_address[client.address]
        del self._by_node[client.node]
