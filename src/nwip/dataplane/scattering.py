"""Takes datagrams that the kernel has joined into slots of an arena, each into one of its own.

Fast path. What a peer sends at once, in datagrams of one size to many, comes with few calls then, and is as
if each had come by itself. A message is read into as many pieces of memory of that size as there are slots
left. What is of another size does not lie where it belongs, has to be laid there, and is the next size.
"""

import ctypes
import struct

from nwip.dataplane.arena import IOVEC, MESSAGE, SLOTS, STRIDE, Arena, address_of
from nwip.dataplane.bursts import CONTROL_SIZE, ROOM, joined_size
from nwip.dataplane.kernel import MSG_DONTWAIT, Mmsghdr, recvmmsg
from nwip.dataplane.outbox import LENGTH_HIGH, LENGTH_LOW

_IOVEC = struct.Struct("@PN")  # struct iovec


class Scatterer:
    """Reads into slots of `arena` messages that are joined of datagrams of `size` octets, below `STRIDE`."""

    def __init__(self, arena: Arena, size: int) -> None:
        self._arena = arena
        self._size = 0
        self._beyond = bytearray(ROOM)  # what no slot is left for
        self._name = bytearray(arena.name_size)
        self._told = bytearray()  # from where and of our size all is, as the arena was told; nothing if not
        self._control = bytearray(CONTROL_SIZE)
        self._iovecs = bytearray((SLOTS + 1) * IOVEC)
        for index in range(SLOTS):
            _IOVEC.pack_into(self._iovecs, index * IOVEC, arena.base + index * STRIDE, 0)
        _IOVEC.pack_into(self._iovecs, SLOTS * IOVEC, address_of(self._beyond), ROOM)
        self._expect(size)
        self._memory = bytearray(MESSAGE)
        self._message = Mmsghdr.from_buffer(self._memory)
        header = self._message.header
        header.name, header.name_length = address_of(self._name), arena.name_size
        header.control, header.control_length = address_of(self._control), CONTROL_SIZE
        iovecs = address_of(self._iovecs)
        self._fresh = []
        for first in range(SLOTS):
            header.iov, header.iov_length = iovecs + first * IOVEC, SLOTS + 1 - first
            self._fresh.append(bytes(self._memory))
        self._nothing = bytes(CONTROL_SIZE)
        self._pointer = ctypes.c_void_p(address_of(self._memory))

    def receive(self, descriptor: int, first: int) -> int:
        """Take a message into the slots from one on; return 1, or -1 when the kernel says why not."""
        self._memory[:] = self._fresh[first]
        self._control[:] = self._nothing
        return recvmmsg(descriptor, self._pointer, 1, MSG_DONTWAIT, None)

    def fill(self, first: int) -> int:
        """Tell the arena of the datagrams that lie in the slots from one on; return how many they are.

        0 if they do not lie in slots: then nothing is told, and they are there by `copies`.
        """
        size, octets = self._size, self._message.length
        joined = joined_size(self._control, 0)
        if not 0 < octets <= (SLOTS - first) * size or (joined != size and (joined or octets > size)):
            return 0
        if not octets % size:
            if not first and self._told != self._name:
                self._arena.fill(0, SLOTS * size, size, bytes(self._name))
                self._told[:] = self._name
            if self._told == self._name:
                return int(octets // size)
        self._told.clear()
        return self._arena.fill(first, octets, size, bytes(self._name))

    def copies(self, first: int) -> tuple[list[bytearray], bytes]:
        """Return copies of the datagrams of the message, cut to `STRIDE` octets, and their names."""
        self._told.clear()
        octets = int(self._message.length)
        whole = self._whole(first, octets)
        size = joined_size(self._control, 0)
        if 0 < size < STRIDE:
            self._expect(size)
        size = size or max(octets, 1)
        most = min(size, STRIDE)
        packets = [whole[at : at + most] for at in range(0, max(octets, 1), size)]
        return packets, bytes(self._name) * len(packets)

    def _expect(self, size: int) -> None:
        """Have messages cut into pieces of such a size from now on."""
        self._size = size
        self._iovecs[LENGTH_HIGH : SLOTS * IOVEC : IOVEC] = bytes((size >> 8,)) * SLOTS
        self._iovecs[LENGTH_LOW : SLOTS * IOVEC : IOVEC] = bytes((size & 255,)) * SLOTS

    def _whole(self, first: int, octets: int) -> bytearray:
        """Return the message as it came."""
        buffer, size = self._arena.buffer, self._size
        end = min(first + -(-octets // size), SLOTS)
        pieces = [buffer[at : at + size] for at in range(first * STRIDE, end * STRIDE, STRIDE)]
        beyond = self._beyond[: max(octets - (SLOTS - first) * size, 0)]
        return bytearray().join((*pieces, beyond))[:octets]
