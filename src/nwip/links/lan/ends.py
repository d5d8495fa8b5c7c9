"""Where the media of emulators are: an IP address and port, or the path of a UNIX socket."""

import errno
import os
import socket
import stat
from pathlib import Path

from nwip.directory.records import Endpoint, endpoint_text
from nwip.links.base import Counters

End = Endpoint | Path
"""An IP address and port, or the path of a UNIX socket."""


def end_text(end: End) -> str:
    """Return an end as people write it."""
    return str(end) if isinstance(end, Path) else endpoint_text(end)


def drops_text(counters: Counters) -> dict[str, str]:
    """Return the line of a description that says what a medium has dropped; no line where it is nothing."""
    if not counters.drops:
        return {}
    return {"dropped": ", ".join(f"{count} {reason}" for reason, count in sorted(counters.drops.items()))}


def listener(end: End, backlog: int) -> socket.socket:
    """Return a stream socket that listens at an end. Raises `OSError` when that cannot be had.

    The file of a UNIX socket that nobody listens on is replaced. Who may connect to the new one is decided by
    the umask, with which `nwip` lets nobody but its own user, and by the directory that it is in.
    """
    if isinstance(end, Path):
        sock = unix_socket(end, socket.SOCK_STREAM)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in end[0] else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if not isinstance(end, Path):
            sock.bind(end)
        sock.setblocking(False)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def unix_socket(path: Path, kind: socket.SocketKind) -> socket.socket:
    """Return a UNIX socket bound to a path, in place of a socket file that nobody uses any more.

    Raises `OSError`: `EADDRINUSE` when somebody uses it, `EEXIST` when the file is no socket.
    """
    _clear_way(path, kind)
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        sock.bind(os.fsencode(path))
    except OSError as error:
        sock.close()
        raise OSError(error.errno or errno.EINVAL, error.strerror or str(error), str(path)) from None
    return sock


def remove_socket(path: Path, inode: int) -> None:
    """Remove a socket file, if it is still the one with this inode."""
    try:
        if path.lstat().st_ino == inode:
            path.unlink()
    except OSError:
        return


def _clear_way(path: Path, kind: socket.SocketKind) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "this is not a socket, and is left alone", str(path))
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fsencode(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # it listens, with a full queue
    raise OSError(errno.EADDRINUSE, "another program uses this socket", str(path))
