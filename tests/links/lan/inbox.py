"""What a medium has heard, and a wait for it."""

import asyncio
from collections.abc import Sequence


class Inbox:
    """Takes the frames of a medium."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._something = asyncio.Event()

    def __call__(self, batch: Sequence[bytes]) -> None:
        self.frames += batch
        self._something.set()

    async def holds(self, count: int, within: float = 10.0) -> list[bytes]:
        """Wait until so many frames are there, and return them; `TimeoutError` after so many seconds."""
        async with asyncio.timeout(within):
            while len(self.frames) < count:
                self._something.clear()
                await self._something.wait()
        return self.frames


def frame(number: int, size: int = 60, *, to: bytes = b"\xff" * 6, source: bytes = b"\2frame") -> bytes:
    """Return a frame of an experimental type (IEEE 802: 88B5) that is known by a number."""
    return (to + source + b"\x88\xb5" + number.to_bytes(4, "big")).ljust(size, b".")
