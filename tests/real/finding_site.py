"""Two hosts on one cable: one with a DSS and whatever tells of it, one that is to find it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from real.namespaces import two_hosts

DSS_ADDRESS: Final = "10.78.0.1"
SECOND_ADDRESS: Final = "10.78.0.2"  # of the same host; nothing but the DSS listens there
CLIENT_ADDRESS: Final = "10.78.0.9"
DOMAIN: Final = "lab.test"
PATIENCE: Final = 45  # seconds: more than all ways together take

DSS: Final = f"""
[domain]
name = "{DOMAIN}"
[node]
name = "directory"
address = "{DSS_ADDRESS}"
state = "{{folder}}/dss"
control = "{{folder}}/dss/control.sock"
[dss]
serve = true
listen = ["{DSS_ADDRESS}", "{SECOND_ADDRESS}"]
"""


class Process:
    """A program in a namespace; it is stopped by its pid."""

    def __init__(
        self, namespace: str, arguments: Sequence[str], log: Path, folder: Path | None = None
    ) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={**os.environ, "HOME": str(folder or log.parent), "NWIP_CONFIG": ""},
            )

    def first_object(self) -> dict[str, object]:
        """Return the JSON object that `nwip up --json` prints when it is ready."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        found: dict[str, object] = json.loads(line)
        return found

    def until_it_says(self, text: str) -> None:
        """Wait for a line of the program's standard output that holds this text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text.encode() in line:
                return
        raise AssertionError(self.log.read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Site:
    """The two hosts; `resolver` is what stands in the client's /etc/resolv.conf."""

    def __init__(self, server: str, client: str, folder: Path) -> None:
        self.server, self.client, self.folder = server, client, folder

    def nwip(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "nwip", *arguments)

    def dss(self) -> Process:
        """Start the DSS; it is ready when this returns."""
        (self.folder / "dss").mkdir()
        config = self.folder / "dss.toml"
        config.write_text(DSS.format(folder=self.folder))
        running = self.run(self.server, "dss", self.nwip("--config", str(config), "up", "--json"))
        running.first_object()
        return running

    def run(self, namespace: str, name: str, arguments: Sequence[str]) -> Process:
        return Process(namespace, arguments, self.folder / f"{name}.log", self.folder)

    def config(self, text: str) -> str:
        """Write a configuration for the client and return its path; `text` is what it adds to the least."""
        (self.folder / "client").mkdir(exist_ok=True)
        file = self.folder / "client.toml"
        node = f'[node]\nstate = "{self.folder}/client"\ncontrol = "{self.folder}/client/control.sock"\n'
        file.write_text(node + text)
        return str(file)

    def joined(self, text: str = "") -> Process:
        """Start a node at the client that is to find its DSS."""
        arguments = self.nwip("--config", self.config(text), "up", "--join", "--json")
        return self.run(self.client, "client", arguments)

    def join(self, text: str = "") -> tuple[str, str]:
        """Let a node that is told nothing else find the DSS and join; return domain and DSS."""
        with self.joined(text) as running:
            found = running.first_object()
        (server,) = found["dss"] if isinstance(found["dss"], list) else [""]
        return str(found["domain"]), str(server)

    def discover(self, *arguments: str, text: str = "") -> tuple[int, dict[str, object], list[str]]:
        """Run `nwip discover --explain --json`; return the exit code, the object, and the steps as text."""
        ran = subprocess.run(
            [
                *("ip", "netns", "exec", self.client),
                *self.nwip("--config", self.config(text), "discover", *arguments, "--explain", "--json"),
            ],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            cwd=self.folder,
        )
        assert ran.stdout, ran.stderr.decode()
        found = json.loads(ran.stdout)
        return ran.returncode, found, [f"{s['way']}: {s['asked']}: {s['answer']}" for s in found["steps"]]


@contextlib.contextmanager
def finding_site(folder: Path, resolver: str = "") -> Iterator[Site]:
    """Make the two hosts; the client asks the name servers that `resolver`, a resolv.conf, names."""
    with two_hosts(f"{DSS_ADDRESS}/24", f"{CLIENT_ADDRESS}/24") as (server, client):
        subprocess.run(
            ["ip", "-n", server, "address", "add", f"{SECOND_ADDRESS}/24", "brd", "+", "dev", "eth0"],
            check=True,
            timeout=10,
        )
        # `ip netns exec` shows this file to its programs in place of the machine's own.
        etc = Path("/etc/netns", client)
        etc.mkdir(parents=True)
        try:
            (etc / "resolv.conf").write_text(
                resolver or "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
            )
            yield Site(server, client, folder)
        finally:
            shutil.rmtree(etc)
