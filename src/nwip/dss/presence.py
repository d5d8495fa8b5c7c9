"""A DSS's own record in the directory, by which nodes and other DSSs find it. Pure."""

from nwip.directory.owners import NEVER_HEARD, Lease
from nwip.directory.records import Dss, Record
from nwip.dss.exchange import OURSELVES, Exchange
from nwip.dss.messages import Delta


class Presence:
    """Registers and renews the record of this DSS.

    `incarnation` is a hint, higher than at the last start: where another DSS knows a later life of this one,
    it is left behind.
    """

    def __init__(self, exchange: Exchange, value: Dss, incarnation: int, now: float) -> None:
        self._exchange = exchange
        self._value = value
        self._incarnation = incarnation
        self._renewal = 0
        self._due = now

    def next_deadline(self) -> float:
        """Return when `advance` has something to do."""
        return self._due

    def advance(self, now: float) -> None:
        """Renew when it is time."""
        if now < self._due:
            return
        self._due = now + self._exchange.parameters.renewal
        directory, owner = self._exchange.directory, self._value.identity
        known = max(directory.highest(owner), directory.renewed(owner), NEVER_HEARD)
        if known > (self._incarnation, max(self._renewal, 1)):
            self._incarnation = known[0] + 1
        self._renewal += 1
        record = Record(owner, self._incarnation, 1, self._value)
        self._exchange.take_in(Delta([self._lease(0.0)], [record]), OURSELVES, now)

    def leave(self, now: float) -> None:
        """Withdraw the record: this DSS stops."""
        self._renewal += 1
        self._exchange.take_in(Delta([self._lease(self._exchange.parameters.lease)]), OURSELVES, now)

    def _lease(self, age: float) -> Lease:
        lease = self._exchange.parameters.lease
        return Lease(self._value.identity, self._incarnation, self._renewal, lease, age, self._incarnation, 1)
