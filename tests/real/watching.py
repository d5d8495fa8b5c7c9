"""Captures at several places at once, in one file, and what is to be complained of in them."""

import contextlib
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from fixtures.tshark import fields
from nwip.capture.pcapng import LinkType, PcapngWriter
from real.ipx_octets import FRAMES, read
from real.lan_host import ONCE, ONCE_SIZE, card

DATA_PORT: Final = "43981"
TUNNEL: Final = ("-d", f"udp.port=={DATA_PORT},ipx")
FIELDS: Final = (
    "frame.interface_name",
    "_ws.malformed",
    "_ws.expert.severity",
    "icmp.type",
    "udp.dstport",
    "ipx.src.socket",
    "ipx.dst.socket",
)
RIP_OR_SAP: Final = {"0x0453", "0x0452"}
EXPERT_ERROR: Final = 0x00800000  # tshark's: the severity of what cannot be so

_SOL_PACKET: Final = 263
_TIMES: Final = 35  # SO_TIMESTAMPNS
_STATISTICS: Final = 6  # PACKET_STATISTICS: packets, and drops
_MARKS: Final = re.compile(re.escape(ONCE) + rb"\d{%d}" % (ONCE_SIZE - len(ONCE)))


class Place(NamedTuple):
    """A bridge in a namespace that hears everything: IPX, or IP with IPX in a tunnel."""

    namespace: str
    bridge: str
    tunnel: bool = False


class Watch:
    """Keeps every frame that passes some places inside a `with` block.

    At a bridge a frame is heard once, on its way from one port to the others.
    """

    def __init__(self, file: Path, places: dict[str, Place]) -> None:
        self._file = file
        self._places = places
        self._sockets: dict[str, socket.socket] = {}
        self._frames: dict[str, list[bytes]] = {}
        self._missed = 0

    def __enter__(self) -> Self:
        for name, place in self._places.items():
            self._sockets[name] = card(place.namespace, place.bridge, buffer=64 << 20)
            self._sockets[name].setblocking(False)
            self._sockets[name].setsockopt(socket.SOL_SOCKET, _TIMES, 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file.open("wb") as file:
            writer = PcapngWriter(file)
            for name, sock in self._sockets.items():
                interface = writer.add_interface(LinkType.ETHERNET, name)
                frames = self._frames[name] = []
                with sock, contextlib.suppress(BlockingIOError):
                    counts = sock.getsockopt(_SOL_PACKET, _STATISTICS, 8)
                    self._missed += struct.unpack("=II", counts)[1]
                    while True:
                        frame, ((_, _, at),), *_ = sock.recvmsg(65535, 64)
                        seconds, nanoseconds = struct.unpack("=qq", at)
                        writer.write(interface, seconds * 1_000_000_000 + nanoseconds, frame)
                        frames.append(frame)

    def passed(self, name: str) -> Counter[bytes]:
        """Return how often each marked packet has passed a place.

        In the tunnel a broadcast has a copy for each node, so there the receiver's address is counted too.
        """
        tunnel = self._places[name].tunnel
        return Counter(
            mark.group() + (frame[30:34] if tunnel else b"")
            for frame in self._frames[name]
            for mark in _MARKS.finditer(frame)
        )

    def complaints(self, *, joined: bool = False) -> list[str]:
        """Return a sentence for each thing that is wrong; none if all is well. A joined LAN needs no RIP."""
        return [*self._here(), *self._of_tshark(joined)]

    def _here(self) -> Iterator[str]:
        if self._missed:
            yield f"{self._missed} frames were not captured"
        for name in self._places:
            passed = self.passed(name)
            if not passed:
                yield f"{name}: nothing has passed"
            for mark, times in passed.items():
                if times > 1:
                    yield f"{name}: {mark!r} has passed {times} times"

    def _of_tshark(self, joined: bool) -> Iterator[str]:
        known: Counter[str] = Counter()
        told: set[str] = set()
        frames = fields(self._file, *FIELDS, arguments=TUNNEL)
        for number, (name, malformed, severities, icmp, port, *sockets) in enumerate(frames, start=1):
            worst = max((int(severity) for severity in severities.split(",") if severity), default=0)
            if malformed or worst >= EXPERT_ERROR:
                yield f"{name}: tshark finds frame {number} malformed"
            if not icmp and port in {"", DATA_PORT}:  # IPX in UDP 396 is a question to a DSS
                known[name] += bool(sockets[0])
                told |= {name} if RIP_OR_SAP.intersection(sockets) else set()
        for name, place in self._places.items():
            ours = sum(map(_is_in_tunnel if place.tunnel else _is_ipx, self._frames[name]))
            if known[name] != ours:
                yield f"{name}: of {ours} packets of IPX tshark knows {known[name]}"
            if place.tunnel and name in told:
                yield f"{name}: RIP or SAP has crossed the tunnel"
            if not (place.tunnel or joined or name in told):
                yield f"{name}: no RIP and no SAP"


def _is_ipx(frame: bytes) -> bool:
    return any(read(frame_type, frame) for frame_type in FRAMES)


def _is_in_tunnel(frame: bytes) -> bool:
    udp = frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP
    return udp and frame[36:38] == int(DATA_PORT).to_bytes(2, "big")
