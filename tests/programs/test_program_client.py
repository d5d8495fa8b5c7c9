"""The program's side against a node that says strange things."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

import nwip
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.programs import frames
from nwip.programs.frames import Frame

pytestmark = pytest.mark.asyncio

HERE = Address(0xC0FFEE, b"\1" * 6, 0x5000)
GREETING = json.dumps({"ok": True, "address": str(HERE)}).encode() + b"\n"


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def node_that(path: Path, talk: Talk) -> AsyncIterator[Path]:
    """A node that talks to whoever asks, once the question is read; ended when nobody is there any more."""
    conversations: list[asyncio.Task[None]] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await talk(reader, writer)
        writer.close()
        await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.append(asyncio.ensure_future(hold(reader, writer)))

    async with await asyncio.start_unix_server(accept, path / "socket"), asyncio.timeout(20):
        yield path / "socket"
        await asyncio.gather(*conversations)


def fake_node(path: Path, *said: bytes, ends: bool = False) -> contextlib.AbstractAsyncContextManager[Path]:
    """A node that says something, and then hangs up or waits for the other to do so."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(said))
        if not ends:
            await reader.read()

    return node_that(path, talk)


@pytest.mark.parametrize("line", [b'{"ok": true}\n', b'{"ok": true, "address": "nowhere"}\n', b"220 smtp\n"])
async def test_what_is_no_node_is_told_from_one(tmp_path: Path, line: bytes) -> None:
    async with fake_node(tmp_path, line) as control:
        with pytest.raises(nwip.NodeUnreachable, match="not an nwip node of this version"):
            await nwip.open_socket(control=control)


@pytest.mark.parametrize(
    "said",
    [
        b"\0\0",
        b"\xff\xff",
        Frame(frames.DONE).encode(),
        frames.refusal(1, "no question was asked").encode(),
        Frame(frames.PACKET, b"short").encode(),
        Frame(frames.LOST, b"\1").encode(),
        Frame(frames.RENUMBERED, b"short").encode(),
    ],
)
async def test_frames_that_make_no_sense_end_the_conversation(tmp_path: Path, said: bytes) -> None:
    async with fake_node(tmp_path, GREETING, said) as control, nwip.open_socket(control=control) as sock:
        with pytest.raises(nwip.NodeUnreachable, match="not an nwip node of this version"):
            await sock.receive()
        with pytest.raises(nwip.NodeUnreachable):
            await sock.advertise(1, "X")


async def test_kinds_of_a_later_version_are_skipped_and_losses_add_up(tmp_path: Path) -> None:
    packet = Packet(HERE, HERE, payload=b"hello")
    said = (
        Frame(b"Z", b"what is this?"),
        Frame(frames.LOST, b"\0\0\0\2"),
        Frame(frames.LOST, b"\0\0\1\0"),
        Frame(frames.RENUMBERED, bytes.fromhex("00C0FFEE 020202020202 5000")),
        Frame(frames.PACKET, packet.encode()),
    )
    stream = b"".join(frame.encode() for frame in said)
    async with (
        fake_node(tmp_path, GREETING, stream, ends=True) as control,
        nwip.open_socket(control=control) as sock,
    ):
        assert await sock.receive() == packet
        assert sock.lost == 258
        assert sock.address == HERE._replace(node=b"\2" * 6)
        with pytest.raises(nwip.NodeUnreachable, match="has stopped"):
            await sock.receive()


async def test_a_question_that_nobody_waits_for_any_more_does_not_disturb_the_next(tmp_path: Path) -> None:
    question = frames.service(frames.ADVERTISE, 1, "X").encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        assert await reader.readexactly(2 * len(question)) == 2 * question
        writer.write(frames.refusal(1, "the first").encode() + Frame(frames.DONE).encode())
        await reader.read()

    async with node_that(tmp_path, talk) as control, nwip.open_socket(control=control) as sock:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sock.advertise(1, "X"), 0.05)
        await sock.advertise(1, "X")


async def test_answers_of_another_version_are_no_answers(tmp_path: Path) -> None:
    rows = json.dumps({"ok": True, "address": str(HERE), "data": [{"name": "X"}]}).encode() + b"\n"
    async with fake_node(tmp_path, rows) as control, nwip.open_socket(control=control) as sock:
        for question in (sock.find(), sock.resolve("X")):
            with pytest.raises(nwip.NodeUnreachable, match="not an nwip node of this version"):
                await question
