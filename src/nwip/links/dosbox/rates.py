"""How many packets a second each client sends, judged once a second: no packet costs more for it. Pure.

Who sends more than the rate gets into debt, and is silenced until it is paid: on the average nobody gets more
than the rate through, whatever he sends between two looks.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from nwip.links.dosbox.clients import Client

LOOK: Final = 1.0  # seconds
CREDIT: Final = 2.0  # seconds' worth that a client who was quiet may send at once
DEBT: Final = 10.0  # seconds that one is silenced at most


class PacketRates:
    """The packets a second of clients, at most `rate`; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self.due = math.inf
        """When `look` wants to be called."""
        self._rate = rate
        self._looked_at = 0.0
        self._counted: dict[bytes, tuple[int, float]] = {}
        self._silenced: frozenset[bytes] = frozenset()

    def expect(self, now: float) -> None:
        """Learn that there is a client."""
        if self._rate and self.due == math.inf:
            self.due, self._looked_at = now + LOOK, now

    def is_silenced(self, node: bytes) -> bool:
        """Say whether the client with a node number is to be heard no more for the moment."""
        return node in self._silenced

    def look(self, clients: Iterable[tuple[Client, int]], now: float) -> Iterator[Client]:
        """Judge clients, each with the packets that it has sent so far; yield those silenced from now on."""
        seconds, self._looked_at = now - self._looked_at, now
        before, self._counted = self._counted, {}
        silenced = set()
        for client, packets in clients:
            counted, credit = before.get(client.node, (0, CREDIT * self._rate))
            credit = min(CREDIT * self._rate, credit + seconds * self._rate) - (packets - counted)
            self._counted[client.node] = packets, max(credit, -DEBT * self._rate)
            if credit < 0:
                silenced.add(client.node)
                if client.node not in self._silenced:
                    yield client
        self._silenced = frozenset(silenced)
        self.due = now + LOOK if self._counted else math.inf
