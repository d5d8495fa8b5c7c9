"""The processes of a domain on loopback: DSSs by `nwip up`, and nodes by `domain_nodes.py`."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, Final

import msgspec

from real.domain_nodes import Account, Orders, identity_of

PORT: Final = 10396
PEER_PORT: Final = 12010
READY_WITHIN: Final = 20.0  # seconds
SETTLED_WITHIN: Final = 60.0  # seconds: a session is lost, tried anew, and everything registered again

CONFIG: Final = """
[domain]
name = "{domain}"
data-port = 43999
lease = {lease}
renewal = {renewal}
synchronisation = {synchronisation}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
serve = true
listen = ["{address}"]
port = 10396
peer-port = 12010
{store}
"""


class Timing(msgspec.Struct, frozen=True):
    """The parameters of the domain that age and compare, in seconds."""

    lease: float
    renewal: float
    synchronisation: float


class Machine:
    """One DSS: its state directory and, while it runs, its process."""

    def __init__(self, domain: str, folder: Path, number: int, timing: Timing, store: str) -> None:
        self.name = f"dss{number}"
        self.number = number
        self.address = (f"127.0.51.{number + 1}", PORT)
        self.folder = folder / self.name
        self.folder.mkdir()
        self._process: Process | None = None
        settings = msgspec.to_builtins(timing)
        (self.folder / "nwip.toml").write_text(
            CONFIG.format(
                domain=domain,
                name=self.name,
                address=self.address[0],
                folder=self.folder,
                store=store,
                **settings,
            )
        )

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text()

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and wait until it takes sessions."""
        with (self.folder / "log").open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command("up"), stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        async with asyncio.timeout(READY_WITHIN):
            while not await self._takes_sessions():
                assert self.runs, self.log
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it as a machine ends that loses its power."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def status(self) -> dict[str, Any]:
        """Return what `nwip dss status --json` says."""
        asked = await asyncio.create_subprocess_exec(
            *self._command("dss", "status", "--json"), stdout=PIPE, stderr=PIPE
        )
        said, complained = await asyncio.wait_for(asked.communicate(), 20.0)
        assert asked.returncode == 0, complained.decode()
        status: dict[str, Any] = msgspec.json.decode(said)["status"][0]
        return status

    async def problem(self) -> str:
        """Return what the DSS says of its store: empty while it works."""
        return str((await self.status())["store"]["problem"])

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "nwip", "--config", str(self.folder / "nwip.toml"), *words]

    async def _takes_sessions(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*self.address)
            writer.close()
            return True
        return False


class NodeProcess:
    """Some nodes in one process."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.identities = [identity_of(orders.first + number) for number in range(orders.count)]
        self._process: Process | None = None

    async def start(self) -> None:
        """Start them: they register at once."""
        program = Path(__file__).with_name("domain_nodes.py")
        with (Path(self.orders.folder) / f"nodes{self.orders.first}.log").open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(program), msgspec.json.encode(self.orders).decode()),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
            )

    async def churn(self, rate: float) -> None:
        """Have so many services a second change."""
        await self._tell(f"churn {rate}", 10.0)

    async def settle(self) -> list[Account]:
        """End the churn; return what the nodes' journals say when all is acknowledged."""
        account = await self._tell("settle", SETTLED_WITHIN)
        return msgspec.msgpack.decode(Path(account).read_bytes(), type=list[Account])

    async def kill(self) -> None:
        """End all of them without a goodbye."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _tell(self, command: str, within: float) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(within):
            answer = (await self._process.stdout.readline()).decode().strip()
        assert answer, f"the nodes from {self.orders.first} on have ended"
        return answer
