"""Looks for the next datagram again and again instead of going to sleep: a core for some microseconds.

What wakes a sleeping process is most of what a single packet costs in time. Between two looks the loop has
its turn, so timers and other sockets wait no longer than otherwise.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from nwip.dataplane.traffic import traffic

SO_BUSY_POLL: Final = 46  # <asm-generic/socket.h>: the same in the kernel, where the card's driver can do it
MOST: Final = 1_000_000  # microseconds


class Spinner:
    """Calls `drain`, and goes on calling it until no datagram has come for so many microseconds.

    `drain` must take what is there without waiting, and count it in `traffic`.
    """

    def __init__(self, drain: Callable[[], None], microseconds: int) -> None:
        self._drain = drain
        self._seconds = microseconds / 1_000_000
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self._is_stopped = False
        self._next: asyncio.Handle | None = None

    def __call__(self) -> None:
        """Learn that something has come."""
        before = traffic.datagrams
        self._drain()
        if traffic.datagrams != before and not self._is_stopped:
            self._until = self._loop.time() + self._seconds
            if self._next is None:
                self._next = self._loop.call_soon(self._look)

    def stop(self) -> None:
        """Look no more; `drain` may call this."""
        self._is_stopped = True
        self._until = 0.0
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        self()
        if self._next is None and self._loop.time() < self._until:
            self._next = self._loop.call_soon(self._look)
