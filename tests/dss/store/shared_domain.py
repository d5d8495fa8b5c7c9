"""Several DSSs at one shared store, all of it simulated: the store may fail, forget, and be late."""

from random import Random

from dss.replicated_domain import Domain, Site
from dss.simulated_domain import PARAMETERS, Member, node
from dss.store.shared_seat import MEDIUM, Seat
from dss.store.simulated_store import Cloud
from nwip.directory.parameters import Parameters
from nwip.dss.store.sharing import Sharing

KEEP_EVERY = 20.0


def member(number: int) -> Member:
    """Return a node that offers itself."""
    made = Member(number)
    made.engine.offer(node(number))
    return made


class SharedDomain(Domain):
    """DSSs that may or may not have sessions with each other, before one store."""

    def __init__(self, count: int, parameters: Parameters = PARAMETERS, checked: int = 0) -> None:
        self.cloud = Cloud()
        self._checked = checked
        self.seats: list[Seat] = []
        super().__init__(count, parameters)
        for number, site in enumerate(self.sites):
            self.sit_down(number, site)
        self.settle()

    def sit_down(self, number: int, site: Site) -> None:
        """Bring a DSS to the store; one that has the number of another takes its place."""
        sharing = Sharing(site.server, checked=self._checked)
        sharing.origin = MEDIUM
        sharing.follow()
        seat = Seat(number, site, sharing)
        self.seats[number:] = [seat, *self.seats[number + 1 :]]

    def restart(self, number: int) -> None:
        """Let a DSS lose all that it had in memory."""
        for member, (site, _) in list(self.members.items()):
            if site == number:
                self.detach(member)
        for ends in [ends for ends in self.wires if number in ends]:
            self.part(*sorted(ends))
        self.sites[number] = Site(number, self.now, boot=Random(self.now).randrange(256))  # noqa: S311
        self.sit_down(number, self.sites[number])
        self.settle()

    def settle(self) -> None:
        moved = True
        while moved:
            super().settle()
            moved = sum(seat.exchange(self.cloud, self.now) for seat in self.seats) > 0

    def run(self, seconds: float) -> None:
        """Let time pass, in steps that are short beside every time of the store."""
        end = self.now + seconds
        while self.now < end:
            super().run(min(1.0, end - self.now))
            if self.cloud.works:  # without a majority nothing ends there
                self.cloud.expire(self.now)
                self.cloud.bring_strays(self.now)
            for seat in self.seats:
                seat.sharing.sweep()
                if seat.keeps_at <= self.now and seat.reaches and self.cloud.works:
                    seat.keeps_at = self.now + KEEP_EVERY
                    self.cloud.keep(seat.number, self.now)
            self.settle()
