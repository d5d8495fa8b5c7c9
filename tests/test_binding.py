"""What cannot be opened is one sentence with file, key and mend; privileged defaults fall to high ports."""

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nwip import binding
from nwip.binding import Place
from nwip.config import ConfigError
from nwip.dataplane.interfaces import local_addresses

pytestmark = pytest.mark.asyncio


@contextlib.contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield sock.getsockname()[1]


@contextlib.asynccontextmanager
async def up(folder: Path, text: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `nwip up` with a configuration until the block ends."""
    (folder / "nwip.toml").write_text(text, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nwip", "--config", "nwip.toml", "up"),
        cwd=folder,
        env={**os.environ, "STATE_DIRECTORY": str(folder), "NWIP_CONTROL": str(folder / "control.sock")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def refused(folder: Path, text: str) -> str:
    """Return the one line that `nwip up` says when it refuses to start, with exit code 2."""
    async with up(folder, text) as process, asyncio.timeout(20):
        _, errors = await process.communicate()
    assert process.returncode == 2
    lines = [line for line in errors.decode().splitlines() if "nwip.toml" in line]
    assert "Traceback" not in errors.decode()
    assert len(lines) == 1
    return lines[0]


async def test_a_port_of_the_dss_that_is_in_use_is_named(tmp_path: Path) -> None:
    with taken(socket.SOCK_STREAM) as port:
        line = await refused(tmp_path, f"[dss]\nport = {port}")
    assert (
        f"nwip.toml: key 'dss.port' means port {port} at 127.0.0.1, which is in use; stop the program" in line
    )


async def test_a_port_of_a_link_that_is_in_use_is_named(tmp_path: Path) -> None:
    with taken(socket.SOCK_STREAM) as free:
        pass
    with taken(socket.SOCK_DGRAM) as port:
        text = f'[dss]\nport = {free}\n[domain]\ndata-port = {free + 1}\n[[link]]\nkind = "dosbox"\n'
        line = await refused(tmp_path, text + f'listen = ["127.0.0.1"]\nport = {port}')
    assert (
        f"nwip.toml: key 'link.port' means port {port} at 127.0.0.1, which is in use; stop the program"
        in line
    )


async def test_the_data_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    with taken(socket.SOCK_STREAM) as free:
        pass
    with taken(socket.SOCK_DGRAM) as port:
        line = await refused(tmp_path, f"[dss]\nport = {free}\n[node]\nport = {port}")
    assert (
        f"nwip.toml: key 'node.port' means port {port} at 127.0.0.1, which is in use; stop the program"
        in line
    )


async def test_an_address_that_is_not_this_machines_is_named(tmp_path: Path) -> None:
    line = await refused(tmp_path, '[dss]\nport = 10396\nlisten = ["192.0.2.77"]')
    assert (
        "nwip.toml: key 'dss.listen' means 192.0.2.77, which is not this machine's; write an address" in line
    )


async def test_a_control_socket_that_another_node_has_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(tmp_path / "control.sock"))
        sock.listen()
        with taken(socket.SOCK_STREAM) as free:
            pass
        line = await refused(tmp_path, f"[dss]\nport = {free}")
    assert "nwip.toml: key 'node.control' means " in line
    assert "another node" in line


async def test_a_default_port_that_needs_privilege_falls_to_a_high_one_and_says_so() -> None:
    tried: list[int] = []
    said: list[str] = []

    async def start(port: int) -> int:
        tried.append(port)
        if port < 1024:
            raise PermissionError(errno.EACCES, "Permission denied")
        return port

    place = Place(None, "link", ["0.0.0.0"], None, 213)
    assert await binding.opened(start, place, said.append) == 10213
    assert tried == [213, 10213]
    assert said == ["port 213 needs privilege: link uses port 10213 instead"]


async def test_a_port_of_ones_own_that_needs_privilege_is_refused_with_the_mend() -> None:
    async def start(_: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(ConfigError) as caught:
        await binding.opened(start, Place("nwip.toml", "dss", ["127.0.0.1"], 396, 396), print)
    assert str(caught.value) == (
        "nwip.toml: key 'dss.port' means port 396, which needs privilege; set a port above 1023, for example"
        " 10396, or give nwip the capability CAP_NET_BIND_SERVICE"
    )


async def test_a_wildcard_means_every_local_address_so_that_answers_leave_from_the_one_asked() -> None:
    assert binding.expanded(["0.0.0.0"]) == local_addresses()
    assert binding.expanded(["127.0.0.9", "0.0.0.0"]) == ["127.0.0.9", *local_addresses()]
    assert "127.0.0.1" in local_addresses()
    assert binding.reachable("127.0.0.9") == "127.0.0.9"
    assert binding.reachable("0.0.0.0") in local_addresses()
