"""Waits for datagrams without being told of each one that leaves.

A socket that `epoll` watches has it in its wait queue all the time. Whenever a packet has left, the kernel
wakes who waits there for room: so it calls `epoll` for each packet sent, and for nothing. `poll` is in the
queue only while it sleeps. So the few sockets that datagrams go through are waited for by `poll`; it waits
for `epoll` as well, which has all others, however many they are.
"""

import asyncio
import selectors
import socket
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

Ready = list[tuple[selectors.SelectorKey, int]]


class DatagramSelector(selectors.BaseSelector):
    """`selectors` for Linux: datagrams by `poll`, all else by `epoll`."""

    def __init__(self) -> None:
        self._others = selectors.EpollSelector()
        self._datagrams = selectors.PollSelector()
        self._key_of_others = self._datagrams.register(self._others.fileno(), selectors.EVENT_READ)

    def register(
        self,
        fileobj: "FileDescriptorLike",
        events: int,
        data: Any = None,  # Any: as in `selectors`
    ) -> selectors.SelectorKey:
        """Wait for events of a file, from now on."""
        chosen = self._datagrams if _carries_datagrams(fileobj) else self._others
        return chosen.register(fileobj, events, data)

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        """Wait for it no longer. Raises `KeyError` when it is not registered."""
        chosen = self._datagrams if fileobj in self._datagrams.get_map() else self._others
        return chosen.unregister(fileobj)

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready; wait for it so many seconds, None: for ever."""
        ready: Ready = []
        for each in self._datagrams.select(timeout):
            if each[0] is self._key_of_others:
                ready += self._others.select(0)
            else:
                ready.append(each)
        return ready

    def get_map(self) -> "Mapping[FileDescriptorLike, selectors.SelectorKey]":
        """Return what is registered."""
        return ChainMap(self._datagrams.get_map(), self._others.get_map())  # type: ignore[arg-type] # only read

    def close(self) -> None:
        """Let go of everything."""
        self._datagrams.close()
        self._others.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop that waits so, where there is `epoll`."""
    if hasattr(selectors, "EpollSelector"):
        return asyncio.SelectorEventLoop(DatagramSelector())
    return asyncio.new_event_loop()


def _carries_datagrams(fileobj: "FileDescriptorLike") -> bool:
    """Say whether it is a socket for packets, of UDP or of a LAN."""
    try:
        sock = socket.socket(fileno=fileobj if isinstance(fileobj, int) else fileobj.fileno())
    except OSError:
        return False
    kind = sock.type
    sock.detach()
    return kind in (socket.SOCK_DGRAM, socket.SOCK_RAW)
