"""Captures at several places at once, in one file, and what they say of a network as a whole."""

import contextlib
import re
import socket
import struct
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fixtures.tshark import tshark
from nwip.capture.pcapng import LinkType, PcapngWriter
from real.lan_host import ONCE, ONCE_SIZE, card

TUNNEL: Final = ("-d", "udp.port==43981,ipx")
WRONG: Final = "_ws.malformed || _ws.unreassembled || (ipx && _ws.expert.severity >= error)"
RIP_OR_SAP: Final = "ipx.socket == 0x0453 || ipx.socket == 0x0452"

_SOL_PACKET: Final = 263
_STATISTICS: Final = 6  # PACKET_STATISTICS: packets, and drops
_MARKS: Final = re.compile(re.escape(ONCE) + rb"\d{%d}" % (ONCE_SIZE - len(ONCE)))


class Watch:
    """Keeps every frame that passes some bridges inside a `with` block.

    `places` names them: a namespace, and a bridge in it that hears everything. At a bridge a frame is heard
    once, on its way from one port to the others. Those of `tunnel` carry IP, the others IPX.
    """

    def __init__(self, file: Path, places: dict[str, tuple[str, str]], tunnel: str = "") -> None:
        self.frames: dict[str, list[bytes]] = {}
        self._file = file
        self._places = places
        self._tunnel = tunnel
        self._sockets: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        for name, place in self._places.items():
            self._sockets[name] = card(*place, buffer=64 << 20)
            self._sockets[name].setblocking(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file.open("wb") as file:
            writer = PcapngWriter(file)
            for name, sock in self._sockets.items():
                interface = writer.add_interface(LinkType.ETHERNET, name)
                frames = self.frames[name] = []
                with sock, contextlib.suppress(BlockingIOError):
                    while True:
                        frames.append(sock.recv(65535))
                        writer.write(interface, time.time_ns(), frames[-1])

    def missed(self) -> int:
        """Return how many frames the kernel could not keep since the block began, inside it."""
        counts = (sock.getsockopt(_SOL_PACKET, _STATISTICS, 8) for sock in self._sockets.values())
        return sum(struct.unpack("=II", count)[1] for count in counts)

    def passed(self, place: str) -> Counter[bytes]:
        """Return how often each marked packet has passed a place.

        In the tunnel a broadcast has a copy for each node, so there the receiver's address is counted too.
        """
        return Counter(
            mark.group() + (frame[30:34] if place == self._tunnel else b"")
            for frame in self.frames[place]
            for mark in _MARKS.finditer(frame)
        )

    def twice(self) -> dict[str, list[bytes]]:
        """Return the marked packets that have passed a place more than once, for each where there are any."""
        found = {
            name: [mark for mark, times in self.passed(name).items() if times > 1] for name in self.frames
        }
        return {name: marks for name, marks in found.items() if marks}

    def wrong(self) -> str:
        """Return what tshark finds malformed, nothing if all is well."""
        return tshark(
            self._file,
            *TUNNEL,
            "-Y",
            WRONG,
            "-T",
            "fields",
            "-e",
            "frame.interface_name",
            "-e",
            "_ws.col.Info",
        )

    def rip_and_sap(self) -> Counter[str]:
        """Return how many packets of RIP and SAP there were at each place, as tshark knows them."""
        return Counter(
            tshark(
                self._file, *TUNNEL, "-Y", RIP_OR_SAP, "-T", "fields", "-e", "frame.interface_name"
            ).split()
        )
