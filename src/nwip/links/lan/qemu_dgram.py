"""Media on pairs of datagram sockets: QEMU's netdev `dgram`, and `socket` with `udp=`. A frame is a datagram.

Only what comes from the other end of the pair is taken.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from nwip.dataplane.port import BUDGET, Datagram, Port, open_port
from nwip.directory.records import Endpoint
from nwip.links.base import Counters
from nwip.links.lan.ends import End, drops_text, end_text, remove_socket, unix_socket
from nwip.links.lan.length_framing import LARGEST_FRAME
from nwip.links.lan.medium import Received

NOT_THE_PEER: Final = "not from the other end"
QUEUE_LIMIT: Final = 256  # frames that wait for a UNIX socket's reader; frames beyond are dropped
RETRY: Final = (
    0.002  # seconds; the kernel queues ten datagrams (net.unix.max_dgram_qlen), and tells of room to nobody
)


class UdpPairMedium:
    """`Medium` of two UDP ports: ours is `local`, QEMU's is `remote`; both are IP addresses with a port."""

    mac: bytes | None = None

    def __init__(
        self, local: Endpoint, remote: Endpoint, *, hint: Callable[[End], str] | None = None
    ) -> None:
        self.end = local
        self.counters = Counters()
        self._remote = remote
        self._hint = hint
        self._port: Port | None = None
        self._received: Received | None = None

    async def open(self, received: Received) -> None:
        """Open our port. Raises `OSError` when it cannot be had."""
        self._received = received
        self._port = open_port(self.end, self._take)
        self.end = self._port.endpoint

    async def close(self) -> None:
        """Close our port."""
        self._received = None
        if self._port:
            self._port.close()
            self._port = None

    def send(self, frame: bytes) -> bool:
        """Send a frame; False when the kernel does not take it."""
        return self._port is not None and self._port.send(frame, self._remote)

    def accept(self, mac: bytes) -> None:
        """Nothing: the pair carries every frame."""

    def describe(self) -> dict[str, str]:
        """Name both ends, what was dropped, and what to tell QEMU."""
        return _description(self.end, self._remote, self.counters, self._hint)

    def _take(self, batch: Sequence[Datagram]) -> None:
        frames = [data for data, source in batch if source == self._remote]
        if len(frames) < len(batch):
            self.counters.drop(NOT_THE_PEER, len(batch) - len(frames))
        if frames and self._received:
            self._received(frames)


class UnixPairMedium:
    """`Medium` of two UNIX datagram sockets: the path of ours is `local`, of QEMU's `remote`.

    QEMU may come and go: frames that it is not there for are not taken. At most `QUEUE_LIMIT` frames wait
    while its socket is full.
    """

    mac: bytes | None = None

    def __init__(self, local: Path, remote: Path, *, hint: Callable[[End], str] | None = None) -> None:
        self.end = local
        self.counters = Counters()
        self._remote = remote
        self._hint = hint
        self._socket: socket.socket | None = None
        self._inode = 0
        self._received: Received | None = None
        self._waiting: deque[bytes] = deque()
        self._retry: asyncio.TimerHandle | None = None

    async def open(self, received: Received) -> None:
        """Open our socket. Raises `OSError` when it cannot be had."""
        sock = unix_socket(self.end, socket.SOCK_DGRAM)
        sock.setblocking(False)
        self._inode = self.end.lstat().st_ino
        self._socket = sock
        self._received = received
        asyncio.get_running_loop().add_reader(sock.fileno(), self._drain)

    async def close(self) -> None:
        """Close our socket and remove its file; what waits is dropped."""
        self._received = None
        self._waiting.clear()
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            remove_socket(self.end, self._inode)

    def send(self, frame: bytes) -> bool:
        """Send a frame, or keep it while QEMU's socket is full; False when it is not there or too slow."""
        if self._socket is None:
            return False
        if not self._waiting:
            try:
                return self._try(frame)
            except OSError:
                return False
        if len(self._waiting) >= QUEUE_LIMIT:
            self.counters.drop("slow reader")
            return False
        self._waiting.append(frame)
        return True

    def accept(self, mac: bytes) -> None:
        """Nothing: the pair carries every frame."""

    def describe(self) -> dict[str, str]:
        """Name both ends, what was dropped, and what to tell QEMU."""
        return _description(self.end, self._remote, self.counters, self._hint)

    def _try(self, frame: bytes) -> bool:
        assert self._socket is not None  # noqa: S101 - callers have looked
        try:
            self._socket.sendto(frame, os.fsencode(self._remote))
        except BlockingIOError:
            self._waiting.appendleft(frame)
            self._retry = asyncio.get_running_loop().call_later(RETRY, self._send_waiting)
        return True

    def _send_waiting(self) -> None:
        self._retry = None
        while self._waiting and self._retry is None:
            try:
                self._try(self._waiting.popleft())
            except OSError:  # it is gone
                self.counters.drop("no reader", 1 + len(self._waiting))
                self._waiting.clear()

    def _drain(self) -> None:
        assert self._socket is not None  # noqa: S101 - the reader is there while the socket is
        remote = str(self._remote)
        frames: list[bytes] = []
        for _ in range(BUDGET):
            try:
                data, source = self._socket.recvfrom(LARGEST_FRAME)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue
            if source == remote:
                frames.append(data)
            else:
                self.counters.drop(NOT_THE_PEER)
        if frames and self._received:
            self._received(frames)


def _description(
    local: End, remote: End, counters: Counters, hint: Callable[[End], str] | None
) -> dict[str, str]:
    text = {"listens on": end_text(local), "sends to": end_text(remote)}
    text |= drops_text(counters)
    if hint:
        text["for QEMU, add"] = hint(local)
    return text
