"""`nwip up` as a process of its own, started as a service manager would."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

WAIT: Final = 30.0  # seconds for anything that a node is to do
SERVICE_VARIABLES: Final = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "STATE_DIRECTORY", "NWIP_CONTROL")


def write_configuration(folder: Path, text: str, node: str = "") -> Path:
    """Write a configuration whose state and control socket are in `folder`; `node` are further keys there."""
    file = folder / "nwip.toml"
    home = f'state = "{folder}/state"\ncontrol = "{folder}/run/control.sock"\n'
    file.write_text(f'[node]\nname = "served"\naddress = "127.0.0.1"\n{home}{node}\n{text}', "utf-8")
    return file


@contextlib.contextmanager
def nwip_up(
    file: Path,
    environment: Mapping[str, str] | None = None,
    *,
    pass_fds: Sequence[int] = (),
    before: Sequence[str] = (),
    prepare: Callable[[], None] | None = None,
    python: str = sys.executable,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a node; `before` is a program that starts it, `prepare` what the child does before that.

    Its standard output is a pipe, and so is its error output, which has the log.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in SERVICE_VARIABLES}
    command = [*before, python, "-m", "nwip", "--config", str(file), "up", "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, **(environment or {})},
        pass_fds=pass_fds,
        preexec_fn=prepare,  # noqa: PLW1509 - a child of one thread, which only restricts itself
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(WAIT)
            except subprocess.TimeoutExpired:
                process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    """Wait for what a node says when it is ready; fails with its log when it ends without."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Stop a node as a service manager does; return its exit code and its log."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=WAIT)
    return process.returncode, log


class NotifySocket:
    """What a service manager hears: at a path, or with @ in the abstract namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(WAIT)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)
        if not name.startswith("@"):
            Path(name).chmod(0o666)  # a manager hears every user

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def heard(self) -> list[str]:
        """Return the lines of the next datagram."""
        return self._socket.recv(4096).decode().split("\n")

    def heard_until(self, line: str) -> list[list[str]]:
        """Return the datagrams up to one with this line; each waits for the next."""
        told = [self.heard()]
        while line not in told[-1]:
            told.append(self.heard())
        return told
