"""The demonstration's domain: one node with the DSS and two gateways, each a real `nwip up` of its own."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.directory.records import Endpoint
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT

DOMAIN: Final = "demo.nwip"
NETWORK: Final = "00C0FFEE"
DSS_ADDRESS: Final = "127.0.0.1"
SITES: Final = {"west": "127.0.0.2", "east": "127.0.0.3"}
READY_WITHIN: Final = 10.0  # seconds
POLL: Final = 0.05

_DSS_FILE: Final = """\
[domain]
name = "{domain}"
network = "{network}"
data-port = {data_port}
lease = {lease}
renewal = {renewal}
broadcasts = "{broadcasts}"
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
serve = true
listen = ["{address}"]
port = {dss_port}
"""

_GATEWAY_FILE: Final = """\
[domain]
name = "{domain}"
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
servers = ["{dss}"]
[[link]]
kind = "dosbox"
listen = ["{address}"]
port = {dosbox_port}
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

    `parameters` are keys of `[domain]`, for the DSS: lease, renewal, broadcasts.
    """

    def __init__(self, **parameters: object) -> None:
        self._parameters = {"lease": 15, "renewal": 5, "broadcasts": "domain", **parameters}
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
        folder = Path(self._folder.name)
        everywhere = [DSS_ADDRESS, *SITES.values()]
        self.data_port = free_port(everywhere, NETWARE_IP_DATA_PORT)
        self.dss = (DSS_ADDRESS, free_port([DSS_ADDRESS], 10396))
        common = {"domain": DOMAIN, "network": NETWORK, "data_port": self.data_port, **self._parameters}
        text = _DSS_FILE.format(
            name="dss", address=DSS_ADDRESS, folder=folder / "dss", dss_port=self.dss[1], **common
        )
        self._sites.append(Site("dss", DSS_ADDRESS, folder / "dss", text))
        for name, address in SITES.items():
            self.players_at[name] = (address, free_port([address], 10213))
            text = _GATEWAY_FILE.format(
                name=name,
                address=address,
                folder=folder / name,
                dss="{}:{}".format(*self.dss),
                dosbox_port=self.players_at[name][1],
                **common,
            )
            self._sites.append(Site(name, address, folder / name, text))
        for site in self._sites:
            await site.until("nodes", len(self._sites))
        for name in SITES:
            await self.sites[name].until("links", 2)

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
