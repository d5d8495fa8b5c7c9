"""What stands in one row of the SQLite store: a value in MessagePack, with a mark that shows damage. Pure."""

from collections.abc import Iterator
from enum import IntEnum
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.base import Batch, Kept

MARK_SIZE: Final = 8


class Type(IntEnum):
    """What a row holds."""

    PARAMETERS = 1
    FLOOR = 2
    RECORD = 3
    WITHDRAWAL = 4


class Entry(NamedTuple):
    """A row: its number is a hash of what it is about, so a new value takes the place of the old one."""

    number: int
    type: int
    owner: bytes
    data: bytes
    mark: bytes


_encoder = msgspec.msgpack.Encoder()
_decoders: Final[dict[Type, msgspec.msgpack.Decoder[Parameters | Lease | Record | Withdrawal]]] = {
    Type.PARAMETERS: msgspec.msgpack.Decoder(Parameters),
    Type.FLOOR: msgspec.msgpack.Decoder(Lease),
    Type.RECORD: msgspec.msgpack.Decoder(Record),
    Type.WITHDRAWAL: msgspec.msgpack.Decoder(Withdrawal),
}


def number(type_: Type, owner: bytes, key: Key | None = None) -> int:
    """Return the number of a row, a signed integer of 64 bits.

    Two that collide (one in 10^9 domains of 150,000 records) overwrite each other, and are learned again.
    """
    octets = blake2b(_encoder.encode((type_, owner, key)), digest_size=8).digest()
    return int.from_bytes(octets, "big", signed=True)


def entries(batch: Batch) -> Iterator[Entry]:
    """Yield the rows that a batch writes."""
    if batch.parameters is not None:
        yield _entry(Type.PARAMETERS, b"", None, batch.parameters)
    for lease in batch.leases:
        yield _entry(Type.FLOOR, lease.owner, None, lease)
    for record in batch.records:
        yield _entry(Type.RECORD, record.owner, record.key, record)
    for withdrawal in batch.withdrawals:
        yield _entry(Type.WITHDRAWAL, withdrawal.owner, withdrawal.key, withdrawal)


def read_into(kept: Kept, row: tuple[int, int, bytes, bytes]) -> bool:
    """Add what a row (number, type, data, mark) holds; False when it is damaged."""
    number_, type_, data, mark = row
    if not isinstance(data, bytes) or mark != _mark(number_, data) or type_ not in _decoders:
        return False
    try:
        value = _decoders[Type(type_)].decode(data)
    except (ValueError, RecursionError):
        return False
    match value:
        case Parameters():
            kept.parameters = value
        case Lease():
            kept.leases.append(value)
        case Record():
            kept.records.append(value)
        case Withdrawal():
            kept.withdrawals.append(value)
    return True


def _entry(type_: Type, owner: bytes, key: Key | None, value: msgspec.Struct) -> Entry:
    at = number(type_, owner, key)
    data = _encoder.encode(value)
    return Entry(at, type_, owner, data, _mark(at, data))


def _mark(at: int, data: bytes) -> bytes:
    return blake2b(data, digest_size=MARK_SIZE, key=at.to_bytes(8, "big", signed=True)).digest()
