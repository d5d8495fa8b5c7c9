"""SAP: which services there are, and where. The payload of packets to socket 0452.

    offset  octets  field
         0       2  operation: 1 general query, 2 general response, 3 nearest query, 4 nearest response,
                    14 specific query, 15 specific response
    a query goes on with
         2       2  service type; FFFF asks for all
    and a specific query, which asks for a service by its name, then with
         4      48  name
        52       8  not known; ncpfs sends FF
    a response goes on with, for each service, 64 octets:
         0       2  service type
         2      48  name: up to 47 octets, then zero
        50      12  address: network 4, node 6, socket 2
        62       2  hops: networks between, 16 means that the service is down

Sources: Novell, IPX Router Specification; the operations and fields as Wireshark has them. The specific query
is what ncpfs sends first, as captured.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from nwip.ipx.address import Address
from nwip.ipx.numbers import UNREACHABLE_HOPS
from nwip.wire import Reader, WireError, Writer

ENTRY_SIZE: Final = 64
NAME_FIELD_SIZE: Final = 48
NAME_SIZE: Final = 47
SPECIFIC_REST_SIZE: Final = 8
MAXIMUM_ENTRIES: Final = (
    7  # in one general response: 480 octets with the IPX header [IPX Router Specification]
)


class SapOperation(IntEnum):
    """What a SAP packet is."""

    GENERAL_QUERY = 1
    GENERAL_RESPONSE = 2
    NEAREST_QUERY = 3
    NEAREST_RESPONSE = 4
    SPECIFIC_QUERY = 14
    SPECIFIC_RESPONSE = 15


QUERIES: Final = (SapOperation.GENERAL_QUERY, SapOperation.NEAREST_QUERY)
RESPONSES: Final = (
    SapOperation.GENERAL_RESPONSE,
    SapOperation.NEAREST_RESPONSE,
    SapOperation.SPECIFIC_RESPONSE,
)


class SapQuery(NamedTuple):
    """A question for the services of a type: for all of them, or for the nearest (GNS)."""

    operation: SapOperation
    service_type: int

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "SapQuery":
        """Read the payload of a query. Raises `WireError` if it is not four octets or not a query."""
        reader = Reader(payload)
        query = cls(_operation(reader, QUERIES), reader.u16())
        reader.finish()
        return query

    def encode(self) -> bytes:
        """Write the payload of a query. Raises `WireError` for a service type that does not fit."""
        return Writer().u16(self.operation).u16(self.service_type).getvalue()


class SapSpecificQuery(NamedTuple):
    """A question for one service by type and name; `name_field` and `rest` are kept as they are."""

    service_type: int
    name_field: bytes
    rest: bytes = b"\xff" * SPECIFIC_REST_SIZE

    @classmethod
    def of(cls, service_type: int, name: str) -> "SapSpecificQuery":
        """Make a query from a name of 1 to 47 Latin-1 characters. Raises `WireError` for any other name."""
        return cls(service_type, _name_field(name))

    @property
    def name(self) -> str:
        """The name as Latin-1 text, up to the first zero octet and at most 47 characters."""
        return _name(self.name_field)

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "SapSpecificQuery":
        """Read the payload of a query. Raises `WireError` if it is not 60 octets or not a specific query."""
        reader = Reader(payload)
        _operation(reader, (SapOperation.SPECIFIC_QUERY,))
        query = cls(reader.u16(), reader.octets(NAME_FIELD_SIZE), reader.octets(SPECIFIC_REST_SIZE))
        reader.finish()
        return query

    def encode(self) -> bytes:
        """Write the payload of a query. Raises `WireError` for a value that does not fit."""
        writer = Writer().u16(SapOperation.SPECIFIC_QUERY).u16(self.service_type)
        return (
            writer.octets(self.name_field, NAME_FIELD_SIZE).octets(self.rest, SPECIFIC_REST_SIZE).getvalue()
        )


class SapEntry(NamedTuple):
    """One service. `name_field` is the whole field: what stands behind its zero octet is kept, not read."""

    service_type: int
    name_field: bytes
    address: Address
    hops: int

    @classmethod
    def of(cls, service_type: int, name: str, address: Address, hops: int) -> "SapEntry":
        """Make an entry from a name of 1 to 47 Latin-1 characters. Raises `WireError` for any other name."""
        return cls(service_type, _name_field(name), address, hops)

    @property
    def name(self) -> str:
        """The name as Latin-1 text, up to the first zero octet and at most 47 characters."""
        return _name(self.name_field)

    @property
    def available(self) -> bool:
        """Whether the service is up: fewer than 16 hops away."""
        return self.hops < UNREACHABLE_HOPS

    @classmethod
    def read(cls, reader: Reader) -> "SapEntry":
        """Read the 64 octets of an entry. Raises `WireError`."""
        return cls(reader.u16(), reader.octets(NAME_FIELD_SIZE), Address.read(reader), reader.u16())

    def write(self, writer: Writer) -> None:
        """Write the 64 octets of an entry. Raises `WireError` for a value that does not fit."""
        writer.u16(self.service_type).octets(self.name_field, NAME_FIELD_SIZE)
        self.address.write(writer)
        writer.u16(self.hops)


class SapResponse(NamedTuple):
    """An answer to a query, or a broadcast that announces services."""

    operation: SapOperation
    entries: tuple[SapEntry, ...]

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "SapResponse":
        """Read the payload of a response.

        More than `MAXIMUM_ENTRIES` are accepted, because routers can be set to send larger packets. Raises
        `WireError` for what is not a response and for an entry that is cut short.
        """
        reader = Reader(payload)
        operation = _operation(reader, RESPONSES)
        entries = []
        while reader.remaining:
            entries.append(SapEntry.read(reader))
        return cls(operation, tuple(entries))

    def encode(self) -> bytes:
        """Write the payload of a response. Raises `WireError` for a value that does not fit."""
        writer = Writer().u16(self.operation)
        for entry in self.entries:
            entry.write(writer)
        return writer.getvalue()


def decode(payload: bytes | bytearray | memoryview) -> SapQuery | SapSpecificQuery | SapResponse:
    """Read the payload of any SAP packet. Raises `WireError`."""
    operation = Reader(payload).u16()
    if operation == SapOperation.SPECIFIC_QUERY:
        return SapSpecificQuery.decode(payload)
    return SapQuery.decode(payload) if operation in QUERIES else SapResponse.decode(payload)


def split(entries: Iterable[SapEntry]) -> Iterator[SapResponse]:
    """Yield as few general responses as hold all entries, in order, `MAXIMUM_ENTRIES` in each."""
    part: list[SapEntry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == MAXIMUM_ENTRIES:
            yield SapResponse(SapOperation.GENERAL_RESPONSE, tuple(part))
            part = []
    if part:
        yield SapResponse(SapOperation.GENERAL_RESPONSE, tuple(part))


def _name_field(name: str) -> bytes:
    try:
        octets = name.encode("latin-1")
    except UnicodeEncodeError:
        raise WireError(f"service name {name!r} is not Latin-1") from None
    if not 1 <= len(octets) <= NAME_SIZE or b"\0" in octets:
        raise WireError(f"service name {name!r} is not 1 to {NAME_SIZE} octets without a zero")
    return octets.ljust(NAME_FIELD_SIZE, b"\0")


def _name(field: bytes) -> str:
    return field.partition(b"\0")[0][:NAME_SIZE].decode("latin-1")


def _operation(reader: Reader, expected: tuple[SapOperation, ...]) -> SapOperation:
    operation = reader.u16()
    if operation not in expected:
        raise WireError(f"{operation} is not one of the SAP operations {[int(each) for each in expected]}")
    return SapOperation(operation)
