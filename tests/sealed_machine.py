"""A machine of a sealed domain: its files, an address, and at most one node that runs, a real process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from nwip.control import NodeRefused, NodeUnreachable, ask

PATIENCE: Final = 20.0


def until(condition: Callable[[], object], within: float = PATIENCE) -> float:
    """Wait for something that other processes do; return for how many seconds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + within
        time.sleep(0.02)
    return time.monotonic() - begun


class SealedMachine:
    """A directory with state and configuration; `namespace` is where its programs run, if not here."""

    def __init__(self, folder: Path, address: str, namespace: str | None = None) -> None:
        folder.mkdir()
        self.name = folder.name
        self.address = address
        self.namespace = namespace
        self.state = folder / "state"
        self.control = folder / "c.sock"
        self.file = folder / "nwip.toml"
        self.log = folder / "log"
        self.process: subprocess.Popen[str] | None = None
        self.file.write_text(
            f'node.name = "{self.name}"\nnode.address = "{address}"\n'
            f'node.state = "{self.state}"\nnode.control = "{self.control}"\n'
        )

    def write(self, text: str) -> None:
        """Add to the configuration."""
        with self.file.open("a") as file:
            file.write(text)

    def nwip(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def does(self, *arguments: str) -> str:
        done = self.nwip(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def invite(self, *options: str) -> str:
        """Return the token of a new invitation."""
        return self.does("domain", "invite", *options).splitlines()[0].removeprefix("nwip join ")

    def up(self) -> None:
        """Run a node until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command("up", "--json"), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert ready, self.log.read_text()
        assert json.loads(ready)["sealed"] is True

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(PATIENCE)
            assert process.stdout is not None
            process.stdout.close()

    def rows(self, what: str) -> list[dict[str, object]]:
        try:
            return cast("list[dict[str, object]]", ask(self.control, {"ask": what}))
        except (NodeUnreachable, NodeRefused):
            return []

    def sees(self) -> set[object]:
        """Return the names of the nodes that it sees."""
        return {row["name"] for row in self.rows("nodes")}

    def _command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "nwip", "--config", str(self.file), *arguments]
        return command if self.namespace is None else ["ip", "netns", "exec", self.namespace, *command]
