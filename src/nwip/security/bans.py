"""Who is kept out: IP addresses, networks of them, and node numbers, for a while or for good. Pure.

Times are seconds since 1970, so that a ban outlives the program.
"""

import json
import math
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import msgspec
from msgspec import Struct

from nwip.ipx.address import format_node, parse_node
from nwip.security.sources import plain_address, source_of
from nwip.wire import WireError

MOST: Final = 4096  # bans at a time; a further one is refused, and none is forgotten for it


class Ban(Struct, kw_only=True):
    """A ban: of what (as `subject` writes it), since when, until when (None: for good), and why.

    `kept_out` counts what was kept out since the program began or it was made.
    """

    what: str
    since: float
    until: float | None = None
    why: str = ""
    kept_out: int = 0

    def holds(self, now: float) -> bool:
        """Say whether it has not ended."""
        return self.until is None or now < self.until


def subject(text: str) -> str:
    """Return what a ban is of, in one form: an IP address, a network, or a node number of 12 digits.

    An IPv6 address stands for its /64. Raises `ValueError` for what is none of them.
    """
    if ":" not in text and "." not in text:
        return format_node(parse_node(text))
    try:
        return source_of(text)
    except ValueError:
        return str(ip_network(text))


class Bans:
    """The bans of a node; `clock` tells the time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bans: dict[str, Ban] = {}
        self._networks: dict[str, IPv4Network | IPv6Network] = {}
        self._nodes: dict[bytes, Ban] = {}

    def __len__(self) -> int:
        return len(self._bans)

    @property
    def names_nodes(self) -> bool:
        """Whether there is a ban of a node number."""
        return bool(self._nodes)

    def next_end(self) -> float | None:
        """Return in how many seconds the next ban ends, None when none does; let go of those that have."""
        now = self._clock()
        self._forget(now)
        return min((ban.until - now for ban in self._bans.values() if ban.until is not None), default=None)

    def add(self, text: str, seconds: float | None = None, why: str = "") -> Ban:
        """Keep somebody out from now on, in place of an earlier ban of the same. Raises `ValueError`.

        That is for what cannot be banned, and when there are too many bans.
        """
        what, now = subject(text), self._clock()
        self._forget(now)
        if what not in self._bans and len(self._bans) >= MOST:
            raise ValueError(f"there are {MOST} bans already: lift some, or ban a network")
        until = None if seconds is None or math.isinf(seconds) else now + seconds
        return self._keep(Ban(what=what, since=now, until=until, why=why))

    def lift(self, text: str) -> bool:
        """End a ban; False when there is none. Raises `ValueError` for what cannot be banned."""
        return self._drop(subject(text))

    def all(self) -> list[Ban]:
        """Return the bans that hold, in the order in which they were made."""
        self._forget(self._clock())
        return list(self._bans.values())

    def keeps_out_address(self, ip: str) -> bool:
        """Say whether an IP address is banned, and count it."""
        if not self._bans:
            return False
        return self._counts(self._ban_of_address(ip))

    def keeps_out_node(self, node: bytes) -> bool:
        """Say whether a node number of 6 octets is banned, and count it."""
        return self._counts(self._nodes.get(node))

    def covers(self, ip: str, node: bytes) -> bool:
        """Say whether the host with this IP address and node number is banned; it is not counted."""
        now = self._clock()
        found = (self._ban_of_address(ip), self._nodes.get(node))
        return any(ban is not None and ban.holds(now) for ban in found)

    def encode(self) -> str:
        """Return all bans as one line of JSON in ASCII, for `restore`."""
        return json.dumps(msgspec.to_builtins(self.all()))

    def restore(self, text: str) -> None:
        """Take the bans of an earlier run that still hold. Raises `WireError`; nothing is changed then."""
        try:
            bans = msgspec.json.decode(text, type=list[Ban])
            known = [(ban, subject(ban.what)) for ban in bans[:MOST]]
        except (msgspec.MsgspecError, ValueError) as error:
            raise WireError(f"this is no list of bans: {error}") from None
        for ban, what in known:
            self._keep(Ban(what=what, since=ban.since, until=ban.until, why=ban.why))
        self._forget(self._clock())

    def _ban_of_address(self, ip: str) -> Ban | None:
        plain = plain_address(ip)
        ban = self._bans.get(plain)
        if ban is None and self._networks:
            address = ip_network(plain)
            for what, network in self._networks.items():
                if address.version == network.version and address.subnet_of(network):  # type: ignore[arg-type]
                    return self._bans[what]
        return ban

    def _counts(self, ban: Ban | None) -> bool:
        if ban is None or not ban.holds(self._clock()):
            return False
        ban.kept_out += 1
        return True

    def _keep(self, ban: Ban) -> Ban:
        self._drop(ban.what)
        self._bans[ban.what] = ban
        if "/" in ban.what:
            self._networks[ban.what] = ip_network(ban.what)
        elif ":" not in ban.what and "." not in ban.what:
            self._nodes[parse_node(ban.what)] = ban
        return ban

    def _drop(self, what: str) -> bool:
        self._networks.pop(what, None)
        if ":" not in what and "." not in what:
            self._nodes.pop(parse_node(what), None)
        return self._bans.pop(what, None) is not None

    def _forget(self, now: float) -> None:
        for what in [what for what, ban in self._bans.items() if not ban.holds(now)]:
            self._drop(what)
