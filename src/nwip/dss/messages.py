"""The messages of TCP ports 396 and 2010, specified octet by octet in `docs/protocol.md`. Pure.

Each is a MessagePack array that starts with its tag; a receiver ignores elements behind those it knows.
"""

from enum import IntEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from nwip.directory.digest import DIGEST_SIZE
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Counter, Identity, Name, Record
from nwip.directory.tombstones import Withdrawal
from nwip.wire import WireError

VERSION: Final = 1
BATCH: Final = 256  # records, withdrawals or leases in a message: decoded and merged in about a millisecond

NEIGHBOUR_LIMIT: Final = 256  # DSSs that one may have sessions with

STATEMENT_LIMIT: Final = 1024  # octets of a signed statement
STATEMENTS: Final = 64  # in a message

Request = Annotated[int, Meta(ge=0, le=2**32 - 1)]
DomainName = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=255, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
Records = Annotated[list[Record], Meta(max_length=BATCH)]
Withdrawals = Annotated[list[Withdrawal], Meta(max_length=BATCH)]
Leases = Annotated[list[Lease], Meta(max_length=BATCH)]
Octets = Annotated[bytes, Meta(min_length=DIGEST_SIZE, max_length=DIGEST_SIZE)]
Role = Literal["node", "reader", "dss"]
Signed = Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_LIMIT)]
Secret = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Reason(IntEnum):
    """Why a DSS ends a session."""

    VERSION = 1
    DOMAIN = 2
    MALFORMED = 3
    EXPECTED_HELLO = 4
    LATE = 5
    FULL = 6
    NOT_ADMITTED = 7
    NOT_ALLOWED = 8
    REPLACED = 9
    SLOW = 10
    IDLE = 11
    EXPIRED = 12
    ROLE = 13
    SELF = 14
    SEALED = 15
    REVOKED = 16


class Hello(Struct, frozen=True, array_like=True, tag=1):
    """The first message each way; tag and `version` keep their place in every version.

    `domain` "" means whichever is served. From a node (`incarnation`, `counter`) is its own highest
    sequence; from a DSS the highest it knows of that node, above which the node jumps. Among DSSs both
    have the role "dss".
    """

    version: Annotated[int, Meta(ge=0, le=0xFFFF)]
    domain: DomainName
    identity: Identity
    boot: Identity
    role: Role
    name: Name
    incarnation: Counter = 0
    counter: Counter = 0


class Refused(Struct, frozen=True, array_like=True, tag=2):
    """The DSS's last word; it closes the session. Unknown reasons are read by their `text`."""

    reason: Annotated[int, Meta(ge=0, le=0xFFFF)]
    text: Text


class DomainParameters(Struct, frozen=True, array_like=True, tag=3):
    """The parameters of the domain: follows the DSS's Hello, and again whenever they change."""

    parameters: Parameters


class Register(Struct, frozen=True, array_like=True, tag=4):
    """Records of the session's own node, in order of their counters; also renews its lease."""

    request: Request
    incarnation: Counter
    renewal: Counter
    records: Records


class Acknowledge(Struct, frozen=True, array_like=True, tag=5):
    """The DSS has done a request; `refused` records were not taken.

    `denied` are those of them that the node may not register: the place in Register, from 0, and why. The
    others found no room.
    """

    request: Request
    refused: Annotated[int, Meta(ge=0, le=BATCH)] = 0
    denied: Annotated[list[tuple[Annotated[int, Meta(ge=0, lt=BATCH)], Text]], Meta(max_length=BATCH)] = []


class Renew(Struct, frozen=True, array_like=True, tag=6):
    """The node lives: all its records have a full lease again. From a reader it only keeps the session."""

    request: Request
    incarnation: Counter
    renewal: Counter


class Withdraw(Struct, frozen=True, array_like=True, tag=7):
    """Keys that the session's own node no longer offers."""

    request: Request
    withdrawals: Withdrawals


class Complete(Struct, frozen=True, array_like=True, tag=8):
    """All records of the node are registered: what it has below this sequence is gone."""

    request: Request
    incarnation: Counter
    counter: Counter


class Subscribe(Struct, frozen=True, array_like=True, tag=9):
    """Asks for a snapshot of these kinds and for every change from now on; repeated, for a new snapshot."""

    kinds: Annotated[list[Annotated[int, Meta(ge=0, le=0xFFFF)]], Meta(max_length=16)]


class Delta(Struct, frozen=True, array_like=True, tag=10):
    """What a subscriber is to merge, in this order: leases, records, withdrawals."""

    leases: Leases = []
    records: Records = []
    withdrawals: Withdrawals = []


class SnapshotEnd(Struct, frozen=True, array_like=True, tag=11):
    """The Deltas since Subscribe held everything that was there; `records` records were told."""

    records: Counter


