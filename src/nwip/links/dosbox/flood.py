"""A flood of forged registrations: noticed by counting, and what part of it is let in until it is over. Pure.

Who registers and is then heard is a player. Those who are not heard, and those who send as a number that they
have not shown to be theirs, cost work and answers; when there are too many, the kernel is to let in only a
share of them, so that the gateway has its time for the players. What has come before it does, and waits, is
mostly thrown away.
"""

import math
from typing import Final, NamedTuple

ALARM: Final = 6000.0  # unproven datagrams a second: some 15 % of a core, and more than any LAN party makes
BEARABLE: Final = 500.0  # of each kind a second that are let in: as many pings as newcomers may wait for
LOOK: Final = 0.1  # seconds from the first unproven datagram to a look at how many there are
MANY: Final = int(ALARM * LOOK)  # of a kind between two looks: enough for an alarm; no more is worked on
SHORTEST: Final = 0.01  # seconds
LOOK_IN_FLOOD: Final = 1.0
OVERDUE: Final = 3.0
CALM: Final = 10.0  # seconds without an alarm until everything is let in again
PACE: Final = 8.0  # times: a share grows or shrinks by no more from one look to the next, as counts are rough


class Shares(NamedTuple):
    """Which part is let in: of registrations, and of other datagrams from who is no player; 0 to 1."""

    registrations: float
    others: float


class FloodWatch:
    """Counts what comes from who is no player, and judges it. `shares` is None while all is let in.

    Times are seconds.
    """

    def __init__(self) -> None:
        self.shares: Shares | None = None
        self.rate = 0.0
        """Unproven datagrams a second, as estimated at the latest look."""
        self._registrations = self._others = 0
        self._since: float | None = None
        self._alarmed_at = -math.inf

    def registration(self, now: float) -> bool:
        """Count a registration; say whether it is to be worked on."""
        self._begin(now)
        self._registrations += 1
        return self._registrations <= MANY

    def other(self, now: float) -> bool:
        """Count another datagram from who is no player; say whether it is to be worked on."""
        self._begin(now)
        self._others += 1
        return self._others <= MANY

    def player(self) -> None:
        """Learn that one of those who have registered has shown himself to be a player."""
        self._registrations -= 1

    def next_deadline(self) -> float | None:
        """Return when `look` wants to be called."""
        if self._since is None:
            return None
        if self.shares is not None:
            return self._since + LOOK_IN_FLOOD
        return self._since + (LOOK if self._registrations + self._others < MANY else 0.0)

    def look(self, now: float, lost: int = 0) -> bool:
        """Judge what came since the last look; say whether it is a flood.

        `lost` datagrams were dropped meanwhile since the socket had no room; while a share is let in, that
        does not count.
        """
        since = now if self._since is None else self._since
        seconds = max(now - since, SHORTEST)
        counts = [max(0, count) / seconds for count in (self._registrations, self._others)]
        before = self.shares
        self._registrations = self._others = 0
        if before is None:
            seen = sum(counts) * seconds
            rates = [count * (seen + lost) / seen if seen else 0.0 for count in counts]
        else:
            rates = [count / share for count, share in zip(counts, before, strict=True)]
        self.rate = sum(rates)
        if self.rate >= ALARM:
            self._alarmed_at = now
        if now - self._alarmed_at >= CALM:
            self.shares = None
        elif before is None:
            self.shares = Shares(*map(_share, rates))
        else:
            shares = (
                min(max(_share(rate), share / PACE), share * PACE)
                for rate, share in zip(rates, before, strict=True)
            )
            self.shares = Shares(*shares)
        self._since = None if self.shares is None else now
        return self.shares is not None

    def _begin(self, now: float) -> None:
        """Begin to count, anew if the last look is so long overdue that nobody looks."""
        if self._since is None:
            self._since = now
        elif now - self._since > OVERDUE:
            self.look(now)
            self._since = now


def _share(rate: float) -> float:
    return min(1.0, BEARABLE / rate) if rate else 1.0
