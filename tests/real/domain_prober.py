"""Asks a DSS on UDP 396 again and again, and keeps the longest time without an answer."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from typing import Final, Self

EVERY: Final = 0.2  # seconds between questions
SAP: Final = 0x452
GENERAL: Final = 1
NEAREST: Final = 3
NEAREST_ANSWER: Final = 4


def query(operation: int, service_type: int) -> bytes:
    """Return a SAP query, padded to the size of an answer with one entry."""
    header = struct.pack(
        "!HHBB4s6sH4s6sH",
        *(0xFFFF, 34, 0, 17, bytes(4), b"\xff" * 6, SAP, bytes(4), b"\0\0\0\0\0\1", 0x4003),
    )
    return (header + struct.pack("!HH", operation, service_type)).ljust(96, b"\0")


class Prober(asyncio.DatagramProtocol):
    """Probes one DSS: `longest` seconds passed between two right answers at most."""

    def __init__(self, address: tuple[str, int], service_type: int) -> None:
        self.answers = 0
        self._address = address
        self._type = service_type
        self._longest = 0.0

    @property
    def longest(self) -> float:
        """The longest time without an answer, the one that lasts counted."""
        return max(self._longest, time.monotonic() - self._last)

    async def __aenter__(self) -> Self:
        self._last = time.monotonic()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._address)
        self._asking = asyncio.ensure_future(self._ask())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._asking.cancel()
        self._transport.close()

    def datagram_received(self, data: bytes, _: object) -> None:
        """Judge an answer: it must name a service of the type."""
        if len(data) == 96 and data[30:34] == struct.pack("!HH", NEAREST_ANSWER, self._type):
            now = time.monotonic()
            self._longest = max(self._longest, now - self._last)
            self._last = now
            self.answers += 1

    def error_received(self, _: Exception) -> None:
        """Go on: that nobody listens counts as no answer."""

    async def _ask(self) -> None:
        while True:
            self._transport.sendto(query(NEAREST, self._type))
            due = time.monotonic() + EVERY
            await asyncio.sleep(EVERY)
            self._last += time.monotonic() - due  # for which this process was late itself, and did not listen


def names_by_udp(address: tuple[str, int], types: Iterable[int]) -> set[tuple[int, str]]:
    """Return type and name of every service of these types that a DSS tells old clients of. It blocks."""
    found: set[tuple[int, str]] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        asker.connect(address)
        for service_type in types:
            asker.send(query(GENERAL, service_type))
            asker.settimeout(2.0)
            with contextlib.suppress(TimeoutError):
                while answer := asker.recv(2048):
                    asker.settimeout(0.1)
                    for start in range(32, len(answer) - 63, 64):
                        name = answer[start + 2 : start + 50].rstrip(b"\0").decode("latin-1")
                        found.add((int.from_bytes(answer[start : start + 2], "big"), name))
    return found
