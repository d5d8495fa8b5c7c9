"""A medium on a multicast group of UDP: one datagram is one frame, and everybody in the group is on the wire.

86Box's "Network Switch" and QEMU's `-netdev socket,mcast=` and `-netdev dgram` are such groups. We send from
sockets of our own, apart from the one that listens, so that what comes back by multicast loop or broadcast
is known for ours by the address and port that it was sent from.
"""

import asyncio
import ipaddress
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from nwip.dataplane.buffers import enlarge
from nwip.dataplane.port import BUDGET, IP_MTU_DISCOVER, IP_PMTUDISC_DONT
from nwip.directory.records import Endpoint, endpoint_text
from nwip.links.base import Counters
from nwip.links.lan.copies import Copies
from nwip.links.lan.ends import drops_text
from nwip.links.lan.length_framing import LARGEST_FRAME
from nwip.links.lan.medium import Received

REFRESH: Final = 10.0  # seconds between looks at the interfaces: some come and go

_LINUX: Final = sys.platform == "linux"
_IP_PKTINFO: Final = 8  # ip(7); Python 3.11 does not name these two
_IP_MULTICAST_ALL: Final = 49
_PKTINFO_SIZE: Final = 12  # interface index, local address, destination address; four octets each


class Way(NamedTuple):
    """One interface by its IPv4 `address`, and where frames go on it: `to`, the group or a broadcast address.

    `loop` lets other programs of this machine hear what is sent to the group. `interface` is the kernel's
    number of it, where it is known: a new interface may have the address of one that is gone.
    """

    address: str
    to: str
    loop: bool
    interface: int = 0


class MulticastMedium:
    """`Medium` of the `group`, an IPv4 multicast address and a port.

    `ways` returns the interfaces to use, and is asked again every `REFRESH` seconds. What was sent to this
    machine alone is not taken: anybody could send it from anywhere, while a group's TTL of 1 keeps it on the
    LAN. Of frames that come by two ways the second is dropped.
    """

    mac: bytes | None = None

    def __init__(
        self, group: Endpoint, ways: Callable[[], Iterable[Way]], *, hints: dict[str, str] | None = None
    ) -> None:
        self.group = group
        self.counters = Counters()
        self._find_ways = ways
        self._hints = hints or {}
        self._listener: socket.socket | None = None
        self._senders: dict[Way, socket.socket] = {}
        self._own: frozenset[Endpoint] = frozenset()
        self._destinations: frozenset[str] = frozenset()
        self._copies = Copies()
        self._received: Received | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, received: Received) -> None:
        """Join the group. Raises `OSError` when its port cannot be had or no interface can be used."""
        self._listener = _listening_socket(self.group[1])
        self._received = received
        problem = self._take_ways()
        if not self._senders:
            await self.close()
            raise problem or OSError("no interface can be used for multicast")
        loop = asyncio.get_running_loop()
        loop.add_reader(self._listener.fileno(), self._drain)
        self._timer = loop.call_later(REFRESH, self._refresh)

    async def close(self) -> None:
        """Leave the group."""
        self._received = None
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for sender in self._senders.values():
            sender.close()
        self._senders.clear()
        if self._listener:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def send(self, frame: bytes) -> bool:
        """Send a frame by every way; False when the kernel takes it on none."""
        taken = 0
        for way, sender in self._senders.items():
            try:
                sender.sendto(frame, (way.to, self.group[1]))
            except OSError:
                continue
            taken += 1
        return taken > 0

    def accept(self, mac: bytes) -> None:
        """Nothing: the group carries every frame."""

    def describe(self) -> dict[str, str]:
        """Name the group, the interfaces, and what was dropped."""
        ways = ", ".join(way.address for way in self._senders)
        return (
            {"group": f"UDP {endpoint_text(self.group)}", "interfaces": ways or "none"}
            | drops_text(self.counters)
            | self._hints
        )

    def _refresh(self) -> None:
        self._take_ways()
        self._timer = asyncio.get_running_loop().call_later(REFRESH, self._refresh)

    def _take_ways(self) -> OSError | None:
        """Use the ways that there are now, and no others; return what went wrong with one of them."""
        wanted = set(self._find_ways())
        problem: OSError | None = None
        for way in self._senders.keys() - wanted:
            self._senders.pop(way).close()
            self._membership(way, joined=False)
        for way in sorted(wanted - self._senders.keys()):
            try:
                self._senders[way] = _sending_socket(way)
            except OSError as error:
                problem = error
                continue
            self._membership(way, joined=True)
        self._own = frozenset(sender.getsockname() for sender in self._senders.values())
        self._destinations = frozenset((self.group[0], *(way.to for way in self._senders)))
        return problem

    def _membership(self, way: Way, *, joined: bool) -> None:
        if way.to != self.group[0] or self._listener is None:
            return
        request = socket.inet_aton(self.group[0]) + socket.inet_aton(way.address)
        option = socket.IP_ADD_MEMBERSHIP if joined else socket.IP_DROP_MEMBERSHIP
        try:
            self._listener.setsockopt(socket.IPPROTO_IP, option, request)
        except OSError:  # the interface has two addresses, or is gone
            return

    def _drain(self) -> None:
        if self._listener is None:
            return
        now = asyncio.get_running_loop().time()
        frames: list[bytes] = []
        for _ in range(BUDGET):
            try:
                data, details, _flags, source = self._listener.recvmsg(
                    LARGEST_FRAME, socket.CMSG_SPACE(_PKTINFO_SIZE)
                )
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue
            interface, destination = _arrival(details)
            if source in self._own:
                continue
            if destination is not None and destination not in self._destinations:
                self.counters.drop("not sent to the group")
            elif self._copies.is_copy(data, (source, interface), now):
                self.counters.drop("a copy by another way")
            else:
                frames.append(data)
        if frames and self._received:
            self._received(frames)


def is_multicast(host: str) -> bool:
    """Say whether a text is an IPv4 multicast address."""
    try:
        return ipaddress.IPv4Address(host).is_multicast
    except ValueError:
        return False


def _listening_socket(port: int) -> socket.socket:
    """Return the socket that hears the group; others on this machine may have theirs on the same port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):  # 86Box sets both
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        enlarge(sock)
        if _LINUX:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.bind(("", port))
    except OSError:
        sock.close()
        raise
    return sock


def _sending_socket(way: Way) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if _LINUX:  # a whole frame may not fit the way's MTU
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        if is_multicast(way.to):
            interface = socket.inet_aton(way.address)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(way.loop))
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind((way.address, 0))
    except OSError:
        sock.close()
        raise
    return sock


def _arrival(details: Sequence[tuple[int, int, bytes]]) -> tuple[int, str | None]:
    """Return by which interface a datagram came, and to which address it was sent; 0 and None if not told."""
    for level, kind, data in details:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO) and len(data) >= _PKTINFO_SIZE:
            return int.from_bytes(data[:4], sys.byteorder), socket.inet_ntoa(data[8:12])
    return 0, None
