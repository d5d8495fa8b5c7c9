"""The kernel's calls for many datagrams at once, `recvmmsg` and `sendmmsg`, and the structures they take.

Sources: recvmmsg(2), sendmmsg(2), udp(7), <bits/socket.h>. ctypes lays the structures out as the C compiler
of this machine does; `tests/dataplane/test_layouts.py` holds that against a compiler, also for 32 bits. musl
pads two fields that the kernel takes as one; they are never larger than half of it and the rest stays zero,
so the same octets serve both. Its own `sendmmsg` is a loop of single calls, so there the system call is used.
"""

import ctypes
import errno
import platform
import sys
from collections.abc import Callable
from typing import Final

MSG_DONTWAIT: Final = 0x40  # <bits/socket.h>
MOST_MESSAGES: Final = 1024  # UIO_MAXIOV: what one call takes
SOL_UDP: Final = 17  # <linux/udp.h>, and the next two
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104

_CALLS: Final = {  # <asm/unistd.h>: recvmmsg, sendmmsg
    "x86_64": (299, 307),
    "aarch64": (243, 269),
    "riscv64": (243, 269),
    "i686": (337, 345),
    "armv7l": (365, 374),
    "ppc64le": (343, 349),
    "s390x": (357, 358),
}


class Iovec(ctypes.Structure):
    """`struct iovec`: where octets are, and how many."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    """`struct msghdr`: a peer's address, the octets, and ancillary data."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    """`struct mmsghdr`: a message, and how many octets of it came or went."""

    _fields_ = (("header", Msghdr), ("length", ctypes.c_uint32))


Send = Callable[[int, ctypes.c_void_p, int, int], int]
"""(descriptor, address of an array of `Mmsghdr`, how many, flags) -> how many, or -1 and `errno_of()`."""

Receive = Callable[[int, ctypes.c_void_p, int, int, None], int]
"""The same with a timeout at the end, which the kernel honours only between datagrams: always None."""


def errno_of() -> int:
    """Return why the latest call in this thread returned -1."""
    return ctypes.get_errno()


def _find() -> tuple[Receive, Send] | None:
    """Return the calls, undeclared: declaring arguments would cost a microsecond a call."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if hasattr(library, "gnu_get_libc_version"):
            return library.recvmmsg, library.sendmmsg
        numbers = _CALLS.get(platform.machine())
        return None if numbers is None else _system_calls(library, *numbers)
    except (OSError, AttributeError):
        return None


def _system_calls(library: ctypes.CDLL, receive: int, send: int) -> tuple[Receive, Send]:
    call, number, none = library.syscall, ctypes.c_long, ctypes.c_void_p(None)
    call.restype = number

    def recvmmsg(descriptor: int, messages: ctypes.c_void_p, count: int, flags: int, _timeout: None) -> int:
        return int(call(number(receive), number(descriptor), messages, number(count), number(flags), none))

    def sendmmsg(descriptor: int, messages: ctypes.c_void_p, count: int, flags: int) -> int:
        return int(call(number(send), number(descriptor), messages, number(count), number(flags)))

    return recvmmsg, sendmmsg


def _missing(*_arguments: object) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1


_found: Final = _find()
IS_THERE: Final = _found is not None
recvmmsg: Receive
sendmmsg: Send
recvmmsg, sendmmsg = _found or (_missing, _missing)
