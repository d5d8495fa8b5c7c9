"""What the way of single packets has found out, remembered by octets, so that the next take none.

Fast path. A packet that came in at a port and was forwarded teaches two things: that its source is believed
from where it came, and where its destination is sent to. Packets of later batches that fit both, and whose
header needs no other look, are forwarded by `batches.py`; all others go the way of single packets. So nothing
is decided here. Whoever changes what was decided on says so: `forget`, `forget_network`, `forget_sources`,
`clear`. To forget too much costs a packet's time, to forget too little is a fault.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from nwip.dataplane.arena import Arena
from nwip.dataplane.groups import Groups
from nwip.dataplane.headers import NETWORK_SIZE
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.tally import Tally
from nwip.ipx.packet import MAXIMUM_SIZE

LIMIT: Final = 200_000  # addresses remembered for an exit; beyond it those of all are forgotten
HOP_LIMIT: Final = 16


class Books(Protocol):
    """What a link counts in: `links.base.Counters`."""

    packets_in: int
    octets_in: int
    packets_out: int
    octets_out: int

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that were dropped."""
        ...


class Target(Protocol):
    """A port that can be sent from; its `name_size` is the size of an address at it, in octets.

    `takes_groups` says whether the kernel cuts messages there: see `groups.py`.
    """

    name_size: int
    tally: Tally
    takes_groups: bool

    def fileno(self) -> int:
        """Return the descriptor; -1 when it is closed."""
        ...

    def outbox(self, base: int) -> Outbox:
        """Return what sends, by this port, packets in slots from an address on."""
        ...


Repeat = Callable[[Arena, Sequence[int], int, bytes, bytes], None]
"""Called with an arena, slots of it whose broadcasts have the same length, source and address that they came
from, and with these three; the source is ten octets."""


class Exit:
    """Where packets from one port may go to by another: `names`, the address at `target` of a destination.

    They may come from `sources`, each from its address. `books` are those of the link that `target` belongs
    to, and `maximum` is the largest packet in octets that it carries. `raises`: it is another network, or
    another medium, and the transport control is raised. `turns`: it leads back out of the port of a star,
    where whoever is a source is at the same address as a destination, so that one table serves for both.
    `pings_all`: a ping to a host there is sent as a broadcast, see `Located`.
    """

    __slots__ = (
        "all",
        "books",
        "groups_of_all",
        "groups_of_some",
        "maximum",
        "names",
        "pings_all",
        "raises",
        "some",
        "sources",
        "target",
    )

    def __init__(
        self,
        target: Target,
        books: Books,
        maximum: int,
        arena: Arena,
        *,
        raises: bool,
        turns: bool,
        pings_all: bool,
    ) -> None:
        self.target = target
        self.books = books
        self.maximum = maximum
        self.raises = raises
        self.pings_all = pings_all
        self.names: dict[bytes, bytes] = {}
        self.sources: dict[bytes, bytes] = self.names if turns else {}
        self.all = target.outbox(arena.base)
        self.some = target.outbox(arena.base)
        self.groups_of_all = self.groups_of_some = None
        if target.takes_groups:
            self.groups_of_all = Groups(self.all, target.name_size)
            self.groups_of_some = Groups(self.some, target.name_size)


class Flows:
    """What is remembered for the packets that come in at one port, into `arena`.

    `network` is the number of the port's network, four octets, which is written where a packet says "this
    network". `hop_limit` is the transport control that no packet may have behind a router, `maximum` the
    largest packet that may come in, in octets. `books` and `tally` are those of the port. `was_mixed` says
    whether something was left of the last batch, `said` is the header of a broadcast that could be repeated.
    """

    def __init__(self, arena: Arena, books: Books, tally: Tally) -> None:
        self.arena = arena
        self.books = books
        self.tally = tally
        self.maximum = MAXIMUM_SIZE
        self.network = bytes(NETWORK_SIZE)
        self.hop_limit = HOP_LIMIT
        self.exits: list[Exit] = []
        self.was_mixed = False
        self.everyone = bytes(NETWORK_SIZE)
        self.repeat: Repeat | None = None
        self.speakers: dict[bytes, bytes] = {}
        self.said = b""
        self._routed: dict[bytes, set[bytes]] = {}

    def exit(
        self, target: Target, books: Books, maximum: int, *, raises: bool, pings_all: bool = False
    ) -> Exit:
        """Return the exit by a port of a link."""
        for way in self.exits:
            if way.target is target and way.raises is raises:
                return way
        turns = not raises and target.tally is self.tally
        way = Exit(target, books, maximum, self.arena, raises=raises, turns=turns, pings_all=pings_all)
        self.exits.append(way)
        return way

    def learn(
        self, source: bytes, name: bytes, destination: bytes, place: bytes, way: Exit, *, routed: bool
    ) -> None:
        """Remember that packets from `source` at `name` are believed, and go by `way` to `place`.

        `routed`: only a network was looked up, not each address.
        """
        if len(way.sources) >= LIMIT or len(way.names) >= LIMIT:
            self._routed.clear()
            for each in self.exits:
                each.sources.clear()
                each.names.clear()
        if routed:
            for address in (source, destination) if way.sources is way.names else (destination,):
                if address not in way.names:
                    self._routed.setdefault(address[:NETWORK_SIZE], set()).add(address)
        way.sources[source] = name
        way.names[destination] = place

    def learn_broadcast(self, source: bytes, name: bytes, everyone: bytes, repeat: Repeat) -> None:
        """Remember that broadcasts from `source` at `name` are believed, and who repeats them."""
        if len(self.speakers) >= LIMIT:
            self.speakers.clear()
        self.everyone = everyone
        self.repeat = repeat
        self.said = b""
        self.speakers[source] = name

    def forget(self, address: bytes) -> None:
        """Forget a source and destination, ten octets."""
        self.speakers.pop(address, None)
        self._routed.get(address[:NETWORK_SIZE], set()).discard(address)
        for way in self.exits:
            way.sources.pop(address, None)
            way.names.pop(address, None)

    def forget_network(self, network: bytes) -> None:
        """Forget the destinations of a network that were not looked up one by one."""
        for address in self._routed.pop(network, ()):
            for way in self.exits:
                way.names.pop(address, None)

    def forget_sources(self, names: set[bytes], nodes: set[bytes]) -> None:
        """Forget who is at some addresses of the port, and who has some node numbers."""
        for sources in (self.speakers, *(way.sources for way in self.exits)):
            gone = [
                address
                for address, name in sources.items()
                if name in names or address[NETWORK_SIZE:] in nodes
            ]
            for address in gone:
                del sources[address]

    def clear(self) -> None:
        """Forget everything."""
        self.exits.clear()
        self.speakers.clear()
        self.repeat = None
        self._routed.clear()
