"""A kernel in memory: UDP sockets without a network, for ports of both kinds, and calls that can be refused.

A host's sockets keep in `sent` what leaves them. `recvmmsg` and `sendmmsg` read and write the structures in
memory as the kernel does, also with several iovecs a message, `UDP_SEGMENT`, and `UDP_GRO`.
"""

import asyncio
import ctypes
import errno
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from dataplane.simulated_loop import SimulatedLoop
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.flows import Books
from nwip.dataplane.kernel import SOL_UDP, UDP_GRO, UDP_SEGMENT, Iovec, Mmsghdr, Msghdr
from nwip.dataplane.port import Port, PortablePort, Received
from nwip.dataplane.sockaddr import endpoint_of, sockaddr
from nwip.directory.records import Endpoint

FIRST_DESCRIPTOR = 1_000_000  # beyond any that the real kernel gives
LARGEST = 65535
MOST_JOINED, MOST_CUT = 128, 64  # <linux/udp.h>; either has been 64 and 128

_MESSAGE, _IOVEC = ctypes.sizeof(Mmsghdr), ctypes.sizeof(Iovec)
_GRO = struct.Struct("@Niii")  # struct cmsghdr, and an int
_WORD = ctypes.sizeof(ctypes.c_size_t)


class Sent(NamedTuple):
    """A datagram that has left a socket."""

    source: Endpoint
    to: Endpoint
    data: bytes


class KernelLoop(SimulatedLoop):
    """A simulated loop that keeps the readers of sockets in memory to itself."""

    def __init__(self) -> None:
        self.drains: dict[int, Callable[[], object]] = {}
        super().__init__()

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override] # Any: asyncio's
        if fd < FIRST_DESCRIPTOR:
            super().add_reader(fd, callback, *args)
        else:
            self.drains[fd] = callback

    def remove_reader(self, fd: Any) -> bool:  # Any: asyncio's
        if fd < FIRST_DESCRIPTOR:
            return super().remove_reader(fd)
        return self.drains.pop(fd, None) is not None


class MemorySocket:
    """As much of a socket as a port asks for."""

    def __init__(self, kernel: "MemoryKernel", host: "MemoryHost", at: Endpoint) -> None:
        self.family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self.at = at
        self.host = host
        self.waiting: deque[tuple[bytes, Endpoint]] = deque()
        self.joins = False
        self._kernel = kernel
        self._descriptor = kernel.add(self)

    def fileno(self) -> int:
        return self._descriptor

    def getsockname(self) -> Endpoint:
        return self.at

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        return bytes(size) if size else 0

    def setsockopt(self, level: int, option: int, value: object) -> None:
        if (level, option) == (SOL_UDP, UDP_GRO):
            self.joins = bool(value)

    def take(self) -> tuple[bytes, Endpoint, int]:
        """Return what the next message holds, where from, and the size of what was joined, or 0."""
        data, source = self.waiting.popleft()
        together = [data]
        while (
            self.joins
            and self.waiting
            and self.waiting[0][1] == source
            and 0 < len(self.waiting[0][0]) <= len(data) == len(together[-1])
            and len(together) < MOST_JOINED
            and len(together) * len(data) + len(self.waiting[0][0]) <= LARGEST
        ):
            together.append(self.waiting.popleft()[0])
        return b"".join(together), source, len(data) if len(together) > 1 else 0

    def recvfrom(self, _size: int) -> tuple[bytes, Endpoint]:
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.popleft()

    def sendto(self, data: bytes, to: Endpoint) -> None:
        self.host.take(self, data, to)

    def close(self) -> None:
        self._kernel.sockets.pop(self._descriptor, None)
        self._descriptor = -1


class MemoryHost:
    """A machine; `batched`: which kind of port it has.

    It cannot send to the addresses `refused`, nor more than `largest` octets.

    `joins`: its ports let the kernel join datagrams from the start; `slots`: of so many octets, into slots.
    """

    joins = False
    slots = 0
    largest = LARGEST

    def __init__(self, kernel: "MemoryKernel", *, batched: bool) -> None:
        self.sent: list[Sent] = []
        self.refused: set[Endpoint] = set()
        self.ports: dict[Endpoint, Port] = {}
        self._batched = batched
        self._kernel = kernel

    def open(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: Books | None = None,
        **_options: object,
    ) -> Port:
        sock: Any = MemorySocket(self._kernel, self, at)  # Any: it is one, as far as a port looks
        if self._batched and books is not None:
            self.ports[at] = port = BatchedPort(sock, received, books)
            assert not self.joins or port._joining.begin()
            assert not self.slots or port._joining.begin_to_scatter(self.slots)
        else:
            self.ports[at] = PortablePort(sock, received)
        return self.ports[at]

    def take(self, sock: MemorySocket, data: bytes, to: Endpoint) -> None:
        """Send a datagram, or raise the error that the kernel would."""
        if to in self.refused:
            raise PermissionError(errno.EPERM, "refused")
        if len(data) > self.largest:
            raise OSError(errno.EMSGSIZE, "too long")
        self.sent.append(Sent(sock.at, to, bytes(data)))

    def deliver(self, at: Endpoint, datagrams: list[tuple[bytes, Endpoint]]) -> None:
        """Let these datagrams wait at an address, and wake whoever listens there until all are taken."""
        sock = next(
            (sock for sock in self._kernel.sockets.values() if sock.host is self and sock.at == at), None
        )
        if sock is None:
            return
        sock.waiting.extend(datagrams)
        drains = self._kernel.loop.drains
        while sock.waiting and sock.fileno() in drains:
            drains[sock.fileno()]()


