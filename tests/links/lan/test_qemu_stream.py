"""The medium on a stream, with plain sockets in QEMU's place."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dataplane.simulated_loop import run
from links.lan.inbox import Inbox, frame
from nwip.links.lan.ends import End
from nwip.links.lan.length_framing import FrameSplitter, prefixed
from nwip.links.lan.qemu_stream import PEER_LIMIT, WRITE_LIMIT, StreamMedium, everyone

HERE = ("127.0.0.1", 0)


@contextlib.asynccontextmanager
async def hub(
    end: End = HERE, admit: Callable[[str], bool] = everyone
) -> AsyncIterator[tuple[StreamMedium, Inbox]]:
    medium, inbox = StreamMedium(end, listening=True, admit=admit), Inbox()
    await medium.open(inbox)
    try:
        yield medium, inbox
    finally:
        await medium.close()


class Machine:
    """A QEMU, as far as can be seen from outside: sends and reads frames on a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.splitter = FrameSplitter()

    @classmethod
    async def at(cls, medium: StreamMedium) -> "Machine":
        """Connect, and wait until the medium knows of it."""
        before = medium.peers
        if isinstance(medium.end, Path):
            machine = cls(*await asyncio.open_unix_connection(medium.end))
        else:
            machine = cls(*await asyncio.open_connection(*medium.end))
        async with asyncio.timeout(5):
            while medium.peers == before:
                await asyncio.sleep(0)
        return machine

    async def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(map(prefixed, frames)))
        await self.writer.drain()

    async def read(self, count: int) -> list[bytes]:
        frames: list[bytes] = []
        async with asyncio.timeout(5):
            while len(frames) < count:
                frames += self.splitter.feed(await self.reader.read(65536))
        return frames

    async def end(self) -> bytes:
        """Wait until the other side has closed, and return what it said before."""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self.writer.close()


@pytest.mark.asyncio
async def test_each_machine_hears_us_and_the_others_and_never_itself(tmp_path: Path) -> None:
    async with hub(tmp_path / "hub.sock") as (medium, inbox):
        assert not medium.send(frame(0))  # nobody is there
        machines = [await Machine.at(medium) for _ in range(3)]
        await machines[0].send(frame(1), frame(2, 1514))
        assert await inbox.holds(2) == [frame(1), frame(2, 1514)]
        for machine in machines[1:]:
            assert await machine.read(2) == [frame(1), frame(2, 1514)]
        assert medium.send(frame(3))
        for machine in machines:
            assert await machine.read(1) == [frame(3)]
        for machine in machines:
            machine.close()


@pytest.mark.asyncio
async def test_a_giant_announcement_closes_the_connection_and_no_other() -> None:
    async with hub() as (medium, inbox):
        rogue, good = await Machine.at(medium), await Machine.at(medium)
        rogue.writer.write(prefixed(frame(1)) + b"\x7f\0\0\0" + bytes(1000))
        assert await rogue.end() == b""
        assert await inbox.holds(1) == [frame(1)]
        assert medium.counters.drops == {"announces a frame of more than 65535 octets": 1}
        await good.send(frame(2))
        assert (await inbox.holds(2))[1] == frame(2)
        rogue.close()
        good.close()


@pytest.mark.asyncio
async def test_frames_for_a_slow_reader_are_dropped_and_counted_and_the_others_get_theirs() -> None:
    async with hub() as (medium, _):
        slow, good = await Machine.at(medium), await Machine.at(medium)
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        number = 0
        while not medium.counters.drops:
            assert medium.send(frame(number, 1514))
            assert await good.read(1) == [frame(number, 1514)]
            number += 1
        assert set(medium.counters.drops) == {"slow reader"}
        assert number * 1518 > WRITE_LIMIT
        waiting = [peer.transport.get_write_buffer_size() for peer in medium._peers]
        assert max(waiting) <= WRITE_LIMIT
        assert "slow reader" in medium.describe()["dropped"]
        slow.close()
        good.close()


