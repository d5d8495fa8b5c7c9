"""The clients of a DOSBox-protocol server: only those that have proved that they receive. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.links.base import Hop
from nwip.links.dosbox.compact import Compact

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

    `name` is its address in few octets (see `ClientTable.address_of`); `port` is the index of the listening
    socket that it uses; `chose_node` says that it registered with a node number of its own (DOSBox-X).
    `pinged` counts while pings are `unanswered`. `taken` is how many packets of it were known to be taken
    beside the engine.
    """

    __slots__ = (
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

    def __init__(self, node: bytes, name: bytes, chose_node: bool, port: int, now: float) -> None:
        self.node = node
        self.name = name
        self.chose_node = chose_node
        self.port = port
        self.since = self.last_heard = self.pinged = now
        self.unanswered = self.taken = 0
        self.packets_in = self.octets_in = self.packets_out = self.octets_out = 0

    @property
    def due(self) -> float:
        """When silence calls for the next step: a ping, or expiry."""
        return self.pinged + PING_INTERVAL if self.unanswered else self.last_heard + SILENCE

    def view(self, address: Endpoint) -> ClientView:
        """Return what there is to tell, as of now."""
        return ClientView(
            self.node,
            address,
            self.chose_node,
            self.since,
            self.last_heard,
            self.packets_in,
            self.octets_in,
            self.packets_out,
            self.octets_out,
        )


class ClientTable:
    """Clients by address and by node number, at most `limit`; who comes when it is full is refused.

    `number_of` gives the node number that belongs to an address: a client that did not choose another is
    found by it, and needs no entry for its address. `compact` is how addresses are kept.
    """

    def __init__(self, limit: int, number_of: Callable[[Endpoint], bytes], compact: Compact) -> None:
        self.limit = limit
        self._number_of = number_of
        self._compact = compact
        self._by_node: dict[Hop, Client] = {}
        self._choosers: dict[bytes, Client] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(self._by_node.values())

    def __len__(self) -> int:
        return len(self._by_node)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._by_node) >= self.limit

    def at(self, address: Endpoint) -> Client | None:
        """Return the client at an address."""
        client = self._by_node.get(self._number_of(address))
        if client is not None and self.address_of(client) == address:
            return client
        return self._choosers.get(self._compact.pack(address)) if self._choosers else None

    def with_node(self, node: Hop) -> Client | None:
        """Return the client that has a node number."""
        return self._by_node.get(node)

    def address_of(self, client: Client) -> Endpoint:
        """Return the address of a client."""
        return self._compact.unpack(client.name)

    def node_of(self, name: bytes) -> bytes | None:
        """Return the node number of the client at an address in few octets."""
        client = self.at(self._compact.unpack(name))
        return None if client is None else client.node

    def add(self, node: bytes, address: Endpoint, chose_node: bool, port: int, now: float) -> Client:
        """Add a client whose address and node number are free."""
        client = Client(node, self._compact.pack(address), chose_node, port, now)
        self._by_node[node] = client
        if chose_node:
            self._choosers[client.name] = client
        return client

    def remove(self, client: Client) -> None:
        """Take a client out."""
        del self._by_node[client.node]
        if client.chose_node:
            del self._choosers[client.name]
