"""A sealed stream over a TCP connection, on asyncio: reads and writes as a plain one does."""

import asyncio
from typing import Final

from nwip.dss.courtesy import SLICE
from nwip.security.stream import SealedStream
from nwip.wire import WireError

_CUT: Final = "the connection was cut: its end was not announced"


class SealedConnection:
    """Reader and writer in one. Holds at most two records' worth of octets that have come.

    What is wrong in the stream ends it as if the connection had been lost: `ConnectionError`.
    """

    def __init__(
        self, stream: SealedStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._writer = writer
        self._texts = bytearray()

    @property
    def transport(self) -> asyncio.WriteTransport:
        """The connection below."""
        return self._writer.transport

    async def shake_hands(self) -> None:
        """Return when the stream is established. Raises `WireError` when it cannot be, and `OSError`."""
        self._flush()
        while not self._stream.established:
            data = await self._reader.read(SLICE)
            if not data:
                raise ConnectionResetError("the connection was closed within the handshake")
            self._take_in(data)

    async def read(self, n: int) -> bytes:
        """Return up to n octets of what was said, none behind its end. Raises `ConnectionError`."""
        while not (self._texts or self._stream.ended):
            data = await self._reader.read(SLICE)
            if not data:
                raise ConnectionResetError(_CUT)
            try:
                self._take_in(data)
            except WireError as error:
                raise ConnectionAbortedError(str(error)) from None
        part = bytes(self._texts[:n])
        del self._texts[:n]
        return part

    def write(self, data: bytes) -> None:
        """Seal octets and send them."""
        self._stream.send(data)
        self._flush()

    async def drain(self) -> None:
        """Return when there is room for more."""
        await self._writer.drain()

    def write_eof(self) -> None:
        """Say, so that it can be proven, that nothing more comes."""
        self._stream.end()
        self._flush()
        self._writer.write_eof()

    def close(self) -> None:
        """Close, behind what was written."""
        self._stream.end()
        self._flush()
        self._writer.close()

    def _take_in(self, data: bytes) -> None:
        try:
            for text in self._stream.receive(data):
                self._texts += text
        finally:
            self._flush()

    def _flush(self) -> None:
        if octets := self._stream.take():
            self._writer.write(octets)
