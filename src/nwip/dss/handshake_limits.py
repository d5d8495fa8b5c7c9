"""How many handshakes a sealed DSS does, and for whom: each costs half a millisecond. Pure.

An address is limited strictly. All together are limited too, since one attacker may have many; addresses from
which members have come are not counted among them, so that a flood of strangers keeps no member out.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from nwip.dss.messages import Reason, Refused
from nwip.security.limits import TokenBuckets

RATE: Final = 8.0  # a second from one address, or one IPv6 network of 64 bits
BURST: Final = 128.0  # a whole site behind one address that comes back at once
TOTAL_RATE: Final = 200.0  # a second from everywhere: a tenth of the processor that carries packets too
TOTAL_BURST: Final = 512.0  # a whole domain that comes back at once
KNOWN_LIMIT: Final = 4096  # addresses of members; the one that none has come from for longest is forgotten


class HandshakeLimits:
    """The limits of one port."""

    def __init__(self) -> None:
        self._each = TokenBuckets(RATE, BURST)
        self._strangers = TokenBuckets(TOTAL_RATE, TOTAL_BURST, 1)
        self._known: OrderedDict[str, None] = OrderedDict()

    def objection(self, ip: str, now: float) -> Refused | None:
        """Say why there is no handshake with an address now; None if there is one, which is counted."""
        source = source_of(ip)
        if not self._each.allow(source, now):
            return Refused(Reason.FULL, "too many handshakes come from this address: wait a little")
        if source not in self._known and not self._strangers.allow("", now):
            return Refused(Reason.FULL, "too many handshakes come from everywhere: wait a little")
        return None

    def proved(self, ip: str) -> None:
        """Learn that a member has come from an address."""
        source = source_of(ip)
        self._known[source] = None
        self._known.move_to_end(source)
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)


def source_of(ip: str) -> str:
    """Return by what handshakes are counted: one host may have all addresses of an IPv6 network."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return ip
