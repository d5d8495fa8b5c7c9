"""The frames of sealed datagrams. Pure.

The framing is WireGuard's, and integers are little-endian in it. Every datagram begins with its type, u8, and
three octets of zero.

    type 1 initiation   sender u32, noise 101, mac1 16, mac2 16                    141 octets
    type 2 response     sender u32, receiver u32, noise 48, mac1 16, mac2 16        92 octets
    type 3 cookie       receiver u32, nonce 16, sealed cookie 32                    56 octets
    type 4 data         receiver u32, counter u64, sealed plaintext            32 octets and the plaintext
"""

from struct import Struct
from typing import Final, NamedTuple

from nwip.security.noise import FIRST_OVERHEAD, SECOND_OVERHEAD, TAG_SIZE
from nwip.wire import WireError

INITIATION: Final = b"\1\0\0\0"
RESPONSE: Final = b"\2\0\0\0"
COOKIE: Final = b"\3\0\0\0"
DATA: Final = b"\4\0\0\0"
KIND_SIZE: Final = 4

MAC_SIZE: Final = 16
MACS_SIZE: Final = 2 * MAC_SIZE
PAYLOAD_SIZE: Final = 5
FIRST_SIZE: Final = FIRST_OVERHEAD + PAYLOAD_SIZE
INITIATION_SIZE: Final = 8 + FIRST_SIZE + MACS_SIZE
RESPONSE_SIZE: Final = 12 + SECOND_OVERHEAD + MACS_SIZE
COOKIE_NONCE_SIZE: Final = 16
COOKIE_SIZE: Final = 8 + COOKIE_NONCE_SIZE + MAC_SIZE + TAG_SIZE
DATA_HEADER_SIZE: Final = 16
DATA_OVERHEAD: Final = DATA_HEADER_SIZE + TAG_SIZE

_MEMBER: Final = 0
_INITIATION: Final = Struct(f"<4sI{FIRST_SIZE}s")
_RESPONSE: Final = Struct(f"<4sII{SECOND_OVERHEAD}s")
_COOKIE: Final = Struct(f"<4sI{COOKIE_NONCE_SIZE}s{MAC_SIZE + TAG_SIZE}s")


class Initiation(NamedTuple):
    """A first message, without its two macs."""

    sender: int
    noise: bytes

    def encode(self) -> bytes:
        """Return the octets that mac1 is made over."""
        return _INITIATION.pack(INITIATION, self.sender, self.noise)


class Response(NamedTuple):
    """The answer to a first message, without its two macs."""

    sender: int
    receiver: int
    noise: bytes

    def encode(self) -> bytes:
        """Return the octets that mac1 is made over."""
        return _RESPONSE.pack(RESPONSE, self.sender, self.receiver, self.noise)


class CookieReply(NamedTuple):
    """What is sent instead of an answer to whoever shall first prove its address."""

    receiver: int
    nonce: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """Return the datagram."""
        return _COOKIE.pack(COOKIE, self.receiver, self.nonce, self.sealed)


def decode_initiation(data: bytes) -> Initiation:
    """Read an initiation, its macs left aside. Raises `WireError`."""
    _, sender, noise = _INITIATION.unpack_from(_checked(data, INITIATION, INITIATION_SIZE))
    return Initiation(sender, noise)


def decode_response(data: bytes) -> Response:
    """Read a response, its macs left aside. Raises `WireError`."""
    _, sender, receiver, noise = _RESPONSE.unpack_from(_checked(data, RESPONSE, RESPONSE_SIZE))
    return Response(sender, receiver, noise)


def decode_cookie(data: bytes) -> CookieReply:
    """Read a cookie reply. Raises `WireError`."""
    _, receiver, nonce, sealed = _COOKIE.unpack(_checked(data, COOKIE, COOKIE_SIZE))
    return CookieReply(receiver, nonce, sealed)


def member_payload(epoch: int) -> bytes:
    """Return the payload of a member's first message: kind 0, and the epoch of its secret, big-endian."""
    return bytes((_MEMBER,)) + epoch.to_bytes(PAYLOAD_SIZE - 1, "big")


def read_member_payload(payload: bytes) -> int:
    """Return the epoch that a member's first message names. Raises `WireError` if it is not a member's."""
    if len(payload) != PAYLOAD_SIZE or payload[0] != _MEMBER:
        raise WireError("not the beginning of a handshake between members")
    return int.from_bytes(payload[1:], "big")


def _checked(data: bytes, kind: bytes, size: int) -> bytes:
    if len(data) != size or data[:KIND_SIZE] != kind:
        raise WireError(f"a datagram of {size} octets that begins with {kind.hex()} is wanted")
    return data
