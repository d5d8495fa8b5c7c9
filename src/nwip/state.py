"""What a node remembers from one start to the next: who it is, and the secret behind its players' numbers.

Small files, mode 0600, in one directory. Where that cannot be written a node of an open domain runs on with
values that last as long as it does, and says so.
"""

import errno
import fcntl
import hashlib
import itertools
import logging
import os
import secrets
from pathlib import Path
from typing import Final

from nwip.private_files import open_private

MARK_SIZE: Final = 16

_log = logging.getLogger(__name__)


class State:
    """The state directory of a node, `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._unkept: dict[str, bytes] = {}
        self._locked: list[int] = []

    def secret(self, name: str, size: int) -> bytes:
        """Return the `size` octets kept under `name`, made at random at first use.

        A file that is damaged is put aside as `NAME.damaged`, never overwritten; a further one as
        `NAME.damaged-2`, and so on.
        """
        if name in self._unkept:
            return self._unkept[name]
        try:
            return self.lasting_secret(name, size)
        except OSError as error:
            path = self.directory / name
            _log.warning("%s cannot be kept (%s): it lasts until this program ends", path, error.strerror)
            fresh = self._unkept[name] = secrets.token_bytes(size)
        return fresh

    def lasting_secret(self, name: str, size: int) -> bytes:
        """Return the same, and raise `OSError` where it cannot be kept."""
        kept = self.kept_secret(name, size)
        if kept is None:
            kept = secrets.token_bytes(size)
            self.write(name, kept.hex() + "\n")
        return kept

    def kept_secret(self, name: str, size: int) -> bytes | None:
        """Return the octets kept under `name`, None when there are none; a damaged file is put aside.

        Raises `OSError` when it cannot be read.
        """
        text = self.read(name)
        if text is None:
            return None
        try:
            value = bytes.fromhex(text.strip())
        except ValueError:
            value = b""
        if len(value) == size:
            return value
        self.put_aside(name, f"does not hold {size} octets in hexadecimal")
        return None

    def is_changed(self, name: str, value: bytes) -> bool:
        """Say whether a value differs from the one of the last call under `name`, and remember it.

        The first one ever is no change. Only a hash is kept.
        """
        mark = hashlib.blake2b(value, digest_size=MARK_SIZE).digest()
        try:
            kept = self.kept_secret(name, MARK_SIZE)
            if kept != mark:
                self.write(name, mark.hex() + "\n")
        except OSError:
            return False  # a node without a state directory begins anew at every start
        return kept not in {None, mark}

    def read(self, name: str) -> str | None:
        """Return a file's text, None when there is none; U+FFFD for what is no ASCII. Raises `OSError`."""
        try:
            return (self.directory / name).read_text("ascii", "replace")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """Write a file as a whole or not at all: a crash leaves what was there. Raises `OSError`."""
        self._make_directory()
        path = self.directory / name
        fresh = path.with_name(f"{name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)  # of a process of that number that was killed
        descriptor = open_private(fresh, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        self._sync_directory()

    def append(self, name: str, text: str) -> None:
        """Add to the end of a file, in one call to the system. Raises `OSError`; part of it may be there.

        It outlives the program at once, and a fall of the system after `sync`.
        """
        self._make_directory()
        descriptor = open_private(self.directory / name, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(descriptor, text.encode("ascii")) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory / name))
        finally:
            os.close(descriptor)

    def sync(self, name: str) -> None:
        """See that what was added to a file is on the disk. Raises `OSError`."""
        descriptor = os.open(self.directory / name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._sync_directory()

    def lock(self, name: str) -> bool:
        """Take a file for this program alone, until it ends, however it does; False when another has it.

        Raises `OSError`.
        """
        descriptor = os.open(self.directory / name, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._locked.append(descriptor)
        return True

    def unlock(self) -> None:
        """Give up what was locked."""
        while self._locked:
            os.close(self._locked.pop())

    def put_aside(self, name: str, why: str, as_what: str = "damaged") -> str:
        """Give a file that is of no use another name, which is returned, and say so. Raises `OSError`."""
        aside = self._aside(name, why, as_what)
        (self.directory / name).rename(aside)
        return aside.name

    def copy_aside(self, name: str, why: str) -> str:
        """Do the same with a damaged file, and leave it until another is written over it."""
        aside = self._aside(name, why, "damaged")
        aside.hardlink_to(self.directory / name)
        return aside.name

    def _aside(self, name: str, why: str, as_what: str) -> Path:
        path = self.directory / name
        aside = path.with_name(f"{name}.{as_what}")
        further = itertools.count(2)
        while aside.exists():
            aside = path.with_name(f"{name}.{as_what}-{next(further)}")
        _log.warning("%s %s; it is kept as %s", path, why, aside.name)
        return aside

    def _make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _sync_directory(self) -> None:
        """See that the names in the directory are on the disk too."""
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
