"""A network card as a medium, on Linux: a packet socket that hears and sends whole frames.

Needs CAP_NET_RAW. The kernel's own protocols go on beside it; they know nothing of IPX. Sources of the
numbers, which Python 3.11 does not name: packet(7), socket(7) and their header files.
"""

import errno
import socket
import struct
from contextlib import nullcontext, suppress
from typing import Final

from nwip.dataplane.frames import LARGEST_FRAME
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.packet_filter import attach
from nwip.ipx.address import format_node
from nwip.links.lan.cable import CableWatch
from nwip.links.lan.card_filter import instructions
from nwip.links.lan.card_medium import CardMedium
from nwip.links.lan.device import DeviceMedium
from nwip.links.lan.interface import ARPHRD_ETHER, IFF_RUNNING, IFF_UP, Within, asking, flags_of, mac_of

RECEIVE_BUFFER: Final = 4 << 20
SEND_BUFFER: Final = 1 << 20  # some batches, on cards that take their time

ETH_P_ALL: Final = 3  # linux/if_ether.h
SOL_PACKET: Final = 263  # linux/socket.h
PACKET_ADD_MEMBERSHIP: Final = 1  # linux/if_packet.h, and the next four
PACKET_STATISTICS: Final = 6
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_MR_PROMISC: Final = 1
PACKET_MR_UNICAST: Final = 3
SO_SNDBUFFORCE: Final = 32  # asm-generic/socket.h, and the next
SO_RCVBUFFORCE: Final = 33


class CardDevice:
    """The card `interface`. A promiscuous one hears everything on its LAN, as a joined link wants it."""

    def __init__(self, interface: str, *, promiscuous: bool = False, within: Within = nullcontext) -> None:
        self.name = interface
        self._promiscuous = promiscuous
        self._within = within
        self._socket: socket.socket | None = None
        self._overflowed = 0
        self.mac = self._look_up_mac()
        self._present_mac = self.mac

    def open(self) -> int:
        """Open the socket. `OSError`: ENODEV no such interface, EPERM no CAP_NET_RAW, ENETDOWN not up."""
        with self._within():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # 0: hears nothing until it is bound
        try:
            sock.setblocking(False)
            attach(sock, instructions())
            _ignore_outgoing(sock)
            _enlarge(sock)
            self._present_mac = _bind(sock, self.name)
            self._socket = sock
            if self._promiscuous:
                self._add_membership(PACKET_MR_PROMISC, b"")
        except OSError:
            self._socket = None
            sock.close()
            raise
        return sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._count_overflows()
            self._socket.close()
            self._socket = None

    def read(self) -> bytes:
        """Return one frame that was heard."""
        if self._socket is None:
            raise OSError(errno.EBADF, "closed")
        return self._socket.recv(LARGEST_FRAME)

    def write(self, frame: bytes) -> None:
        """Send one frame."""
        if self._socket is None:
            raise OSError(errno.EBADF, "closed")
        self._socket.send(frame)

    def accept(self, mac: bytes) -> None:
        """Let the card pass frames for one more address; a card that cannot, passes everything then."""
        if not self._promiscuous and mac != self._present_mac:
            self._add_membership(PACKET_MR_UNICAST, mac)

    def describe(self) -> dict[str, str]:
        """Name the interface and its address; say whether there is a cable, and what was too much at once."""
        told = {"interface": self.name}
        if self.mac is not None:
            told["card"] = format_node(self.mac)
        if self._socket is not None:
            self._count_overflows()
            told["state"] = "gone"
            with suppress(OSError):
                running = flags_of(self.name, self._socket) & IFF_RUNNING
                told["state"] = "up" if running else "no cable"
        if self._overflowed:
            told["lost in the kernel"] = f"{self._overflowed} frames"
        return told

    def _add_membership(self, kind: int, mac: bytes) -> None:
        if self._socket is None:
            raise OSError(errno.EBADF, "closed")
        with self._within():
            index = socket.if_nametoindex(self.name)
        request = struct.pack("iHH8s", index, kind, len(mac), mac)  # struct packet_mreq
        self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)

    def _count_overflows(self) -> None:
        """Add up what the kernel dropped because we were too slow; reading the count sets it to 0."""
        if self._socket is not None:
            with suppress(OSError):
                statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
                self._overflowed += struct.unpack("II", statistics)[1]

    def _look_up_mac(self) -> bytes | None:
        """Return the card's address; None when there is no such card: `open` says so."""
        with suppress(OSError), self._within(), asking() as sock:
            return mac_of(self.name, sock)
        return None


def card_medium(
    interface: str, *, promiscuous: bool = False, within: Within = nullcontext, portable: bool = False
) -> DeviceMedium:
    """Return the medium of a network card; `promiscuous` for a joined link.

    Where the kernel can do it and `portable` does not forbid it, frames are taken in batches.
    """
    card = CardDevice(interface, promiscuous=promiscuous, within=within)
    kind = CardMedium if IS_THERE and not portable else DeviceMedium
    return kind(card, CableWatch(interface, within=within))


def _bind(sock: socket.socket, interface: str) -> bytes:
    """Begin to hear an interface; return the MAC address that it has now."""
    if not flags_of(interface, sock) & IFF_UP:
        raise OSError(errno.ENETDOWN, "the interface is down")
    sock.bind((interface, ETH_P_ALL))
    _, _, _, kind, mac = sock.getsockname()
    if kind != ARPHRD_ETHER:
        raise OSError(errno.EPROTONOSUPPORT, "not an Ethernet interface")
    return bytes(mac)


def _ignore_outgoing(sock: socket.socket) -> None:
    """Spare the filter what this machine sends; kernels before 4.20 cannot, and the filter drops it."""
    with suppress(OSError):
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)


def _enlarge(sock: socket.socket) -> None:
    """Make room for bursts, more than the system's limit where CAP_NET_ADMIN allows it."""
    for forced, asked, size in (
        (SO_RCVBUFFORCE, socket.SO_RCVBUF, RECEIVE_BUFFER),
        (SO_SNDBUFFORCE, socket.SO_SNDBUF, SEND_BUFFER),
    ):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, size)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, asked, size)
