"""Who is connected with a DSS, by IP address: limits, and who has proved to receive what is sent. Pure."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """What one DSS takes on: sessions, in all and from one address; seconds until the first message."""

    sessions: int = 4096
    sessions_per_address: int = 64
    first_message: float = 5.0


DEFAULT_LIMITS: Final = Limits()


class Peers:
    """Counts connections by address; an address is proven while a session from it has been accepted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connected: Counter[str] = Counter()
        self._proven: Counter[str] = Counter()

    def connect(self, ip: str) -> bool:
        """Count a connection in; False when it is one too many."""
        self._connected[ip] += 1
        few = self._connected.total() <= self._limits.sessions
        return few and self._connected[ip] <= self._limits.sessions_per_address

    def prove(self, ip: str) -> None:
        """Learn that a session from this address was accepted: a handshake has crossed both ways."""
        self._proven[ip] += 1

    def disconnect(self, ip: str, *, proven: bool) -> None:
        """Count a connection out, and its proof with it."""
        _uncount(self._connected, ip)
        if proven:
            _uncount(self._proven, ip)

    def is_proven(self, ip: str) -> bool:
        """Say whether a session from this address is accepted."""
        return ip in self._proven


def plain_address(ip: str) -> str:
    """Return an IP address in one form: without zone, and IPv4 that comes as IPv6 as IPv4."""
    address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _uncount(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
