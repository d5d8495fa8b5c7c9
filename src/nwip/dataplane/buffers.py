"""The receive buffer of a data port: as large as the kernel allows, and what was lost because it was full.

Sources: socket(7), sysctl net.core.rmem_max; <linux/sock_diag.h> for `SO_MEMINFO`.
"""

import contextlib
import functools
import logging
import socket
import struct
import sys
from typing import Final

RECEIVE_BUFFER: Final = 4 << 20  # octets; the kernel counts its own overhead too, and says twice of it
FULL: Final = "the receive buffer was full"
MEND: Final = f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"

_SO_RCVBUFFORCE: Final = 33  # <asm-generic/socket.h>, and the next
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("=9I")
_DROPS: Final = 8  # SK_MEMINFO_DROPS
_IS_LINUX: Final = sys.platform == "linux"

_log = logging.getLogger(__name__)


def enlarge(sock: socket.socket, octets: int = RECEIVE_BUFFER) -> None:
    """Give a socket a receive buffer of so many octets, or what the kernel allows; say once if fewer.

    A larger one stays: whoever has passed the socket to us may have been allowed more.
    """
    if granted(sock) >= octets:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    if _IS_LINUX and granted(sock) < octets:
        with contextlib.suppress(OSError):  # without CAP_NET_ADMIN
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    if granted(sock) < octets:
        _say_once(granted(sock), octets)


def granted(sock: socket.socket) -> int:
    """Return the octets of the receive buffer, as `enlarge` counts them; 0 of a closed socket."""
    if sock.fileno() < 0:
        return 0
    size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return size // 2 if _IS_LINUX else size


def overflows(sock: socket.socket) -> int:
    """Return how many datagrams the kernel has dropped because the buffer was full; 0 where it does not say.

    It asks the kernel, so it is nothing to do for each packet.
    """
    if not _IS_LINUX or sock.fileno() < 0:
        return 0
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:  # before Linux 4.12
        return 0
    return int(_MEMINFO.unpack(told)[_DROPS]) if len(told) == _MEMINFO.size else 0


@functools.cache
def _say_once(octets: int, wanted: int) -> None:
    _log.warning(
        "the kernel gives receive buffers of %d octets only, %d would be better: %s", octets, wanted, MEND
    )
