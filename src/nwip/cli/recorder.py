"""Takes a capture off a running node and writes it, until somebody has had enough."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from nwip.capture.recording import Recording
from nwip.cli.failures import UNREACHABLE, USAGE, Failure, error_text
from nwip.control import converse

CHUNK: Final = 1 << 16  # octets read at a time
NO_SENSE: Final = "the node's answer makes no sense: is it of another version?"
PATIENCE: Final = 5.0  # seconds for the first line, and for the last when the capture has been stopped


Line = TypeVar("Line")


class _Packet(msgspec.Struct):
    link: str
    out: bool
    time: int
    node: str
    hop: str
    packet: bytes


class _Last(msgspec.Struct):
    packets: int
    dropped: dict[str, int]


class _Link(msgspec.Struct):
    name: str
    kind: str
    network: str
    how: str


class Recorder:
    """One capture: `record` runs it; `summary` says afterwards what there was.

    It ends after `count` packets, after `seconds`, or at the first SIGINT or SIGTERM. `complete` says that
    the node was there to the end.
    """

    def __init__(self, count: int | None = None, seconds: float | None = None) -> None:
        self.complete = False
        self.dropped: Counter[str] = Counter()
        self._count = count
        self._seconds = seconds
        self._recording: Recording | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._stopped = False
        self._limit: asyncio.Timeout | None = None
        self._written = 0
        self._began = time.monotonic()

    async def record(self, path: Path, question: Mapping[str, object], out: BinaryIO | Path) -> None:
        """Ask the node at `path` and write what it tells to `out`; a file is made when it has said yes.

        Raises `NodeUnreachable`, `NodeRefused`; `OSError` where `out` cannot be written; `Failure` for
        nonsense.
        """
        with self._signals():
            first, reader, self._writer = await converse(path, question, PATIENCE)
            try:
                links = _links(first.get("links"))
                with _opened(out) as stream:
                    self._recording = Recording(stream)
                    for link in links:
                        self._recording.add_link(
                            link.name, f"{link.kind}, {link.how}, network {link.network}"
                        )
                    stream.flush()
                    await self._take(reader, stream)
                    self._recording.finish(time.time_ns(), self.dropped)
                    stream.flush()
            finally:
                self._writer.close()

    def stop(self) -> None:
        """Ask for the end: the node sends what waits, and its last line."""
        self._stopped = True
        if self._writer is not None and self._limit is not None and self._limit.when() is None:
            self._limit.reschedule(asyncio.get_running_loop().time() + PATIENCE)
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    def summary(self) -> dict[str, object]:
        """Return what was captured, as plain data."""
        recording = self._recording
        packets = recording.packets if recording else Counter[tuple[str, str]]()
        links = dict.fromkeys(link for link, _ in packets)
        return {
            "packets": packets.total(),
            "octets": recording.octets if recording else 0,
            "dropped": self.dropped.total(),
            "seconds": round(time.monotonic() - self._began, 3),
            "links": [
                {
                    "name": link,
                    "in": packets[link, "in"],
                    "out": packets[link, "out"],
                    "dropped": self.dropped[link],
                }
                for link in links
            ],
        }

    async def _take(self, reader: asyncio.StreamReader, stream: BinaryIO) -> None:
        rest = b""
        with contextlib.suppress(TimeoutError):  # the last line did not come
            async with asyncio.timeout(None) as self._limit:
                if self._stopped:
                    self.stop()
                while not self.complete and (chunk := await _chunk(reader)):
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        self._take_line(line)
                    stream.flush()

    def _take_line(self, line: bytes) -> None:
        if b'"packet":' not in line:
            self.dropped.update(_decoded(line, _Last).dropped)
            self.complete = True
            return
        if self._recording is None or self._written == self._count:
            return
        seen = _decoded(line, _Packet)
        try:
            node, when = bytes.fromhex(seen.node), seen.time
            self._recording.write(
                seen.link, seen.packet, outgoing=seen.out, timestamp=when, node=node, hop=seen.hop
            )
        except ValueError:
            raise Failure(UNREACHABLE, NO_SENSE) from None
        self._written += 1
        if self._written == self._count:
            self.stop()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Stop at the first signal, and when the time is over; a second Ctrl-C ends at once."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)

        def stop() -> None:
            self.stop()
            for number in numbers:
                loop.remove_signal_handler(number)

        for number in numbers:
            loop.add_signal_handler(number, stop)
        timer = loop.call_later(self._seconds, self.stop) if self._seconds is not None else None
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
            if timer is not None:
                timer.cancel()


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    """Read on; nothing when the node has gone."""
    try:
        return await reader.read(CHUNK)
    except ConnectionError:
        return b""


@contextlib.contextmanager
def _opened(out: BinaryIO | Path) -> Iterator[BinaryIO]:
    if not isinstance(out, Path):
        yield out
        return
    try:
        stream = out.open("wb")
    except OSError as error:
        raise Failure(USAGE, error_text(error)) from None
    with stream:
        yield stream


def _links(value: object) -> list[_Link]:
    try:
        return msgspec.convert(value, list[_Link])
    except msgspec.MsgspecError:
        raise Failure(UNREACHABLE, NO_SENSE) from None


def _decoded(line: bytes, kind: type[Line]) -> Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Failure(UNREACHABLE, NO_SENSE) from None
