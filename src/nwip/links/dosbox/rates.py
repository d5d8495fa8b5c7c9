"""How many packets a second each client sends, judged once a second: no packet costs more for it. Pure.

Who sends more than the rate gets into debt, and is silenced until it is paid: on the average nobody gets more
than the rate through, whatever he sends between two looks. Only of those in debt, or close to it, is anything
remembered.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

LOOK: Final = 1.0  # seconds
CREDIT: Final = 2.0  # seconds' worth that a client who was quiet may send at once
DEBT: Final = 10.0  # seconds that one is silenced at most


class PacketRates:
    """The packets a second of clients, by node number, at most `rate`; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self.due = math.inf
        """When `look` wants to be called."""
        self._rate = rate
        self._looked_at = 0.0
        self._heard: dict[bytes, int] = {}
        self._beside: list[dict[bytes, int]] = []
        self._credit: dict[bytes, float] = {}

    def expect(self, now: float) -> None:
        """Learn that there is a client."""
        if self._rate and self.due == math.inf:
            self.due, self._looked_at = now + LOOK, now

    def admits(self, node: bytes) -> bool:
        """Count a packet of a client; False, and not counted, while it is silenced."""
        if not self._rate:
            return True
        if self._credit.get(node, 0.0) < 0:
            return False
        self._heard[node] = self._heard.get(node, 0) + 1
        return True

    def look(
        self, beside: Sequence[Mapping[bytes, int]], node_of: Callable[[bytes], bytes | None], now: float
    ) -> list[bytes]:
        """Judge what was sent since the last look; return who is silenced from now on.

        `beside` are the packets, since ever, that nobody has asked about here, by some name of the client;
        `node_of` says whose name that is. Half of what is allowed goes unnoticed among them.
        """
        seconds, self._looked_at, self.due = now - self._looked_at, now, now + LOOK
        counts, self._heard = self._heard, {}
        notable = self._rate * seconds / 2
        for before, table in zip(self._beside, beside, strict=False):
            grown = [name for name, count in table.items() if count - before.get(name, 0) > notable]
            for name in grown:
                node = node_of(name)
                if node is not None:
                    counts[node] = counts.get(node, 0) + table[name] - before.get(name, 0)
        self._beside = [dict(table) for table in beside]
        most = CREDIT * self._rate
        silenced = []
        for node in {*self._credit, *(node for node, count in counts.items() if count > notable)}:
            had = self._credit.pop(node, most)
            credit = min(most, had + seconds * self._rate) - counts.get(node, 0)
            if credit < most:
                self._credit[node] = max(credit, -DEBT * self._rate)
            if credit < 0 <= had:
                silenced.append(node)
        return silenced