@pytest.mark.asyncio
async def test_there_is_a_bound_to_the_machines() -> None:
    async with hub() as (medium, _):
        machines = [await Machine.at(medium) for _ in range(PEER_LIMIT)]
        assert isinstance(medium.end, tuple)
        late = Machine(*await asyncio.open_connection(*medium.end))
        assert await late.end() == b""
        assert medium.peers == PEER_LIMIT
        assert medium.counters.drops == {"too many peers": 1}
        machines.pop().close()
        async with asyncio.timeout(5):
            while medium.peers == PEER_LIMIT:
                await asyncio.sleep(0)
        again = await Machine.at(medium)
        for machine in (*machines, late, again):
            machine.close()


@pytest.mark.asyncio
async def test_who_is_not_admitted_is_closed_at_once() -> None:
    async with hub(admit=lambda host: host != "127.0.0.1") as (medium, _):
        assert isinstance(medium.end, tuple)
        stranger = Machine(*await asyncio.open_connection(*medium.end))
        assert await stranger.end() == b""
        assert medium.counters.drops == {"source not admitted": 1}
        stranger.close()


@pytest.mark.asyncio
async def test_a_socket_file_is_replaced_when_it_is_dead_and_left_alone_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "qemu.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with hub(path) as (medium, _):
        with pytest.raises(OSError, match="another program uses this socket"):
            await StreamMedium(path, listening=True).open(Inbox())
        machine = await Machine.at(medium)
        machine.close()
    assert not path.exists()
    path.write_text("somebody's")
    with pytest.raises(FileExistsError, match="not a socket"):
        await StreamMedium(path, listening=True).open(Inbox())
    assert path.read_text() == "somebody's"


@pytest.mark.asyncio
async def test_an_address_in_use_is_an_error() -> None:
    async with hub() as (medium, _):
        with pytest.raises(OSError, match="in use"):
            await StreamMedium(medium.end, listening=True).open(Inbox())


@pytest.mark.asyncio
async def test_who_connects_comes_back_after_the_other_side_was_away(tmp_path: Path) -> None:
    path = tmp_path / "qemu.sock"
    medium, inbox = StreamMedium(path, listening=False, pauses=(0.01,)), Inbox()
    await medium.open(inbox)
    for number in range(3):
        async with hub(path) as (other, _):
            async with asyncio.timeout(5):
                while not other.send(frame(number)):
                    await asyncio.sleep(0)
            assert (await inbox.holds(number + 1))[number] == frame(number)
            assert medium.describe()["state"] == "connected"
    async with asyncio.timeout(5):
        while medium.send(frame(9)):
            await asyncio.sleep(0)
    await medium.close()


def test_the_pauses_between_tries_grow_to_a_limit(tmp_path: Path) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        tries: list[float] = []
        connect = loop.create_unix_connection

        def noted(*arguments: object, **options: object) -> object:
            tries.append(loop.time())
            return connect(*arguments, **options)  # type: ignore[arg-type]

        loop.create_unix_connection = noted  # type: ignore[method-assign, assignment]
        medium = StreamMedium(tmp_path / "nobody.sock", listening=False)
        await medium.open(Inbox())
        await asyncio.sleep(61)
        assert [round(later - earlier, 1) for earlier, later in itertools.pairwise(tries)] == [
            0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0
        ]  # fmt: skip
        assert medium.describe()["state"] == "No such file or directory"
        assert not medium.send(frame(1))
        await medium.close()
        await asyncio.sleep(60)
        assert len(tries) == 9

    run(story())


@pytest.mark.asyncio
async def test_nothing_is_reported_after_close() -> None:
    medium, inbox = StreamMedium(HERE, listening=True), Inbox()
    await medium.open(inbox)
    machine = await Machine.at(medium)
    await medium.close()
    await medium.close()
    with contextlib.suppress(OSError):
        await machine.send(frame(1))
    assert await machine.end() == b""
    assert inbox.frames == []
    assert not medium.send(frame(2))
    machine.close()
