"""One WebSocket as the link sees it, and the queue of what is on its way out."""

import asyncio
import contextlib
from collections import deque
from typing import Final, Protocol

QUEUE_LIMIT: Final = 256  # messages that wait for one client; those beyond are dropped
SEND_TIME: Final = 15.0  # seconds for one message to be taken; who takes none for so long is closed
CLOSE_TIME: Final = 1.0  # seconds for the word of it to go out

# RFC 6455, 7.4.1
GOING_AWAY: Final = 1001
NOT_ACCEPTABLE: Final = 1003
POLICY: Final = 1008
TRY_AGAIN: Final = 1013  # IANA, WebSocket close code number registry


class Channel(Protocol):
    """A WebSocket that has been accepted."""

    async def receive(self) -> bytes | str | None:
        """Return the next message, binary or text; None when the connection has ended."""
        ...

    async def send(self, message: bytes) -> None:
        """Send a binary message; waits while the client does not read. `ConnectionError` when it is gone."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close with a code and a reason of at most 123 octets. Never raises."""
        ...


class Outbox:
    """What is to go out on a channel, at most `QUEUE_LIMIT` messages, and whether it is to be closed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._messages: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._end: tuple[int, str] | None = None

    def send(self, message: bytes) -> bool:
        """Queue a message; False when the queue is full or the channel is to be closed."""
        if self._end or len(self._messages) >= QUEUE_LIMIT:
            return False
        self._messages.append(message)
        self._something.set()
        return True

    @property
    def is_ending(self) -> bool:
        """Whether the channel is to be closed by us."""
        return self._end is not None

    def end(self, code: int, reason: str) -> None:
        """Have the channel closed; what waits is dropped, and the first code and reason stand."""
        if self._end is None:
            self._end = (code, reason)
            self._messages.clear()
            self._something.set()

    async def work(self) -> None:
        """Send and close as told; returns when the channel is closed, by us or by the client."""
        try:
            while self._end is None:
                if self._messages:
                    async with asyncio.timeout(SEND_TIME):
                        await self._channel.send(self._messages.popleft())
                else:
                    self._something.clear()
                    await self._something.wait()
        except TimeoutError:
            self.end(POLICY, "reads too slowly")
        except ConnectionError:
            return
        if self._end:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIME):
                    await self._channel.close(*self._end)
