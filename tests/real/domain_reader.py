"""A reader of a DSS that keeps its own copy of the directory; of nwip it uses nothing."""

import asyncio
import contextlib
import os
import time
from typing import Final, Self

from real.domain_copy import Copy
from real.domain_frames import (
    DSS,
    GOODBYE,
    HELLO,
    PARAMETERS,
    REFUSED,
    RENEW,
    SERVICE,
    SUBSCRIBE,
    Frames,
    Message,
    framed,
    hello,
)

LOOK_EVERY: Final = 0.1  # seconds between looks at what has aged
SLICE: Final = 1 << 18


class Reader:
    """One session. `ended` says why it is over; while all is well it is empty."""

    def __init__(self, domain: str, address: tuple[str, int], name: str) -> None:
        self.copy = Copy()
        self.address = address
        self.name = name
        self.ended = ""
        self._domain = domain
        self._frames = Frames()
        self._renewal = 1.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        reader, self._writer = await asyncio.open_connection(*self.address)
        self._writer.write(hello(self._domain, os.urandom(16), self.name))
        self._writer.write(framed(SUBSCRIBE, [SERVICE, DSS]))
        self._tasks = [
            asyncio.ensure_future(work) for work in (self._read(reader), self._renew(), self._age())
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.transport.abort()

    async def whole(self, within: float = 20.0) -> None:
        """Wait for the end of the snapshot."""
        async with asyncio.timeout(within):
            while self.copy.whole_at is None:
                assert not self.ended, self.ended
                await asyncio.sleep(0.02)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(SLICE):
                for message in self._frames.feed(data):
                    self._take(message)
        self.ended = self.ended or "the connection was lost"

    def _take(self, message: Message) -> None:
        match message[0]:
            case tag if tag in (REFUSED, GOODBYE):
                self.ended = str(message)
            case tag if tag == PARAMETERS:
                self._renewal = float(message[1][15])
            case tag if tag != HELLO:
                self.copy.take(message, time.monotonic())

    async def _renew(self) -> None:
        while not self.ended:
            self._writer.write(framed(RENEW, 1, 0, 0))
            await asyncio.sleep(self._renewal)

    async def _age(self) -> None:
        while not self.ended:
            due = time.monotonic() + LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            if now < due + LOOK_EVERY:  # else this process was late itself, and what has come is not read yet
                self.copy.age(now)
