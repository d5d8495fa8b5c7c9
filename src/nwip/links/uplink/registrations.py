"""All registrations of an uplink: the gateway's own, and one for each local host that has sent. Pure."""

from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Final

from nwip.links.uplink.registration import Registration

DEFAULT_LIMIT: Final = 12  # DOSBox's server has 16 places, and its own player and our gateway have two
EVICT_AFTER: Final = 30.0  # seconds: who has sent within them keeps the registration
HOST_SILENCE: Final = 300.0  # seconds after which a local host loses its registration


class Registrations:
    """Which local host has which registration; UDP ports are counted from 0 and no index is used twice.

    At most `limit` hosts. At the limit a newcomer takes the registration of the host that has been silent for
    longest, if that is half a minute or more; otherwise it is refused. A registration that its host has lost
    stays open as a *spare* for the next newcomer, silent, with its number: DOSBox's server frees no place.
    """

    def __init__(self, limit: int, chance: Callable[[], float]) -> None:
        self.limit = limit
        self.gateway: Registration | None = None
        self._chance = chance
        self._ports = count()
        self._of_host: dict[bytes, Registration] = {}
        self._spares: list[Registration] = []
        self._at_port: dict[int, Registration] = {}
        self._of_number: dict[bytes, Registration] = {}
        self._closed: list[int] = []
        self._given_up = 0

    def __len__(self) -> int:
        return len(self._of_host)

    def __iter__(self) -> Iterator[Registration]:
        """Iterate over those in use, the gateway's own first."""
        return chain((self.gateway,) if self.gateway else (), self._of_host.values())

    def start(self, now: float) -> None:
        """Forget all and begin with the gateway's own: the server is another one, or at another address."""
        self._closed += self._at_port
        for table in (self._of_host, self._at_port, self._of_number):
            table.clear()
        self._spares.clear()
        self.gateway = self._new(None, None, now)

    def of_host(self, host: bytes) -> Registration | None:
        """Return the registration of a local host, ten octets of network and node."""
        return self._of_host.get(host)

    def at_port(self, port: int) -> Registration | None:
        """Return the registration at a port, in use or spare."""
        return self._at_port.get(port)

    def has_number(self, number: bytes) -> bool:
        """Say whether a node number of the far side is one of ours, in use or spare."""
        return number in self._of_number

    def was_given(self, number: bytes) -> bool:
        """Say whether it is one of ours that the server has made up: no host of our side has it itself."""
        registration = self._of_number.get(number)
        return registration is not None and not registration.chose_node

    def open(self, host: bytes, wanted: bytes | None, now: float) -> Registration | None:
        """Return a registration for a local host that has none, to be asked for; None when it is refused."""
        if len(self._of_host) >= self.limit:
            silent = min(self._of_host.values(), key=lambda held: held.last_used)
            if now - silent.last_used < EVICT_AFTER:
                return None
            self.drop(silent)
        if not self._spares:
            registration = self._new(host, wanted, now)
        else:
            fitting = (spare for spare in self._spares if wanted is not None and spare.number == wanted)
            registration = next(fitting, self._spares[0])
            self._spares.remove(registration)
            registration.begin(host, wanted, now)
        self._of_host[host] = registration
        return registration

    def drop(self, registration: Registration) -> None:
        """Take a registration from its host; without a number it is given up."""
        if registration.host is None:
            return
        del self._of_host[registration.host]
        self._given_up += registration.abandon()
        if registration.number is None:
            del self._at_port[registration.port]
            self._closed.append(registration.port)
        else:
            self._spares.append(registration)

    def drop_all(self) -> None:
        """Take the registrations from all hosts."""
        for registration in list(self._of_host.values()):
            self.drop(registration)

    def move(self, registration: Registration) -> None:
        """Give a registration another port."""
        del self._at_port[registration.port]
        self._closed.append(registration.port)
        registration.port = next(self._ports)
        self._at_port[registration.port] = registration

    def number(self, registration: Registration, before: bytes | None) -> None:
        """Note the number that the server has given; `before` is the one that it had."""
        if before is not None and self._of_number.get(before) is registration:
            del self._of_number[before]
        if registration.number is not None:
            self._of_number[registration.number] = registration

    def silent(self, now: float) -> list[Registration]:
        """Return the registrations whose hosts have been silent for too long."""
        return [held for held in self._of_host.values() if now - held.last_used >= HOST_SILENCE]

    def given_up(self) -> int:
        """Return how many packets of hosts that have lost their registrations had waited in vain, once."""
        given_up, self._given_up = self._given_up, 0
        return given_up

    def closed(self) -> list[int]:
        """Return the ports that are not used any more, once."""
        closed, self._closed = self._closed, []
        return closed

    def _new(self, host: bytes | None, wanted: bytes | None, now: float) -> Registration:
        registration = Registration(next(self._ports), self._chance)
        registration.begin(host, wanted, now)
        self._at_port[registration.port] = registration
        return registration
