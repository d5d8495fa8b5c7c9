"""Where a directory stands in etcd: keys, values and the numbers of leases. Pure.

Below `nwip/DOMAIN/`, the domain in lower case and percent-encoded: `parameters`; `owner/ID`, the lease of an
owner; `record/ID/HASH`; `gone/ID/HASH`, a withdrawal. ID is the owner's identity in hexadecimal, HASH 16
octets of BLAKE2b over the record's key in MessagePack, in hexadecimal. Values are MessagePack.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Identity, Key, Record
from nwip.directory.tombstones import Withdrawal


class Written(Struct, frozen=True, array_like=True):
    """An owner's lease, and the DSS that has written it: who hears the owner."""

    lease: Lease
    dss: Identity


Value = Written | Record | Withdrawal | Parameters

_encoder = msgspec.msgpack.Encoder()
_decode: Final[dict[bytes, Callable[[bytes], Value]]] = {
    b"owner": msgspec.msgpack.Decoder(Written).decode,
    b"record": msgspec.msgpack.Decoder(Record).decode,
    b"gone": msgspec.msgpack.Decoder(Withdrawal).decode,
    b"parameters": msgspec.msgpack.Decoder(Parameters).decode,
}


def encode(value: Value) -> bytes:
    """Return a value as it stands in etcd."""
    return _encoder.encode(value)


def end_of(prefix: bytes) -> bytes:
    """Return the first key behind all that begin with a prefix, as etcd wants it for a range."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def medium_of(layout: "Layout", cluster: int) -> bytes:
    """Return the identity, among DSSs, of a domain in the cluster with that number."""
    return blake2b(layout.prefix + cluster.to_bytes(8, "big"), digest_size=16).digest()


class Layout:
    """The keys of one domain."""

    def __init__(self, domain: str) -> None:
        self.prefix = f"nwip/{quote(domain.casefold(), safe='')}/".encode()
        self.parameters = self.prefix + b"parameters"

    def owner(self, owner: bytes) -> bytes:
        """Return where an owner's lease stands."""
        return self.prefix + b"owner/" + owner.hex().encode()

    def owner_at(self, key: bytes) -> bytes | None:
        """Return whose lease stands at a key, None where none does."""
        return _identity(key, self.prefix + b"owner/")

    def owner_of_record(self, key: bytes) -> bytes | None:
        """Return whose record stands at a key, None where none does."""
        return _identity(key.rpartition(b"/")[0], self.prefix + b"record/")

    def record(self, owner: bytes, key: Key | None = None) -> bytes:
        """Return where an owner's record of a key stands; without one, what all its records begin with."""
        return self.prefix + b"record/" + _place(owner, key)

    def gone(self, owner: bytes, key: Key) -> bytes:
        """Return where an owner's withdrawal of a key stands."""
        return self.prefix + b"gone/" + _place(owner, key)

    def all_gone(self, owner: bytes | None = None) -> bytes:
        """Return what all withdrawals begin with, those of one owner or of everybody."""
        return self.prefix + b"gone/" + (_place(owner, None) if owner is not None else b"")

    def lease(self, owner: bytes) -> int:
        """Return the number of the lease that an owner has in etcd, 1 to 2^63 - 1: the same at every DSS."""
        octets = blake2b(self.prefix + owner, digest_size=8).digest()
        return int.from_bytes(octets, "big") % (2**63 - 1) + 1

    def value(self, key: bytes, octets: bytes) -> Value | None:
        """Return what stands at a key; None for what is damaged or not of this version."""
        decode = _decode.get(key.removeprefix(self.prefix).partition(b"/")[0])
        try:
            return decode(octets) if decode is not None else None
        except (ValueError, RecursionError):
            return None


def _identity(key: bytes, head: bytes) -> bytes | None:
    try:
        return bytes.fromhex(key.removeprefix(head).decode()) if key.startswith(head) else None
    except ValueError:
        return None


def _place(owner: bytes, key: Key | None) -> bytes:
    octets = blake2b(_encoder.encode(key), digest_size=16).hexdigest() if key is not None else ""
    return f"{owner.hex()}/{octets}".encode()
