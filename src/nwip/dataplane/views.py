"""Views of slots of memory, for functions that read or write octets where they lie.

Fast path. A view costs more to make than to use, and most batches are of one length: so those of a few
lengths are kept.
"""

from collections.abc import Iterable
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE

KEPT: Final = 8  # lengths: each takes some 25 kilobytes
MANY: Final = 8  # views: fewer are made when they are needed


class Views:
    """Views of what begins `offset` octets behind the start of a slot, in `memory` of `SLOTS` slots."""

    def __init__(self, memory: memoryview, offset: int = 0) -> None:
        self._memory = memory
        self._offset = offset
        self._kept: dict[int, list[memoryview]] = {}

    def alike(self, first: int, count: int, length: int) -> list[memoryview]:
        """Return views of so many octets each of so many slots, from one on."""
        kept = self._kept.get(length)
        if kept is None:
            if count < MANY:
                return self.each(range(first, first + count), [length] * count)
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            kept = self._kept[length] = self.each(range(SLOTS), [length] * SLOTS)
        return kept[first : first + count]

    def each(self, slots: Iterable[int], lengths: Iterable[int]) -> list[memoryview]:
        """Return a view of each of these slots, of so many octets."""
        memory, offset = self._memory, self._offset
        return [
            memory[slot * STRIDE + offset : slot * STRIDE + offset + length]
            for slot, length in zip(slots, lengths, strict=True)
        ]
