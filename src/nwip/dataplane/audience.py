"""Sends packets to many addresses, many with one call.

Fast path. The addresses stand ready as the kernel takes them, and a packet's copies share its octets.
"""

import ctypes
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Final

from nwip.dataplane.arena import IOVEC, MESSAGE, address_of, headers
from nwip.dataplane.kernel import MSG_DONTWAIT, sendmmsg
from nwip.dataplane.outbox import send_rest
from nwip.ipx.packet import MAXIMUM_SIZE

BLOCK: Final = 256  # messages a call: four packets to 64, whose structures the nearest cache still holds

_IOVEC: Final = Struct("@PN")  # `struct iovec`


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
        self._places: dict[bytes | None, int] = {}
        self._besides: bytes | None = None
        self._blocks: list[bytes] = []
        self._at_once = 1
        self._block: bytes | None = None
        self._length = 0
        self._laid: Sequence[int] = ()
        self._packet = bytearray(MAXIMUM_SIZE)
        self._own = address_of(self._packet)
        self._block_names = bytearray(BLOCK * name_size)
        self._block_iovecs = bytearray(BLOCK * IOVEC)
        self._messages = bytearray(BLOCK * MESSAGE)
        names, iovecs = address_of(self._block_names), address_of(self._block_iovecs)
        for index, header in enumerate(headers(self._messages)):
            header.iov = iovecs + index * IOVEC
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
        return self.repeat(descriptor, (self._own,), len(packet), besides)

    def repeat(
        self, descriptor: int, addresses: Sequence[int], length: int, besides: bytes | None
    ) -> tuple[int, int]:
        """Send what lies at these addresses in memory, so many octets each, in order, as `send` does."""
        if self._names is None or besides != self._besides:
            self._prepare(besides)
        went = refused = 0
        for first in range(0, len(addresses), self._at_once):
            packets = addresses[first : first + self._at_once]
            for block in self._blocks:
                if (
                    block is not self._block
                    or length != self._length
                    or packets != self._laid[: len(packets)]
                ):
                    self._lay(block, packets, length)
                count = len(block) // self._size * len(packets)
                sent = sendmmsg(descriptor, self._pointers[0], count, MSG_DONTWAIT)
                if sent != count:
                    refused += send_rest(descriptor, self._pointers, sent, count)
                went += count
        return went - refused, refused

    def _lay(self, block: bytes, packets: Sequence[int], length: int) -> None:
        """Write messages to each address of a block for each of these packets; they may serve again."""
        names = block * len(packets)
        each = len(block) // self._size
        iovecs = b"".join([_IOVEC.pack(packet, length) * each for packet in packets])
        self._block_names[: len(names)] = names
        self._block_iovecs[: len(iovecs)] = iovecs
        self._block, self._length, self._laid = block, length, packets

    def _prepare(self, besides: bytes | None) -> None:
        """Put the addresses in blocks, without one; who speaks often speaks again."""
        if self._names is None:
            names = [*self.names()]
            self._names = b"".join(names)
            self._places = dict(zip(names, range(0, len(self._names), self._size), strict=True))
        everyone = self._names
        at = self._places.get(besides, len(everyone))
        others = everyone[:at] + everyone[at + self._size :]
        step = BLOCK * self._size
        self._besides = besides
        self._blocks = [others[start : start + step] for start in range(0, len(others), step)]
        self._at_once = max(1, step // max(1, len(others)))