class Goodbye(Struct, frozen=True, array_like=True, tag=12):
    """The sender leaves; of a node all records go. (`incarnation`, `renewal`) is its last renewal."""

    incarnation: Counter = 0
    renewal: Counter = 0
    text: Text = ""


class Attached(Struct, frozen=True, array_like=True, tag=13):
    """Among DSSs: nodes, by identity and boot, that hold a session with a DSS.

    `number` 0: these are the sender's own. Else they have just begun, with the DSS of that boot, which
    numbers such messages: who has heard that number or a later one passes it on no more.
    """

    nodes: Annotated[list[tuple[Identity, Identity]], Meta(max_length=BATCH)]
    number: Counter = 0
    boot: Identity = bytes(16)


class Neighbours(Struct, frozen=True, array_like=True, tag=14):
    """Among DSSs: whom the sender has sessions with; what it says, they hear from it themselves."""

    identities: Annotated[list[Identity], Meta(max_length=NEIGHBOUR_LIMIT)]


class Digest(Struct, frozen=True, array_like=True, tag=15):
    """Among DSSs: how many owners the sender hears of, and the digest of all they have."""

    owners: Counter
    digest: Octets


class Seen(Struct, frozen=True, array_like=True):
    """Of one owner: the highest sequence known, how many records are live, and their digest."""

    owner: Identity
    incarnation: Counter
    counter: Counter
    records: Counter
    digest: Octets


class Summary(Struct, frozen=True, array_like=True, tag=16):
    """Among DSSs: what the sender has seen of each owner it hears of, perhaps in several messages.

    Behind the `last` one the receiver sends what the sender lacks; with `answer`, its own summary too.
    """

    owners: Annotated[list[Seen], Meta(max_length=BATCH)]
    last: bool
    answer: bool


class Synchronised(Struct, frozen=True, array_like=True, tag=17):
    """Among DSSs: all that the receiver's last summary lacked has been sent."""


class Renewal(Struct, frozen=True, array_like=True):
    """A renewal of the owner that was told with this `index`; `age` in milliseconds."""

    index: Counter
    renewal: Counter
    age: Annotated[int, Meta(ge=0, le=86_400_000)]


class Renewed(Struct, frozen=True, array_like=True, tag=18):
    """To a subscriber: who has renewed, where nothing else of the lease is new."""

    renewals: Annotated[list[Renewal], Meta(max_length=BATCH)]


class Roster(Struct, frozen=True, array_like=True, tag=19):
    """From a DSS of a sealed domain: what the domain's authority has said of its members."""

    statements: Annotated[list[Signed], Meta(max_length=STATEMENTS)]


class DomainSecret(Struct, frozen=True, array_like=True, tag=20):
    """From a DSS of a sealed domain: the secret that its members share."""

    epoch: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    secret: Secret


class Joined(Struct, frozen=True, array_like=True, tag=21):
    """To a guest of a sealed domain: it is a member now. The roster, the secret and Goodbye follow."""

    statement: Signed


Message = (
    Hello
    | Refused
    | DomainParameters
    | Register
    | Acknowledge
    | Renew
    | Withdraw
    | Complete
    | Subscribe
    | Delta
    | SnapshotEnd
    | Goodbye
    | Attached
    | Neighbours
    | Digest
    | Summary
    | Synchronised
    | Renewed
    | Roster
    | DomainSecret
    | Joined
)


class VersionError(WireError):
    """A Hello speaks a version of the protocol that is not known here."""


_TAGS: Final = range(1, 22)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw])
_integer = msgspec.msgpack.Decoder(int)


def encode(message: Message) -> bytes:
    """Return the MessagePack form of a message, without its length."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message | None:
    """Read one message; None for a type that is not known here and is to be skipped.

    Raises `VersionError` for a Hello of another version, `WireError` for anything else that is not a message.
    """
    try:
        message: Message = _decoder.decode(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors, and UnicodeDecodeError, are ValueErrors
        _judge(data, str(error))
        return None
    if isinstance(message, Hello) and message.version != VERSION:
        raise VersionError(f"version {message.version} is not spoken here, only {VERSION}")
    return message


def _judge(data: bytes, problem: str) -> None:
    """Return for an unknown type of message, raise for a version or a message that is wrong."""
    try:
        parts = _parts.decode(data)
        tag = _integer.decode(parts[0])
        version = _integer.decode(parts[1]) if tag == Hello.__struct_config__.tag else VERSION
    except (ValueError, RecursionError, IndexError):
        raise WireError(f"not a message: {problem}") from None
    if version != VERSION:
        raise VersionError(f"version {version} is not spoken here, only {VERSION}")
    if tag in _TAGS:
        raise WireError(f"not a message: {problem}")
