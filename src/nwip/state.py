"""What a node remembers from one start to the next: who it is, and the secret behind its players' numbers.

Small files of hexadecimal digits, mode 0600, in one directory. Where that cannot be written the node runs on
with values that last as long as it does, and says so.
"""

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
    """The state directory of a node."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unkept: dict[str, bytes] = {}

    def secret(self, name: str, size: int) -> bytes:
        """Return the `size` octets kept under `name`, made at random at first use.

        A file that is damaged is put aside as `NAME.damaged`, never overwritten; a further one as
        `NAME.damaged-2`, and so on.
        """
        if name in self._unkept:
            return self._unkept[name]
        path = self._directory / name
        try:
            kept = self._read(path, size)
            if kept is not None:
                return kept
            fresh = secrets.token_bytes(size)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(path, fresh)
        except OSError as error:
            _log.warning("%s cannot be kept (%s): it lasts until this program ends", path, error.strerror)
            fresh = self._unkept[name] = secrets.token_bytes(size)
        return fresh

    def is_changed(self, name: str, value: bytes) -> bool:
        """Say whether a value differs from the one of the last call under `name`, and remember it.

        The first one ever is no change. Only a hash is kept.
        """
        mark = hashlib.blake2b(value, digest_size=MARK_SIZE).digest()
        path = self._directory / name
        try:
            kept = self._read(path, MARK_SIZE)
            if kept != mark:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._write(path, mark)
        except OSError:
            return False  # a node without a state directory begins anew at every start
        return kept not in {None, mark}

    @staticmethod
    def _read(path: Path, size: int) -> bytes | None:
        try:
            value = bytes.fromhex(path.read_text("ascii").strip())
        except FileNotFoundError:
            return None
        except ValueError:
            value = b""
        if len(value) == size:
            return value
        aside = path.with_name(f"{path.name}.damaged")
        further = itertools.count(2)
        while aside.exists():
            aside = path.with_name(f"{path.name}.damaged-{next(further)}")
        _log.warning("%s does not hold %d octets in hexadecimal; it is kept as %s", path, size, aside.name)
        path.rename(aside)
        return None

    @staticmethod
    def _write(path: Path, value: bytes) -> None:
        """Write as a whole or not at all: a crash in between leaves no half secret."""
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)  # of a process of that number that was killed
        descriptor = open_private(fresh, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "w") as file:
            file.write(value.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
