"""Node numbers that prove receipt: whoever uses one must have been sent it, and we need remember nothing.

Pure. Each is a keyed hash (BLAKE2s) of the address that it was sent to, so it does not show that address,
nobody else can compute it, and after a restart with the same key the same ones hold. Anybody may choose a
node number, so all are locally administered and none begins with the prefix 7E of nwip's own nodes.
"""

import hmac
from hashlib import blake2s
from typing import Final

from nwip.directory.records import Endpoint
from nwip.ipx.address import NODE_SIZE

SMALLEST_KEY: Final = 16
LARGEST_KEY: Final = 32  # RFC 7693: BLAKE2s takes up to 32 octets
RESERVED_FIRST_OCTET: Final = 0x7E

_NUMBER: Final = b"nwipnode"  # "person" of the hash: the two kinds never give each other's values
_COOKIE: Final = b"nwipping"


class ProofNumbers:
    """Derives node numbers and cookies from a secret key of 16 to 32 octets (`ValueError` otherwise)."""

    def __init__(self, key: bytes) -> None:
        if not SMALLEST_KEY <= len(key) <= LARGEST_KEY:
            raise ValueError(f"a key of {SMALLEST_KEY} to {LARGEST_KEY} octets is wanted, {len(key)} given")
        self._key = key

    def node_number(self, address: Endpoint) -> bytes:
        """Return the node number of the host at a UDP address."""
        return self._hash(_NUMBER, address, b"")

    def cookie(self, address: Endpoint, node: bytes) -> bytes:
        """Return the node number that asks the host at `address` to prove that `node` is its own."""
        return self._hash(_COOKIE, address, node)

    def proves(self, cookie: bytes, address: Endpoint, node: bytes) -> bool:
        """Say whether `cookie` is the one that was sent to this address for this node number."""
        return hmac.compare_digest(cookie, self.cookie(address, node))

    def _hash(self, person: bytes, address: Endpoint, node: bytes) -> bytes:
        host, port = address
        text = node + port.to_bytes(2, "big") + host.encode()
        digest = blake2s(text, digest_size=NODE_SIZE, key=self._key, person=person).digest()
        first = digest[0] & 0xFC | 0x02  # IEEE 802: individual, locally administered
        if first == RESERVED_FIRST_OCTET:
            first ^= 0x80
        return bytes((first,)) + digest[1:]
