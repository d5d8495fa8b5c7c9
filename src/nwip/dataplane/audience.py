"""Sends one packet to many addresses, many with one call.

Fast path. The addresses stand ready as the kernel takes them, and all messages point to the same octets.
"""

import ctypes
from collections.abc import Callable, Iterable
from typing import Final

from nwip.dataplane.arena import MESSAGE, address_of, headers
from nwip.dataplane.kernel import MSG_DONTWAIT, Iovec, sendmmsg
from nwip.dataplane.outbox import send_rest
from nwip.ipx.packet import MAXIMUM_SIZE

BLOCK: Final = 64  # messages a call


def _nobody() -> Iterable[bytes]:
    return ()


class Audience:
    """The addresses, of `name_size` octets each, that get a copy of what is sent to all.

    `names` gives them out when they are needed; whoever changes them says so by `changed`.
    """

    def __init__(self, name_size: int) -> None:
        self.names: Callable[[], Iterable[bytes]] = _nobody
        self._size = name_size
        self._names: bytes | None = None
        self._besides: bytes | None = None
        self._blocks: list[bytes] = []
        self._loaded: bytes | None = None
        self._block_names = bytearray(BLOCK * name_size)
        self._packet = bytearray(MAXIMUM_SIZE)
        self._own = address_of(self._packet)
        self._iovec = Iovec(self._own, 0)
        self._messages = bytearray(BLOCK * MESSAGE)
        names = address_of(self._block_names)
        for index, header in enumerate(headers(self._messages)):
            header.iov = ctypes.addressof(self._iovec)
            header.iov_length = 1
            header.name = names + index * name_size
            header.name_length = name_size
        messages = address_of(self._messages)
        self._pointers = [ctypes.c_void_p(messages + index * MESSAGE) for index in range(BLOCK)]

    def __len__(self) -> int:
        return len(self._names or b"") // self._size

    def changed(self) -> None:
        """Ask for the addresses again before the next copy."""
        self._names = None

    def send(self, descriptor: int, packet: bytes, besides: bytes | None = None) -> tuple[int, int]:
        """Send a packet of 1500 octets at most to all but one; return how many went and were refused."""
        self._packet[: len(packet)] = packet
        return self.repeat(descriptor, self._own, len(packet), besides)

    def repeat(self, descriptor: int, at: int, length: int, besides: bytes | None) -> tuple[int, int]:
        """Send so many octets at an address in memory, as `send` does."""
        self._iovec.base = at
        self._iovec.length = length
        if self._names is None or besides != self._besides:
            self._prepare(besides)
        went = refused = 0
        for block in self._blocks:
            if block is not self._loaded:
                self._block_names[: len(block)] = block
                self._loaded = block
            size = len(block) // self._size
            sent = sendmmsg(descriptor, self._pointers[0], size, MSG_DONTWAIT)
            if sent != size:
                refused += send_rest(descriptor, self._pointers, sent, size)
            went += size
        return went - refused, refused

    def _prepare(self, besides: bytes | None) -> None:
        """Put the addresses in blocks, without one; who speaks often speaks again."""
        if self._names is None:
            self._names = b"".join(self.names())
        names = self._names
        out = -1 if besides is None else self._find(names, besides)
        if out >= 0:
            names = names[:out] + names[out + self._size :]
        step = BLOCK * self._size
        self._besides = besides
        self._blocks = [names[start : start + step] for start in range(0, len(names), step)]

    def _find(self, names: bytes, name: bytes) -> int:
        at = names.find(name)
        while at >= 0 and at % self._size:
            at = names.find(name, at + 1)
        return at
