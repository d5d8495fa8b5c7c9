"""Passes sockets to a node as a service manager does, and asks a DOSBox server whether it serves."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from service.started import nwip_up

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
PARKED: Final = 100  # descriptors from here on wait for their numbers

# The process itself becomes nwip, so that LISTEN_PID is its own number.
_STARTER: Final = f"""
import os, sys
for index in range(int(os.environ["LISTEN_FDS"])):
    os.dup2({PARKED} + index, 3 + index)
    os.close({PARKED} + index)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[1], sys.argv[1:])
"""


def bound(kind: socket.SocketKind, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a socket at an address, that listens where it is of TCP."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    if kind == TCP:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    if kind == TCP:
        sock.listen()
    return sock


def port_of(sock: socket.socket) -> int:
    """Return the port of a socket."""
    port: int = sock.getsockname()[1]
    return port


@contextmanager
def started(
    file: Path,
    sockets: Sequence[tuple[str, socket.socket]],
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a node with these named sockets as its descriptors from 3 on; the parent keeps none."""
    with ExitStack() as stack:
        for index, (_, sock) in enumerate(sockets):
            os.dup2(sock.fileno(), PARKED + index)
            sock.close()
            stack.callback(os.close, PARKED + index)
        told = {
            "LISTEN_FDS": str(len(sockets)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in sockets),
            **(environment or {}),
        }
        parked = range(PARKED, PARKED + len(sockets))
        starter = [sys.executable, "-c", _STARTER, *before]
        with nwip_up(file, told, pass_fds=parked, before=starter, python=python) as process:
            yield process


def is_served(port: int, host: str = "127.0.0.1") -> bool:
    """Register with a DOSBox server as a client does; say whether it answers."""
    registration = bytes.fromhex("ffff001e0000") + bytes(10) + b"\x00\x02" + bytes(10) + b"\x00\x02"
    with socket.socket(socket.AF_INET, UDP) as player:
        player.settimeout(5)
        player.sendto(registration, (host, port))
        return len(player.recv(2048)) >= 30
