"""Answers of many rows, made in slices: between two of them the loop gets its turn.

A row that is made, sorted or encoded takes microseconds; tens of thousands of them at once would keep
packets and leases waiting.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

SLICE: Final = 1000  # rows at a time: a few milliseconds

Item = TypeVar("Item")


async def slices(items: Iterable[Item], size: int = SLICE) -> AsyncIterator[list[Item]]:
    """Give out the items in lists of at most `size`; between two lists others run.

    What is gone through must not change meanwhile: give a list, or a generator over lists.
    """
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
        await asyncio.sleep(0)


async def sorted_in_slices(
    items: Iterable[Item],
    key: Callable[[Item], Any],  # Any: what can be compared, as `sorted` has it
) -> AsyncIterator[list[Item]]:
    """Give out the items in order, in slices."""
    runs = [sorted(part, key=key) async for part in slices(items)]
    async for part in slices(heapq.merge(*runs, key=key)):
        yield part


async def encoded(parts: AsyncIterator[list[Item]]) -> msgspec.Raw:
    """Return all items as one JSON list, encoded slice by slice, to stand in an answer as it is."""
    encoder = msgspec.json.Encoder()
    texts = [encoder.encode(part)[1:-1] async for part in parts]
    return msgspec.Raw(b"[" + b",".join(text for text in texts if text) + b"]")
