"""The machines on which a guide's commands are typed: namespaces with a shell, `nwip` in it, and a node.

first   eth0 192.0.2.1 and 10.9.0.1, on the cable to the second; eth1 is a LAN with old machines
second  eth0 192.0.2.2 and 10.9.0.2; its eth1 is a LAN, too
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from guide_pages import Command
from nwip.control import NodeRefused, NodeUnreachable, ask
from real.namespaces import ip, two_hosts

PATIENCE: Final = 30.0  # seconds for a command to do what it should
NAMES: Final = {
    "192.0.2.1": "dss1 dss1.example.org dss.example.org",
    "192.0.2.2": "dss2 dss2.example.org",
}


class Outcome(NamedTuple):
    code: int
    output: str


class Machine:
    """A namespace, a folder to type in, and at most one node."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self.control = folder / "c.sock"
        self.node: subprocess.Popen[bytes] | None = None
        (folder / "bin").mkdir(parents=True)
        script = folder / "bin" / "nwip"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m nwip "$@"\n', "ascii")
        script.chmod(0o755)
        (folder / ".local/lib/wireshark/plugins").mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def local(self, text: str) -> str:
        """Return a text with the paths of sockets in this machine's folder instead of /run."""
        return text.replace("/run/", f"{self.folder}/")

    def start(self, words: list[str]) -> None:
        """Run `nwip ... up` in place of the node that runs; wait until it answers."""
        self.stop()
        with (self.folder / "log").open("ab") as log:
            self.node = subprocess.Popen(
                self._inside(shlex.join(words)),
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_for_node(self) -> None:
        """Wait until the node has opened its links, and no longer listens for other gateways there."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(NodeUnreachable, NodeRefused):
                links = ask(self.control, {"ask": "links"})
                assert isinstance(links, list)
                if not any(link["state"] for link in links):
                    return
            assert self.node is not None
            assert self.node.poll() is None, self.log
            time.sleep(0.05)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def stop(self) -> None:
        if self.node is not None:
            self.node.send_signal(signal.SIGINT)
            try:
                ended = self.node.wait(15)
                was_revoked = "holds a key that was revoked" in self.log.rpartition("\nINFO ")[2]
                assert ended == (2 if was_revoked else 130), self.log
            finally:
                self.node.kill()
                self.node.wait()
                self.node = None

    def run(self, line: str) -> Outcome:
        """Run a line that ends by itself."""
        done = subprocess.run(
            self._inside(self.local(line)),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    def run_until_it_works(self, line: str, file: Path) -> Outcome:
        """Run a line that ends by Ctrl-C, which comes when something is in its output or in `file`."""
        log, errors = self.folder / "output", self.folder / "errors"
        with log.open("wb") as output, errors.open("wb") as complaints:
            running = subprocess.Popen(
                self._inside(self.local(line)),
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaints,
                start_new_session=True,
            )
            try:
                end = time.monotonic() + PATIENCE
                while not log.stat().st_size and not (file.is_file() and file.stat().st_size):
                    assert running.poll() is None, errors.read_text("utf-8")
                    assert time.monotonic() < end, f"{line}: nothing came of it"
                    time.sleep(0.05)
                os.killpg(running.pid, signal.SIGINT)
                return Outcome(running.wait(PATIENCE), log.read_text("utf-8") + errors.read_text("utf-8"))
            finally:
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()

    def run_qemu(self, line: str) -> Outcome:
        """Have a QEMU set up machine, card and cable to the node; then end it, before it has run."""
        for word in shlex.split(line):
            if word.endswith(".img"):
                (self.folder / word).write_bytes(bytes(1 << 20))
        before = self._qemus()
        with subprocess.Popen(
            self._inside(self.local(line) + " -S -display none -monitor stdio"),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as qemu:
            try:
                end = time.monotonic() + PATIENCE
                while self._qemus() <= before and qemu.poll() is None:
                    assert time.monotonic() < end, f"{line}: no connection came of it"
                    time.sleep(0.05)
                output, _ = qemu.communicate("quit\n", PATIENCE)
            finally:
                qemu.kill()
        return Outcome(qemu.returncode, output)

    def _qemus(self) -> int:
        """Return how many QEMUs the node says are connected."""
        links = ask(self.control, {"ask": "links"})
        assert isinstance(links, list)
        told = [link["where"] for link in links if link["kind"] == "qemu"]
        return sum(
            int(where["peers"].split()[0]) if "peers" in where else where["state"] == "connected"
            for where in told
        )

    def _inside(self, line: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, "bash", "-o", "pipefail", "-c", line]

    def _environment(self) -> Mapping[str, str]:
        cleared = {name: value for name, value in os.environ.items() if not name.startswith("NWIP_")}
        return cleared | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": str(self.folder),
            "STATE_DIRECTORY": str(self.folder / "state"),
            "NWIP_CONTROL": str(self.control),
        }


class Machines(NamedTuple):
    """The two machines, the LAN at each one's eth1: namespace and interface of whoever else is on it."""

    first: Machine
    second: Machine

    @property
    def lans(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return (self.second.namespace, "lan1"), (self.first.namespace, "lan2")

    def of(self, command: Command) -> Machine:
        return self.second if command.machine in {"site-b", "dss2"} else self.first


@contextlib.contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """Make both machines, with names for their addresses; take everything away at the end."""
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as namespaces, contextlib.ExitStack() as stack:
        for number, (here, there) in enumerate((namespaces, namespaces[::-1]), 1):
            ip("-n", here, "address", "add", f"10.9.0.{number}/24", "brd", "+", "dev", "eth0")
            ip(*f"-n {here} link add eth1 type veth peer name lan{number} netns {there}".split())
            for namespace, interface in ((here, "eth1"), (there, f"lan{number}")):
                ip("-n", namespace, "link", "set", interface, "up")
            names = Path("/etc/netns") / here
            stack.callback(shutil.rmtree, names)
            names.mkdir(parents=True)
            hosts = "".join(f"{address} {known}\n" for address, known in NAMES.items())
            (names / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}", "ascii")
            (names / "resolv.conf").write_text("nameserver 127.0.0.1\n", "ascii")
        made = [
            stack.enter_context(Machine(namespace, folder / str(number)))
            for number, namespace in enumerate(namespaces, 1)
        ]
        yield Machines(*made)
