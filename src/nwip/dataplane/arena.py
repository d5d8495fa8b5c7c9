"""Memory for one batch of datagrams, laid out so that a header field of all of them is one slice.

Fast path. Datagram i lies in slot i, at `i * STRIDE` of `buffer`; so octet k of every header is
`buffer[k : count * STRIDE : STRIDE]`, one operation for the whole batch. Nothing here is made anew for a
packet: the kernel is given the same structures each time.
"""

import ctypes
import sys
from collections.abc import Sequence
from typing import Final

from nwip.dataplane.kernel import MSG_DONTWAIT, Iovec, Mmsghdr, Msghdr, recvmmsg

SLOTS: Final = 128  # what is done once a batch costs more than what is done for each packet
STRIDE: Final = 2112  # octets: over 1500, and odd enough that headers do not share the cache's sets

MESSAGE: Final = ctypes.sizeof(Mmsghdr)
IOVEC: Final = ctypes.sizeof(Iovec)
_LITTLE: Final = sys.byteorder == "little"
_LENGTH_LOW: Final = Mmsghdr.length.offset + (0 if _LITTLE else 3)
_LENGTH_HIGH: Final = Mmsghdr.length.offset + (1 if _LITTLE else 2)


class Arena:
    """Slots for a batch that a socket receives whose peers' addresses have `name_size` octets.

    `buffer` holds the datagrams, `names` the addresses that they came from, one behind the other. A datagram
    that is larger than a slot is cut, and its length is then `STRIDE`.
    """

    def __init__(self, name_size: int) -> None:
        self.name_size = name_size
        self.buffer = bytearray(SLOTS * STRIDE)
        self.names = bytearray(SLOTS * name_size)
        self._messages = bytearray(SLOTS * MESSAGE)
        self._iovecs = (Iovec * SLOTS)()
        self.base = address_of(self.buffer)
        names = address_of(self.names)
        for index, header in enumerate(headers(self._messages)):
            self._iovecs[index] = Iovec(self.base + index * STRIDE, STRIDE)
            header.iov = ctypes.addressof(self._iovecs) + index * IOVEC
            header.iov_length = 1
            header.name = names + index * name_size
            header.name_length = name_size
        self._pointer = ctypes.c_void_p(address_of(self._messages))

    def receive(self, descriptor: int, most: int = SLOTS) -> int:
        """Take what waits, at most so many datagrams; return how many, -1 when the kernel says why not."""
        return recvmmsg(descriptor, self._pointer, most, MSG_DONTWAIT, None)

    def lengths(self, count: int) -> tuple[bytearray, bytearray]:
        """Return the high and the low octets of the lengths of the datagrams received."""
        end = count * MESSAGE
        return self._messages[_LENGTH_HIGH:end:MESSAGE], self._messages[_LENGTH_LOW:end:MESSAGE]

    def datagram(self, index: int) -> bytes:
        """Return a copy of one datagram."""
        at = index * MESSAGE
        length = self._messages[at + _LENGTH_HIGH] << 8 | self._messages[at + _LENGTH_LOW]
        return bytes(self.buffer[index * STRIDE : index * STRIDE + length])

    def lay(self, first: int, packets: Sequence[bytearray], names: bytes) -> None:
        """Lay datagrams, none over `STRIDE`, into slots from one on, as if they had come into them."""
        start, size, end = first * STRIDE, self.name_size, (first + len(packets)) * MESSAGE
        for packet in packets:
            self.buffer[start : start + len(packet)] = packet
            start += STRIDE
        lengths = [*map(len, packets)]
        self._messages[first * MESSAGE + _LENGTH_HIGH : end : MESSAGE] = bytes(
            [each >> 8 for each in lengths]
        )
        self._messages[first * MESSAGE + _LENGTH_LOW : end : MESSAGE] = bytes(
            [each & 255 for each in lengths]
        )
        self.names[first * size : first * size + len(names)] = names

    def describe(self, first: int, count: int, length: int, name: bytes) -> None:
        """Say what lies in so many slots, from one on: datagrams of one length and from one address."""
        at, end = first * MESSAGE, (first + count) * MESSAGE
        self._messages[at + _LENGTH_HIGH : end : MESSAGE] = bytes([length >> 8]) * count
        self._messages[at + _LENGTH_LOW : end : MESSAGE] = bytes([length & 0xFF]) * count
        self.names[first * self.name_size : (first + count) * self.name_size] = name * count

    def name(self, index: int) -> bytes:
        """Return the address that one datagram came from."""
        return bytes(self.names[index * self.name_size : (index + 1) * self.name_size])


def address_of(memory: bytearray) -> int:
    """Return where a `bytearray` is; it must not change its size from now on."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def headers(messages: bytearray) -> list[Msghdr]:
    """Return the headers in memory that holds an array of `Mmsghdr`."""
    return [Msghdr.from_buffer(messages, at) for at in range(0, len(messages), MESSAGE)]
