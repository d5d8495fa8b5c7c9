"""What the system tells of a process."""

import contextlib
import socket
import struct
import tempfile
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from nwip.check.findings import Held, Process
from nwip.check.packages import package_of

TEMPORARY: Final = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/private/tmp/", "/private/var/tmp/")  # noqa: S108
IN_MEMORY: Final = "/memfd:"
DELETED: Final = " (deleted)"


def process_of(held: Held, nodes: Collection[int] = ()) -> Process | None:
    """Return the process that holds a socket, as far as may be seen; None when not even its number may.

    `nodes` are the numbers of processes that are known to be nodes of nwip.
    """
    if held.pid is None:
        return None
    try:
        process = psutil.Process(held.pid)
    except psutil.Error:
        return Process(held.pid, name=held.name, user=held.user)
    executable, deleted = _executable(process)
    name = user = parent = started = ""
    command: tuple[str, ...] = ()
    with contextlib.suppress(psutil.Error):
        name = process.name()
    with contextlib.suppress(psutil.Error, KeyError):
        user = process.username()
    with contextlib.suppress(psutil.Error):
        command = tuple(process.cmdline())
    with contextlib.suppress(psutil.Error):
        above = process.parent()
        parent = f"{above.name()} ({above.pid})" if above else ""
    with contextlib.suppress(psutil.Error, OSError, OverflowError):
        started = datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds")
    in_memory = executable.startswith(IN_MEMORY)
    return Process(
        held.pid,
        name or held.name,
        user or held.user,
        executable,
        command,
        parent,
        started,
        package_of(executable) if executable and not deleted else None,
        deleted or in_memory,
        in_memory or is_temporary(executable),
        held.pid in nodes or runs_nwip(command),
    )


def process_behind(control: Path) -> int | None:
    """Return the process that listens on a control socket, None when that cannot be known."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1.0)
        sock.connect(str(control))
        pid, _, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid) or None
    return None


def is_temporary(executable: str) -> bool:
    """Say whether a file is in a directory for temporary files."""
    return executable.startswith((*TEMPORARY, tempfile.gettempdir().rstrip("/") + "/"))


def runs_nwip(command: Sequence[str]) -> bool:
    """Say whether a command line is that of nwip: the script, or `python -m nwip`."""
    words = [Path(word).name for word in command[:3]]
    if words and words[0].startswith("python"):
        return words[1:2] == ["nwip"] or words[1:] == ["-m", "nwip"]
    return words[:1] == ["nwip"]


def _executable(process: psutil.Process) -> tuple[str, bool]:
    """Return the path of an executable, and whether it is not there any more."""
    with contextlib.suppress(OSError):
        path = str(Path(f"/proc/{process.pid}/exe").readlink())
        return path.removesuffix(DELETED), path.endswith(DELETED)
    with contextlib.suppress(psutil.Error):
        path = process.exe()
        return path, bool(path) and not Path(path).exists()
    return "", False
