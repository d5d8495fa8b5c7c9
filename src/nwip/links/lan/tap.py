"""A TAP device as a medium, on Linux: an Ethernet cable between a network interface of this machine and us.

Programs that open a TAP of their own (86Box, QEMU, VirtualBox) meet us on a bridge that holds both. We are
at the far end of the cable, so the device's own address is the machine's, and we have none: the link makes
one up. Needs CAP_NET_ADMIN, or a device that was made for our user with `ip tuntap`. Sources: the kernel's
"Universal TUN/TAP device driver", `linux/if_tun.h`.
"""

import errno
import os
from contextlib import nullcontext, suppress
from fcntl import ioctl
from typing import Final

from nwip.dataplane.frames import LARGEST_FRAME
from nwip.links.lan.device import DeviceMedium
from nwip.links.lan.interface import IFF_UP, Within, asking, bring_up, flags_of, request

CONTROL: Final = "/dev/net/tun"
TUNSETIFF: Final = 0x400454CA
IFF_TAP: Final = 0x0002
IFF_NO_PI: Final = 0x1000


class TapDevice:
    """The TAP device `name`: made if it is not there, and then gone again when it is closed."""

    mac: bytes | None = None

    def __init__(self, name: str, *, within: Within = nullcontext) -> None:
        self.name = name
        self._within = within
        self._descriptor: int | None = None

    def open(self) -> int:
        """Attach to the device and bring it up, if that is allowed.

        `OSError`: ENOENT no such file as /dev/net/tun, EACCES or EPERM not allowed, EBUSY another has it.
        """
        wanted = request(self.name, IFF_TAP | IFF_NO_PI)
        with self._within():
            descriptor = os.open(CONTROL, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                ioctl(descriptor, TUNSETIFF, wanted)
                with suppress(PermissionError), asking() as sock:  # else it stays as its maker left it
                    bring_up(self.name, sock)
            except OSError:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return descriptor

    def close(self) -> None:
        """Detach from the device."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self) -> bytes:
        """Return one frame that the machine has sent into the device."""
        return os.read(self._opened(), LARGEST_FRAME)

    def write(self, frame: bytes) -> None:
        """Let the machine receive one frame. EIO while the device is not up."""
        os.write(self._opened(), frame)

    def accept(self, mac: bytes) -> None:
        """Nothing: everything that is sent into the device is heard."""

    def describe(self) -> dict[str, str]:
        """Name the device, and say what to do when it is down."""
        told = {"TAP device": self.name}
        if self._descriptor is not None:
            told["state"] = "gone"
            with suppress(OSError), self._within(), asking() as sock:
                up = flags_of(self.name, sock) & IFF_UP
                told["state"] = "up" if up else f"down; to bring it up: ip link set {self.name} up"
        return told

    def _opened(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "closed")
        return self._descriptor


def tap_medium(name: str, *, within: Within = nullcontext) -> DeviceMedium:
    """Return the medium of a TAP device."""
    return DeviceMedium(TapDevice(name, within=within))
