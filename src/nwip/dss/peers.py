"""Who is connected with a DSS, by IP address: limits, and who has proved to receive what is sent. Pure."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from nwip.security.sources import source_of


@dataclass(frozen=True, slots=True)
class Limits:
    """What one DSS takes on: sessions, in all and from one source; seconds until the first message.

    A source is an IPv4 address or an IPv6 /64.
    """

    sessions: int = 4096
    sessions_per_address: int = 64
    first_message: float = 5.0


DEFAULT_LIMITS: Final = Limits()


class Peers:
    """Counts connections by source; an address is proven while a session from it has been accepted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0
        self._connected: Counter[str] = Counter()
        self._proven: Counter[str] = Counter()

    def connect(self, ip: str) -> bool:
        """Count a connection in; False, and not counted, when it is one too many."""
        source = source_of(ip)
        if (
            self._count >= self._limits.sessions
            or self._connected[source] >= self._limits.sessions_per_address
        ):
            return False
        self._count += 1
        self._connected[source] += 1
        return True

    def prove(self, ip: str) -> None:
        """Learn that a session from this address was accepted: a handshake has crossed both ways."""
        self._proven[ip] += 1

    def disconnect(self, ip: str, *, proven: bool) -> None:
        """Count a connection out that was counted in, and its proof with it."""
        self._count -= 1
        _uncount(self._connected, source_of(ip))
        if proven:
            _uncount(self._proven, ip)

    def is_proven(self, ip: str) -> bool:
        """Say whether a session from this address is accepted."""
        return ip in self._proven


def _uncount(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
