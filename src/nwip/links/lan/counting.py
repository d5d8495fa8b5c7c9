"""What a LAN link counts in. Pure."""

from typing import Final

from nwip.dataplane.counting import REFUSED
from nwip.links.base import Counters

NOT_TAKEN: Final = "not taken by the medium"


class LanCounters(Counters):
    """`Counters` that have one name for what a medium does not take, whoever sends."""

    __slots__ = ()

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that were dropped."""
        super().drop(NOT_TAKEN if reason == REFUSED else reason, count)
