"""What Linux tells of a network interface, asked with `ioctl` on any socket of its network namespace.

Source: netdevice(7), `linux/sockios.h`, `linux/if.h`, `linux/if_arp.h`.
"""

import errno
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from fcntl import ioctl
from typing import Final

SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
SIOCGIFHWADDR: Final = 0x8927
IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40
ARPHRD_ETHER: Final = 1
LONGEST_NAME: Final = 15  # octets: IFNAMSIZ without the zero behind the name

Within = Callable[[], AbstractContextManager[object]]
"""Where an interface is looked up: `nullcontext`, or a test's way into another network namespace."""


def request(interface: str, flags: int = 0) -> bytes:
    """Return a `struct ifreq` of 40 octets. Raises `OSError` for a name that none can have."""
    name = interface.encode()
    if not 0 < len(name) <= LONGEST_NAME or b"\0" in name:
        raise OSError(errno.ENODEV, f"no interface can have the name {interface!r}")
    return struct.pack("16sH22x", name, flags)


def flags_of(interface: str, sock: socket.socket) -> int:
    """Return the flags of an interface. Raises `OSError` when there is none of that name."""
    flags: int = struct.unpack_from("H", ioctl(sock, SIOCGIFFLAGS, request(interface)), 16)[0]
    return flags


def mac_of(interface: str, sock: socket.socket) -> bytes | None:
    """Return the MAC address of an interface, None where it is no Ethernet. Raises `OSError` likewise."""
    kind, mac = struct.unpack_from("H6s", ioctl(sock, SIOCGIFHWADDR, request(interface)), 16)
    return mac if kind == ARPHRD_ETHER else None


def bring_up(interface: str, sock: socket.socket) -> None:
    """Set an interface up. Raises `PermissionError` without CAP_NET_ADMIN, other `OSError` likewise."""
    flags = flags_of(interface, sock)
    if not flags & IFF_UP:
        ioctl(sock, SIOCSIFFLAGS, request(interface, flags | IFF_UP))


def asking() -> socket.socket:
    """Return a socket to ask with; anybody may open it."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