class MemoryKernel:
    """Sockets by descriptor, and the two calls on them. Made while its loop runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, KernelLoop)
        self.loop = loop
        self.sockets: dict[int, MemorySocket] = {}
        self.calls = 0
        for name, module in sys.modules.copy().items():
            if name.startswith("nwip.dataplane."):
                for call in ("recvmmsg", "sendmmsg"):
                    if hasattr(module, call):
                        monkeypatch.setattr(module, call, getattr(self, call))

    def add(self, sock: MemorySocket) -> int:
        descriptor = FIRST_DESCRIPTOR + len(self.sockets)
        while descriptor in self.sockets:
            descriptor += 1
        self.sockets[descriptor] = sock
        return descriptor

    def recvmmsg(self, fd: int, messages: ctypes.c_void_p, count: int, _flags: int, _timeout: None) -> int:
        sock = self.sockets[fd]
        taken = 0
        while taken < count and sock.waiting:
            data, source, joined = sock.take()
            message = _message(messages, taken)
            name = sockaddr(source, sock.family)
            assert message.header.name_length >= len(name)
            ctypes.memmove(message.header.name, name, len(name))
            message.header.name_length = len(name)
            _tell(message.header, joined)
            message.length = 0
            for vector in _vectors(message.header):
                piece = data[message.length : message.length + vector.length]
                ctypes.memmove(vector.base, piece, len(piece))
                message.length += len(piece)
            taken += 1
        if not taken:
            return _fail(errno.EAGAIN)
        return taken

    def sendmmsg(self, fd: int, messages: ctypes.c_void_p, count: int, _flags: int) -> int:
        self.calls += 1
        if fd not in self.sockets:
            return _fail(errno.EBADF)
        for index in range(count):
            header = _message(messages, index).header
            to = endpoint_of(ctypes.string_at(header.name, header.name_length))
            data = b"".join(ctypes.string_at(vector.base, vector.length) for vector in _vectors(header))
            size = _segment(header) or max(len(data), 1)
            assert len(data) <= min(LARGEST, MOST_CUT * size)
            try:
                for at in range(0, max(len(data), 1), size):
                    self.sockets[fd].host.take(self.sockets[fd], data[at : at + size], to)
            except OSError as error:
                return index or _fail(error.errno or errno.EPERM)
        return count


def _fail(reason: int) -> int:
    ctypes.set_errno(reason)
    return -1


def _message(messages: ctypes.c_void_p, index: int) -> Mmsghdr:
    assert messages.value
    return Mmsghdr.from_address(messages.value + index * _MESSAGE)


def _vectors(header: Msghdr) -> list[Iovec]:
    return [Iovec.from_address(header.iov + index * _IOVEC) for index in range(header.iov_length)]


def _tell(header: Msghdr, joined: int) -> None:
    """Write how large joined datagrams are into ancillary data, and how much that is: udp(7)."""
    control = _GRO.pack(_GRO.size, SOL_UDP, UDP_GRO, joined) if joined else b""
    assert header.control_length >= len(control)
    ctypes.memmove(header.control, control, len(control))
    header.control_length = len(control)


def _segment(header: Msghdr) -> int:
    """Return the size of the segments of a message, 0 when it is one datagram: cmsg(3), udp(7)."""
    if not header.control or not header.control_length:
        return 0
    control = ctypes.string_at(header.control, header.control_length)
    level = int.from_bytes(control[_WORD : _WORD + 4], sys.byteorder)
    kind = int.from_bytes(control[_WORD + 4 : _WORD + 8], sys.byteorder)
    assert (level, kind) == (SOL_UDP, UDP_SEGMENT)
    return int.from_bytes(control[_WORD + 8 : _WORD + 10], sys.byteorder)
