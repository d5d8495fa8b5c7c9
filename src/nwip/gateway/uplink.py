"""Whether the other nodes can be reached while no DSS can. No sockets and no clock of its own.

A gateway that has lost its DSS keeps its replica, and traffic goes on: the DSS is not in its path. But if it
was the cable that broke, it must not go on telling its LANs that it leads to the domain. So it pings other
nodes as long as it has no session, and when none has been heard for as long as the domain would believe an
owner that is silent, the domain is cut off.
"""

from collections.abc import Callable
from typing import Final

PROBE_INTERVAL: Final = 5.0  # seconds
SILENCE: Final = 15.0  # seconds without a packet of another node: the lease that domains have by default


class Uplink:
    """Watches while there is no session. `probe` is to ping others; `cut_off` is told what has changed.

    `packets` says how many have come from other nodes: some pass without `heard` being called.
    """

    def __init__(
        self, probe: Callable[[], None], cut_off: Callable[[bool], None], packets: Callable[[], int] = int
    ) -> None:
        self.watching = False
        self._probe = probe
        self._tell = cut_off
        self._cut_off = False
        self._packets = packets
        self._counted = 0
        self._heard = 0.0
        self._due = 0.0

    def lost(self, now: float) -> None:
        """Learn that there is no session with a DSS."""
        if not self.watching:
            self.watching = True
            self._heard = self._due = now
            self._counted = self._packets()

    def found(self) -> None:
        """Learn that there is a session."""
        self.watching = False
        self._become(cut_off=False)

    def heard(self, now: float) -> None:
        """Learn that something came from another node."""
        self._heard = now
        self._become(cut_off=False)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        return self._due if self.watching else None

    def advance(self, now: float) -> None:
        """Ping others, and notice that they are silent."""
        if not self.watching or now < self._due:
            return
        self._due = now + PROBE_INTERVAL
        before, self._counted = self._counted, self._packets()
        if self._counted != before:
            self.heard(now)
        if now >= self._heard + SILENCE:
            self._become(cut_off=True)
        self._probe()

    def _become(self, *, cut_off: bool) -> None:
        if cut_off is not self._cut_off:
            self._cut_off = cut_off
            self._tell(cut_off)
