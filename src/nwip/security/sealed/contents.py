"""What is inside sealed data: the first octet tells. Pure.

    -    nothing: the sender is there
    FF   a whole IPX packet, whose checksum is always FFFF
    01   part of one: number u16, index u8, count u8, octets
    02   path probe: size u16, zeros; the datagram has that size
    03   its answer: size u16
    04   where do you see me: 18 octets of zero
    05   there: IP address 16, port u16; IPv4 as in RFC 4291, 2.5.5.2
    06   to be passed on: identity of the receiver 16, a sealed datagram
    07   passed on: identity of the sender 16, a sealed datagram
    08   RIP or SAP to or from a DSS, on its port of questions only: an IPX packet

Integers are big-endian here, as in IPX.
"""

import ipaddress
from struct import Struct
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.security.keys import IDENTITY_SIZE
from nwip.security.sealed.framing import DATA_OVERHEAD
from nwip.wire import WireError

KEEPALIVE: Final = b""
PACKET: Final = 0xFF
PART: Final = 1
PROBE: Final = 2
PROBE_ANSWER: Final = 3
WHERE: Final = 4
SEEN: Final = 5
RELAY: Final = 6
RELAYED: Final = 7
QUESTION: Final = 8

ENVELOPE_SIZE: Final = 1 + IDENTITY_SIZE
PART_HEADER_SIZE: Final = 5
WHERE_ARE_WE: Final = bytes((WHERE,)) + bytes(18)
_PART: Final = Struct(">BHBB")
_SIZE: Final = Struct(">BH")
_SEEN: Final = Struct(">B16sH")
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Part(NamedTuple):
    """A part of a packet: the packet's number, its place among `of` parts, and its octets."""

    number: int
    place: int
    of: int
    octets: bytes

    def encode(self) -> bytes:
        """Return the plaintext."""
        return _PART.pack(PART, self.number, self.place, self.of) + self.octets


class Envelope(NamedTuple):
    """A datagram on its way through a relay, and whom it goes to or comes from."""

    identity: bytes
    datagram: bytes

    def to_relay(self) -> bytes:
        """Return the plaintext for the relay; `identity` is the receiver's."""
        return bytes((RELAY,)) + self.identity + self.datagram

    def from_relay(self) -> bytes:
        """Return the plaintext for the receiver; `identity` is the sender's."""
        return bytes((RELAYED,)) + self.identity + self.datagram


def read_part(plain: bytes) -> Part:
    """Read a part. Raises `WireError`."""
    if len(plain) <= PART_HEADER_SIZE:
        raise WireError("a part without octets")
    _, number, index, count = _PART.unpack_from(plain)
    if index >= count:
        raise WireError(f"part {index} of {count}")
    return Part(number, index, count, plain[PART_HEADER_SIZE:])


def probe(size: int) -> bytes:
    """Return the probe whose datagram has `size` octets."""
    return _SIZE.pack(PROBE, size).ljust(size - DATA_OVERHEAD, b"\0")


def answer_to_probe(plain: bytes) -> bytes:
    """Return the answer to a probe. Raises `WireError` if it is not one of the size that it says."""
    if len(plain) < _SIZE.size or plain != probe(_SIZE.unpack_from(plain)[1]):
        raise WireError("a probe of another size than it says")
    return _SIZE.pack(PROBE_ANSWER, len(plain) + DATA_OVERHEAD)


def read_probe_answer(plain: bytes) -> int:
    """Return the size that a probe had which has arrived. Raises `WireError`."""
    if len(plain) != _SIZE.size:
        raise WireError("not the answer to a probe")
    size: int = _SIZE.unpack(plain)[1]
    return size


def seen_at(endpoint: Endpoint) -> bytes:
    """Return the answer to `WHERE_ARE_WE` from an endpoint. It is not longer than the question."""
    host, port = endpoint
    address = ipaddress.ip_address(host.partition("%")[0])
    packed = address.packed if address.version == 6 else _MAPPED + address.packed
    return _SEEN.pack(SEEN, packed, port)


def read_seen_at(plain: bytes) -> Endpoint:
    """Return where a peer sees us. Raises `WireError`."""
    if len(plain) != _SEEN.size:
        raise WireError("not an address and a port")
    _, packed, port = _SEEN.unpack(plain)
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address), port


def read_envelope(plain: bytes) -> Envelope:
    """Read what is to be, or was, passed on. Raises `WireError`."""
    if len(plain) < ENVELOPE_SIZE + DATA_OVERHEAD:
        raise WireError("too short for a datagram that is passed on")
    return Envelope(plain[1:ENVELOPE_SIZE], plain[ENVELOPE_SIZE:])
