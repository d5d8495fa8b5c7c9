"""The sockets of this machine on some ports, whoever holds them, and whether a port can be bound."""

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Collection
from typing import Final, NamedTuple

import psutil

from nwip.check.findings import Held
from nwip.check.listings import from_lsof, from_macos_netstat, from_windows_netstat, merged

PATIENCE: Final = 20.0  # seconds for a program that lists sockets


class Seen(NamedTuple):
    """The sockets that were seen, and sentences on what could not be."""

    sockets: list[Held]
    notes: tuple[str, ...] = ()


def is_privileged() -> bool:
    """Return whether the processes of other users can be seen."""
    if hasattr(os, "geteuid"):
        return os.geteuid() == 0
    import ctypes  # noqa: PLC0415 - on Windows only

    return bool(ctypes.windll.shell32.IsUserAnAdmin())  # type: ignore[attr-defined,unused-ignore]


def held_sockets(ports: Collection[int]) -> Seen:
    """Return the sockets that are bound to these ports: those that listen, and outgoing ones where none does.

    Connections that a listener has taken are not told.
    """
    try:
        sockets = _by_psutil()
        notes: list[str] = []
    except psutil.AccessDenied:
        sockets, notes = _by_programs()
    held = list(dict.fromkeys(found for found in sockets if found.port in ports))
    listening = {(found.port, found.transport) for found in held if not found.outgoing}
    told = [found for found in held if not found.outgoing or (found.port, found.transport) not in listening]
    if not is_privileged() and any(found.pid is None for found in told):
        notes.append("without privilege the processes of other users are not seen: run this as root for them")
    return Seen(told, tuple(notes))


def try_to_bind(port: int, transport: str) -> str:
    """Bind a port of every IPv4 address for a moment: "ok", "taken", "denied", or why it cannot be said."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        if transport == "tcp" and os.name == "posix":
            # What is left of connections that have ended holds nothing; on Windows this would take it away.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("0.0.0.0", port))
        except OSError as error:
            match error.errno:
                case errno.EADDRINUSE:
                    return "taken"
                case errno.EACCES | errno.EPERM:
                    return "denied"
            return (error.strerror or "it cannot be bound").lower()
    return "ok"


def _by_psutil() -> list[Held]:
    found = []
    for connection in psutil.net_connections("inet"):
        if not connection.laddr or connection.status == psutil.CONN_TIME_WAIT:
            continue
        transport = "tcp" if connection.type == socket.SOCK_STREAM else "udp"
        listens = connection.status == psutil.CONN_LISTEN if transport == "tcp" else not connection.raddr
        address = connection.laddr.ip.partition("%")[0]
        found.append(Held(connection.laddr.port, transport, address, connection.pid, not listens))
    return found


def _by_programs() -> tuple[list[Held], list[str]]:
    if os.name == "nt":
        return list(from_windows_netstat(_output("netstat", "-ano"))), ["sockets are as netstat lists them"]
    sockets = merged(from_lsof(_output("lsof", "-nP", "-i")), from_macos_netstat(_output("netstat", "-an")))
    return sockets, ["the system tells its sockets to root only; these are as lsof and netstat list them"]


def _output(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    if found is None:
        return ""
    try:
        done = subprocess.run(
            [found, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
