"""Digests of what an owner has, by which two copies find in a few octets that they differ. Pure.

The digest of an owner is the exclusive or, over its live records, of BLAKE2b with a digest of eight octets
(read big-endian) over the record as it is on the wire. So it depends on no order, and costs one hash a
change. The value counts: two lives of an owner may have given one sequence to two values.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from nwip.directory.records import Record

DIGEST_SIZE: Final = 8  # octets

_encoder = msgspec.msgpack.Encoder()


def mark(record: Record) -> int:
    """Return what a record adds to the digest of its owner."""
    return int.from_bytes(blake2b(_encoder.encode(record), digest_size=DIGEST_SIZE).digest(), "big")


def digest_of(records: Iterable[Record]) -> int:
    """Return the digest of these records of one owner."""
    result = 0
    for record in records:
        result ^= mark(record)
    return result
