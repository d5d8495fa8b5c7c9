"""Many datagrams with one system call, over messages that are laid out once.

What a load generator needs of `dataplane/kernel.py`: the messages stay as they are, and a call names some of
them. The kernel's tables are filled by column, so a hundred thousand messages take milliseconds.
"""

import ctypes
from array import array
from collections.abc import Sequence
from typing import Final

from nwip.dataplane.kernel import Iovec, Mmsghdr, Msghdr, errno_of, recvmmsg, sendmmsg

BATCH: Final = 64  # messages a call: what a gateway takes in one wake-up
NAME_SIZE: Final = 16  # octets of a `struct sockaddr_in`
CONTROL_SIZE: Final = 32  # octets of ancillary data of one kind: cmsg(3), CMSG_SPACE of 12
WORD: Final = "L"  # as wide as a pointer, on Linux

_STEP: Final = ctypes.sizeof(Mmsghdr)


class Messages:
    """`count` messages over one buffer: number i is `size` octets from `i * stride` on.

    `names` holds a `sockaddr_in` for each, where they go; without it the socket must be connected. `controls`
    holds what goes with each, `CONTROL_SIZE` octets: see `sources`. `sizes`
    is the column of their octets, to be set; `came` that of the octets that `receive` brought in each.
    """

    def __init__(
        self,
        count: int,
        buffer: bytearray,
        stride: int,
        size: int,
        names: bytearray | None = None,
        *,
        controls: bytearray | None = None,
    ) -> None:
        self.count = count
        self.buffer = buffer
        self._octets = (ctypes.c_char * len(buffer)).from_buffer(buffer)
        self._vectors = (Iovec * count)()
        self._headers = (Mmsghdr * count)()
        self._base = ctypes.addressof(self._headers)
        self._first = ctypes.c_void_p(self._base)
        self.sizes = _column(self._vectors, Iovec.length.offset, WORD)
        self.came = _column(self._headers, Mmsghdr.length.offset, "I")
        octets, vectors = ctypes.addressof(self._octets), ctypes.addressof(self._vectors)
        set_column(_column(self._vectors, Iovec.base.offset, WORD), _steps(octets, stride, count))
        set_column(self.sizes, [size] * count)
        pointers = _steps(vectors, ctypes.sizeof(Iovec), count)
        set_column(_column(self._headers, Msghdr.iov.offset, WORD), pointers)
        set_column(_column(self._headers, Msghdr.iov_length.offset, WORD), [1] * count)
        if names is not None:
            self._names = (ctypes.c_char * len(names)).from_buffer(names)
            pointers = _steps(ctypes.addressof(self._names), NAME_SIZE, count)
            set_column(_column(self._headers, Msghdr.name.offset, WORD), pointers)
            set_column(_column(self._headers, Msghdr.name_length.offset, "I"), [NAME_SIZE] * count)
        if controls is not None:
            self._controls = (ctypes.c_char * len(controls)).from_buffer(controls)
            pointers = _steps(ctypes.addressof(self._controls), CONTROL_SIZE, count)
            set_column(_column(self._headers, Msghdr.control.offset, WORD), pointers)
            set_column(_column(self._headers, Msghdr.control_length.offset, WORD), [CONTROL_SIZE] * count)

    def send(self, descriptor: int, first: int, count: int, flags: int = 0) -> int:
        """Send messages from `first` on; return how many the kernel took. Raises `OSError` if none."""
        taken = sendmmsg(descriptor, ctypes.c_void_p(self._base + first * _STEP), count, flags)
        if taken < 0:
            raise OSError(errno_of(), "sendmmsg")
        return taken

    def receive(self, descriptor: int, flags: int) -> int:
        """Receive into the messages from the first on; return how many came, -1 if there is none."""
        return recvmmsg(descriptor, self._first, self.count, flags, None)


def set_column(column: memoryview, values: Sequence[int]) -> None:
    """Write all of a column."""
    column[:] = memoryview(array(column.format, values))


def _column(table: "ctypes.Array[Iovec] | ctypes.Array[Mmsghdr]", offset: int, kind: str) -> memoryview:
    """Return one field of all elements of an array of structures."""
    octets = memoryview(table).cast("B")
    words = octets.cast("L") if kind == WORD else octets.cast("I")
    return words[offset // words.itemsize :: octets.nbytes // len(table) // words.itemsize]


def _steps(first: int, step: int, count: int) -> list[int]:
    return [first + number * step for number in range(count)]
