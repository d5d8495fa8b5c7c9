"""Those who have registered and not yet been heard from: the only thing remembered of an unproven source.

A DOS game host that only listens never uses its node number, so it is asked to: one ping a registration,
some time after the reply, because DOSBox takes the first datagram that reaches it for the reply. Pure.
"""

from typing import Final, NamedTuple

from nwip.directory.records import Endpoint

PING_DELAY: Final = 0.5  # seconds from reply to ping: longer than a network reorders by
CAPACITY: Final = 256


class Newcomer(NamedTuple):
    """Whom to ping: its address, the node number that it was told, the listening socket, and when."""

    address: Endpoint
    node: bytes
    port: int
    due: float


class Newcomers:
    """A queue of at most `capacity`, one entry an address; who comes when it is full is refused."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[Endpoint, Newcomer] = {}  # in order of `due`, since the delay is the same for all

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, address: Endpoint, node: bytes, port: int, now: float) -> bool:
        """Queue a ping, in place of one that waits for the same address; False when the queue is full."""
        self._waiting.pop(address, None)
        if len(self._waiting) >= self._capacity:
            return False
        self._waiting[address] = Newcomer(address, node, port, now + PING_DELAY)
        return True

    def discard(self, address: Endpoint) -> None:
        """Forget an address: it has proved itself."""
        self._waiting.pop(address, None)

    def next_deadline(self) -> float | None:
        """Return when the first ping is due."""
        return next((newcomer.due for newcomer in self._waiting.values()), None)

    def take_due(self, now: float) -> list[Newcomer]:
        """Take out all whose ping is due."""
        due = []
        for newcomer in self._waiting.values():
            if newcomer.due > now:
                break
            due.append(newcomer)
        for newcomer in due:
            del self._waiting[newcomer.address]
        return due
