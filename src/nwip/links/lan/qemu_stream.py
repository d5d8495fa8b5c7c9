"""A medium on a stream: QEMU's netdevs `stream` and `socket`, over TCP or a UNIX socket.

We listen or connect. Who listens is a small hub: several QEMUs may connect to us, and each hears the frames
of the others. Who connects tries again with growing pauses, for ever.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nwip.links.base import Counters
from nwip.links.lan.ends import End, drops_text, end_text, listener, remove_socket
from nwip.links.lan.length_framing import FrameSplitter, prefixed
from nwip.links.lan.medium import Received

PEER_LIMIT: Final = 16  # machines on the hub; who comes beyond is closed at once
WRITE_LIMIT: Final = 256 * 1024  # octets that wait for one peer; frames beyond are dropped for it
READ_SIZE: Final = 16 * 1024  # octets a wake-up, so that a flood does not starve the others
CONNECT_TIME: Final = 5.0  # seconds
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between tries to connect; the last one stays
SETTLED: Final = 5.0  # seconds a connection must last until the pauses begin again with the first

_log = logging.getLogger("nwip.links.qemu")


def everyone(_host: str) -> bool:
    """Admit any IP address."""
    return True


class StreamMedium:
    """`Medium` on a stream at `end`: listening there, or connecting to it.

    When listening at most `PEER_LIMIT` peers are connected; `admit` says which IP addresses may be. `hint`
    makes of the end, once its port is known, what to write on QEMU's command line. `counters.drops` holds
    what was dropped here, by reason.
    """

    mac: bytes | None = None

    def __init__(
        self,
        end: End,
        *,
        listening: bool,
        admit: Callable[[str], bool] = everyone,
        hint: Callable[[End], str] | None = None,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.end = end
        self.counters = Counters()
        self._listening = listening
        self._admit = admit
        self._hint = hint
        self._pauses = pauses
        self._peers: set[_Peer] = set()
        self._received: Received | None = None
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connecting: asyncio.Task[None] | None = None
        self._trouble = ""

    @property
    def peers(self) -> int:
        """How many machines are connected."""
        return len(self._peers)

    async def open(self, received: Received) -> None:
        """Listen, or begin to connect. Raises `OSError` when it cannot listen."""
        self._received = received
        if not self._listening:
            self._connecting = asyncio.get_running_loop().create_task(self._keep_connected())
            return
        loop = asyncio.get_running_loop()
        sock = listener(self.end, PEER_LIMIT)
        try:
            if isinstance(self.end, Path):
                self._inode = self.end.stat().st_ino
                self._server = await loop.create_unix_server(self._peer, sock=sock)
            else:
                self.end = sock.getsockname()[:2]
                self._server = await loop.create_server(self._peer, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def close(self) -> None:
        """Stop, and close every connection."""
        self._received = None
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        if self._server is not None:
            self._server.close()
            self._server = None
            if isinstance(self.end, Path):
                remove_socket(self.end, self._inode)
        for peer in tuple(self._peers):
            peer.transport.abort()
        self._peers.clear()

    def send(self, frame: bytes) -> bool:
        """Send a frame to every peer; False when none is connected or all are too slow to take it."""
        return self._pass_on(frame, None) > 0

    def accept(self, mac: bytes) -> None:
        """Nothing: a stream carries every frame."""

    def describe(self) -> dict[str, str]:
        """Say where it listens or connects, who is there, what was dropped, and what to tell QEMU."""
        text = {"listens on" if self._listening else "connects to": end_text(self.end)}
        if self._listening:
            text["peers"] = f"{self.peers} of {PEER_LIMIT}"
        else:
            text["state"] = "connected" if self._peers else self._trouble or "connecting"
        text |= drops_text(self.counters)
        if self._hint:
            text["for QEMU, add"] = self._hint(self.end)
        return text

    def joined(self, peer: "_Peer") -> bool:
        """Take a new connection; False when it is to be closed at once."""
        if self._received is None:
            return False
        flaw = None
        if peer.host is not None and not self._admit(peer.host):
            flaw = "source not admitted"
        elif len(self._peers) >= PEER_LIMIT:
            flaw = "too many peers"
        if flaw:
            self.counters.drop(flaw)
            return False
        self._peers.add(peer)
        return True

    def left(self, peer: "_Peer", why: str) -> None:
        """Forget a connection."""
        if peer in self._peers:
            self._peers.discard(peer)
            _log.info("%s: a peer is gone: %s", end_text(self.end), why)

    def heard(self, frames: list[bytes], peer: "_Peer") -> None:
        """Take frames of a peer: for the link above, and for the other peers. One that was banned goes."""
        if peer.host is not None and self._listening and not self._admit(peer.host):
            self.counters.drop("source not admitted", len(frames))
            peer.transport.abort()
            return
        if len(self._peers) > 1:
            for frame in frames:
                self._pass_on(frame, peer)
        if self._received is not None:
            self._received(frames)

    def _pass_on(self, frame: bytes, sender: "_Peer | None") -> int:
        data = prefixed(frame)
        taken = 0
        for peer in tuple(self._peers):
            if peer is not sender:
                taken += peer.write(data)
        return taken

    def _peer(self) -> "_Peer":
        return _Peer(self)

    async def _keep_connected(self) -> None:
        """Connect, wait for the end of the connection, pause, and so on."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIME):
                    if isinstance(self.end, Path):
                        _, peer = await loop.create_unix_connection(self._peer, str(self.end))
                    else:
                        _, peer = await loop.create_connection(self._peer, *self.end)
            except OSError as error:
                self._trouble = error.strerror or "no answer"
            else:
                since = loop.time()
                await peer.gone.wait()
                self._trouble = "the connection was closed"
                if loop.time() - since >= SETTLED:
                    failures = 0
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1


class _Peer(asyncio.BufferedProtocol):
    """One connection. `gone` is set when it has ended; `host` is its IP address, None on a UNIX socket."""

    transport: asyncio.Transport

    def __init__(self, medium: StreamMedium) -> None:
        self.gone = asyncio.Event()
        self.host: str | None = None
        self._medium = medium
        self._splitter = FrameSplitter()
        self._buffer = bytearray(READ_SIZE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream's protocol gets
        self.transport = transport
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self.host = name[0]
            # a peer that was cut off without a word is noticed in the end
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._medium.joined(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._medium.left(self, self._splitter.flaw or (str(exc) if exc else "it closed the connection"))
        self.gone.set()

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        runts = self._splitter.runts
        frames = self._splitter.feed(memoryview(self._buffer)[:nbytes])
        if self._splitter.runts > runts:
            self._medium.counters.drop("runt", self._splitter.runts - runts)
        if frames:
            self._medium.heard(frames, self)
        if self._splitter.flaw:
            self._medium.counters.drop(self._splitter.flaw)
            self.transport.abort()

    def write(self, data: bytes) -> bool:
        """Write, if less than `WRITE_LIMIT` waits for this peer; False and counted otherwise."""
        if self.transport.is_closing():
            return False
        if self.transport.get_write_buffer_size() + len(data) > WRITE_LIMIT:
            self._medium.counters.drop("slow reader")
            return False
        self.transport.write(data)
        return True
