"""Files that only their owner may read, in a directory whose owner may be somebody other than who writes."""

import errno
import os
from pathlib import Path


def open_private(path: Path, flags: int) -> int:
    """Open a file for writing, made with mode 0600; return its descriptor. It is whose the directory is.

    So what root writes by a command can be read by a node that runs as another user. That user is not trusted
    with more than this directory: a link to a file elsewhere is not followed. Open with O_EXCL or O_APPEND,
    since O_TRUNC empties a file before it is known. Raises `OSError`.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _give(descriptor, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _give(descriptor: int, path: Path) -> None:
    owner = path.parent.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    if os.fstat(descriptor).st_nlink != 1:
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), str(path))
    os.fchown(descriptor, owner.st_uid, owner.st_gid)
