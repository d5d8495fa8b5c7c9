"""Keeps a flood of forged registrations away from a link's ports: the I/O around `flood` and `sieve`."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from nwip.dataplane.port import Port, PortablePort, overflows
from nwip.links.base import Counters
from nwip.links.dosbox.flood import FloodWatch, Shares
from nwip.links.dosbox.sieve import sieve

KEPT_OUT: Final = "kept out in a flood"
CHANGE: Final = 1.25  # times: a share that differs by less is left as it is

_NAME: Final = slice(4, 8)  # of a `sockaddr_in`: the IPv4 address

_log = logging.getLogger("nwip.links.dosbox")


class Shelter:
    """Has the kernel let in only a share of what is unproven, for as long as `watch` sees a flood.

    `link` is the link's name; `players` gives out its clients' addresses as the kernel writes them. What the
    kernel keeps out it counts with the datagrams that found no room; here they are told apart, by time.
    """

    def __init__(
        self,
        link: str,
        watch: FloodWatch,
        counters: Counters,
        ports: Sequence[Port],
        players: Callable[[], Iterable[bytes]],
    ) -> None:
        self._link = link
        self._watch = watch
        self._counters = counters
        self._ports = ports
        self._players = players
        self._seen = self._kept_out = 0
        self._shares: Shares | None = None
        self._known: frozenset[bytes] = frozenset()

    @property
    def flood(self) -> float | None:
        """Unproven datagrams a second, while it is a flood of them."""
        return None if self._shares is None else self._watch.rate

    def next_deadline(self) -> float | None:
        """Return when `look` wants to be called."""
        return self._watch.next_deadline()

    def overflows(self) -> int:
        """Return how many datagrams found no room in a port's buffer; asks the kernel."""
        if self._shares is not None:
            self._count()
        return overflows(self._ports) - self._kept_out

    def look(self, now: float) -> None:
        """Judge what came since the last look, and let in what is to be let in, if it is time for that."""
        due = self._watch.next_deadline()
        if due is None or now < due:
            return
        if self._shares is not None:
            self._count()
        total = overflows(self._ports)
        is_flood = self._watch.look(now, max(0, total - self._seen))
        self._seen = total
        if is_flood:
            self._let_in(self._watch.shares)
        elif self._shares is not None:
            self._open()

    def _count(self) -> None:
        """Count as kept out what the kernel has dropped since the last time."""
        total = overflows(self._ports)
        if total > self._seen:
            self._kept_out += total - self._seen
            self._counters.drop(KEPT_OUT, total - self._seen)
        self._seen = total

    def _let_in(self, shares: Shares | None) -> None:
        known = frozenset(name[_NAME] for name in self._players())
        if shares is None or (
            self._shares is not None and known == self._known and _alike(shares, self._shares)
        ):
            return
        if self._shares is None:
            _log.warning(
                "link %s: a flood of some %d unproven datagrams a second; players go on, few others get in",
                self._link,
                self._watch.rate,
            )
        self._shares, self._known = shares, known
        for port in self._ports:
            if isinstance(port, PortablePort):
                port.admit_by(sieve(shares, None if ":" in port.endpoint[0] else known))

    def _open(self) -> None:
        _log.warning("link %s: the flood is over", self._link)
        self._shares = None
        for port in self._ports:
            if isinstance(port, PortablePort):
                port.admit_by(None)


def _alike(one: Shares, other: Shares) -> bool:
    return all(1 / CHANGE < a / b < CHANGE for a, b in zip(one, other, strict=True))
