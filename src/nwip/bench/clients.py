"""The clients that make the load: client 0 sends, all others receive.

Client i lives at 127.1.0.0 + i, so that each has an address and a destination cache entry of its own, as
real players have. The receivers share one socket; what one of them sends goes out of it under its own
address (`IP_PKTINFO`), so a hundred thousand of them need no more than two sockets.
"""

import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from nwip.bench.error import BenchError
from nwip.bench.messages import NAME_SIZE
from nwip.directory.records import Endpoint

WINDOW: Final = 256  # packets under way, in a closed loop
BUFFER: Final = 64 << 20  # octets, of which the kernel grants what it may
PACKET_SHARE: Final = 2600  # octets of a socket's buffer that a packet of 1400 takes
IP_PKTINFO: Final = 8  # ip(7), where Python 3.11 does not name it
SO_RCVBUFFORCE: Final = 33  # socket(7)

_FIRST: Final = 0x7F010000


def octets_of(number: int) -> bytes:
    """Return the IPv4 address of a client."""
    return (_FIRST + number).to_bytes(4, "big")


class Clients:
    """Two sockets, for the receivers and for their sender, on one free port, until closed.

    `window` is how many packets may be under way, so that they have room in a socket's buffer.
    """

    def __init__(self) -> None:
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            for sock in (self.receiver, self.sender):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                enlarge(sock)
            self.receiver.bind(("0.0.0.0", 0))
            self.port = int(self.receiver.getsockname()[1])
            self.sender.bind((socket.inet_ntoa(octets_of(0)), self.port))
        except OSError as error:
            self.close()
            raise BenchError(f"the clients find no room on loopback: {error.strerror}") from None
        self.window = window_of(self.receiver)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, number: int, packet: bytes, to: Endpoint) -> None:
        """Send one datagram as that client; what the kernel does not take is lost."""
        with suppress(OSError):
            if number == 0:
                self.sender.sendto(packet, to)
            else:
                source = struct.pack("=I4s4x", 0, octets_of(number))
                self.receiver.sendmsg([packet], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, to)

    def tell_whom(self, wanted: bool) -> None:
        """Let the kernel say whom each datagram is for, or not: a load need not know, and saying costs."""
        self.receiver.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, wanted)

    def who(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        """Return which receiver a datagram was for, by what came with it; -1 if nothing says."""
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                return int.from_bytes(data[8:12], "big") - _FIRST
        return -1

    def quiet(self) -> None:
        """Throw away what waits in both sockets."""
        for sock in (self.receiver, self.sender):
            with suppress(OSError):
                while True:
                    sock.recv(1)

    def close(self) -> None:
        """Close both sockets."""
        self.receiver.close()
        self.sender.close()


def window_of(receiver: socket.socket) -> int:
    """Return how many packets find room in a socket's buffer, at most `WINDOW`."""
    room = receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return max(1, min(WINDOW, room // PACKET_SHARE))


def names(port: int, count: int) -> bytearray:
    """Return the `sockaddr_in` of receivers 1 to `count`, one behind the other."""
    head = struct.pack("=H", socket.AF_INET) + port.to_bytes(2, "big")
    return bytearray(b"".join((head + octets_of(n)).ljust(NAME_SIZE, b"\0") for n in range(1, count + 1)))


def enlarge(sock: socket.socket) -> None:
    """Give a socket room for what arrives, as much as the kernel grants."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
