"""Programs that hold ports in a namespace of the test's own, and `nwip check` run there."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from nwip.control import NodeRefused, NodeUnreachable, ask
from real.namespaces import ip
from service.another_user import USER, readable_python

PATIENCE: Final = 30.0  # seconds for anything to be there, or to end
PATH: Final = Path("/proc/net")

Finding = dict[str, object]

LISTENER: Final = """
import socket, sys, time
socks = []
for place in sys.argv[1:]:
    place, _, address = place.partition("@")
    transport, port = place.split("/")
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((address or "0.0.0.0", int(port)))
    if transport == "tcp" and address != "127.0.0.9":
        sock.listen()
    socks.append(sock)
print("ready", flush=True)
time.sleep(600)
"""
HTTP: Final = """
import http.server, socket, sys
class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
address = sys.argv[2] if len(sys.argv) > 2 else "0.0.0.0"
http.server.HTTPServer.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = http.server.HTTPServer((address, int(sys.argv[1])), Quiet)
print("ready", flush=True)
server.serve_forever()
"""


class Checked(NamedTuple):
    """What `nwip check --json` said: its exit code, its findings by port and transport, and its notes."""

    code: int
    found: Mapping[tuple[object, object], Finding]
    notes: Sequence[str]
    rows: Sequence[Finding]

    def verdicts(self) -> dict[str, object]:
        """Return what was found of ports that are neither free nor closed."""
        return {
            f"{port}/{transport}": one["verdict"]
            for (port, transport), one in self.found.items()
            if one["verdict"] not in {"free", "closed"}
        }


def patiently(words: Sequence[str]) -> Sequence[str]:
    """Wait longer than is usual for answers, unless the test says how long: the machine may be busy."""
    return words if "--timeout" in words else [*words, "--timeout", "3"]


def run_in(namespace: str, *command: str, environment: Mapping[str, str] | None = None) -> Checked:
    """Run `nwip check --json` in a namespace; `command` is all of its command line."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1
    rows = answer["check"]
    by_port = {(one["port"], one["transport"]): one for one in rows}
    return Checked(done.returncode, by_port, answer["notes"], rows)


def check(namespace: str, *words: str) -> Checked:
    """Run the check as root."""
    return run_in(namespace, sys.executable, "-m", "nwip", "check", "--json", *patiently(words))


def check_as_another(namespace: str, *words: str) -> Checked:
    """Run the check as a user who owns nothing."""
    python = readable_python()
    who = (
        "setpriv",
        f"--reuid={USER}",
        f"--regid={USER}",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    )
    command = (*who, python.program, "-m", "nwip", "check", "--json", *patiently(words))
    return run_in(namespace, *command, environment=python.environment)


@contextlib.contextmanager
def held(
    namespace: str,
    *words: str,
    program: str = LISTENER,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a program of Python in a namespace, from when it says that it is ready."""
    command = ["ip", "netns", "exec", namespace, python, "-c", program, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def held_by_a_copy(
    namespace: str, folder: Path, *words: str, deleted: bool = False
) -> Iterator["subprocess.Popen[str]"]:
    """Let a copy of Python in a folder hold ports; `deleted` takes the copy away as soon as it runs."""
    copy = folder / "backdoor"
    shutil.copy(Path(sys.executable).resolve(), copy)
    home = {"PYTHONHOME": sys.base_prefix}
    with held(namespace, *words, python=str(copy), environment=home) as process:
        if deleted:
            copy.unlink()
        yield process


@contextlib.contextmanager
def node_up(namespace: str, folder: Path, text: str) -> Iterator[Path]:
    """Run `nwip up` in a namespace, from when it answers; gives its control socket."""
    control = folder / "c.sock"
    file = folder / "nwip.toml"
    file.write_text(
        text.replace("[node]", f'[node]\nstate = "{folder}/state"\ncontrol = "{control}"'), "utf-8"
    )
    command = ["ip", "netns", "exec", namespace, sys.executable, "-m", "nwip", "--config", str(file), "up"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(control):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield control
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def one_host() -> Iterator[str]:
    """Give a namespace with nothing but its loopback interface."""
    name = f"nwip-check-{os.getpid()}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("netns", "delete", name)


def _answers(control: Path) -> bool:
    with contextlib.suppress(NodeUnreachable, NodeRefused):
        ask(control, {"ask": "links"})
        return True
    return False
