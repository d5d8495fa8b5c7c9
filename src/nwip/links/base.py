"""What a link is to a node: the small interface that every attachment implements.

A link hands packets to its node in *batches* and takes packets to send. It is a thin piece of I/O;
whatever it must decide is decided by a pure engine beside it.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from nwip.dataplane.buffers import FULL

Hop = Hashable
"""Where on a link a packet goes or comes from: opaque to everyone but the link."""


class Arrival(NamedTuple):
    """One packet that a link received: its raw octets, and the hop of the link that it came from.

    The link has checked the header: length field right and no octet behind it, checksum none, source one
    that this hop may use, networks 0 replaced by the link's own.
    """

    packet: bytes
    hop: Hop


class Counters:
    """Packets and octets each way, and drops by reason, since the link was opened."""

    __slots__ = ("drops", "octets_in", "octets_out", "overflows", "packets_in", "packets_out")

    def __init__(self) -> None:
        self.packets_in = 0
        self.octets_in = 0
        self.packets_out = 0
        self.octets_out = 0
        self.drops: dict[str, int] = {}
        self.overflows: Callable[[], int] = int
        """How many datagrams the kernel dropped before we saw them: asks the kernel."""

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that were dropped. `reason` is a constant of the code, never a text off the wire."""
        self.drops[reason] = self.drops.get(reason, 0) + count

    def all_drops(self) -> dict[str, int]:
        """Return the drops by reason, and with them what the kernel dropped."""
        lost = self.overflows()
        return {**self.drops, FULL: lost} if lost else dict(self.drops)


class Link(Protocol):
    """An attachment of a node.

    `name` is unique in the node; `kind` is its type in the configuration. `network` is the IPX network on
    it: for a joined link the virtual network. `node` is our own node number on it; for a joined link the one
    on the virtual network. `star` says that its hosts hear each other only through us. `maximum_size` is the
    largest packet it carries, in octets. `station` is the number under which we alone stand on a medium where
    other routers may stand too, a LAN; None where nobody else can route. Of several gateways of a domain on
    one LAN only one is active, and `node` is then the number that they share, because hosts remember their
    router's: the link sends what we say ourselves from the node number that the packet's source has.
    The network of a routed LAN is 0 until it is known: the gateway sets it.
    """

    name: str
    kind: str
    network: int
    node: bytes
    station: bytes | None
    joined: bool
    star: bool
    maximum_size: int
    counters: Counters

    async def open(self, gateway: "Gateway") -> None:
        """Start, and from now on report to `gateway`. Raises `OSError` if its address cannot be had."""
        ...

    async def close(self) -> None:
        """Stop; nothing is reported from now on."""
        ...

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send one packet to a hop. Never raises: what cannot go out is a counted drop."""
        ...

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        """Send one packet to every host of the link but `besides`. Never raises."""
        ...

    def release(self, node: bytes) -> None:
        """Forget a host of a joined link: it has moved to another gateway."""
        ...

    def describe(self) -> dict[str, str]:
        """Say in words what a person wants to know: addresses, ports, what to type."""
        ...


@runtime_checkable
class Alarming(Protocol):
    """A link that notices by itself what an operator has to put right."""

    def alarms(self, now: float) -> list[tuple[str, str]]:
        """Return each thing that is wrong at `now`: what tells it from others, and a sentence."""
        ...


class Gateway(Protocol):
    """What a node is to its links."""

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Take a batch of packets that `link` received."""
        ...

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        """Learn that a node number of the link's network is at `hop`, or has moved there."""
        ...

    def host_lost(self, link: Link, node: bytes) -> None:
        """Learn that a node number is no longer on the link."""
        ...

    def carrier(self, link: Link, *, present: bool) -> None:
        """Learn that a link's cable is out, or in again. One that never says so is taken to be in."""
        ...
