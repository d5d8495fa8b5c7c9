"""RIP: which networks there are, and how far. The payload of packets to socket 0453.

    offset  octets  field
         0       2  operation: 1 request, 2 response
    then for each network, 8 octets:
         0       4  network; in a request FFFFFFFF asks for all
         4       2  hops: routers to it, 16 means unreachable
         6       2  ticks to it (1/18 s)

Source: Novell, IPX Router Specification; the fields as Wireshark has them. The two metrics of a request's
entry mean nothing.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from nwip.ipx.numbers import ALL_NETWORKS, UNREACHABLE_HOPS
from nwip.wire import Reader, WireError, Writer

ENTRY_SIZE: Final = 8
MAXIMUM_ENTRIES: Final = (
    50  # what one packet may hold: 432 octets with the IPX header [IPX Router Specification]
)
_ENTRIES: Final = Struct(">IHH")
NO_METRIC: Final = 0xFFFF  # what requests carry for hops and ticks


class RipOperation(IntEnum):
    """What a RIP packet is."""

    REQUEST = 1
    RESPONSE = 2


class RipEntry(NamedTuple):
    """One network; `hops` counts routers, `ticks` are 1/18 s."""

    network: int
    hops: int = NO_METRIC
    ticks: int = NO_METRIC

    @property
    def reachable(self) -> bool:
        """Whether the network can be reached: fewer than 16 hops."""
        return self.hops < UNREACHABLE_HOPS


class RipPacket(NamedTuple):
    """A RIP request or response, decoded."""

    operation: RipOperation
    entries: tuple[RipEntry, ...]

    @classmethod
    def request(cls, network: int = ALL_NETWORKS) -> "RipPacket":
        """Make a request for one network, or for all."""
        return cls(RipOperation.REQUEST, (RipEntry(network),))

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "RipPacket":
        """Read the payload of a packet.

        More than `MAXIMUM_ENTRIES` are accepted, because routers can be set to send larger packets. Raises
        `WireError` for an unknown operation and for an entry that is cut short.
        """
        reader = Reader(payload)
        operation = reader.u16()
        if operation not in (RipOperation.REQUEST, RipOperation.RESPONSE):
            raise WireError(f"{operation} is not a RIP operation")
        rest = reader.rest()
        if len(rest) % ENTRY_SIZE:
            raise WireError(f"the last entry is cut short: {len(rest) % ENTRY_SIZE} of {ENTRY_SIZE} octets")
        return cls(RipOperation(operation), tuple(map(RipEntry._make, _ENTRIES.iter_unpack(rest))))

    def encode(self) -> bytes:
        """Write the payload of a packet. Raises `WireError` for a value that does not fit."""
        writer = Writer().u16(self.operation)
        for entry in self.entries:
            writer.u32(entry.network).u16(entry.hops).u16(entry.ticks)
        return writer.getvalue()


def split(operation: RipOperation, entries: Iterable[RipEntry]) -> Iterator[RipPacket]:
    """Yield as few packets as hold all entries, in order, `MAXIMUM_ENTRIES` in each."""
    part: list[RipEntry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == MAXIMUM_ENTRIES:
            yield RipPacket(operation, tuple(part))
            part = []
    if part:
        yield RipPacket(operation, tuple(part))
