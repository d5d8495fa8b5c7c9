"""A domain with three DSSs to measure, each a process of its own on loopback."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from nwip.bench.domain import free_port
from nwip.bench.error import BenchError
from nwip.bench.processes import module, status
from nwip.bench.serving import LOOPBACK, Setting
from nwip.directory.records import Endpoint

COUNT: Final = 3
WITHIN: Final = 120.0  # seconds for whatever is awaited: 100,000 records on a slow machine


class Dss:
    """One DSS, through all its lives."""

    def __init__(self, setting: Setting, log: Path) -> None:
        self._setting = setting
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.sessions: Endpoint = (LOOPBACK, setting.port)

    async def start(self) -> float:
        """Start it, as often as one likes; return the moment when it took sessions."""
        with self._log.open("ab") as complaints:
            self._process = await asyncio.create_subprocess_exec(
                *module("nwip.bench.serving", msgspec.json.encode(self._setting).decode()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        return await self._moment()

    async def full(self) -> float:
        """Return the moment when it held all services; once in each life."""
        return await self._moment()

    def memory(self) -> int:
        """Return the octets of memory that it has."""
        return status(self._running().pid, "VmRSS") * 1024

    async def kill(self) -> float:
        """End it at once, if it runs; return the moment."""
        process, self._process = self._process, None
        moment = time.monotonic()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return moment

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise BenchError(f"dss {self._setting.number} does not run")
        return self._process

    async def _moment(self) -> float:
        output = self._running().stdout
        said = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                said = await output.readline() if output is not None else b""
        if not said:
            last = self._log.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise BenchError(f"dss {self._setting.number} did not come so far: {last[0]}")
        return float(said)


@contextlib.asynccontextmanager
async def three_dss(folder: Path, etcd: tuple[str, ...], services: int) -> AsyncIterator[list[Dss]]:
    """Run three DSSs; each says when it holds so many services.

    Without `etcd` each has an SQLite file, and the later ones call the earlier. With it they keep their
    directory there, each by another of its addresses first, and find each other by it.
    """
    ports = [(free_port(LOOPBACK), free_port(LOOPBACK)) for _ in range(COUNT)]
    found: list[Dss] = []
    for number, (port, peer_port) in enumerate(ports):
        home = folder / f"dss{number}"
        home.mkdir()
        earlier = () if etcd else tuple((LOOPBACK, at) for _, at in ports[:number])
        store = etcd[number:] + etcd[:number] if etcd else str(file_of(folder, number))
        found.append(Dss(Setting(number, store, port, peer_port, earlier, services), home / "log"))
    try:
        for dss in found:
            await dss.start()
        yield found
    finally:
        for dss in found:
            await dss.kill()


def file_of(folder: Path, number: int) -> Path:
    """Return where a DSS that has an SQLite file has it."""
    return folder / f"dss{number}" / "directory.db"
