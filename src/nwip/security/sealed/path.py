"""How large a datagram the path to a peer carries, found by probes that are answered (RFC 8899). Pure.

Until something larger has been answered, datagrams have at most 1232 octets: every path of IPv6 carries
these, and so does every one of IPv4 that matters. Nothing is probed before a packet has needed more.
"""

from typing import Final

BASE: Final = 1232
SIZES: Final = (1472, 1464, 1452, 1444, 1412, 1392, 1372, 1312)
"""UDP payloads in the order of trial: Ethernet and PPPoE under IPv4 and IPv6, then tunnels on the way."""

ANSWER_WITHIN: Final = 1.0  # seconds
TRIES: Final = 3
CONFIRM_AFTER: Final = 60.0  # seconds: a path that was larger may have become smaller
RAISE_AFTER: Final = 600.0  # seconds, as in RFC 8899


class PathSize:
    """The size for one peer, `size` octets of UDP payload.

    `wants(octets, now)` tells it what is to be sent; `probe(now)` returns the size of the probe to be sent
    now.
    """

    __slots__ = ("_candidates", "_confirm_at", "_raise_at", "_tries", "_wait_until", "size")

    def __init__(self) -> None:
        self.size = BASE
        self._candidates: list[int] = []  # those still to be tried, the first one now
        self._tries = 0
        self._wait_until = float("-inf")
        self._raise_at = float("-inf")
        self._confirm_at = float("inf")

    def wants(self, octets: int, now: float) -> None:
        """Take note that a datagram of so many octets is to be sent, and begin probing if that is due."""
        if self._candidates or octets <= BASE:
            return
        larger = [size for size in SIZES if size > self.size]
        if octets > self.size and larger and now >= self._raise_at:
            self._begin(larger, now)
        elif now >= self._confirm_at:
            self._begin([self.size], now)

    def probe(self, now: float) -> int | None:
        """Return the size of the probe that is due, or None."""
        if not self._candidates or now < self._wait_until:
            return None
        if self._tries == TRIES:
            self._failed(now)
            if not self._candidates:
                return None
        self._tries += 1
        self._wait_until = now + ANSWER_WITHIN
        return self._candidates[0]

    def answered(self, size: int, now: float) -> None:
        """Take the answer to a probe; others than to the present one are ignored."""
        if self._candidates and size == self._candidates[0]:
            self.size = size
            self._settle(now)

    def refused(self, now: float) -> None:
        """Take note that the kernel, or a router, would not carry what `size` allows."""
        self.size = BASE
        self._settle(now)

    def next_deadline(self) -> float | None:
        """Return when to ask `probe` again, or None."""
        return self._wait_until if self._candidates else None

    def _begin(self, candidates: list[int], now: float) -> None:
        self._candidates, self._tries, self._wait_until = candidates, 0, now

    def _failed(self, now: float) -> None:
        if self._candidates.pop(0) == self.size:
            self.size = BASE
        self._tries = 0
        if not self._candidates:
            self._settle(now)

    def _settle(self, now: float) -> None:
        self._candidates = []
        self._raise_at = now + RAISE_AFTER
        self._confirm_at = now + CONFIRM_AFTER if self.size > BASE else float("inf")
