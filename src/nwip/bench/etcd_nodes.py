"""Three real etcd nodes on loopback, asked through etcd's JSON gateway. Source: etcd.io/docs, "grpc-gateway".

Nothing here is the product's own: what etcd holds is counted and watched by etcd's word alone.
"""

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp

from nwip.bench.domain import free_port
from nwip.bench.error import BenchError
from nwip.bench.processes import status

LOOPBACK: Final = "127.0.0.1"
COUNT: Final = 3
READY_WITHIN: Final = 30.0  # seconds
LINE_LIMIT: Final = 1 << 22  # octets: what etcd tells at once of many keys

Answer = dict[str, Any]  # as JSON gives it


class EtcdNodes:
    """The nodes, by number from 0. `endpoints` are their addresses."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        self._folder = folder
        self._session = session
        ports = [(free_port(LOOPBACK), free_port(LOOPBACK)) for _ in range(COUNT)]
        self.endpoints = tuple(f"http://{LOOPBACK}:{port}" for port, _ in ports)
        self._peers = [f"http://{LOOPBACK}:{port}" for _, port in ports]
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def start(self, number: int) -> None:
        """Start a node, with what it had if it was there before."""
        command = ["etcd", "--name", f"n{number}", "--data-dir", str(self._home(number))]
        for who, at in (("client", self.endpoints[number]), ("peer", self._peers[number])):
            command += [f"--listen-{who}-urls", at]
        command += ["--advertise-client-urls", self.endpoints[number]]
        command += ["--initial-advertise-peer-urls", self._peers[number]]
        members = ",".join(f"n{other}={at}" for other, at in enumerate(self._peers))
        command += ["--initial-cluster", members, "--initial-cluster-state", "new"]
        command += ["--pre-vote", "--logger", "zap", "--log-level", "error"]
        with (self._folder / f"etcd{number}.log").open("ab") as log:
            self._processes[number] = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def ready(self) -> None:
        """Wait until every node that runs has a leader. Raises `BenchError`."""
        deadline = time.monotonic() + READY_WITHIN
        for number, process in self._processes.items():
            while not await self._is_healthy(number):
                if process.returncode is not None or time.monotonic() > deadline:
                    log = (self._folder / f"etcd{number}.log").read_text("utf-8", "replace")
                    last = log.strip().splitlines()[-1:] or ["it said nothing"]
                    raise BenchError(f"an etcd node did not start: {last[0]}")
                await asyncio.sleep(0.02)

    async def kill(self, number: int) -> None:
        """End a node at once; what it has kept stays."""
        process = self._processes.pop(number)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def end(self) -> None:
        """End all that run."""
        for number in list(self._processes):
            await self.kill(number)

    async def leader(self) -> int:
        """Return which node leads."""
        for number in self._processes:
            told = await self._ask(number, "maintenance/status", {})
            if told.get("leader") == told["header"]["member_id"]:
                return number
        raise BenchError("no etcd node leads the others")

    async def count(self, prefix: bytes) -> int:
        """Return how many keys begin with this."""
        told = await self._ask(0, "kv/range", {**_all_under(prefix), "count_only": True})
        return int(told.get("count", 0))

    async def tidy(self) -> None:
        """Drop all old revisions, and give the room back to the disk, node by node."""
        told = await self._ask(0, "maintenance/status", {})
        revision = told["header"]["revision"]
        await self._ask(0, "kv/compaction", {"revision": revision, "physical": True})
        for number in self._processes:
            await self._ask(number, "maintenance/defragment", {})

    def disk(self, number: int) -> tuple[int, int]:
        """Return the octets on disk of a node's database, and of all that it has."""
        home = self._home(number)
        whole = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
        return (home / "member" / "snap" / "db").stat().st_size, whole

    def memory(self) -> int:
        """Return the octets of memory that a node has, on the average."""
        total = sum(status(process.pid, "VmRSS") for process in self._processes.values())
        return total * 1024 // len(self._processes)

    @contextlib.asynccontextmanager
    async def watching(self, number: int, prefix: bytes) -> AsyncIterator[list[float]]:
        """Note, by what a node tells, at which moments something under a prefix is written."""
        moments: list[float] = []
        watching = asyncio.Event()
        task = asyncio.ensure_future(self._watch(number, prefix, moments, watching))
        try:
            async with asyncio.timeout(READY_WITHIN):
                await watching.wait()
            yield moments
            if task.done():
                raise BenchError(f"an etcd node does not tell any more what is written: {task.exception()}")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self, number: int, prefix: bytes, moments: list[float], watching: asyncio.Event) -> None:
        body = {"create_request": _all_under(prefix)}
        limit = aiohttp.ClientTimeout(total=None)
        async with self._session.post(f"{self.endpoints[number]}/v3/watch", json=body, timeout=limit) as told:
            async for row in told.content:
                moments += [time.monotonic()] * len(json.loads(row)["result"].get("events", ()))
                watching.set()

    async def _is_healthy(self, number: int) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with self._session.get(f"{self.endpoints[number]}/health") as answer:
                return bool((await answer.json(content_type=None)).get("health") == "true")
        return False

    async def _ask(self, number: int, what: str, body: Answer) -> Answer:
        async with self._session.post(f"{self.endpoints[number]}/v3/{what}", json=body) as answer:
            told: Answer = await answer.json()
            if answer.status != 200:
                raise BenchError(f"etcd does not do {what}: {told.get('error', answer.status)}")
            return told

    def _home(self, number: int) -> Path:
        return self._folder / f"etcd{number}"


@contextlib.asynccontextmanager
async def three_etcd(folder: Path) -> AsyncIterator[EtcdNodes]:
    """Run three nodes that keep what they have in a folder. Raises `BenchError` where there is no etcd."""
    if shutil.which("etcd") is None:
        raise BenchError("there is no etcd on this machine: install it with 'make system-packages'")
    limit = aiohttp.ClientTimeout(total=READY_WITHIN)
    async with aiohttp.ClientSession(timeout=limit, read_bufsize=LINE_LIMIT) as session:
        nodes = EtcdNodes(folder, session)
        try:
            for number in range(COUNT):
                await nodes.start(number)
            await nodes.ready()
            yield nodes
        finally:
            await nodes.end()


def _all_under(prefix: bytes) -> Answer:
    """Return the fields that name every key under a prefix, which must not end with octet 255."""
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    return {name: base64.b64encode(key).decode() for name, key in (("key", prefix), ("range_end", end))}
