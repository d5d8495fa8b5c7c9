"""Memory for datagrams that the kernel has joined, and what such a one is: `UDP_GRO`.

Fast path. Equal datagrams that a peer sends at once, or that come close together, our kernel can hand over as
one, each behind the other; it tells in ancillary data how large each is. Source: udp(7); `udp_cmsg_recv` of
Linux.
"""

import ctypes
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nwip.dataplane.arena import MESSAGE, STRIDE, address_of
from nwip.dataplane.kernel import MSG_DONTWAIT, SOL_UDP, UDP_GRO, Iovec, Mmsghdr, recvmmsg
from nwip.ipx.packet import HEADER_SIZE, LENGTH_OFFSET

BURSTS: Final = 16
ROOM: Final = 1 << 16  # octets: whatever a UDP datagram can be
NO_CHECKSUM: Final = b"\xff\xff"  # how nearly all IPX packets begin

_CONTROL: Final = struct.Struct("@Niii")  # struct cmsghdr, and an int
CONTROL_SIZE: Final = struct.calcsize("@Nii") + ctypes.sizeof(ctypes.c_size_t)  # octets: CMSG_SPACE(4)


@dataclass(slots=True)
class Burst:
    """`count` datagrams of `size` octets, the last may have fewer: `octets` in all, from the peer `name`.

    They lie at the start of `buffer`, which is at `address`.
    """

    buffer: bytearray
    address: int
    octets: int
    size: int
    count: int
    name: bytes

    def packets(self) -> list[bytearray]:
        """Return copies of them, cut to `STRIDE` octets."""
        if not self.octets:
            return [bytearray()]
        buffer, octets, most = self.buffer, self.octets, min(self.size, STRIDE)
        return [buffer[at : min(at + most, octets)] for at in range(0, octets, self.size)]


class BurstArena:
    """Room for `BURSTS` of them, from peers whose addresses have `name_size` octets.

    `is_parting`: the kernel was told to join no more. It does not tell the size of what it has joined before;
    then it is taken for what the first IPX header says, if another one seems to follow.
    """

    def __init__(self, name_size: int) -> None:
        self.is_parting = False
        self._name_size = name_size
        self._buffers = [bytearray(ROOM) for _ in range(BURSTS)]
        self._addresses = [address_of(buffer) for buffer in self._buffers]
        self._names = bytearray(BURSTS * name_size)
        self._controls = bytearray(BURSTS * CONTROL_SIZE)
        self._iovecs = (Iovec * BURSTS)(*(Iovec(address, ROOM) for address in self._addresses))
        memory = bytearray(BURSTS * MESSAGE)
        names, controls = address_of(self._names), address_of(self._controls)
        self._messages = [Mmsghdr.from_buffer(memory, index * MESSAGE) for index in range(BURSTS)]
        for index, message in enumerate(self._messages):
            header = message.header
            header.name = names + index * name_size
            header.name_length = name_size
            header.iov = ctypes.addressof(self._iovecs[index])
            header.iov_length = 1
            header.control = controls + index * CONTROL_SIZE
            header.control_length = CONTROL_SIZE
        self._memory, self._fresh = memory, bytes(memory)
        self._nothing = bytes(len(self._controls))
        self._pointer = ctypes.c_void_p(address_of(memory))

    def receive(self, descriptor: int, most: int) -> int:
        """Take what waits, at most so many; return how many, -1 when the kernel says why not."""
        self._memory[:] = self._fresh  # the kernel writes into it how much ancillary data there was
        self._controls[:] = self._nothing
        return recvmmsg(descriptor, self._pointer, most, MSG_DONTWAIT, None)

    def singles(self, count: int) -> tuple[list[bytearray], bytes]:
        """Return copies of what the latest call has taken, and the names, unless some may be joined."""
        if self.is_parting or self._controls != self._nothing:
            return [], b""
        lengths = [message.length for message in self._messages[:count]]
        packets = [
            buffer[: min(length, STRIDE)] for buffer, length in zip(self._buffers, lengths, strict=False)
        ]
        return packets, bytes(self._names[: count * self._name_size])

    def taken(self, count: int) -> Iterator[Burst]:
        """Go through what the latest call has taken; each is there until the next call."""
        size = self._name_size
        for index in range(count):
            octets: int = self._messages[index].length
            name = bytes(self._names[index * size : (index + 1) * size])
            each = self._size(index, octets)
            many = -(-octets // each) if octets else 1
            yield Burst(self._buffers[index], self._addresses[index], octets, each, many, name)

    def _size(self, index: int, octets: int) -> int:
        if size := joined_size(self._controls, index):
            return min(size, octets)
        if self.is_parting:
            buffer = self._buffers[index]
            said = int.from_bytes(buffer[LENGTH_OFFSET : LENGTH_OFFSET + 2], "big")
            if HEADER_SIZE <= said < octets and buffer[said : said + 2] == NO_CHECKSUM:
                return said
        return octets


def joined_size(controls: bytearray, index: int) -> int:
    """Return how large the datagrams are that a message was joined of, 0 if the kernel does not say."""
    _, level, kind, size = _CONTROL.unpack_from(controls, index * CONTROL_SIZE)
    return int(size) if (level, kind) == (SOL_UDP, UDP_GRO) and size > 0 else 0
