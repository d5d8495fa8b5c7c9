"""Renewals in few octets: an owner is named by the number that its lease was told with. Pure.

Most of what a quiet domain says is "still there". A lease that a subscriber knows needs only its number, the
new renewal and its age; it is told in full again as soon as anything else of it has changed.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from nwip.directory.owners import Lease
from nwip.directory.table import OWNER_LIMIT
from nwip.dss.messages import BATCH, Renewal, Renewed

MILLISECONDS: Final = 1000

_Terms = tuple[int, int, float, int, int]


class Shorthand:
    """What of each owner's lease has been told in full: by a DSS, to all its subscribers."""

    def __init__(self) -> None:
        self._told: dict[bytes, _Terms] = {}

    def split(self, leases: Iterable[Lease]) -> tuple[list[Lease], list[Renewed]]:
        """Return what must be told in full, and messages for the rest."""
        full: list[Lease] = []
        renewals: list[Renewal] = []
        for lease in leases:
            terms = (
                lease.index,
                lease.incarnation,
                lease.lease,
                lease.floor_incarnation,
                lease.floor_counter,
            )
            if lease.age < lease.lease and lease.index and self._told.get(lease.owner) == terms:
                renewals.append(Renewal(lease.index, lease.renewal, round(lease.age * MILLISECONDS)))
            else:
                self._told[lease.owner] = terms
                full.append(lease)
        if len(self._told) > 2 * OWNER_LIMIT:
            self._told.clear()
        return full, [Renewed(renewals[at : at + BATCH]) for at in range(0, len(renewals), BATCH)]


class Longhand:
    """The leases that a subscriber was told in this session, by their numbers.

    They are kept as they were told, and not looked up in the replica: that may have forgotten an owner, and
    must then hear of it again.
    """

    def __init__(self) -> None:
        self._told: dict[int, Lease] = {}

    def clear(self) -> None:
        """Forget the numbers: another DSS gives others."""
        self._told.clear()

    def learn(self, leases: Iterable[Lease]) -> None:
        """Keep leases that are told in full, by their numbers."""
        for lease in leases:
            if lease.index and (lease.index in self._told or len(self._told) < 2 * OWNER_LIMIT):
                self._told[lease.index] = lease

    def leases(self, message: Renewed) -> Iterator[Lease]:
        """Yield in full what a message says, as far as the leases were told."""
        for renewal in message.renewals:
            told = self._told.get(renewal.index)
            if told is not None:
                age = min(renewal.age / MILLISECONDS, told.lease)
                yield replace(told, renewal=renewal.renewal, age=age, index=0)
