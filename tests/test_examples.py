"""The programs in `examples/`, run as a user runs them, on two nodes of one domain."""

import asyncio
import contextlib
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import nwip
from nodes import two_nodes
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.links.dosbox.player import DosboxPlayer

EXAMPLES = Path(__file__).parent.parent / "examples"
CHAT = 0x5543


class Program:
    """An example that runs; lines are text without their end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().rstrip("\n")

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")

    async def end(self, number: signal.Signals | None = None) -> tuple[int | None, str]:
        """Wait for the end, after a signal or the input's end; return exit code and stderr."""
        if number is not None:
            self.process.send_signal(number)
        else:
            assert self.process.stdin is not None
            self.process.stdin.close()
        _, error = await self.process.communicate()
        return self.process.returncode, error.decode()


@contextlib.asynccontextmanager
async def example(name: str, control: Path, *arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / f"{name}.py"), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NWIP_CONTROL": str(control)},
    )
    try:
        async with asyncio.timeout(30):
            yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def player() -> AsyncIterator[DosboxPlayer]:
    """A player at the node east, proven, so that it is sent what is broadcast."""
    async with DosboxPlayer(("127.0.0.6", 20213)) as carl:
        await carl.register()
        await carl.ping(timeout=0.05)
        yield carl


def test_there_are_three_examples_that_say_how_to_run_them() -> None:
    files = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix == ".py")
    assert files == ["chat.py", "doom_lobby.py", "echo.py"]
    for name in files:
        assert f"python examples/{name}" in (EXAMPLES / name).read_text()


@pytest.mark.asyncio
async def test_chatters_on_one_machine_on_two_nodes_and_in_a_dos_program_hear_each_other(
    tmp_path: Path,
) -> None:
    async with (
        two_nodes(tmp_path) as site,
        player() as carl,
        example("chat", site.at_west, "ANNA") as anna,
        example("chat", site.at_west, "OTTO") as otto,
        example("chat", site.at_east, "BEN") as ben,
    ):
        assert await anna.line() == "You are ANNA at 00C0FFEE.7E017F000005.5543; type, and end with Ctrl-D."
        await otto.line()
        await ben.line()
        anna.type("hello")
        assert [await each.line() for each in (otto, ben)] == ["ANNA: hello"] * 2
        assert (await carl.receive(5)).payload == b"ANNA: hello"
        everyone = Address(0, BROADCAST_NODE, CHAT)
        carl.send(nwip.Packet(everyone, carl.address._replace(socket=CHAT), payload=b"CARL: \x1b[2Jhi"))
        assert [await each.line() for each in (anna, otto, ben)] == ["CARL: ?[2Jhi"] * 3
        for each in (anna, otto, ben):
            assert await each.end() == (0, "")


@pytest.mark.asyncio
async def test_an_echo_is_found_by_sap_and_answers_until_it_dies(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, player() as carl:
        async with example("echo", site.at_west, "serve", "ECHO-WEST") as server:
            assert (await server.line()).startswith("ECHO-WEST answers at 00C0FFEE.7E017F000005.")
            async with nwip.open_socket(control=site.at_east) as sock:
                while not (found := await sock.find(0x9EC0)):
                    pass
            async with example("echo", site.at_east, "ask", "is anybody there?") as client:
                line = await client.line()
                assert line.startswith("ECHO-WEST, 2 ticks away, in ")
                assert line.endswith(" ms: b'is anybody there?'")
                assert await client.end() == (0, "")
            carl.send(nwip.Packet(found[0].address, carl.address._replace(socket=0x4003), payload=b"DOS"))
            assert (await carl.receive(5)).payload == b"DOS"
            assert await server.end(signal.SIGKILL) == (-signal.SIGKILL, "")
        async with nwip.open_socket(control=site.at_east) as sock, asyncio.timeout(10):
            while await sock.find(0x9EC0):
                pass
        async with example("echo", site.at_east, "ask", "hello?") as client:
            assert await client.end() == (1, "nobody offers an echo\n")


@pytest.mark.asyncio
async def test_the_lobby_shows_who_looks_for_players(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, player() as carl, example("doom_lobby", site.at_west) as lobby:
        assert await lobby.line() == "Listening at 00C0FFEE.7E017F000005.869C"
        everyone = Address(0, BROADCAST_NODE, Socket.DOOM)
        source = carl.address._replace(socket=Socket.DOOM)
        for payload in (
            struct.pack("<ihhhh", -1, 7, 0, 1, 4),
            struct.pack("<ihhhh", -1, 7, 0, 1, 4),
            struct.pack("<ihhhh", -1, 7, 0, 2, 4),
            b"\0" * 20,
        ):
            carl.send(nwip.Packet(everyone, source, payload=payload))
        assert [await lobby.line() for _ in range(3)] == [
            f"{source}: a player of game 7, with 1 of 4 found",
            f"{source}: a player of game 7, with 2 of 4 found",
            f"{source}: 20 octets of another kind",
        ]
        assert await lobby.end(signal.SIGINT) == (130, "")


@pytest.mark.asyncio
@pytest.mark.parametrize("arguments", [("chat", "ANNA"), ("echo", "serve", "X"), ("doom_lobby",)])
async def test_without_a_node_an_example_says_so_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    name, *rest = arguments
    async with example(name, tmp_path / "absent", *rest) as program:
        code, error = await program.end()
    assert code == 1
    assert error.startswith("no nwip node is running here")
    assert error.count("\n") == 1
