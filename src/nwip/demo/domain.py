"""The demonstration's domain: one node with the DSS and two gateways, each a real `nwip up` of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.directory.records import Endpoint, endpoint_text
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT

DOMAIN: Final = "demo.nwip"
NETWORK: Final = "00C0FFEE"
DSS_ADDRESS: Final = "127.0.0.1"
SITES: Final = {"west": "127.0.0.2", "east": "127.0.0.3"}
READY_WITHIN: Final = 30.0  # seconds; on a machine with nothing else to do it takes one
POLL: Final = 0.05

_NODE_FILE: Final = """\
[domain]
name = "{domain}"
{parameters}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
"""
_DSS_TABLES: Final = """\
[dss]
serve = true
listen = ["{address}"]
port = {port}
"""
_GATEWAY_TABLES: Final = """\
[dss]
servers = ["{dss}"]
[[link]]
kind = "dosbox"
listen = ["{address}"]
port = {port}
"""


class DemoError(Exception):
    """The demonstration cannot go on; the message is one sentence for people."""


class Site:
    """One node of the domain: its process, its files, and its control socket."""

    def __init__(self, name: str, address: str, folder: Path, configuration: str) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        folder.mkdir()
        self.file = folder / "nwip.toml"
        self.file.write_text(configuration, "utf-8")
        self.log = folder / "log"
        self.process = self._start()

    def restart(self) -> None:
        """Start the node again after its process has ended."""
        self.process = self._start()

    def ask(self, what: str, **more: object) -> list[dict[str, object]]:
        """Return the rows that the node answers to a question; none while it is not up."""
        try:
            rows = ask(self.folder / "control.sock", {"ask": what, **more})
        except (NodeUnreachable, NodeRefused):
            return []
        return rows if isinstance(rows, list) else []

    async def until(self, what: str, count: int) -> list[dict[str, object]]:
        """Wait until the node answers `count` rows or more. Raises `DemoError` after `READY_WITHIN`."""
        deadline = time.monotonic() + READY_WITHIN
        while len(rows := self.ask(what)) < count:
            if self.process.poll() is not None or time.monotonic() > deadline:
                last = self.log.read_text("utf-8", "replace").strip().splitlines()[-1:]
                raise DemoError(
                    f"the node {self.name} did not come up: {last[0] if last else 'it said nothing'}"
                )
            await asyncio.sleep(POLL)
        return rows

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "nwip", "--config", str(self.file), "up"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NO_COLOR": "1"},
            )


class DemoDomain:
    """The three nodes, running inside `async with`; `players_at` names where players connect.

    `parameters` are keys of `[domain]` for the DSS, for example lease and renewal.
    """

    def __init__(self, **parameters: float | str) -> None:
        self._parameters = parameters
        self._folder = tempfile.TemporaryDirectory(prefix="nwip-demo-")
        self._sites: list[Site] = []
        self.dss: Endpoint = (DSS_ADDRESS, 0)
        self.data_port = NETWARE_IP_DATA_PORT
        self.players_at: dict[str, Endpoint] = {}

    @property
    def sites(self) -> dict[str, Site]:
        """The nodes by name: dss, west, east."""
        return {site.name: site for site in self._sites}

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    async def _start(self) -> None:
        everywhere = [DSS_ADDRESS, *SITES.values()]
        self.data_port = free_port(everywhere, NETWARE_IP_DATA_PORT)
        self.dss = (DSS_ADDRESS, free_port([DSS_ADDRESS], 10396))
        parameters = {"network": NETWORK, "data-port": self.data_port, **self._parameters}
        tables = _DSS_TABLES.format(address=DSS_ADDRESS, port=self.dss[1])
        self._add("dss", DSS_ADDRESS, tables, toml_lines(parameters))
        for name, address in SITES.items():
            port = free_port([address], 10213)
            self.players_at[name] = (address, port)
            self._add(
                name, address, _GATEWAY_TABLES.format(dss=endpoint_text(self.dss), address=address, port=port)
            )
        for site in self._sites:
            await site.until("nodes", len(self._sites))
        for name in SITES:
            await self.sites[name].until("links", 2)

    def _add(self, name: str, address: str, tables: str, parameters: str = "") -> None:
        folder = Path(self._folder.name) / name
        head = _NODE_FILE.format(
            domain=DOMAIN, parameters=parameters, name=name, address=address, folder=folder
        )
        self._sites.append(Site(name, address, folder, head + tables))

    def _stop(self) -> None:
        for site in reversed(self._sites):
            site.process.terminate()
        for site in self._sites:
            try:
                site.process.wait(5)
            except subprocess.TimeoutExpired:
                site.process.kill()
                site.process.wait()
        self._folder.cleanup()


def toml_lines(values: Mapping[str, float | str]) -> str:
    """Return keys and values as lines of TOML."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


def free_port(addresses: list[str], preferred: int) -> int:
    """Return a port that is free for TCP and UDP at all of some local addresses: the preferred, or another.

    Raises `DemoError` when an address is not there, as on systems with one loopback address only.
    """
    for port in (preferred, 0, 0, 0, 0):
        first: list[socket.socket] = []
        try:
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    first.append(socket.socket(socket.AF_INET, kind))
                    first[-1].bind((address, port if len(first) == 1 else port or first[0].getsockname()[1]))
        except OSError as error:
            problem = error
        else:
            return int(first[0].getsockname()[1])
        finally:
            for sock in first:
                sock.close()
    raise DemoError(f"no port is free at {', '.join(addresses)}: {problem.strerror}")
