"""Captures what crosses an interface, in our own pcapng, and lets tshark judge it."""

import asyncio
import contextlib
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from nwip.capture.ipv4 import udp_of_ipv4
from nwip.capture.pcapng import LinkType, PcapngWriter
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT
from nwip.wire import WireError
from real.namespaces import inside

ETH_P_ALL: Final = 3
SOL_PACKET: Final = 263
PACKET_IGNORE_OUTGOING: Final = 23
BUFFER: Final = 64 << 20


class Sniffer:
    """Captures the frames that `interface` receives into `file`, inside a `with` block.

    `port` keeps only datagrams to that UDP port; None keeps everything. The kernel holds the frames until the
    block ends, so none is missed and none is waited for.
    """

    def __init__(
        self,
        file: Path,
        port: int | None,
        interface: str = "lo",
        namespace: str | None = None,
        *,
        outgoing: bool = False,
    ) -> None:
        self._file = file
        self._port = port
        self._interface = interface
        self._namespace = namespace
        self._outgoing = outgoing
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        with inside(self._namespace) if self._namespace else contextlib.nullcontext():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setblocking(False)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, not self._outgoing)
        self._socket.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER)
        self._socket.bind((self._interface, 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        with self._socket, self._file.open("wb") as file:
            writer = PcapngWriter(file)
            interface = writer.add_interface(LinkType.ETHERNET, self._interface)
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame = self._socket.recv(65535)
                    if self._port is None or _port_of(frame) == self._port:
                        writer.write(interface, time.time_ns(), frame)

    async def fields(self, *names: str, display: str = "") -> list[list[str]]:
        """Return these fields of the packets that pass the filter `display`, the port taken as IPX in UDP."""
        wanted = [part for name in names for part in ("-e", name)]
        port = f"udp.port=={self._port or NETWARE_IP_DATA_PORT},ipx"
        process = await asyncio.create_subprocess_exec(
            *("tshark", "-n", "-r", str(self._file), "-d", port, "-Y", display, "-T", "fields", *wanted),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
        return [line.split("\t") for line in output.decode().splitlines()]


def _port_of(frame: bytes) -> int | None:
    with contextlib.suppress(WireError):
        datagram = udp_of_ipv4(frame[14:])
        return datagram.destination[1] if datagram else None
    return None
