"""The simulated network: streams over a wire that loses, delays, repeats, reorders and cuts.

A stream does what TCP does: segments that are lost are sent again with growing pauses, they are handed over
in order and once, and after too long without success the connection breaks at both ends.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from nwip.sim.clock import Clock

SEGMENT: Final = 1400  # octets
FIRST_TIMEOUT: Final = 0.2  # seconds until a segment is sent again, doubled each time
GIVE_UP: Final = 5.0  # seconds after which a connection breaks
HEADERS: Final = 52  # octets of IP and TCP around a segment


@dataclass(frozen=True, slots=True)
class Wire:
    """How bad the network is: probabilities, and seconds; `jitter` is what reorders."""

    loss: float = 0.0
    delay: float = 0.001
    jitter: float = 0.0
    duplicate: float = 0.0


class Network:
    """Streams between named machines; those on two sides of a cut cannot reach each other."""

    def __init__(self, clock: Clock, random: Random, wire: Wire) -> None:
        self.clock = clock
        self.random = random
        self.wire = wire
        self._cuts: list[tuple[set[str], set[str]]] = []
        self.segments: Counter[str] = Counter()
        self.octets: Counter[str] = Counter()

    def reaches(self, left: str, right: str) -> bool:
        """Say whether two machines can reach each other."""
        return not any(
            (left in one and right in other) or (left in other and right in one) for one, other in self._cuts
        )

    def partition(self, machines: set[str], others: set[str]) -> None:
        """Cut every path between two groups."""
        self._cuts.append((machines, others))

    def heal(self) -> None:
        """Mend every path."""
        self._cuts.clear()


class Stream:
    """One connection between two machines; each end has a handler for octets and one for its end.

    `kind` names it in the network's counters, where what the caller is sent counts `weight` times: the
    caller may stand for many who are sent the same.
    """

    def __init__(self, network: Network, caller: str, called: str, kind: str, weight: int = 1) -> None:
        self.names = (caller, called)
        self.open = True
        self._network = network
        self._kind = kind
        self._weights = (1, weight)
        self._handlers: list[Callable[[bytes], None]] = [_nothing, _nothing]
        self._enders: list[Callable[[], None]] = [_no_end, _no_end]
        self._sent = [0, 0]
        self._expected = [0, 0]
        self._early: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})

    def attach(self, end: int, received: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """Say what one end (0: the caller) does with octets, and when the connection is over."""
        self._handlers[end] = received
        self._enders[end] = ended

    def send(self, end: int, data: bytes) -> None:
        """Send octets from one end."""
        for start in range(0, len(data), SEGMENT):
            number, self._sent[end] = self._sent[end], self._sent[end] + 1
            self._try(end, number, data[start : start + SEGMENT], FIRST_TIMEOUT, self._network.clock.now)

    def finish(self, end: int) -> None:
        """Close from one end: the other hears of it behind what was sent."""
        number, self._sent[end] = self._sent[end], self._sent[end] + 1
        self._try(end, number, b"", FIRST_TIMEOUT, self._network.clock.now)

    def abort(self) -> None:
        """Let a machine that dies take the connection with it, at both ends, as far as they can hear."""
        if self.open:
            self.open = False
            for ended in self._enders:
                self._network.clock.after(self._network.wire.delay, ended)

    def _try(self, end: int, number: int, data: bytes, pause: float, since: float) -> None:
        if not self.open or number < self._expected[1 - end]:
            return
        network = self._network
        network.segments[self._kind] += self._weights[end]
        network.octets[self._kind] += self._weights[end] * (len(data) + HEADERS)
        clock, wire, random = network.clock, network.wire, network.random
        if clock.now - since > GIVE_UP:
            self.abort()
            return
        copies = 2 if wire.duplicate and random.random() < wire.duplicate else 1
        arrives = network.reaches(*self.names) and not (wire.loss and random.random() < wire.loss)
        if arrives:
            for _ in range(copies):
                delay = wire.delay + (random.random() * wire.jitter if wire.jitter else 0.0)
                clock.after(delay, lambda: self._arrive(1 - end, number, data))
        else:
            clock.after(pause, lambda: self._try(end, number, data, 2 * pause, since))

    def _arrive(self, end: int, number: int, data: bytes) -> None:
        if not self.open or number < self._expected[end]:
            return
        early = self._early[end]
        early[number] = data
        while self.open and self._expected[end] in early:
            data = early.pop(self._expected[end])
            self._expected[end] += 1
            if data:
                self._handlers[end](data)
            else:
                self.open = False
                for ended in self._enders:
                    ended()


def _nothing(_: bytes) -> None:
    """Do nothing with octets."""


def _no_end() -> None:
    """Do nothing at the end."""
