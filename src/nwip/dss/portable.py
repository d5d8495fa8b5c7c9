"""The form in which a DSS's directory is taken from place to place: lines of JSON. Pure.

Each line is one object with a `type`: first a `header` with the number of the schema and the domain, then
`parameters`, then of each owner its `lease`, `record` and `withdrawal` lines, last an `end` that counts the
lines before it, so that a file which was cut off is known by it. The values are those of the wire (see
`docs/protocol.md`), as JSON arrays; octets are in base64.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Record
from nwip.directory.table import DEFAULT_LIMIT, OWNER_LIMIT, Directory
from nwip.directory.tombstones import Withdrawal

SCHEMA: Final = 1
LINES_LIMIT: Final = 2 * DEFAULT_LIMIT + OWNER_LIMIT + 3  # a full directory: what is beyond is refused


class Header(Struct, frozen=True, tag="header", tag_field="type"):
    """The first line: what wrote the file. `dss` is its identity in hexadecimal."""

    schema: int
    domain: str
    dss: str = ""
    name: str = ""


class ParametersLine(Struct, frozen=True, tag="parameters", tag_field="type"):
    """The domain's parameters as the writer knew them."""

    value: Parameters


class LeaseLine(Struct, frozen=True, tag="lease", tag_field="type"):
    """An owner's lease; of it a reader takes the floor only, for a file is no sign of life."""

    value: Lease


class RecordLine(Struct, frozen=True, tag="record", tag_field="type"):
    """A record, with the sequence that its owner gave it."""

    value: Record


class WithdrawalLine(Struct, frozen=True, tag="withdrawal", tag_field="type"):
    """An owner's word that a key is withdrawn."""

    value: Withdrawal


class End(Struct, frozen=True, tag="end", tag_field="type"):
    """The last line; `lines` stand before it."""

    lines: int


Line = Header | ParametersLine | LeaseLine | RecordLine | WithdrawalLine | End

_decoder = msgspec.json.Decoder(Line)


class PortableError(Exception):
    """A file cannot be taken in; the message is one sentence for people, with the number of the line."""


def head(parameters: Parameters, identity: bytes, name: str) -> list[Line]:
    """Return the first two lines."""
    return [Header(SCHEMA, parameters.domain, identity.hex(), name), ParametersLine(parameters)]


def of_owner(directory: Directory, owner: bytes, now: float) -> Iterator[Line]:
    """Yield the lines of one owner, from copies: the directory may change meanwhile."""
    lease = directory.lease(owner, now)
    if lease is not None:
        yield LeaseLine(lease)
    yield from map(RecordLine, directory.of_owner(owner))
    yield from map(WithdrawalLine, directory.withdrawals_of(owner))


def closed(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield these lines and the end that counts them."""
    count = 0
    for line in lines:
        count += 1
        yield line
    yield End(count)


class Reading:
    """What the lines of a file held, as far as they were fed; `complete` once the end was read.

    `domain` is the one to which the file must belong. Holds at most `LINES_LIMIT` lines.
    """

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self.lines = 0
        self.complete = False
        self.parameters: Parameters | None = None
        self.leases: list[Lease] = []
        self.records: list[Record] = []
        self.withdrawals: list[Withdrawal] = []

    def feed(self, text: str) -> None:
        """Take the next line. Raises `PortableError` for anything that is not in its place here."""
        number = self.lines + 1
        if number > LINES_LIMIT:
            raise PortableError(f"line {number} is one too many: no directory holds as much")
        try:
            line = _decoder.decode(text)
        except (ValueError, RecursionError):
            raise PortableError(f"line {number} is damaged: export again, or take another backup") from None
        if self.complete:
            raise PortableError(f"line {number} stands behind the end of the export: take it out")
        if (number == 1) != isinstance(line, Header):
            raise PortableError(f"line {number} is not in its place: take a file of 'nwip dss export'")
        self._take(line, number)
        self.lines = number

    def finish(self) -> None:
        """Learn that there are no further lines. Raises `PortableError` when the end is missing."""
        if not self.complete:
            raise PortableError(
                f"the file was cut off behind line {self.lines}: export again, or take another backup"
            )

    def _take(self, line: Line, number: int) -> None:
        match line:
            case Header():
                self._check(line)
            case ParametersLine(value=parameters):
                if parameters.domain.casefold() != self._domain.casefold():
                    raise PortableError(f"line {number} has parameters of the domain {parameters.domain}")
                self.parameters = parameters
            case LeaseLine(value=lease):
                self.leases.append(lease)
            case RecordLine(value=record):
                self.records.append(record)
            case WithdrawalLine(value=withdrawal):
                self.withdrawals.append(withdrawal)
            case End(lines=count):
                if count != number - 1:
                    raise PortableError(
                        f"line {number} counts {count} lines, not {number - 1}: take a file that is whole"
                    )
                self.complete = True

    def _check(self, header: Header) -> None:
        if header.schema != SCHEMA:
            raise PortableError(
                f"line 1 says schema {header.schema}, nwip here reads {SCHEMA}: use the one that wrote it"
            )
        if header.domain.casefold() != self._domain.casefold():
            raise PortableError(
                f"line 1 says domain {header.domain}, and this DSS serves {self._domain}:"
                " import it at a DSS of its own domain"
            )
