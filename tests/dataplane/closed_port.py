"""A port that is closed: what is sent by it is refused, and counted."""

from nwip.dataplane.outbox import Outbox
from nwip.dataplane.tally import Tally

SIZE = 16


class Port:
    name_size = SIZE
    takes_groups = True

    def __init__(self) -> None:
        self.tally = Tally()

    def fileno(self) -> int:
        return -1

    def outbox(self, base: int) -> Outbox:
        return Outbox(base, SIZE)
